//! One's own sessions and DJ's tokens: listing, naming and ending them.

use schemas::text::clean;
use schemas::{AccountId, Millis};
use store::{DjToken, Secret, SecretKind};

use crate::audit::Action;
use crate::caller::{Caller, Means};
use crate::error::AccountError;
use crate::tokens::hash_of;
use crate::{Accounts, Inner};

/// DJ's tokens that one account may have at a time. Each sign-in of 0.3.0 adds one; beyond it the one that was used longest ago goes.
const TOKENS: usize = 20;
/// Characters of a name that somebody gives a session or a token.
const LABEL: usize = 200;

/// What a browser or an app calls itself, or a person calls a token, as far as it is worth showing.
pub(crate) fn label(raw: &str) -> String {
    clean(raw).chars().take(LABEL).collect()
}

/// A session as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Ends it. Not what proves it.
    pub id: String,
    pub label: String,
    /// `browser` or `app`.
    pub kind: String,
    pub created_at: Millis,
    pub last_used: Option<Millis>,
    pub expires_at: Millis,
    /// The one that asks.
    pub current: bool,
}

/// An id that names a session among its owner's: enough of its hash to be one.
fn id_of(sha256: &str) -> String {
    sha256.chars().take(24).collect()
}

impl Accounts {
    pub async fn sessions(&self, caller: &Caller, now: Millis) -> Result<Vec<SessionView>, AccountError> {
        let own = match &caller.means {
            Means::Session(session) => session.sha256.as_str(),
            Means::DjToken(_) => "",
        };
        let sessions = self.inner.stores.secrets.secrets_of(caller.id(), SecretKind::Session, now).await?;
        let view = |session: Secret| SessionView {
            id: id_of(&session.sha256),
            current: session.sha256 == own,
            label: session.label,
            kind: session.about,
            created_at: session.created_at,
            last_used: session.last_used,
            expires_at: session.expires_at,
        };
        Ok(sessions.into_iter().map(view).collect())
    }

    /// Ends one of the caller's sessions. Another person's is one that is not there.
    pub async fn end_one_session(&self, caller: &Caller, id: &str, now: Millis) -> Result<(), AccountError> {
        caller.require_session()?;
        let sessions = self.inner.stores.secrets.secrets_of(caller.id(), SecretKind::Session, now).await?;
        let session = sessions.into_iter().find(|session| id_of(&session.sha256) == id).ok_or(AccountError::NotFound)?;
        self.inner.end_session(&session).await?;
        self.inner.note(Action::SessionEnded, Some(caller.id()), Some(caller.id()), session.label, now).await
    }

    /// Ends all sessions of the caller but the one that asks.
    pub async fn end_other_sessions(&self, caller: &Caller, now: Millis) -> Result<usize, AccountError> {
        let own = caller.require_session()?.clone();
        let ended = self.inner.end_sessions(caller.id(), Some(&own), now).await?;
        self.inner.note(Action::SessionEnded, Some(caller.id()), Some(caller.id()), format!("{ended} others"), now).await?;
        Ok(ended)
    }

    /// Ends the session that asks. A session that is gone already is signed out.
    pub async fn sign_out(&self, cookie: &str, now: Millis) -> Result<(), AccountError> {
        let Some(sha256) = hash_of(SecretKind::Session, cookie) else { return Ok(()) };
        let session = self.inner.stores.secrets.secret(&sha256, now).await?;
        let Some(session) = session.filter(|secret| secret.kind == SecretKind::Session) else { return Ok(()) };
        self.inner.end_session(&session).await?;
        self.inner.note(Action::SignedOut, session.account, session.account, "", now).await
    }

    /// The same for whoever shows another means.
    pub async fn sign_out_caller(&self, caller: &Caller, now: Millis) -> Result<(), AccountError> {
        let session = caller.require_session()?;
        self.inner.end_session(session).await?;
        self.inner.note(Action::SignedOut, Some(caller.id()), Some(caller.id()), "", now).await
    }

    pub async fn dj_tokens(&self, caller: &Caller) -> Result<Vec<DjToken>, AccountError> {
        Ok(self.inner.stores.tokens.tokens_of(&caller.id().to_string()).await?)
    }

