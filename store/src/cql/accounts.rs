//! Accounts and their names. A name is claimed with a condition that the servers decide, before the account that bears it is written.

use async_trait::async_trait;
use schemas::{AccountId, Email, Millis};
use scylla::statement::Consistency;
use scylla::statement::prepared::PreparedStatement;
use scylla::{DeserializeRow, SerializeRow};

use super::Cql;
use super::server::Server;
use super::values::{json, millis, natural, number, to_json, unreadable};
use crate::accounts::{KEPT, STRAY_MS};
use crate::metrics::Operation;
use crate::{Account, Accounts, Name, PasswordHash, StoreError, spelling};

const COLUMNS: &str = "id, version, email, verified_at, display_name, slug, password, person, created_at, last_sign_in, suspended_at, roles, identities, profile, preferences";

pub struct AccountTables {
    make: PreparedStatement,
    one: PreparedStatement,
    save: PreparedStatement,
    remove: PreparedStatement,
    first_page: PreparedStatement,
    next_page: PreparedStatement,
    claim: PreparedStatement,
    claimed: PreparedStatement,
    reclaim: PreparedStatement,
    release: PreparedStatement,
    keep: PreparedStatement,
    make_dj: PreparedStatement,
    dj: PreparedStatement,
    release_dj: PreparedStatement,
}

#[derive(SerializeRow, DeserializeRow)]
struct Row {
    id: String,
    version: i64,
    email: String,
    verified_at: Option<i64>,
    display_name: String,
    slug: String,
    password: Option<String>,
    person: String,
    created_at: i64,
    last_sign_in: Option<i64>,
    suspended_at: Option<i64>,
    roles: String,
    identities: String,
    profile: String,
    preferences: String,
}

/// What changes, and the version that must be stored.
#[derive(SerializeRow)]
struct SavedRow {
    id: String,
    version: i64,
    email: String,
    verified_at: Option<i64>,
    display_name: String,
    slug: String,
    password: Option<String>,
    person: String,
    last_sign_in: Option<i64>,
    suspended_at: Option<i64>,
    roles: String,
    identities: String,
    profile: String,
    preferences: String,
    found: i64,
}

impl SavedRow {
    fn of(row: Row, found: i64) -> SavedRow {
        let Row { id, version, email, verified_at, display_name, slug, password, person, created_at: _, .. } = row;
        let Row { last_sign_in, suspended_at, roles, identities, profile, preferences, .. } = row;
        SavedRow {
            id,
            version,
            email,
            verified_at,
            display_name,
            slug,
            password,
            person,
            last_sign_in,
            suspended_at,
            roles,
            identities,
            profile,
            preferences,
            found,
        }
    }
}

impl Row {
    fn of(account: &Account) -> Result<Row, StoreError> {
        Ok(Row {
            id: account.id.to_string(),
            version: number(account.version)?,
            email: account.email.as_str().to_owned(),
            verified_at: account.verified_at.map(|at| at.0),
            display_name: account.display_name.clone(),
            slug: account.slug.clone(),
            password: account.password.as_ref().map(|hash| hash.0.clone()),
            person: account.person.to_string(),
            created_at: account.created_at.0,
            last_sign_in: account.last_sign_in.map(|at| at.0),
            suspended_at: account.suspended_at.map(|at| at.0),
            roles: to_json(&account.roles)?,
            identities: to_json(&account.identities)?,
            profile: to_json(&account.profile)?,
            preferences: to_json(&account.preferences)?,
        })
    }

    fn account(self) -> Result<Account, StoreError> {
        Ok(Account {
            id: self.id.parse().map_err(|e| unreadable("id", e))?,
            version: natural("version", self.version)?,
            email: Email::parse(&self.email).map_err(|e| unreadable("email", e))?,
            verified_at: millis(self.verified_at),
            display_name: self.display_name,
            slug: self.slug,
            password: self.password.map(PasswordHash),
            person: self.person.parse().map_err(|e| unreadable("person", e))?,
            created_at: Millis(self.created_at),
            last_sign_in: millis(self.last_sign_in),
            suspended_at: millis(self.suspended_at),
            roles: json("roles", &self.roles)?,
            identities: json("identities", &self.identities)?,
            profile: json("profile", &self.profile)?,
            preferences: json("preferences", &self.preferences)?,
        })
    }
}

