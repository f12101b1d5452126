//! What people hold to prove something. The servers forget each when its time is over; who is first to use one up is decided by them.

use std::cmp::Reverse;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use schemas::{AccountId, Millis};
use scylla::DeserializeRow;
use scylla::statement::Consistency;
use scylla::statement::prepared::PreparedStatement;

use super::Cql;
use super::server::Server;
use super::values::{maybe, millis, unreadable};
use crate::metrics::Operation;
use crate::spelling::minute;
use crate::{Secret, SecretKind, Secrets, StoreError, Use};

/// Secrets that are looked up at once.
const AT_ONCE: usize = 16;
/// Rows stay this many seconds longer than their secret, so that no clock but ours says when it ends.
const LONGER: i64 = 60;
/// No secret stays longer than this: that of a browser which stays signed in, at most a year by the settings.
pub const LONGEST: i64 = 366 * 24 * 3_600;

pub struct SecretTables {
    make: PreparedStatement,
    point: PreparedStatement,
    one: PreparedStatement,
    use_up: PreparedStatement,
    touch: PreparedStatement,
    assign: PreparedStatement,
    end: PreparedStatement,
    unpoint: PreparedStatement,
    of_account: PreparedStatement,
}

#[derive(DeserializeRow)]
struct Row {
    sha256: String,
    kind: String,
    account: Option<String>,
    family: String,
    label: String,
    created_at: i64,
    expires_at: i64,
    last_used: Option<i64>,
    used_at: Option<i64>,
    about: String,
}

impl Row {
    fn secret(self) -> Result<Secret, StoreError> {
        Ok(Secret {
            kind: SecretKind::named(&self.kind).map_err(|e| unreadable("kind", e))?,
            account: maybe(self.account, |id| id.parse().map_err(|e| unreadable("account", e)))?,
            sha256: self.sha256,
            family: self.family,
            label: self.label,
            created_at: Millis(self.created_at),
            expires_at: Millis(self.expires_at),
            last_used: millis(self.last_used),
            used_at: millis(self.used_at),
            about: self.about,
        })
    }
}

/// Seconds that a row about this secret stays.
fn stays(secret: &Secret, now: Millis) -> i32 {
    i32::try_from((secret.expires_at.since(now) / 1_000).max(0) + LONGER).unwrap_or(i32::MAX)
}

impl SecretTables {
    pub async fn prepare(server: &Server) -> Result<Self, StoreError> {
        let mut one = server
            .to_read("SELECT sha256, kind, account, family, label, created_at, expires_at, last_used, used_at, about FROM secrets WHERE sha256 = ?")
            .await?;
        // Sees who used it up, also while the second asks.
        one.set_consistency(Consistency::LocalSerial);
        Ok(SecretTables {
            make: server
                .to_claim("INSERT INTO secrets (sha256, kind, account, family, label, created_at, expires_at, last_used, used_at, about) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ?")
                .await?,
            point: server.to_write("INSERT INTO secrets_by_account (account, kind, sha256) VALUES (?, ?, ?) USING TTL ?").await?,
            one,
            // A row that is not there has no end that could lie in the future.
            use_up: server.to_claim("UPDATE secrets USING TTL ? SET used_at = ? WHERE sha256 = ? IF used_at = null AND expires_at > ?").await?,
            touch: server.to_claim("UPDATE secrets USING TTL ? SET last_used = ? WHERE sha256 = ? IF last_used = ? AND expires_at > ?").await?,
            assign: server.to_claim("UPDATE secrets USING TTL ? SET account = ? WHERE sha256 = ? IF account = null AND expires_at > ?").await?,
            end: server.to_claim("DELETE FROM secrets WHERE sha256 = ? IF EXISTS").await?,
            unpoint: server.to_write("DELETE FROM secrets_by_account WHERE account = ? AND kind = ? AND sha256 = ?").await?,
            of_account: server.to_read("SELECT sha256 FROM secrets_by_account WHERE account = ? AND kind = ?").await?,
        })
    }

    async fn add(&self, server: &Server, secret: &Secret) -> Result<(), StoreError> {
        let account = secret.account.map(|id| id.to_string());
        let stays = stays(secret, secret.created_at);
        if let Some(account) = &account {
            server.put(&self.point, (account, secret.kind.name(), &secret.sha256, stays)).await?;
        }
        let row = (
            &secret.sha256,
            secret.kind.name(),
            &account,
            &secret.family,
            &secret.label,
            secret.created_at.0,
            secret.expires_at.0,
            secret.last_used.map(|at| at.0),
            secret.used_at.map(|at| at.0),
            &secret.about,
            stays,
        );
        server.claim(&self.make, row).await?.then_some(()).ok_or(StoreError::Taken)
    }

