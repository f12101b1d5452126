//! The audit log: who did what to whose account. Entries are written once, never changed, and dropped when they are too old.

use async_trait::async_trait;
use schemas::{AccountId, Millis};
use serde::Serialize;

use crate::StoreError;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    pub at: Millis,
    /// Tells entries of one moment apart.
    pub id: String,
    /// Whose account it concerns.
    pub account: Option<AccountId>,
    /// Who did it; none: somebody without an account, or the command line.
    pub actor: Option<AccountId>,
    /// A word from a fixed list.
    pub action: String,
    /// In words, without secrets and addresses.
    pub detail: String,
}

#[async_trait]
pub trait Audit: Send + Sync {
    async fn note(&self, entry: &AuditEntry) -> Result<(), StoreError>;
    /// Entries before this moment and at most a year older, newest first.
    async fn audit(&self, before: Millis, limit: usize) -> Result<Vec<AuditEntry>, StoreError>;
    /// Entries that concern this account, newest first.
    async fn audit_of(&self, account: AccountId, limit: usize) -> Result<Vec<AuditEntry>, StoreError>;
    /// Drops entries older than `before`, so many at most, and gives how many they were.
    async fn sweep_audit(&self, before: Millis, most: usize) -> Result<u64, StoreError>;
}
