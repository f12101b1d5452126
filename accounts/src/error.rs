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
    /// A code from a letter that was used, has ended, or never was.
    #[error("the code does not hold any more; ask for a new one")]
    CodeGone,
    /// Too many are signing in; nothing was done.
    #[error("too many at once")]
    Busy,
    #[error("a letter could not be sent")]
    Mail,
    /// A provider does not answer; nothing was done. Its title.
    #[error("{0} does not answer")]
    Provider(String),
    /// A way to a provider did not lead back as it should, or the provider said no; the words are for whoever took it.
    #[error("{0}")]
    LoginFailed(String),
    /// What was asked for stands against what there is; the words say what to do first.
    #[error("{0}")]
    InTheWay(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AccountError {
    pub(crate) fn in_the_way(words: impl Into<String>) -> Self {
        AccountError::InTheWay(words.into())
    }

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
            AccountError::CodeGone => Refusal::with(Code::NotFound, error.to_string()),
            AccountError::Provider(title) => Refusal::with(Code::Unavailable, format!("{title} does not answer; try again in a moment")),
            AccountError::LoginFailed(words) => Refusal::with(Code::Unauthorized, words),
            AccountError::InTheWay(words) => Refusal::with(Code::Conflict, words),
            AccountError::Busy | AccountError::Mail => Code::Unavailable.into(),
            AccountError::Store(StoreError::Unavailable(_)) => Code::Unavailable.into(),
            AccountError::Store(StoreError::Taken) => Refusal::with(Code::Conflict, "Email or name already taken"),
            AccountError::Store(StoreError::Corrupt(_)) => Code::Internal.into(),
        }
    }
}
