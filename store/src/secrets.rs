//! What people hold to prove something for a while: sessions, refresh tokens, codes in letters, tickets. Only the SHA-256 of
//! each is stored, and each ends by itself.

use async_trait::async_trait;
use schemas::{AccountId, Millis};

use crate::StoreError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretKind {
    /// A browser that is signed in.
    Session,
    /// An app's; used once, for the next one of its family.
    Refresh,
    /// Proves that a letter arrived.
    VerifyEmail,
    /// The same, for an address that is to replace the account's.
    ChangeEmail,
    ResetPassword,
    /// Opens one socket.
    Ticket,
    /// A device that waits to be let in, and the short code that lets it in.
    Device,
    DeviceCode,
    /// A way to a provider and back.
    Login,
}

impl SecretKind {
    pub const ALL: [SecretKind; 9] = [
        SecretKind::Session,
        SecretKind::Refresh,
        SecretKind::VerifyEmail,
        SecretKind::ChangeEmail,
        SecretKind::ResetPassword,
        SecretKind::Ticket,
        SecretKind::Device,
        SecretKind::DeviceCode,
        SecretKind::Login,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            SecretKind::Session => "session",
            SecretKind::Refresh => "refresh",
            SecretKind::VerifyEmail => "verify_email",
            SecretKind::ChangeEmail => "change_email",
            SecretKind::ResetPassword => "reset_password",
            SecretKind::Ticket => "ticket",
            SecretKind::Device => "device",
            SecretKind::DeviceCode => "device_code",
            SecretKind::Login => "login",
        }
    }

    pub(crate) fn named(name: &str) -> Result<Self, String> {
        SecretKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| format!("no secret is called {name:?}"))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// In hex.
    pub sha256: String,
    pub kind: SecretKind,
    /// None: nobody's yet.
    pub account: Option<AccountId>,
    /// What ends together: the refresh tokens that came from one sign-in.
    pub family: String,
    /// For its owner's eyes: which browser, which app.
    pub label: String,
    pub created_at: Millis,
    pub expires_at: Millis,
    /// To the minute.
    pub last_used: Option<Millis>,
    /// When it was used up, for kinds that are used once.
    pub used_at: Option<Millis>,
    /// What else it stands for: an address to change to, a code it belongs to.
    pub about: String,
}

/// What came of using a secret up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// It was good, and is used up now.
    First(Secret),
    /// Somebody used it before. One of the two stole it.
    Again(Secret),
    /// Unknown, ended or too old.
    Gone,
}

#[async_trait]
pub trait Secrets: Send + Sync {
    /// A hash that is there already is `Taken`.
    async fn add_secret(&self, secret: &Secret) -> Result<(), StoreError>;
    /// The secret, used up or not, until it expires.
    async fn secret(&self, sha256: &str, now: Millis) -> Result<Option<Secret>, StoreError>;
    /// Uses it up. Of any number who try at once, one is first.
    async fn use_secret(&self, sha256: &str, now: Millis) -> Result<Use, StoreError>;
    /// Keeps `now` as its last use, at minute precision.
    async fn touch_secret(&self, secret: &Secret, now: Millis) -> Result<(), StoreError>;
    /// Makes a secret that is nobody's this account's. `false`: it is somebody's, or gone.
    async fn assign_secret(&self, secret: &Secret, account: AccountId, now: Millis) -> Result<bool, StoreError>;
    /// Ends it now.
    async fn end_secret(&self, secret: &Secret) -> Result<(), StoreError>;
    /// An account's secrets of a kind that have not expired, newest first.
    async fn secrets_of(&self, account: AccountId, kind: SecretKind, now: Millis) -> Result<Vec<Secret>, StoreError>;
    /// Forgets what has expired, so many at most, where the store does not do so by itself. Gives how many they were.
    async fn sweep_secrets(&self, now: Millis, most: usize) -> Result<u64, StoreError>;
}
