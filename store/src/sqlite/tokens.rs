//! DJs and their tokens.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use schemas::Millis;

use super::{Sqlite, rows};
use crate::metrics::Operation;
use crate::{DjToken, StoreError, Tokens, spelling};

macro_rules! columns {
    () => {
        "dj, sha256, label, created_at, last_used, revoked_at, (SELECT name FROM djs WHERE id = dj ORDER BY djs.created_at DESC LIMIT 1) AS name"
    };
}

#[async_trait]
impl Tokens for Sqlite {
    async fn add_token(&self, name: &str, sha256: &str, now: Millis) -> Result<DjToken, StoreError> {
        let (name, sha256) = (name.to_owned(), sha256.to_owned());
        self.write(Operation::AddToken, move |c| add(c, &name, &sha256, now)).await?.ok_or(StoreError::Taken)
    }

    async fn add_token_of(&self, dj: &str, name: &str, label: &str, sha256: &str, now: Millis) -> Result<DjToken, StoreError> {
        let (dj, name, label, sha256) = (dj.to_owned(), name.to_owned(), label.to_owned(), sha256.to_owned());
        self.write(Operation::AddToken, move |c| add_of(c, &dj, &name, &label, &sha256, now)).await?.ok_or(StoreError::Taken)
    }

    async fn tokens_of(&self, dj: &str) -> Result<Vec<DjToken>, StoreError> {
        let dj = dj.to_owned();
        self.read(Operation::ListTokens, move |c| of(c, &dj)).await
    }

    async fn revoke_token(&self, sha256: &str, now: Millis) -> Result<bool, StoreError> {
        let sha256 = sha256.to_owned();
        self.write(Operation::RevokeTokens, move |c| revoke_one(c, &sha256, now)).await
    }

    /// While the store cannot be written the token is still good; only its last use is not kept.
    async fn find_token(&self, sha256: &str, now: Millis) -> Result<Option<DjToken>, StoreError> {
        let (wanted, used) = (sha256.to_owned(), sha256.to_owned());
        let Some(mut token) = self.read(Operation::FindToken, move |c| find(c, &wanted)).await? else { return Ok(None) };
        let minute = spelling::minute(now);
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
    let dj = "INSERT INTO djs (id, name, folded_name, created_at) VALUES (lower(hex(randomblob(8))), ?, ?, ?) ON CONFLICT (folded_name) DO NOTHING";
    rows::change(c, dj, params![name.trim(), spelling::folded(name), now.0])?;
    let token = "INSERT INTO tokens (sha256, dj, created_at, label) SELECT ?, id, ?, '' FROM djs WHERE folded_name = ?";
    rows::change(c, token, params![sha256, now.0, spelling::folded(name)])?;
    find(c, sha256)
}

/// Nothing when this token is there already, or there is no such DJ.
pub(super) fn add_of(c: &Connection, dj: &str, name: &str, label: &str, sha256: &str, now: Millis) -> rusqlite::Result<Option<DjToken>> {
    let sql = "INSERT INTO tokens (sha256, dj, created_at, label) SELECT ?, id, ?, ? FROM djs WHERE id = ? AND folded_name = ?
        ON CONFLICT DO NOTHING";
    match rows::change(c, sql, params![sha256, now.0, label, dj, spelling::folded(name)])? {
        0 => Ok(None),
        _ => find(c, sha256),
    }
}

pub(super) fn of(c: &Connection, dj: &str) -> rusqlite::Result<Vec<DjToken>> {
    let mut tokens = rows::all(c, concat!("SELECT ", columns!(), " FROM tokens WHERE dj = ? AND revoked_at IS NULL"), [dj], row)?;
    tokens.sort_by_cached_key(|token| (token.created_at, token.sha256.clone()));
    Ok(tokens)
}

pub(super) fn revoke_one(c: &Connection, sha256: &str, now: Millis) -> rusqlite::Result<bool> {
    let sql = "UPDATE tokens SET revoked_at = ? WHERE sha256 = ? AND revoked_at IS NULL";
    rows::change(c, sql, params![now.0, sha256]).map(|changed| changed == 1)
}

fn find(c: &Connection, sha256: &str) -> rusqlite::Result<Option<DjToken>> {
    rows::first(c, concat!("SELECT ", columns!(), " FROM tokens WHERE sha256 = ? AND revoked_at IS NULL"), [sha256], row)
}

pub(super) fn touch(c: &Connection, sha256: &str, minute: Millis) -> rusqlite::Result<()> {
    let sql = "UPDATE tokens SET last_used = ?2 WHERE sha256 = ?1 AND ifnull(last_used, 0) < ?2";
    rows::change(c, sql, params![sha256, minute.0]).map(drop)
}

fn list(c: &Connection) -> rusqlite::Result<Vec<DjToken>> {
    let mut tokens = rows::all(c, concat!("SELECT ", columns!(), " FROM tokens WHERE revoked_at IS NULL"), [], row)?;
    tokens.sort_by_cached_key(|token| (spelling::folded(&token.name), token.created_at, token.sha256.clone()));
    Ok(tokens)
}

pub(super) fn revoke(c: &Connection, name: &str, now: Millis) -> rusqlite::Result<Vec<String>> {
    let sql = "UPDATE tokens SET revoked_at = ? WHERE revoked_at IS NULL AND dj = (SELECT id FROM djs WHERE folded_name = ?)
        RETURNING sha256";
    rows::all(c, sql, params![now.0, spelling::folded(name)], |row| row.get(0))
}

fn row(row: &Row) -> rusqlite::Result<DjToken> {
    Ok(DjToken {
        dj: row.get("dj")?,
        name: row.get("name")?,
        sha256: row.get("sha256")?,
        label: row.get("label")?,
        created_at: rows::millis(row, "created_at")?,
        last_used: rows::maybe_millis(row, "last_used")?,
    })
}