impl AccountTables {
    pub async fn prepare(server: &Server) -> Result<Self, StoreError> {
        let markers = |with: &str| COLUMNS.split(", ").map(|column| with.replace('$', column)).collect::<Vec<_>>().join(", ");
        // What a condition decided is seen at once by whoever asks after it.
        let decided = async |cql: &str| {
            let mut statement = server.to_read(cql).await?;
            statement.set_consistency(Consistency::LocalSerial);
            Ok::<_, StoreError>(statement)
        };
        let changed: Vec<String> =
            COLUMNS.split(", ").filter(|c| !matches!(*c, "id" | "created_at")).map(|column| format!("{column} = :{column}")).collect();
        Ok(AccountTables {
            make: server.to_claim(&format!("INSERT INTO accounts ({COLUMNS}) VALUES ({}) IF NOT EXISTS", markers(":$"))).await?,
            one: decided(&format!("SELECT {COLUMNS} FROM accounts WHERE id = ?")).await?,
            save: server.to_claim(&format!("UPDATE accounts SET {} WHERE id = :id IF version = :found", changed.join(", "))).await?,
            remove: server.to_claim("DELETE FROM accounts WHERE id = ? IF EXISTS").await?,
            first_page: server.to_read(&format!("SELECT {COLUMNS} FROM accounts LIMIT ?")).await?,
            next_page: server.to_read(&format!("SELECT {COLUMNS} FROM accounts WHERE token(id) > token(?) LIMIT ?")).await?,
            claim: server.to_claim("INSERT INTO account_names (kind, name, account, claimed_at) VALUES (?, ?, ?, ?) IF NOT EXISTS").await?,
            claimed: decided("SELECT account, claimed_at FROM account_names WHERE kind = ? AND name = ?").await?,
            reclaim: server
                .to_claim("UPDATE account_names SET account = ?, claimed_at = ? WHERE kind = ? AND name = ? IF account = ?")
                .await?,
            keep: server.to_claim("UPDATE account_names SET claimed_at = ? WHERE kind = ? AND name = ? IF account = ?").await?,
            release: server.to_claim("DELETE FROM account_names WHERE kind = ? AND name = ? IF account = ?").await?,
            make_dj: server.to_claim("INSERT INTO djs (folded_name, id, name, created_at) VALUES (?, ?, ?, ?) IF NOT EXISTS").await?,
            dj: decided("SELECT id FROM djs WHERE folded_name = ?").await?,
            release_dj: server.to_claim("DELETE FROM djs WHERE folded_name = ? IF id = ?").await?,
        })
    }

