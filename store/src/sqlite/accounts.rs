//! Accounts and their names. A change is one transaction of the writer, so of two who want a name one is first.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use schemas::{AccountId, Email, Millis};

use super::{Sqlite, rows};
use crate::accounts::{KEPT, STRAY_MS};
use crate::metrics::Operation;
use crate::{Account, Accounts, Name, PasswordHash, StoreError, spelling};

macro_rules! columns {
    () => {
        "id, version, email, verified_at, display_name, slug, password, person, created_at, last_sign_in, suspended_at, roles, identities, profile, preferences"
    };
}

#[async_trait]
impl Accounts for Sqlite {
    async fn add_account(&self, account: &Account) -> Result<(), StoreError> {
        let account = account.clone();
        self.write(Operation::AddAccount, move |c| add(c, &account)).await?.then_some(()).ok_or(StoreError::Taken)
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.read(Operation::FindAccount, move |c| of(c, id)).await
    }

    async fn account_named(&self, name: &Name) -> Result<Option<Account>, StoreError> {
        let name = name.clone();
        self.read(Operation::FindAccount, move |c| named(c, &name)).await
    }

    async fn save_account(&self, account: &Account) -> Result<bool, StoreError> {
        let account = account.clone();
        self.write(Operation::SaveAccount, move |c| save(c, &account)).await
    }

    async fn claim_name(&self, name: &Name, account: AccountId, now: Millis) -> Result<(), StoreError> {
        let name = name.clone();
        self.write(Operation::ClaimName, move |c| claim(c, &name, account, now)).await?.then_some(()).ok_or(StoreError::Taken)
    }

    async fn release_name(&self, name: &Name, account: AccountId) -> Result<(), StoreError> {
        let name = name.clone();
        self.write(Operation::ClaimName, move |c| release(c, &name, account)).await
    }

    async fn remove_account(&self, account: &Account) -> Result<(), StoreError> {
        let account = account.clone();
        self.write(Operation::RemoveAccount, move |c| remove(c, &account)).await
    }

    async fn accounts(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<Account>, StoreError> {
        self.read(Operation::ListAccounts, move |c| list(c, after, limit)).await
    }
}

pub(super) fn add(c: &Connection, account: &Account) -> rusqlite::Result<bool> {
    let names = account.names();
    for (nth, name) in names.iter().enumerate() {
        if !claim(c, name, account.id, account.created_at)? {
            for claimed in &names[..nth] {
                release(c, claimed, account.id)?;
            }
            return Ok(false);
        }
    }
    let sql = concat!("INSERT INTO accounts (", columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)");
    rows::change(
        c,
        sql,
        params![
            account.id.to_string(),
            account.version,
            account.email.as_str(),
            account.verified_at.map(|at| at.0),
            account.display_name,
            account.slug,
            account.password.as_ref().map(|hash| &hash.0),
            account.person.to_string(),
            account.created_at.0,
            account.last_sign_in.map(|at| at.0),
            account.suspended_at.map(|at| at.0),
            rows::to_json(&account.roles)?,
            rows::to_json(&account.identities)?,
            rows::to_json(&account.profile)?,
            rows::to_json(&account.preferences)?,
        ],
    )?;
    Ok(true)
}

pub(super) fn of(c: &Connection, id: AccountId) -> rusqlite::Result<Option<Account>> {
    rows::first(c, concat!("SELECT ", columns!(), " FROM accounts WHERE id = ?"), [id.to_string()], row)
}

pub(super) fn named(c: &Connection, name: &Name) -> rusqlite::Result<Option<Account>> {
    let Some((kind, text)) = name.row() else { return Ok(None) };
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM accounts WHERE id = (SELECT account FROM account_names AS n WHERE n.kind = ? AND n.name = ?)"
    );
    Ok(rows::first(c, sql, [kind, text.as_str()], row)?.filter(|account| account.bears(name)))
}

pub(super) fn save(c: &Connection, account: &Account) -> rusqlite::Result<bool> {
    let sql = "UPDATE accounts SET version = ?2 + 1, email = ?3, verified_at = ?4, display_name = ?5, slug = ?6, password = ?7, person = ?8,
        last_sign_in = ?9, suspended_at = ?10, roles = ?11, identities = ?12, profile = ?13, preferences = ?14 WHERE id = ?1 AND version = ?2";
    let changed = rows::change(
        c,
        sql,
        params![
            account.id.to_string(),
            account.version,
            account.email.as_str(),
            account.verified_at.map(|at| at.0),
            account.display_name,
            account.slug,
            account.password.as_ref().map(|hash| &hash.0),
            account.person.to_string(),
            account.last_sign_in.map(|at| at.0),
            account.suspended_at.map(|at| at.0),
            rows::to_json(&account.roles)?,
            rows::to_json(&account.identities)?,
            rows::to_json(&account.profile)?,
            rows::to_json(&account.preferences)?,
        ],
    )?;
    Ok(changed == 1)
}

