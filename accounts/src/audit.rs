//! What is written down: who did what to whose account. Never a secret, an address or where somebody came from.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemas::{AccountId, Millis};
use store::AuditEntry;

use crate::error::AccountError;
use crate::{Accounts, Inner};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Registered,
    SignedIn,
    SignInRefused,
    SignedOut,
    SessionEnded,
    RefreshReused,
    EmailVerified,
    EmailChanged,
    PasswordChanged,
    PasswordReset,
    TokenMade,
    TokenEnded,
    DeviceLetIn,
    LoginLinked,
    LoginUnlinked,
    RoleGranted,
    RoleTaken,
    Suspended,
    Unsuspended,
    Exported,
    Imported,
    Removed,
}

impl Action {
    pub const fn name(self) -> &'static str {
        match self {
            Action::Registered => "registered",
            Action::SignedIn => "signed_in",
            Action::SignInRefused => "sign_in_refused",
            Action::SignedOut => "signed_out",
            Action::SessionEnded => "session_ended",
            Action::RefreshReused => "refresh_reused",
            Action::EmailVerified => "email_verified",
            Action::EmailChanged => "email_changed",
            Action::PasswordChanged => "password_changed",
            Action::PasswordReset => "password_reset",
            Action::TokenMade => "token_made",
            Action::TokenEnded => "token_ended",
            Action::DeviceLetIn => "device_let_in",
            Action::LoginLinked => "login_linked",
            Action::LoginUnlinked => "login_unlinked",
            Action::RoleGranted => "role_granted",
            Action::RoleTaken => "role_taken",
            Action::Suspended => "suspended",
            Action::Unsuspended => "unsuspended",
            Action::Exported => "exported",
            Action::Imported => "imported",
            Action::Removed => "removed",
        }
    }
}

impl Inner {
    /// Written before whoever asked is answered: what is not in the log did not happen.
    pub(crate) async fn note(
        &self,
        action: Action,
        account: Option<AccountId>,
        actor: Option<AccountId>,
        detail: impl Into<String>,
        now: Millis,
    ) -> Result<(), AccountError> {
        // Entries of one moment stay in the order in which this process wrote them; those of two processes are told apart by chance.
        static WRITTEN: AtomicU64 = AtomicU64::new(0);
        let nth = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let id = format!("{nth:012x}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 9]>()));
        let entry = AuditEntry { at: now, id, account, actor, action: action.name().to_owned(), detail: detail.into() };
        Ok(self.stores.audit.note(&entry).await?)
    }
}

/// Entries of one answer at most.
const PAGE: usize = 500;
/// Entries of one account that are looked through.
const OF_ONE: usize = 10_000;

impl Accounts {
    /// The audit log before this moment, newest first; all of it, or what concerns one account.
    pub async fn audit(&self, account: Option<AccountId>, before: Millis, limit: usize) -> Result<Vec<AuditEntry>, AccountError> {
        let limit = limit.min(PAGE);
        let audit = &self.inner.stores.audit;
        Ok(match account {
            // The store gives the newest of an account, so that what came before a moment is found behind them.
            Some(account) => audit.audit_of(account, OF_ONE).await?.into_iter().filter(|entry| entry.at < before).take(limit).collect(),
            None => audit.audit(before, limit).await?,
        })
    }
}