    async fn add(&self, server: &Server, account: &Account) -> Result<(), StoreError> {
        let names = account.names();
        for (nth, name) in names.iter().enumerate() {
            if let Err(error) = self.claim(server, name, account.id, account.created_at).await {
                self.give_back(server, &names[..nth], account.id).await;
                return Err(error);
            }
        }
        match server.claim(&self.make, Row::of(account)?).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::Taken),
            // It may have been made all the same, and then it bears these names: what is not borne is stray in a minute.
            Err(error) => Err(error),
        }
    }

    /// As far as the servers allow; what stays is stray.
    async fn give_back(&self, server: &Server, names: &[Name], account: AccountId) {
        for name in names {
            if let Err(error) = self.release(server, name, account).await {
                tracing::warn!(%error, "a claimed name could not be given back");
            }
        }
    }

    pub async fn find(&self, server: &Server, id: &str) -> Result<Option<Account>, StoreError> {
        server.first::<Row>(&self.one, (id,)).await?.map(Row::account).transpose()
    }

    async fn named(&self, server: &Server, name: &Name) -> Result<Option<Account>, StoreError> {
        let Some((kind, text)) = name.row() else { return Ok(None) };
        let claimed: Option<(String, i64)> = server.first(&self.claimed, (kind, text)).await?;
        let Some((id, _)) = claimed else { return Ok(None) };
        Ok(self.find(server, &id).await?.filter(|account| account.bears(name)))
    }

    async fn save(&self, server: &Server, account: &Account) -> Result<bool, StoreError> {
        let mut row = Row::of(account)?;
        let found = row.version;
        row.version += 1;
        server.claim(&self.save, SavedRow::of(row, found)).await
    }

    /// For whom a name is claimed, and since when; of a DJ's name the time is not asked.
    pub async fn owner(&self, server: &Server, name: &Name) -> Result<Option<(String, i64)>, StoreError> {
        match (name.row(), name) {
            (Some((kind, text)), _) => server.first(&self.claimed, (kind, text)).await,
            (None, Name::Dj(name)) => Ok(server.first::<(String,)>(&self.dj, (spelling::folded(name),)).await?.map(|(owner,)| (owner, 0))),
            (None, Name::Person(_) | Name::Email(_) | Name::Slug(_) | Name::Identity { .. }) => Ok(None),
        }
    }

    pub async fn claim(&self, server: &Server, name: &Name, account: AccountId, now: Millis) -> Result<(), StoreError> {
        let id = account.to_string();
        let Some((kind, text)) = name.row() else {
            let Name::Dj(name) = name else { return Err(StoreError::Taken) };
            let folded = spelling::folded(name);
            server.claim(&self.make_dj, (&folded, &id, name.trim(), now.0)).await?;
            let owner: Option<(String,)> = server.first(&self.dj, (&folded,)).await?;
            return owner.filter(|(owner,)| *owner == id).map(drop).ok_or(StoreError::Taken);
        };
        if server.claim(&self.claim, (kind, &text, &id, now.0)).await? {
            return Ok(());
        }
        let claimed: Option<(String, i64)> = server.first(&self.claimed, (kind, &text)).await?;
        // It went between the two questions. Whoever wants it may ask again.
        let (owner, claimed_at) = claimed.ok_or(StoreError::Taken)?;
        if owner == id {
            return Ok(());
        }
        let borne = self.find(server, &owner).await?.is_some_and(|account| account.bears(name));
        if borne || now.since(Millis(claimed_at)) < STRAY_MS {
            return Err(StoreError::Taken);
        }
        server.claim(&self.reclaim, (&id, now.0, kind, &text, &owner)).await?.then_some(()).ok_or(StoreError::Taken)
    }

    async fn release(&self, server: &Server, name: &Name, account: AccountId) -> Result<(), StoreError> {
        let id = account.to_string();
        match (name.row(), name) {
            (Some((kind, text)), _) => server.claim(&self.release, (kind, text, id)).await.map(drop),
            (None, Name::Dj(name)) => server.claim(&self.release_dj, (spelling::folded(name), id)).await.map(drop),
            (None, Name::Person(_) | Name::Email(_) | Name::Slug(_) | Name::Identity { .. }) => Ok(()),
        }
    }

    /// What outlives the account is said before it goes. Without it none of its other names is borne.
    pub async fn take_away(&self, server: &Server, account: &Account) -> Result<(), StoreError> {
        let id = account.id.to_string();
        for (kind, text) in account.names().iter().filter(|name| name.stays()).filter_map(Name::row) {
            server.claim(&self.keep, (KEPT.0, kind, text, &id)).await?;
        }
        server.claim(&self.remove, (&id,)).await?;
        for name in account.names().iter().filter(|name| !name.stays()) {
            self.release(server, name, account.id).await?;
        }
        Ok(())
    }

    pub async fn page(&self, server: &Server, after: Option<AccountId>, limit: usize) -> Result<Vec<Account>, StoreError> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let rows: Vec<Row> = match after {
            None => server.rows(&self.first_page, (limit,)).await?,
            Some(after) => server.rows(&self.next_page, (after.to_string(), limit)).await?,
        };
        rows.into_iter().map(Row::account).collect()
    }
}

#[async_trait]
impl Accounts for Cql {
    async fn add_account(&self, account: &Account) -> Result<(), StoreError> {
        self.measured(Operation::AddAccount, self.tables.accounts.add(&self.server, account)).await
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let id = id.to_string();
        self.measured(Operation::FindAccount, self.tables.accounts.find(&self.server, &id)).await
    }

    async fn account_named(&self, name: &Name) -> Result<Option<Account>, StoreError> {
        self.measured(Operation::FindAccount, self.tables.accounts.named(&self.server, name)).await
    }

    async fn save_account(&self, account: &Account) -> Result<bool, StoreError> {
        self.measured(Operation::SaveAccount, self.tables.accounts.save(&self.server, account)).await
    }

    async fn claim_name(&self, name: &Name, account: AccountId, now: Millis) -> Result<(), StoreError> {
        self.measured(Operation::ClaimName, self.tables.accounts.claim(&self.server, name, account, now)).await
    }

    async fn release_name(&self, name: &Name, account: AccountId) -> Result<(), StoreError> {
        self.measured(Operation::ClaimName, self.tables.accounts.release(&self.server, name, account)).await
    }

    async fn remove_account(&self, account: &Account) -> Result<(), StoreError> {
        self.measured(Operation::RemoveAccount, self.tables.accounts.take_away(&self.server, account)).await
    }

    async fn accounts(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<Account>, StoreError> {
        self.measured(Operation::ListAccounts, self.tables.accounts.page(&self.server, after, limit)).await
    }
}