    async fn find(&self, server: &Server, sha256: &str, now: Millis) -> Result<Option<Secret>, StoreError> {
        // A key may not be empty, and no secret has such a hash.
        if sha256.is_empty() {
            return Ok(None);
        }
        let row: Option<Row> = server.first(&self.one, (sha256,)).await?;
        Ok(row.map(Row::secret).transpose()?.filter(|secret| secret.expires_at > now))
    }

    async fn use_up(&self, server: &Server, sha256: &str, now: Millis) -> Result<Use, StoreError> {
        let Some(found) = self.find(server, sha256, now).await? else { return Ok(Use::Gone) };
        if found.used_at.is_none() && server.claim(&self.use_up, (stays(&found, now), now.0, sha256, now.0)).await? {
            return Ok(Use::First(Secret { used_at: Some(now), ..found }));
        }
        Ok(self.find(server, sha256, now).await?.map_or(Use::Gone, Use::Again))
    }

    async fn touch(&self, server: &Server, secret: &Secret, now: Millis) -> Result<(), StoreError> {
        let Some(found) = self.find(server, &secret.sha256, now).await? else { return Ok(()) };
        if found.last_used >= Some(now) {
            return Ok(());
        }
        let values = (stays(&found, now), now.0, &secret.sha256, found.last_used.map(|at| at.0), now.0);
        server.claim(&self.touch, values).await.map(drop)
    }

    async fn assign(&self, server: &Server, secret: &Secret, account: AccountId, now: Millis) -> Result<bool, StoreError> {
        let (id, stays) = (account.to_string(), stays(secret, now));
        if !server.claim(&self.assign, (stays, &id, &secret.sha256, now.0)).await? {
            return Ok(false);
        }
        server.put(&self.point, (&id, secret.kind.name(), &secret.sha256, stays)).await?;
        Ok(true)
    }

    async fn end(&self, server: &Server, secret: &Secret) -> Result<(), StoreError> {
        server.claim(&self.end, (&secret.sha256,)).await?;
        if let Some(account) = secret.account {
            server.put(&self.unpoint, (account.to_string(), secret.kind.name(), &secret.sha256)).await?;
        }
        Ok(())
    }

    async fn list(&self, server: &Server, account: AccountId, kind: SecretKind, now: Millis) -> Result<Vec<Secret>, StoreError> {
        let pointers: Vec<(String,)> = server.rows(&self.of_account, (account.to_string(), kind.name())).await?;
        let found = stream::iter(pointers).map(|(sha256,)| async move { self.find(server, &sha256, now).await });
        let found = found.buffered(AT_ONCE).try_filter_map(async |secret| Ok(secret));
        let mut found: Vec<Secret> = found.try_filter(|secret| std::future::ready(secret.account == Some(account))).try_collect().await?;
        found.sort_by_key(|secret| Reverse(secret.created_at));
        Ok(found)
    }
}

#[async_trait]
impl Secrets for Cql {
    async fn add_secret(&self, secret: &Secret) -> Result<(), StoreError> {
        self.measured(Operation::AddSecret, self.tables.secrets.add(&self.server, secret)).await
    }

    async fn secret(&self, sha256: &str, now: Millis) -> Result<Option<Secret>, StoreError> {
        self.measured(Operation::FindSecret, self.tables.secrets.find(&self.server, sha256, now)).await
    }

    async fn use_secret(&self, sha256: &str, now: Millis) -> Result<Use, StoreError> {
        self.measured(Operation::UseSecret, self.tables.secrets.use_up(&self.server, sha256, now)).await
    }

    async fn touch_secret(&self, secret: &Secret, now: Millis) -> Result<(), StoreError> {
        let now = minute(now);
        if secret.last_used >= Some(now) {
            return Ok(());
        }
        self.measured(Operation::UseSecret, self.tables.secrets.touch(&self.server, secret, now)).await
    }

    async fn assign_secret(&self, secret: &Secret, account: AccountId, now: Millis) -> Result<bool, StoreError> {
        self.measured(Operation::UseSecret, self.tables.secrets.assign(&self.server, secret, account, now)).await
    }

    async fn end_secret(&self, secret: &Secret) -> Result<(), StoreError> {
        self.measured(Operation::EndSecret, self.tables.secrets.end(&self.server, secret)).await
    }

    async fn secrets_of(&self, account: AccountId, kind: SecretKind, now: Millis) -> Result<Vec<Secret>, StoreError> {
        self.measured(Operation::ListSecrets, self.tables.secrets.list(&self.server, account, kind, now)).await
    }

    async fn sweep_secrets(&self, _: Millis, _: usize) -> Result<u64, StoreError> {
        Ok(0)
    }
}
