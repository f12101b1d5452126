//! DJs and their tokens. Who is first to make a name or a hash is decided by the servers, with a condition on the write.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use schemas::Millis;
use scylla::DeserializeRow;
use scylla::statement::Consistency;
use scylla::statement::prepared::PreparedStatement;

use super::Cql;
use super::server::{Server, gathered};
use super::values::millis;
use crate::metrics::Operation;
use crate::{DjToken, StoreError, Tokens, spelling};

/// Partitions of `tokens_by_name`, so that the list of a large crew is not one row of one server. It stands in the keys, so it
/// never changes.
const BUCKETS: i32 = 16;
/// Tokens that are looked up at once.
const AT_ONCE: usize = 16;

pub struct TokenTables {
    make_dj: PreparedStatement,
    dj: PreparedStatement,
    point: PreparedStatement,
    make_token: PreparedStatement,
    one: PreparedStatement,
    used: PreparedStatement,
    revoke: PreparedStatement,
    unpoint: PreparedStatement,
    in_bucket: PreparedStatement,
    of_name: PreparedStatement,
    point_dj: PreparedStatement,
    unpoint_dj: PreparedStatement,
    of_dj: PreparedStatement,
    label: PreparedStatement,
}

#[derive(DeserializeRow)]
struct Found {
    sha256: String,
    dj: String,
    name: String,
    folded_name: String,
    created_at: i64,
    last_used: Option<i64>,
    revoked_at: Option<i64>,
}

impl Found {
    fn living(self) -> Option<Found> {
        self.revoked_at.is_none().then_some(self)
    }

    fn token(self, label: String) -> DjToken {
        DjToken {
            dj: self.dj,
            name: self.name,
            sha256: self.sha256,
            label,
            created_at: Millis(self.created_at),
            last_used: millis(self.last_used),
        }
    }
}

impl TokenTables {
    pub async fn prepare(server: &Server) -> Result<Self, StoreError> {
        let mut dj = server.to_read("SELECT id, name FROM djs WHERE folded_name = ?").await?;
        // Sees who was first, also while the second asks.
        dj.set_consistency(Consistency::LocalSerial);
        Ok(TokenTables {
            make_dj: server.to_claim("INSERT INTO djs (folded_name, id, name, created_at) VALUES (?, ?, ?, ?) IF NOT EXISTS").await?,
            dj,
            point: server.to_write("INSERT INTO tokens_by_name (bucket, folded_name, sha256) VALUES (?, ?, ?)").await?,
            make_token: server
                .to_claim("INSERT INTO tokens (sha256, dj, name, folded_name, created_at) VALUES (?, ?, ?, ?, ?) IF NOT EXISTS")
                .await?,
            one: server
                .to_read("SELECT sha256, dj, name, folded_name, created_at, last_used, revoked_at FROM tokens WHERE sha256 = ?")
                .await?,
            used: server.to_write("UPDATE tokens USING TIMESTAMP ? SET last_used = ? WHERE sha256 = ?").await?,
            revoke: server.to_claim("UPDATE tokens SET revoked_at = ? WHERE sha256 = ? IF revoked_at = null").await?,
            unpoint: server.to_write("DELETE FROM tokens_by_name WHERE bucket = ? AND folded_name = ? AND sha256 = ?").await?,
            in_bucket: server.to_read("SELECT folded_name, sha256 FROM tokens_by_name WHERE bucket = ?").await?,
            of_name: server.to_read("SELECT folded_name, sha256 FROM tokens_by_name WHERE bucket = ? AND folded_name = ?").await?,
            point_dj: server.to_write("INSERT INTO tokens_by_dj (dj, sha256, label) VALUES (?, ?, ?)").await?,
            unpoint_dj: server.to_write("DELETE FROM tokens_by_dj WHERE dj = ? AND sha256 = ?").await?,
            of_dj: server.to_read("SELECT sha256 FROM tokens_by_dj WHERE dj = ?").await?,
            label: server.to_read("SELECT label FROM tokens_by_dj WHERE dj = ? AND sha256 = ?").await?,
        })
    }

    async fn find(&self, server: &Server, sha256: &str) -> Result<Option<Found>, StoreError> {
        // A key may not be empty, and no token has such a hash.
        if sha256.is_empty() {
            return Ok(None);
        }
        server.first(&self.one, (sha256,)).await
    }

