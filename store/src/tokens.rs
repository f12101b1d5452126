//! DJ tokens: made by an operator for a name, or by a DJ's account for itself. Only the SHA-256 of a token is ever stored.

use async_trait::async_trait;
use schemas::Millis;

use crate::StoreError;

#[derive(Clone, Debug, PartialEq)]
pub struct DjToken {
    /// Stable id of the DJ: the same for all tokens added under one name.
    pub dj: String,
    pub name: String,
    /// Its SHA-256 in hex: what it is called by whoever ends it.
    pub sha256: String,
    /// What the DJ calls it; empty for an operator's.
    pub label: String,
    pub created_at: Millis,
    pub last_used: Option<Millis>,
}

#[async_trait]
pub trait Tokens: Send + Sync {
    /// Stores a token's hash for the DJ with this name; the DJ is made when the name is new (names compare without case).
    /// A hash that was ever added, revoked or not, is `Taken`.
    async fn add_token(&self, name: &str, sha256: &str, now: Millis) -> Result<DjToken, StoreError>;
    /// Stores a token's hash for the DJ of this id, who bears this name now. A hash that was ever added is `Taken`, and so is a name
    /// that is not theirs.
    async fn add_token_of(&self, dj: &str, name: &str, label: &str, sha256: &str, now: Millis) -> Result<DjToken, StoreError>;
    /// A DJ's living tokens, oldest first.
    async fn tokens_of(&self, dj: &str) -> Result<Vec<DjToken>, StoreError>;
    /// Revokes one token; `false` when it did not live.
    async fn revoke_token(&self, sha256: &str, now: Millis) -> Result<bool, StoreError>;
    /// The living token with this hash; `now` is kept as its last use, at minute precision.
    async fn find_token(&self, sha256: &str, now: Millis) -> Result<Option<DjToken>, StoreError>;
    /// The living tokens, by name.
    async fn list_tokens(&self) -> Result<Vec<DjToken>, StoreError>;
    /// Revokes all tokens of a name; gives their hashes, so that every node can be told.
    async fn revoke_tokens(&self, name: &str, now: Millis) -> Result<Vec<String>, StoreError>;
}
