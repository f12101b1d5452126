//! The audit log, told by month and by account.

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use schemas::{AccountId, Millis};
use scylla::DeserializeRow;
use scylla::statement::prepared::PreparedStatement;

use super::Cql;
use super::server::{Server, Writes, all};
use super::values::{maybe, unreadable};
use crate::metrics::Operation;
use crate::{Audit, AuditEntry, StoreError};

const MONTH: i64 = 30 * 86_400_000;
/// Months that a look back reads at most: a little more than a year.
const MONTHS: i64 = 14;
/// Months before the oldest that is kept in which a sweep looks for entries: as many as the longest time that can be set has.
const MONTHS_SWEPT: i64 = 3_650 / 30 + 2;
/// Months that are looked into at once.
const AT_ONCE: usize = 16;

pub struct AuditTables {
    by_month: PreparedStatement,
    by_account: PreparedStatement,
    month: PreparedStatement,
    account: PreparedStatement,
    older: PreparedStatement,
    drop_of_account: PreparedStatement,
    drop_of_month: PreparedStatement,
}

#[derive(DeserializeRow)]
struct Row {
    at: i64,
    id: String,
    account: Option<String>,
    actor: Option<String>,
    action: String,
    detail: String,
}

impl Row {
    fn entry(self) -> Result<AuditEntry, StoreError> {
        let id = |column: &'static str, id: Option<String>| maybe(id, |id| id.parse::<AccountId>().map_err(|e| unreadable(column, e)));
        Ok(AuditEntry {
            at: Millis(self.at),
            id: self.id,
            account: id("account", self.account)?,
            actor: id("actor", self.actor)?,
            action: self.action,
            detail: self.detail,
        })
    }
}

impl AuditTables {
    pub async fn prepare(server: &Server) -> Result<Self, StoreError> {
        Ok(AuditTables {
            by_month: server
                .to_write("INSERT INTO audit_by_month (month, at, id, account, actor, action, detail) VALUES (?, ?, ?, ?, ?, ?, ?)")
                .await?,
            by_account: server
                .to_write("INSERT INTO audit_by_account (account, at, id, actor, action, detail) VALUES (?, ?, ?, ?, ?, ?)")
                .await?,
            month: server
                .to_read("SELECT at, id, account, actor, action, detail FROM audit_by_month WHERE month = ? AND at < ? LIMIT ?")
                .await?,
            account: server
                .to_read("SELECT at, id, account, actor, action, detail FROM audit_by_account WHERE account = ? LIMIT ?")
                .await?,
            older: server.to_read("SELECT at, id, account FROM audit_by_month WHERE month = ? AND at < ? LIMIT ?").await?,
            drop_of_account: server.to_write("DELETE FROM audit_by_account WHERE account = ? AND at = ? AND id = ?").await?,
            drop_of_month: server.to_write("DELETE FROM audit_by_month WHERE month = ? AND at = ? AND id = ?").await?,
        })
    }

    async fn note(&self, server: &Server, entry: &AuditEntry) -> Result<(), StoreError> {
        let AuditEntry { at, id, account, actor, action, detail } = entry;
        let text = |id: &Option<AccountId>| id.map(|id| id.to_string());
        let (account, actor) = (text(account), text(actor));
        server.put(&self.by_month, (at.0.div_euclid(MONTH), at.0, id, &account, &actor, action, detail)).await?;
        match account {
            Some(account) => server.put(&self.by_account, (account, at.0, id, &actor, action, detail)).await,
            None => Ok(()),
        }
    }

    async fn before(&self, server: &Server, before: Millis, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let newest = before.0.div_euclid(MONTH);
        let mut found = Vec::new();
        for month in (newest - MONTHS..=newest).rev() {
            let wanted = i32::try_from(limit - found.len()).unwrap_or(i32::MAX);
            if wanted == 0 {
                break;
            }
            let rows: Vec<Row> = server.rows(&self.month, (month, before.0, wanted)).await?;
            found.extend(rows.into_iter().map(Row::entry).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(found)
    }

    async fn of(&self, server: &Server, account: AccountId, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let rows: Vec<Row> = server.rows(&self.account, (account.to_string(), limit)).await?;
        rows.into_iter().map(Row::entry).collect()
    }

    /// An entry leaves its account before its month: by the month the next sweep finds what this one did not get to.
    async fn sweep(&self, server: &Server, before: Millis, most: usize) -> Result<u64, StoreError> {
        let limit = i32::try_from(most).unwrap_or(i32::MAX);
        let newest = before.0.div_euclid(MONTH);
        let months = stream::iter(newest - MONTHS_SWEPT..=newest).map(|month| async move {
            let found: Vec<(i64, String, Option<String>)> = server.rows(&self.older, (month, before.0, limit)).await?;
            Ok::<_, StoreError>(found.into_iter().map(move |entry| (month, entry)).collect::<Vec<_>>())
        });
        let found: Vec<Vec<_>> = months.buffered(AT_ONCE).try_collect().await?;
        let found: Vec<_> = found.into_iter().flatten().take(most).collect();
        let mut drops = Writes::new();
        for (month, (at, id, account)) in &found {
            drops.push(Box::pin(async move {
                if let Some(account) = account {
                    server.put(&self.drop_of_account, (account, at, id)).await?;
                }
                server.put(&self.drop_of_month, (month, at, id)).await
            }));
        }
        all(drops).await?;
        Ok(found.len() as u64)
    }
}

#[async_trait]
impl Audit for Cql {
    async fn note(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.measured(Operation::WriteAudit, self.tables.audit.note(&self.server, entry)).await
    }

    async fn audit(&self, before: Millis, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.measured(Operation::ReadAudit, self.tables.audit.before(&self.server, before, limit)).await
    }

    async fn audit_of(&self, account: AccountId, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.measured(Operation::ReadAudit, self.tables.audit.of(&self.server, account, limit)).await
    }

    async fn sweep_audit(&self, before: Millis, most: usize) -> Result<u64, StoreError> {
        self.measured(Operation::Sweep, self.tables.audit.sweep(&self.server, before, most)).await
    }
}
