//! Who is asking: an account, known by what was shown, and what it may do.

use schemas::note::{AskToken, DjIdentity, TokenAnswer};
use schemas::secrets::token_hash;
use schemas::{AccountId, Millis, Permission, Role};
use store::{Account, Secret, SecretKind, Use};

use crate::error::AccountError;
use crate::profile::notified;
use crate::tokens::{DJ_TOKEN, hash_of};
use crate::{Accounts, Inner};

#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    pub account: Account,
    pub means: Means,
}

/// What was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// A session: of a browser, or of an app by its access token.
    Session(Secret),
    /// A DJ's token, by its hash.
    DjToken(String),
}

impl Caller {
    pub fn id(&self) -> AccountId {
        self.account.id
    }

    pub fn may(&self, permission: Permission) -> bool {
        may(&self.account, permission)
    }

    /// Whether they are told of announcements, in the browsers where they turned notifications on.
    pub fn wants_announcements(&self) -> bool {
        notified(&self.account.preferences)
    }

    pub fn require(&self, permission: Permission) -> Result<(), AccountError> {
        if self.may(permission) { Ok(()) } else { Err(AccountError::Forbidden) }
    }

    /// A DJ's token lies in programs for months. What changes an account, or makes more secrets, takes a session.
    pub fn require_session(&self) -> Result<&Secret, AccountError> {
        match &self.means {
            Means::Session(session) => Ok(session),
            Means::DjToken(_) => Err(AccountError::Forbidden),
        }
    }
}

pub(crate) fn may(account: &Account, permission: Permission) -> bool {
    account.suspended_at.is_none() && (Role::Dancer.may(permission) || account.roles.iter().any(|grant| grant.role.may(permission)))
}

impl Accounts {
    /// Whose bearer this is: an access token or a DJ's token. `NotSignedIn`: nobody's.
    pub async fn by_bearer(&self, bearer: &str, now: Millis) -> Result<Caller, AccountError> {
        if bearer.starts_with(DJ_TOKEN) {
            return self.by_dj_token(bearer, now).await;
        }
        let claims = self.inner.signer.open(bearer, now).ok_or(AccountError::NotSignedIn)?;
        let caller = self.by_session_hash(&claims.sid, now).await?;
        if caller.id().to_string() == claims.sub { Ok(caller) } else { Err(AccountError::NotSignedIn) }
    }

    /// Whose session a browser shows.
    pub async fn by_cookie(&self, value: &str, now: Millis) -> Result<Caller, AccountError> {
        let sha256 = hash_of(SecretKind::Session, value).ok_or(AccountError::NotSignedIn)?;
        self.by_session_hash(&sha256, now).await
    }

    async fn by_session_hash(&self, sha256: &str, now: Millis) -> Result<Caller, AccountError> {
        let session = self.inner.stores.secrets.secret(sha256, now).await?;
        let session = session.filter(|secret| secret.kind == SecretKind::Session).ok_or(AccountError::NotSignedIn)?;
        let account = self.inner.living(session.account).await?;
        if let Err(error) = self.inner.stores.secrets.touch_secret(&session, now).await {
            // It is still good; only its last use is not kept.
            tracing::warn!(%error, "the last use of a session could not be kept");
        }
        Ok(Caller { account, means: Means::Session(session) })
    }

    async fn by_dj_token(&self, token: &str, now: Millis) -> Result<Caller, AccountError> {
        let sha256 = token_hash(token);
        let found = self.inner.stores.tokens.find_token(&sha256, now).await?.ok_or(AccountError::NotSignedIn)?;
        // Of an operator's DJ, who has no account.
        let id = found.dj.parse::<AccountId>().map_err(|_| AccountError::NotSignedIn)?;
        let account = self.inner.living(Some(id)).await?;
        Ok(Caller { account, means: Means::DjToken(sha256) })
    }

