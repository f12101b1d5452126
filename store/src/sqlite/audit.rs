//! The audit log.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use schemas::{AccountId, Millis};

use super::{Sqlite, rows};
use crate::metrics::Operation;
use crate::{Audit, AuditEntry, StoreError};

#[async_trait]
impl Audit for Sqlite {
    async fn note(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let entry = entry.clone();
        self.write(Operation::WriteAudit, move |c| note(c, &entry)).await
    }

    async fn audit(&self, before: Millis, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(Operation::ReadAudit, move |c| before_this(c, before, limit)).await
    }

    async fn audit_of(&self, account: AccountId, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(Operation::ReadAudit, move |c| of(c, account, limit)).await
    }

    async fn sweep_audit(&self, before: Millis, most: usize) -> Result<u64, StoreError> {
        self.write(Operation::Sweep, move |c| sweep(c, before, most)).await
    }
}

pub(super) fn note(c: &Connection, entry: &AuditEntry) -> rusqlite::Result<()> {
    let id = |id: Option<AccountId>| id.map(|id| id.to_string());
    let values = params![entry.at.0, entry.id, id(entry.account), id(entry.actor), entry.action, entry.detail];
    rows::change(c, "INSERT INTO audit (at, id, account, actor, action, detail) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values)
        .map(drop)
}

pub(super) fn before_this(c: &Connection, before: Millis, limit: usize) -> rusqlite::Result<Vec<AuditEntry>> {
    let sql = "SELECT * FROM audit WHERE at < ? ORDER BY at DESC, id DESC LIMIT ?";
    rows::all(c, sql, params![before.0, rows::limit(limit)], row)
}

pub(super) fn of(c: &Connection, account: AccountId, limit: usize) -> rusqlite::Result<Vec<AuditEntry>> {
    let sql = "SELECT * FROM audit WHERE account = ? ORDER BY at DESC, id DESC LIMIT ?";
    rows::all(c, sql, params![account.to_string(), rows::limit(limit)], row)
}

pub(super) fn sweep(c: &Connection, before: Millis, most: usize) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM audit WHERE (at, id) IN (SELECT at, id FROM audit WHERE at < ? LIMIT ?)";
    rows::change(c, sql, params![before.0, rows::limit(most)]).map(|removed| removed as u64)
}

fn row(row: &Row) -> rusqlite::Result<AuditEntry> {
    let id = |column: &'static str| rows::made(row, column, |text: Option<String>| text.map(|id| id.parse::<AccountId>()).transpose());
    Ok(AuditEntry {
        at: rows::millis(row, "at")?,
        id: row.get("id")?,
        account: id("account")?,
        actor: id("actor")?,
        action: row.get("action")?,
        detail: row.get("detail")?,
    })
}
