//! The store: rows that outlive everything, behind small traits by family. `sqlite` is a file on one machine, `cql` a cluster of ScyllaDB; the
//! contract in [`contract`] says what any backend must do, one function a promise.
//!
//! It promises: after `save` returns `Ok` the rows and the position are on disk, together or rows first; a row never goes
//! back to an older position, whoever writes it and how often. It knows nothing of the broker, of sockets or of HTTP.

pub mod accounts;
pub mod audit;
pub mod contract;
pub mod cql;
pub mod live;
mod metrics;
pub mod past;
pub mod pushes;
pub mod retention;
pub mod rows;
pub mod secrets;
mod spelling;
pub mod sqlite;
pub mod tokens;

pub use accounts::{Account, Accounts, Grant, Identity, Name, PasswordHash, Preferences, Profile};
pub use audit::{Audit, AuditEntry};
pub use live::Live;
pub use past::{Leaving, Past};
pub use pushes::{Claim, Forgotten, PushKey, Pushes, Subscription, Subscriptions};
pub use retention::{Kind, SWEEP_PAUSE, SWEEP_ROWS, Swept};
pub use rows::*;
pub use secrets::{Secret, SecretKind, Secrets, Use};
pub use tokens::{DjToken, Tokens};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store does not answer, is locked or full. Trying again may help.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What is stored cannot be read, or was made by a newer version. Trying again will not help.
    #[error("the store is unreadable: {0}")]
    Corrupt(String),
    /// A name that must be unique is taken.
    #[error("already exists")]
    Taken,
}