    /// What a node asks: whose this is. A DJ's token, a session, an access token, or a ticket, which is used up by the question.
    pub async fn identify(&self, ask: &AskToken, now: Millis) -> Result<TokenAnswer, AccountError> {
        let claims = ask.access.as_deref().map(|access| self.inner.signer.open(access, now));
        let sha256 = match &claims {
            Some(Some(claims)) => claims.sid.as_str(),
            Some(None) => return Ok(TokenAnswer::default()),
            None => ask.sha256.as_str(),
        };
        if let Some(token) = self.inner.stores.tokens.find_token(sha256, now).await? {
            return self.inner.of_dj_token(token).await;
        }
        let Some(secret) = self.inner.stores.secrets.secret(sha256, now).await? else { return Ok(TokenAnswer::default()) };
        let session = match secret.kind {
            SecretKind::Session => secret,
            SecretKind::Ticket => match self.inner.stores.secrets.use_secret(sha256, now).await? {
                // A ticket speaks for the session that it was made in.
                Use::First(ticket) => match self.inner.stores.secrets.secret(&ticket.family, now).await? {
                    Some(session) => session,
                    None => return Ok(TokenAnswer::default()),
                },
                Use::Again(_) | Use::Gone => return Ok(TokenAnswer::default()),
            },
            SecretKind::Refresh
            | SecretKind::VerifyEmail
            | SecretKind::ChangeEmail
            | SecretKind::ResetPassword
            | SecretKind::Device
            | SecretKind::DeviceCode
            | SecretKind::Login => return Ok(TokenAnswer::default()),
        };
        match self.inner.living(session.account).await {
            Ok(account) => Ok(TokenAnswer { dj: dj_of(&account), person: Some(account.person), credential: Some(session.sha256) }),
            Err(AccountError::NotSignedIn | AccountError::Suspended) => Ok(TokenAnswer::default()),
            Err(error) => Err(error),
        }
    }
}

/// Who they are when they go live, if they may.
fn dj_of(account: &Account) -> Option<DjIdentity> {
    may(account, Permission::GoLive).then(|| DjIdentity { id: account.id.to_string(), name: account.display_name.clone() })
}

impl Inner {
    /// The account, unless it is gone or suspended.
    pub(crate) async fn living(&self, id: Option<AccountId>) -> Result<Account, AccountError> {
        let id = id.ok_or(AccountError::NotSignedIn)?;
        let account = self.stores.accounts.account(id).await?.ok_or(AccountError::NotSignedIn)?;
        if account.suspended_at.is_some() { Err(AccountError::Suspended) } else { Ok(account) }
    }

    async fn of_dj_token(&self, token: store::DjToken) -> Result<TokenAnswer, AccountError> {
        let operators = || DjIdentity { id: token.dj.clone(), name: token.name.clone() };
        let Ok(id) = token.dj.parse::<AccountId>() else {
            return Ok(TokenAnswer { dj: Some(operators()), ..TokenAnswer::default() });
        };
        match self.stores.accounts.account(id).await? {
            Some(account) => {
                let person = account.suspended_at.is_none().then_some(account.person);
                Ok(TokenAnswer { dj: dj_of(&account), person, credential: person.map(|_| token.sha256.clone()) })
            }
            // An account that was removed took its tokens along.
            None => Ok(TokenAnswer::default()),
        }
    }

    /// Reads, changes and writes an account, again if somebody else wrote meanwhile.
    pub(crate) async fn change(
        &self,
        id: AccountId,
        mut change: impl FnMut(&mut Account) -> Result<(), AccountError>,
    ) -> Result<Account, AccountError> {
        // Each turn somebody else got through; five in a row is not one person at their settings.
        for _ in 0..5 {
            let mut account = self.stores.accounts.account(id).await?.ok_or(AccountError::NotFound)?;
            let before = account.clone();
            change(&mut account)?;
            if account == before {
                return Ok(account);
            }
            if self.stores.accounts.save_account(&account).await? {
                account.version += 1;
                return Ok(account);
            }
        }
        Err(AccountError::Busy)
    }
}
