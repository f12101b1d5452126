//! The audit log, told by month and by account. The servers forget entries by themselves after [`KEPT_DAYS`].

use async_trait::async_trait;
use schemas::{AccountId, Millis};
use scylla::DeserializeRow;
use scylla::statement::prepared::PreparedStatement;

use super::Cql;
use super::server::Server;
use super::values::{maybe, unreadable};
use crate::metrics::Operation;
use crate::{Audit, AuditEntry, StoreError};

const MONTH: i64 = 30 * 86_400_000;
/// A little more than a year, so that whoever looks back a year finds all of it.
const KEPT_DAYS: i64 = 400;
/// Months that a look back reads at most.
const MONTHS: i64 = KEPT_DAYS / 30 + 1;

pub struct AuditTables {
    by_month: PreparedStatement,
    by_account: PreparedStatement,
    month: PreparedStatement,
    account: PreparedStatement,
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
        let stays = KEPT_DAYS * 86_400;
        Ok(AuditTables {
            by_month: server
                .to_write(&format!(
                    "INSERT INTO audit_by_month (month, at, id, account, actor, action, detail) VALUES (?, ?, ?, ?, ?, ?, ?) USING TTL {stays}"
                ))
                .await?,
            by_account: server
                .to_write(&format!(
                    "INSERT INTO audit_by_account (account, at, id, actor, action, detail) VALUES (?, ?, ?, ?, ?, ?) USING TTL {stays}"
                ))
                .await?,
            month: server
                .to_read("SELECT at, id, account, actor, action, detail FROM audit_by_month WHERE month = ? AND at < ? LIMIT ?")
                .await?,
            account: server.to_read("SELECT at, id, account, actor, action, detail FROM audit_by_account WHERE account = ? LIMIT ?").await?,
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

    async fn sweep_audit(&self, _: Millis) -> Result<(), StoreError> {
        Ok(())
    }
}