    /// In an order in which nothing can be lost half-way: the DJ, the way from the name to the token, the token. A token that lives can
    /// always be found by its name and revoked.
    async fn add(&self, server: &Server, name: &str, sha256: &str, now: Millis) -> Result<DjToken, StoreError> {
        if self.find(server, sha256).await?.is_some() {
            return Err(StoreError::Taken);
        }
        let folded = spelling::folded(name);
        let id: String = rand::random::<[u8; 8]>().iter().map(|byte| format!("{byte:02x}")).collect();
        server.claim(&self.make_dj, (&folded, &id, name.trim(), now.0)).await?;
        let dj: Option<(String, String)> = server.first(&self.dj, (&folded,)).await?;
        let (dj, name) = dj.ok_or_else(|| StoreError::Unavailable("a DJ who was just made is not there yet".to_owned()))?;
        self.make(server, &dj, &name, "", sha256, now).await
    }

    /// The ways from the name and from the DJ to the token, then the token.
    async fn make(&self, server: &Server, dj: &str, name: &str, label: &str, sha256: &str, now: Millis) -> Result<DjToken, StoreError> {
        let folded = spelling::folded(name);
        server.put(&self.point, (bucket(&folded), &folded, sha256)).await?;
        server.put(&self.point_dj, (dj, sha256, label)).await?;
        if !server.claim(&self.make_token, (sha256, dj, name, &folded, now.0)).await? {
            return Err(StoreError::Taken);
        }
        let (dj, name, sha256, label) = (dj.to_owned(), name.to_owned(), sha256.to_owned(), label.to_owned());
        Ok(DjToken { dj, name, sha256, label, created_at: now, last_used: None })
    }

    async fn add_of(&self, server: &Server, dj: &str, name: &str, label: &str, sha256: &str, now: Millis) -> Result<DjToken, StoreError> {
        if self.find(server, sha256).await?.is_some() {
            return Err(StoreError::Taken);
        }
        let found: Option<(String, String)> = server.first(&self.dj, (spelling::folded(name),)).await?;
        match found {
            Some((id, name)) if id == dj => self.make(server, dj, &name, label, sha256, now).await,
            Some(_) | None => Err(StoreError::Taken),
        }
    }

    async fn labelled(&self, server: &Server, found: Found) -> Result<DjToken, StoreError> {
        let label: Option<(String,)> = server.first(&self.label, (&found.dj, &found.sha256)).await?;
        Ok(found.token(label.map(|(label,)| label).unwrap_or_default()))
    }

    async fn of(&self, server: &Server, dj: &str) -> Result<Vec<DjToken>, StoreError> {
        let pointers: Vec<(String,)> = server.rows(&self.of_dj, (dj,)).await?;
        let found = stream::iter(pointers).map(|(sha256,)| async move {
            match self.find(server, &sha256).await?.and_then(Found::living).filter(|found| found.dj == dj) {
                Some(found) => self.labelled(server, found).await.map(Some),
                None => Ok::<_, StoreError>(None),
            }
        });
        let mut tokens: Vec<DjToken> = found.buffered(AT_ONCE).try_filter_map(async |token| Ok(token)).try_collect().await?;
        tokens.sort_by_cached_key(|token| (token.created_at, token.sha256.clone()));
        Ok(tokens)
    }

    async fn end(&self, server: &Server, found: &Found, now: Millis) -> Result<bool, StoreError> {
        let done = server.claim(&self.revoke, (now.0, &found.sha256)).await?;
        server.put(&self.unpoint, (bucket(&found.folded_name), &found.folded_name, &found.sha256)).await?;
        server.put(&self.unpoint_dj, (&found.dj, &found.sha256)).await?;
        Ok(done)
    }

    async fn revoke_one(&self, server: &Server, sha256: &str, now: Millis) -> Result<bool, StoreError> {
        match self.find(server, sha256).await?.and_then(Found::living) {
            Some(found) => self.end(server, &found, now).await,
            None => Ok(false),
        }
    }

    /// The living tokens that these rows point to. One may point to nothing, if its token was never made.
    async fn living(&self, server: &Server, pointers: Vec<(String, String)>) -> Result<Vec<Found>, StoreError> {
        let found = stream::iter(pointers).map(|(folded, sha256)| async move {
            let found = self.find(server, &sha256).await?;
            Ok::<_, StoreError>(found.and_then(Found::living).filter(|found| found.folded_name == folded))
        });
        found.buffered(AT_ONCE).try_filter_map(async |found| Ok(found)).try_collect().await
    }