    /// A new token, shown this once.
    pub async fn add_dj_token(&self, caller: &Caller, name: &str, now: Millis) -> Result<String, AccountError> {
        caller.require_session()?;
        self.inner.make_dj_token(&caller.account, name, now).await
    }

    /// Ends one of the caller's tokens, by the id that the list gives. Another person's is one that is not there.
    pub async fn end_dj_token(&self, caller: &Caller, id: &str, now: Millis) -> Result<(), AccountError> {
        caller.require_session()?;
        let tokens = self.dj_tokens(caller).await?;
        let token = tokens.into_iter().find(|token| token_id(token) == id).ok_or(AccountError::NotFound)?;
        self.inner.end_token(&token.sha256, now).await?;
        self.inner.note(Action::TokenEnded, Some(caller.id()), Some(caller.id()), token.label, now).await
    }

    /// A new token for the one that was shown, which is dead at once. Whoever shows a session gets one more, and the rest stay.
    pub async fn regenerate_dj_token(&self, caller: &Caller, client: &str, now: Millis) -> Result<String, AccountError> {
        let name = match &caller.means {
            Means::DjToken(sha256) => {
                let tokens = self.dj_tokens(caller).await?;
                let label = tokens.into_iter().find(|token| token.sha256 == *sha256).map(|token| token.label);
                self.inner.end_token(sha256, now).await?;
                self.inner.note(Action::TokenEnded, Some(caller.id()), Some(caller.id()), "made anew", now).await?;
                label.unwrap_or_else(|| client.to_owned())
            }
            Means::Session(_) => client.to_owned(),
        };
        self.inner.make_dj_token(&caller.account, &name, now).await
    }
}

/// What a token is called by its owner's programs: enough of its hash to be one among theirs.
pub fn token_id(token: &DjToken) -> String {
    id_of(&token.sha256)
}

impl Inner {
    /// The store first: from then on nobody new gets in with it. Then whoever may remember it is told.
    pub(crate) async fn end_session(&self, session: &Secret) -> Result<(), AccountError> {
        self.stores.secrets.end_secret(session).await?;
        self.tell(&session.sha256).await;
        Ok(())
    }

    pub(crate) async fn end_sessions(&self, account: AccountId, but: Option<&Secret>, now: Millis) -> Result<usize, AccountError> {
        let mut ended = 0;
        for session in self.stores.secrets.secrets_of(account, SecretKind::Session, now).await? {
            if but.is_none_or(|but| but.sha256 != session.sha256) {
                self.end_session(&session).await?;
                ended += 1;
            }
        }
        Ok(ended)
    }

    pub(crate) async fn end_token(&self, sha256: &str, now: Millis) -> Result<(), AccountError> {
        self.stores.tokens.revoke_token(sha256, now).await?;
        self.tell(sha256).await;
        Ok(())
    }

    pub(crate) async fn end_tokens(&self, account: AccountId, now: Millis) -> Result<usize, AccountError> {
        let tokens = self.stores.tokens.tokens_of(&account.to_string()).await?;
        for token in &tokens {
            self.end_token(&token.sha256, now).await?;
        }
        Ok(tokens.len())
    }

    pub(crate) async fn make_room_for_token(&self, account: AccountId, now: Millis) -> Result<(), AccountError> {
        let mut tokens = self.stores.tokens.tokens_of(&account.to_string()).await?;
        tokens.sort_by_key(|token| token.last_used.unwrap_or(token.created_at));
        let surplus = (tokens.len() + 1).saturating_sub(TOKENS);
        for token in tokens.iter().take(surplus) {
            self.end_token(&token.sha256, now).await?;
        }
        Ok(())
    }

    /// A broker that is away is no reason to leave the rest undone: nodes that do not hear it ask anew within a minute.
    pub(crate) async fn tell(&self, sha256: &str) {
        if let Err(error) = self.herald.ended(sha256).await {
            tracing::warn!(error, "that a secret was ended could not be told; nodes that know it ask again within a minute");
        }
    }
}
