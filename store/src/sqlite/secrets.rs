//! What people hold to prove something.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use schemas::{AccountId, Millis};

use super::{Sqlite, rows};
use crate::metrics::Operation;
use crate::spelling::minute;
use crate::{Secret, SecretKind, Secrets, StoreError, Use};

#[async_trait]
impl Secrets for Sqlite {
    async fn add_secret(&self, secret: &Secret) -> Result<(), StoreError> {
        let secret = secret.clone();
        self.write(Operation::AddSecret, move |c| add(c, &secret)).await?.then_some(()).ok_or(StoreError::Taken)
    }

    async fn secret(&self, sha256: &str, now: Millis) -> Result<Option<Secret>, StoreError> {
        let sha256 = sha256.to_owned();
        self.read(Operation::FindSecret, move |c| find(c, &sha256, now)).await
    }

    async fn use_secret(&self, sha256: &str, now: Millis) -> Result<Use, StoreError> {
        let sha256 = sha256.to_owned();
        self.write(Operation::UseSecret, move |c| use_up(c, &sha256, now)).await
    }

    async fn touch_secret(&self, secret: &Secret, now: Millis) -> Result<(), StoreError> {
        let (sha256, now) = (secret.sha256.clone(), minute(now));
        if secret.last_used >= Some(now) {
            return Ok(());
        }
        self.write(Operation::UseSecret, move |c| touch(c, &sha256, now)).await
    }

    async fn assign_secret(&self, secret: &Secret, account: AccountId, now: Millis) -> Result<bool, StoreError> {
        let sha256 = secret.sha256.clone();
        self.write(Operation::UseSecret, move |c| assign(c, &sha256, account, now)).await
    }

    async fn end_secret(&self, secret: &Secret) -> Result<(), StoreError> {
        let sha256 = secret.sha256.clone();
        self.write(Operation::EndSecret, move |c| end(c, &sha256)).await
    }

    async fn secrets_of(&self, account: AccountId, kind: SecretKind, now: Millis) -> Result<Vec<Secret>, StoreError> {
        self.read(Operation::ListSecrets, move |c| list(c, account, kind, now)).await
    }

    async fn sweep_secrets(&self, now: Millis, most: usize) -> Result<u64, StoreError> {
        self.write(Operation::Sweep, move |c| sweep(c, now, most)).await
    }
}

pub(super) fn add(c: &Connection, secret: &Secret) -> rusqlite::Result<bool> {
    let sql = "INSERT INTO secrets (sha256, kind, account, family, label, created_at, expires_at, last_used, used_at, about)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    let values = params![
        secret.sha256,
        secret.kind.name(),
        secret.account.map(|id| id.to_string()),
        secret.family,
        secret.label,
        secret.created_at.0,
        secret.expires_at.0,
        secret.last_used.map(|at| at.0),
        secret.used_at.map(|at| at.0),
        secret.about,
    ];
    rows::change(c, sql, values).map(|added| added == 1)
}

pub(super) fn find(c: &Connection, sha256: &str, now: Millis) -> rusqlite::Result<Option<Secret>> {
    rows::first(c, "SELECT * FROM secrets WHERE sha256 = ? AND expires_at > ?", params![sha256, now.0], row)
}

pub(super) fn use_up(c: &Connection, sha256: &str, now: Millis) -> rusqlite::Result<Use> {
    let Some(found) = find(c, sha256, now)? else { return Ok(Use::Gone) };
    if found.used_at.is_some() {
        return Ok(Use::Again(found));
    }
    rows::change(c, "UPDATE secrets SET used_at = ? WHERE sha256 = ?", params![now.0, sha256])?;
    Ok(Use::First(Secret { used_at: Some(now), ..found }))
}

pub(super) fn touch(c: &Connection, sha256: &str, minute: Millis) -> rusqlite::Result<()> {
    let sql = "UPDATE secrets SET last_used = ?2 WHERE sha256 = ?1 AND ifnull(last_used, 0) < ?2";
    rows::change(c, sql, params![sha256, minute.0]).map(drop)
}

pub(super) fn assign(c: &Connection, sha256: &str, account: AccountId, now: Millis) -> rusqlite::Result<bool> {
    let sql = "UPDATE secrets SET account = ? WHERE sha256 = ? AND account IS NULL AND expires_at > ?";
    rows::change(c, sql, params![account.to_string(), sha256, now.0]).map(|changed| changed == 1)
}

pub(super) fn end(c: &Connection, sha256: &str) -> rusqlite::Result<()> {
    rows::change(c, "DELETE FROM secrets WHERE sha256 = ?", [sha256]).map(drop)
}

pub(super) fn list(c: &Connection, account: AccountId, kind: SecretKind, now: Millis) -> rusqlite::Result<Vec<Secret>> {
    let sql = "SELECT * FROM secrets WHERE account = ? AND kind = ? AND expires_at > ? ORDER BY created_at DESC";
    rows::all(c, sql, params![account.to_string(), kind.name(), now.0], row)
}

pub(super) fn sweep(c: &Connection, now: Millis, most: usize) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM secrets WHERE sha256 IN (SELECT sha256 FROM secrets WHERE expires_at <= ? LIMIT ?)";
    rows::change(c, sql, params![now.0, rows::limit(most)]).map(|removed| removed as u64)
}

fn row(row: &Row) -> rusqlite::Result<Secret> {
    Ok(Secret {
        sha256: row.get("sha256")?,
        kind: rows::made(row, "kind", |text: String| SecretKind::named(&text))?,
        account: rows::made(row, "account", |text: Option<String>| text.map(|id| id.parse::<AccountId>()).transpose())?,
        family: row.get("family")?,
        label: row.get("label")?,
        created_at: rows::millis(row, "created_at")?,
        expires_at: rows::millis(row, "expires_at")?,
        last_used: rows::maybe_millis(row, "last_used")?,
        used_at: rows::maybe_millis(row, "used_at")?,
        about: row.get("about")?,
    })
}
