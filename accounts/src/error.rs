//! Why something about an account could not be done.

use schemas::Code;
use schemas::error::Refusal;
use store::StoreError;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// What was said cannot be; the words tell what to mend.
    #[error("{0}")]
    Invalid(String),
    /// The address or the password is wrong, and which of them is not said.
    #[error("wrong address or password")]
    WrongPassword,
    /// Nobody is signed in, or what was shown does not hold any more.
    #[error("not signed in")]
    NotSignedIn,
    #[error("the account is suspended")]
    Suspended,
    #[error("not allowed")]
    Forbidden,
    /// An address or a name is somebody else's.
    #[error("taken")]
    Taken,
    #[error("not found")]
    NotFound,
    /// Too many are signing in; nothing was done.
    #[error("too many at once")]
    Busy,
    #[error("a letter could not be sent")]
    Mail,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AccountError {
    pub(crate) fn invalid(words: impl Into<String>) -> Self {
        AccountError::Invalid(words.into())
    }
}

impl From<AccountError> for Refusal {
    fn from(error: AccountError) -> Refusal {
        match error {
            AccountError::Invalid(words) => Refusal::with(Code::InvalidMessage, words),
            AccountError::WrongPassword => Code::WrongPassword.into(),
            AccountError::NotSignedIn => Code::Unauthorized.into(),
            AccountError::Suspended => Refusal::with(Code::Forbidden, "This account is suspended"),
            AccountError::Forbidden => Code::Forbidden.into(),
            AccountError::Taken => Refusal::with(Code::Conflict, "Email or name already taken"),
            AccountError::NotFound => Code::NotFound.into(),
            AccountError::Busy | AccountError::Mail => Code::Unavailable.into(),
            AccountError::Store(StoreError::Unavailable(_)) => Code::Unavailable.into(),
            AccountError::Store(StoreError::Taken) => Refusal::with(Code::Conflict, "Email or name already taken"),
            AccountError::Store(StoreError::Corrupt(_)) => Code::Internal.into(),
        }
    }
}