    async fn list(&self, server: &Server) -> Result<Vec<DjToken>, StoreError> {
        let pointers = gathered((0..BUCKETS).map(|bucket| server.rows(&self.in_bucket, (bucket,)))).await?;
        let found = self.living(server, pointers).await?;
        let sorted: BTreeMap<_, _> =
            found.into_iter().map(|found| ((found.folded_name.clone(), found.created_at, found.sha256.clone()), found)).collect();
        stream::iter(sorted.into_values()).map(|found| self.labelled(server, found)).buffered(AT_ONCE).try_collect().await
    }

    /// All tokens of the DJ who bears this name, those included that were made while they had another.
    async fn revoke(&self, server: &Server, name: &str, now: Millis) -> Result<Vec<String>, StoreError> {
        let folded = spelling::folded(name);
        let pointers = server.rows(&self.of_name, (bucket(&folded), &folded)).await?;
        let mut found = self.living(server, pointers).await?;
        let dj: Option<(String, String)> = server.first(&self.dj, (&folded,)).await?;
        if let Some((dj, _)) = &dj {
            for token in self.of(server, dj).await? {
                if !found.iter().any(|known| known.sha256 == token.sha256) {
                    found.extend(self.find(server, &token.sha256).await?);
                }
            }
        }
        let mut revoked = Vec::new();
        for found in found {
            let done = self.end(server, &found, now).await?;
            revoked.extend(done.then_some(found.sha256));
        }
        Ok(revoked)
    }
}

pub fn bucket(folded: &str) -> i32 {
    i32::from(folded.bytes().fold(0u8, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte))) % BUCKETS
}

#[async_trait]
impl Tokens for Cql {
    async fn add_token(&self, name: &str, sha256: &str, now: Millis) -> Result<DjToken, StoreError> {
        self.measured(Operation::AddToken, self.tables.tokens.add(&self.server, name, sha256, now)).await
    }

    async fn add_token_of(&self, dj: &str, name: &str, label: &str, sha256: &str, now: Millis) -> Result<DjToken, StoreError> {
        self.measured(Operation::AddToken, self.tables.tokens.add_of(&self.server, dj, name, label, sha256, now)).await
    }

    async fn tokens_of(&self, dj: &str) -> Result<Vec<DjToken>, StoreError> {
        // A key may not be empty, and no DJ has such an id.
        if dj.is_empty() {
            return Ok(Vec::new());
        }
        self.measured(Operation::ListTokens, self.tables.tokens.of(&self.server, dj)).await
    }

    async fn revoke_token(&self, sha256: &str, now: Millis) -> Result<bool, StoreError> {
        self.measured(Operation::RevokeTokens, self.tables.tokens.revoke_one(&self.server, sha256, now)).await
    }

    /// While the store cannot be written the token is still good; only its last use is not kept.
    async fn find_token(&self, sha256: &str, now: Millis) -> Result<Option<DjToken>, StoreError> {
        let tokens = &self.tables.tokens;
        let found = self.measured(Operation::FindToken, tokens.find(&self.server, sha256)).await?;
        let Some(found) = found.and_then(Found::living) else { return Ok(None) };
        let mut token = tokens.labelled(&self.server, found).await?;
        let minute = spelling::minute(now);
        if token.last_used < Some(minute) {
            let use_it = self.server.put(&tokens.used, (minute.0.saturating_mul(1000), minute.0, sha256));
            match self.measured(Operation::UseToken, use_it).await {
                Ok(()) => token.last_used = Some(minute),
                Err(error) => tracing::warn!(%error, dj = %token.dj, "the last use of a token could not be kept"),
            }
        }
        Ok(Some(token))
    }

    async fn list_tokens(&self) -> Result<Vec<DjToken>, StoreError> {
        self.measured(Operation::ListTokens, self.tables.tokens.list(&self.server)).await
    }

    async fn revoke_tokens(&self, name: &str, now: Millis) -> Result<Vec<String>, StoreError> {
        self.measured(Operation::RevokeTokens, self.tables.tokens.revoke(&self.server, name, now)).await
    }
}
