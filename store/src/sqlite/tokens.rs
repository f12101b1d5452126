//! DJs and their tokens.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use schemas::Millis;

use super::{Sqlite, rows};
use crate::metrics::Operation;
use crate::{DjToken, StoreError, Tokens, spelling};

#[async_trait]
impl Tokens for Sqlite {
    async fn add_token(&self, name: &str, sha256: &str, now: Millis) -> Result<DjToken, StoreError> {
        let (name, sha256) = (name.to_owned(), sha256.to_owned());
        self.write(Operation::AddToken, move |c| add(c, &name, &sha256, now)).await?.ok_or(StoreError::Taken)
    }

    /// While the store cannot be written the token is still good; only its last use is not kept.
    async fn find_token(&self, sha256: &str, now: Millis) -> Result<Option<DjToken>, StoreError> {
        let (wanted, used) = (sha256.to_owned(), sha256.to_owned());
        let Some(mut token) = self.read(Operation::FindToken, move |c| find(c, &wanted)).await? else { return Ok(None) };
        let minute = Millis(now.0 - now.0.rem_euclid(60_000));
        if token.last_used < Some(minute) {
            match self.write(Operation::UseToken, move |c| touch(c, &used, minute)).await {
                Ok(()) => token.last_used = Some(minute),
                Err(error) => tracing::warn!(%error, dj = %token.dj, "the last use of a token could not be kept"),
            }
        }
        Ok(Some(token))
    }

    async fn list_tokens(&self) -> Result<Vec<DjToken>, StoreError> {
        self.read(Operation::ListTokens, list).await
    }

    async fn revoke_tokens(&self, name: &str, now: Millis) -> Result<Vec<String>, StoreError> {
        let name = name.to_owned();
        self.write(Operation::RevokeTokens, move |c| revoke(c, &name, now)).await
    }
}

/// Nothing when this token is there already, living or revoked.
pub(super) fn add(c: &Connection, name: &str, sha256: &str, now: Millis) -> rusqlite::Result<Option<DjToken>> {
    if rows::number(c, "SELECT count(*) FROM tokens WHERE sha256 = ?", [sha256])? > 0 {
        return Ok(None);
    }
    let dj = "INSERT INTO djs VALUES (lower(hex(randomblob(8))), ?, ?, ?) ON CONFLICT (folded_name) DO NOTHING";
    rows::change(c, dj, params![name.trim(), spelling::folded(name), now.0])?;
    let token = "INSERT INTO tokens (sha256, dj, created_at) SELECT ?, id, ? FROM djs WHERE folded_name = ?";
    rows::change(c, token, params![sha256, now.0, spelling::folded(name)])?;
    find(c, sha256)
}

fn find(c: &Connection, sha256: &str) -> rusqlite::Result<Option<DjToken>> {
    let sql = "SELECT djs.id, djs.name, tokens.created_at, tokens.last_used FROM tokens JOIN djs ON djs.id = tokens.dj
        WHERE tokens.sha256 = ? AND tokens.revoked_at IS NULL";
    rows::first(c, sql, [sha256], row)
}

pub(super) fn touch(c: &Connection, sha256: &str, minute: Millis) -> rusqlite::Result<()> {
    let sql = "UPDATE tokens SET last_used = ?2 WHERE sha256 = ?1 AND ifnull(last_used, 0) < ?2";
    rows::change(c, sql, params![sha256, minute.0]).map(drop)
}

fn list(c: &Connection) -> rusqlite::Result<Vec<DjToken>> {
    let sql = "SELECT djs.id, djs.name, tokens.created_at, tokens.last_used FROM djs JOIN tokens ON tokens.dj = djs.id
        WHERE tokens.revoked_at IS NULL ORDER BY djs.folded_name, tokens.created_at, tokens.sha256";
    rows::all(c, sql, [], row)
}

pub(super) fn revoke(c: &Connection, name: &str, now: Millis) -> rusqlite::Result<Vec<String>> {
    let sql = "UPDATE tokens SET revoked_at = ? WHERE revoked_at IS NULL AND dj = (SELECT id FROM djs WHERE folded_name = ?)
        RETURNING sha256";
    rows::all(c, sql, params![now.0, spelling::folded(name)], |row| row.get(0))
}

fn row(row: &Row) -> rusqlite::Result<DjToken> {
    Ok(DjToken {
        dj: row.get("id")?,
        name: row.get("name")?,
        created_at: rows::millis(row, "created_at")?,
        last_used: rows::maybe_millis(row, "last_used")?,
    })
}
