//! What can go wrong, by what the caller can do.

use store::StoreError;

#[derive(Clone, Debug, thiserror::Error)]
pub enum PushError {
    /// No key is set, so nobody can subscribe.
    #[error("Notifications are not set up here")]
    Off,
    #[error("{0}")]
    Invalid(String),
    /// Another person's browser.
    #[error("This subscription is somebody else's")]
    Taken,
    #[error("There is no such subscription")]
    NotFound,
    /// A setting or this machine, and no caller can change it.
    #[error("{0}")]
    Setup(String),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for PushError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken => PushError::Taken,
            StoreError::Unavailable(_) | StoreError::Corrupt(_) => PushError::Store(error),
        }
    }
}
