//! DJ tokens: made by the operator until accounts exist. Only the SHA-256 of a token is ever stored.

use async_trait::async_trait;
use schemas::Millis;

use crate::StoreError;

#[derive(Clone, Debug, PartialEq)]
pub struct DjToken {
    /// Stable id of the DJ: the same for all tokens added under one name.
    pub dj: String,
    pub name: String,
    pub created_at: Millis,
    pub last_used: Option<Millis>,
}

#[async_trait]
pub trait Tokens: Send + Sync {
    /// Stores a token's hash for the DJ with this name; the DJ is made when the name is new (names compare without case).
    /// A hash that was ever added, revoked or not, is `Taken`.
    async fn add_token(&self, name: &str, sha256: &str, now: Millis) -> Result<DjToken, StoreError>;
    /// The living token with this hash; `now` is kept as its last use, at minute precision.
    async fn find_token(&self, sha256: &str, now: Millis) -> Result<Option<DjToken>, StoreError>;
    /// The living tokens, by name.
    async fn list_tokens(&self) -> Result<Vec<DjToken>, StoreError>;
    /// Revokes all tokens of a name; gives their hashes, so that every node can be told.
    async fn revoke_tokens(&self, name: &str, now: Millis) -> Result<Vec<String>, StoreError>;
}
