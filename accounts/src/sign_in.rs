//! Signing in with a password, and what an app holds afterwards.

use std::time::Duration;

use schemas::{Email, Millis};
use store::{Account, Name, Secret, SecretKind, Use};
use tokio::time::Instant;

use crate::audit::Action;
use crate::error::AccountError;
use crate::metrics::{self, Outcome};
use crate::sessions::label;
use crate::tokens::{dj_token, fresh, hash_of};
use crate::{Accounts, Inner};

#[derive(Clone)]
pub struct Credentials {
    pub email: String,
    pub password: String,
}

/// An account that has just signed in, with a new token for its DJ programs.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub account: Account,
    pub dj_token: String,
}

/// What an app holds: a token to show, and one to get the next pair with.
#[derive(Clone)]
pub struct Pair {
    pub access: String,
    pub expires_in: Duration,
    pub refresh: String,
}

impl Accounts {
    /// The account of these credentials. Right or wrong, known or not, the answer takes the same time.
    pub async fn authenticate(&self, credentials: &Credentials, now: Millis) -> Result<Account, AccountError> {
        let answered = Instant::now() + self.inner.config.sign_in_floor;
        let answer = self.inner.authenticate(credentials, now).await;
        tokio::time::sleep_until(answered).await;
        metrics::sign_in(match &answer {
            Ok(_) => Outcome::In,
            Err(AccountError::Suspended) => Outcome::Suspended,
            Err(AccountError::Busy) => Outcome::Busy,
            Err(_) => Outcome::Wrong,
        });
        answer
    }

    /// Signs in as 0.3.0 does: with a new DJ's token, named after the client.
    pub async fn sign_in(&self, credentials: &Credentials, client: &str, now: Millis) -> Result<SignedIn, AccountError> {
        let account = self.authenticate(credentials, now).await?;
        let dj_token = self.inner.make_dj_token(&account, client, now).await?;
        Ok(SignedIn { account, dj_token })
    }

    /// A browser's session, as the value of its cookie.
    pub async fn begin_session(&self, account: &Account, agent: &str, now: Millis) -> Result<(String, Secret), AccountError> {
        let mut session = fresh(SecretKind::Session, Some(account.id), self.inner.config.session, now);
        session.kept.label = label(agent);
        session.kept.about = "browser".to_owned();
        self.inner.stores.secrets.add_secret(&session.kept).await?;
        Ok((session.shown, session.kept))
    }

    /// An app's session, as its first pair of tokens.
    pub async fn begin_app(&self, account: &Account, app: &str, now: Millis) -> Result<Pair, AccountError> {
        let inner = &self.inner;
        let mut session = fresh(SecretKind::Session, Some(account.id), inner.config.app_session, now);
        session.kept.label = label(app);
        session.kept.about = "app".to_owned();
        inner.stores.secrets.add_secret(&session.kept).await?;
        inner.pair(&session.kept, now).await
    }

    /// The next pair for a refresh token, which is used up by it. Shown again it ends its session, and with it every token that came
    /// from the same sign-in: one of two holds a stolen copy, and nobody can tell which.
    pub async fn refresh(&self, refresh: &str, now: Millis) -> Result<Pair, AccountError> {
        let inner = &self.inner;
        let sha256 = hash_of(SecretKind::Refresh, refresh).ok_or(AccountError::NotSignedIn)?;
        let used = inner.stores.secrets.use_secret(&sha256, now).await?;
        let (token, again) = match used {
            Use::First(token) => (token, false),
            Use::Again(token) => (token, true),
            Use::Gone => return Err(AccountError::NotSignedIn),
        };
        if token.kind != SecretKind::Refresh {
            return Err(AccountError::NotSignedIn);
        }
        let session = inner.stores.secrets.secret(&token.family, now).await?.ok_or(AccountError::NotSignedIn)?;
        if again {
            metrics::refresh_reused();
            inner.end_session(&session).await?;
            inner.note(Action::RefreshReused, token.account, None, session.label, now).await?;
            return Err(AccountError::NotSignedIn);
        }
        inner.living(session.account).await?;
        inner.pair(&session, now).await
    }

    /// The public keys that access tokens can be checked with.
    pub fn access_keys(&self, now: Millis) -> serde_json::Value {
        self.inner.signer.keys(now)
    }
}

impl Inner {
    async fn authenticate(&self, credentials: &Credentials, now: Millis) -> Result<Account, AccountError> {
        let found = match Email::parse(&credentials.email) {
            Ok(email) => self.stores.accounts.account_named(&Name::Email(email)).await?,
            Err(_) => None,
        };
        let checked = self.passwords.check(&credentials.password, found.as_ref().and_then(|account| account.password.as_ref())).await?;
        let account = match found {
            Some(account) if checked.right => account,
            Some(account) => {
                self.note(Action::SignInRefused, Some(account.id), None, "wrong password", now).await?;
                return Err(AccountError::WrongPassword);
            }
            None => return Err(AccountError::WrongPassword),
        };
        if account.suspended_at.is_some() {
            self.note(Action::SignInRefused, Some(account.id), Some(account.id), "suspended", now).await?;
            return Err(AccountError::Suspended);
        }
        // Only the owner's own password, just proven, can make the new hash. That it is common by today's list does not lock them out.
        let upgraded = if checked.weak { self.passwords.rehash(&credentials.password).await.ok() } else { None };
        let proven = account.password.clone();
        let account = self
            .change(account.id, |account| {
                account.last_sign_in = Some(now);
                if let (Some(hash), true) = (&upgraded, account.password == proven) {
                    account.password = Some(hash.clone());
                }
                Ok(())
            })
            .await?;
        self.note(Action::SignedIn, Some(account.id), Some(account.id), "password", now).await?;
        Ok(account)
    }

    async fn pair(&self, session: &Secret, now: Millis) -> Result<Pair, AccountError> {
        let account = session.account.ok_or(AccountError::NotSignedIn)?;
        // No refresh token outlives its session.
        let left = Duration::from_millis(u64::try_from(session.expires_at.since(now)).unwrap_or_default());
        let mut refresh = fresh(SecretKind::Refresh, Some(account), self.config.refresh.min(left), now);
        refresh.kept.family = session.sha256.clone();
        self.stores.secrets.add_secret(&refresh.kept).await?;
        let access = self.signer.sign(account, &session.sha256, now)?;
        Ok(Pair { access, expires_in: self.signer.holds(), refresh: refresh.shown })
    }

    pub(crate) async fn make_dj_token(&self, account: &Account, name: &str, now: Millis) -> Result<String, AccountError> {
        self.make_room_for_token(account.id, now).await?;
        let token = dj_token();
        let sha256 = schemas::secrets::token_hash(&token);
        let dj = account.id.to_string();
        self.stores.tokens.add_token_of(&dj, &account.display_name, &label(name), &sha256, now).await?;
        self.note(Action::TokenMade, Some(account.id), Some(account.id), label(name), now).await?;
        Ok(token)
    }
}