pub(super) fn claim(c: &Connection, name: &Name, account: AccountId, now: Millis) -> rusqlite::Result<bool> {
    let id = account.to_string();
    let Some((kind, text)) = name.row() else {
        let Name::Dj(name) = name else { return Ok(false) };
        let folded = spelling::folded(name);
        rows::change(
            c,
            "INSERT INTO djs (id, name, folded_name, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            params![id, name.trim(), folded, now.0],
        )?;
        let owner: Option<String> = rows::first(c, "SELECT id FROM djs WHERE folded_name = ?", [&folded], |row| row.get(0))?;
        return Ok(owner.as_deref() == Some(&id));
    };
    let found =
        rows::first(c, "SELECT account, claimed_at FROM account_names WHERE kind = ? AND name = ?", [kind, text.as_str()], |row| {
            Ok((row.get::<_, String>(0)?, rows::millis(row, "claimed_at")?))
        })?;
    if let Some((owner, claimed_at)) = found
        && owner != id
    {
        let borne = rows::first(c, concat!("SELECT ", columns!(), " FROM accounts WHERE id = ?"), [&owner], row)?
            .is_some_and(|account| account.bears(name));
        if borne || now.since(claimed_at) < STRAY_MS {
            return Ok(false);
        }
    }
    let sql = "INSERT INTO account_names (kind, name, account, claimed_at) VALUES (?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET account = excluded.account, claimed_at = excluded.claimed_at";
    rows::change(c, sql, params![kind, text, id, now.0])?;
    Ok(true)
}

pub(super) fn release(c: &Connection, name: &Name, account: AccountId) -> rusqlite::Result<()> {
    let Some((kind, text)) = name.row() else {
        let Name::Dj(name) = name else { return Ok(()) };
        let sql = "DELETE FROM djs WHERE folded_name = ? AND id = ?";
        return rows::change(c, sql, params![spelling::folded(name), account.to_string()]).map(drop);
    };
    rows::change(c, "DELETE FROM account_names WHERE kind = ? AND name = ? AND account = ?", params![kind, text, account.to_string()])
        .map(drop)
}

pub(super) fn remove(c: &Connection, account: &Account) -> rusqlite::Result<()> {
    let id = account.id.to_string();
    rows::change(c, "DELETE FROM accounts WHERE id = ?", [&id])?;
    for name in account.names() {
        match name.row().filter(|_| name.stays()) {
            Some((kind, text)) => {
                let sql = "UPDATE account_names SET claimed_at = ? WHERE kind = ? AND name = ? AND account = ?";
                rows::change(c, sql, params![KEPT.0, kind, text, id])?;
            }
            None if name.stays() => {}
            None => release(c, &name, account.id)?,
        }
    }
    Ok(())
}

pub(super) fn list(c: &Connection, after: Option<AccountId>, limit: usize) -> rusqlite::Result<Vec<Account>> {
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let sql = concat!("SELECT ", columns!(), " FROM accounts WHERE id > ? ORDER BY id LIMIT ?");
    rows::all(c, sql, params![after, rows::limit(limit)], row)
}

fn row(row: &Row) -> rusqlite::Result<Account> {
    Ok(Account {
        id: rows::made(row, "id", |text: String| text.parse::<AccountId>())?,
        version: row.get("version")?,
        email: rows::made(row, "email", |text: String| Email::parse(&text))?,
        verified_at: rows::maybe_millis(row, "verified_at")?,
        display_name: row.get("display_name")?,
        slug: row.get("slug")?,
        password: row.get::<_, Option<String>>("password")?.map(PasswordHash),
        person: rows::made(row, "person", |text: String| text.parse())?,
        created_at: rows::millis(row, "created_at")?,
        last_sign_in: rows::maybe_millis(row, "last_sign_in")?,
        suspended_at: rows::maybe_millis(row, "suspended_at")?,
        roles: rows::json(row, "roles")?,
        identities: rows::json(row, "identities")?,
        profile: rows::json(row, "profile")?,
        preferences: rows::json(row, "preferences")?,
    })
}
