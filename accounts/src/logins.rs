//! Signing in with a provider: the way there, the way back, and linking what comes back to an account.
//!
//! A login elsewhere is never taken for an account's because the two have one address. It is linked by somebody who is signed in to
//! the account and comes back from the provider in the same browser; else it is a new account, or nothing.

use std::time::Duration;

use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier, Scope};
use schemas::{Millis, PersonId};
use serde::{Deserialize, Serialize};
use store::{Account, Identity, Name, SecretKind, Use};
use subtle::ConstantTimeEq;

use crate::asking::Asking;
use crate::audit::Action;
use crate::caller::Caller;
use crate::code_flow::Marks;
use crate::error::AccountError;
use crate::metrics::{self, Outcome};
use crate::oidc::Oidc;
use crate::providers::{Claimed, Provider, Speaks};
use crate::tokens::{fresh, hash_of};
use crate::{Accounts, Inner};

/// Characters of an address on our pages to come back to.
const NEXT: usize = 200;

pub(crate) struct Logins {
    asking: Option<Asking>,
    known: Vec<(Provider, Option<Oidc>)>,
}

impl Logins {
    pub fn new(providers: &[Provider]) -> Self {
        let speaks = |provider: &Provider| match &provider.speaks {
            Speaks::Oidc { issuer, .. } => Some(Oidc::new(issuer)),
            Speaks::Github { .. } => None,
        };
        let known: Vec<_> = providers.iter().map(|provider| (provider.clone(), speaks(provider))).collect();
        Logins { asking: if known.is_empty() { None } else { Asking::new() }, known }
    }

    fn find(&self, name: &str) -> Result<(&Asking, &Provider, Option<&Oidc>), AccountError> {
        let found = self.known.iter().find(|(provider, _)| provider.name == name);
        let (asking, (provider, oidc)) = self.asking.as_ref().zip(found).ok_or(AccountError::NotFound)?;
        Ok((asking, provider, oidc.as_ref()))
    }
}

/// The way to a provider.
#[derive(Clone)]
pub struct LoginStart {
    /// Where the browser goes.
    pub url: String,
    /// What the same browser shows when it comes back, and nobody else has.
    pub shown: String,
    pub holds: Duration,
}

/// What somebody comes back with.
#[derive(Clone, Default)]
pub struct Returned {
    pub provider: String,
    /// What the browser was given at the start.
    pub shown: Option<String>,
    pub state: String,
    pub code: Option<String>,
    pub error: Option<String>,
    /// The provider's own name, where it gives one.
    pub iss: Option<String>,
    /// What Apple says once, in the browser's words: it is no more than a proposal.
    pub name: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Entered {
    pub account: Account,
    /// Where on our pages they wanted to be.
    pub next: String,
    /// Whether this linked a login to the account of somebody who is signed in already.
    pub linked: bool,
}

/// A login elsewhere, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginView {
    pub provider: String,
    pub linked_at: Millis,
}

/// What is kept of a way to a provider. All that is secret about it is made of what the browser shows.
#[derive(Serialize, Deserialize)]
struct Way {
    provider: String,
    next: String,
}

fn not_begun() -> AccountError {
    AccountError::LoginFailed("this sign-in was not begun in this browser, or too long ago; begin again".to_owned())
}

/// An address on our own pages. All others would make of us a door to anywhere.
fn on_our_pages(next: &str) -> String {
    let plain = next.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    let ours = next.starts_with('/') && !next.starts_with("//") && plain && next.len() <= NEXT;
    if ours { next.to_owned() } else { "/".to_owned() }
}

impl Accounts {
    /// Providers that somebody can sign in with: their names, and how people know them.
    pub fn providers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.inner.logins.known.iter().map(|(provider, _)| (provider.name, provider.title.as_str()))
    }

    /// The way to a provider: to sign in, or to link a login to the account of whoever asks.
    pub async fn login_start(&self, provider: &str, next: &str, linking: Option<&Caller>, now: Millis) -> Result<LoginStart, AccountError> {
        let inner = &self.inner;
        let (asking, provider, oidc) = inner.logins.find(provider)?;
        let session = linking.map(Caller::require_session).transpose()?;
        let mut way = fresh(SecretKind::Login, linking.map(Caller::id), inner.config.login, now);
        let (client, _) = inner.within(provider, inner.client(asking, provider, oidc, now)).await?;
        let marks = Marks::of(&way.shown);
        let verifier = PkceCodeVerifier::new(marks.proof);
        let state = marks.state;
        let mut request =
            client.authorize_url(|| CsrfToken::new(state)).set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        match &provider.speaks {
            Speaks::Oidc { scopes, form_post, .. } => {
                request =
                    request.add_scopes(scopes.iter().map(|scope| Scope::new((*scope).to_owned()))).add_extra_param("nonce", marks.nonce);
                if *form_post {
                    request = request.add_extra_param("response_mode", "form_post");
                }
            }
            Speaks::Github { .. } => request = request.add_scopes(["read:user", "user:email"].map(|scope| Scope::new(scope.to_owned()))),
        }
        let url = request.url().0.to_string();
        way.kept.family = session.map(|session| session.sha256.clone()).unwrap_or_default();
        let about = Way { provider: provider.name.to_owned(), next: on_our_pages(next) };
        way.kept.about = serde_json::to_string(&about).unwrap_or_default();
        inner.stores.secrets.add_secret(&way.kept).await?;
        Ok(LoginStart { url, shown: way.shown, holds: inner.config.login })
    }

    /// The way back: somebody is signed in, signed up, or has linked a login. It is gone once, whatever came of it.
    pub async fn login_finish(
        &self,
        returned: &Returned,
        caller: Option<&Caller>,
        guest: Option<PersonId>,
        now: Millis,
    ) -> Result<Entered, AccountError> {
        let inner = &self.inner;
        let (asking, provider, oidc) = inner.logins.find(&returned.provider)?;
        let shown = returned.shown.as_deref().ok_or_else(not_begun)?;
        let sha256 = hash_of(SecretKind::Login, shown).ok_or_else(not_begun)?;
        let marks = Marks::of(shown);
        // Before the way is used up: a page of somebody else's can send a visitor here, and must not cost them their way.
        if !bool::from(marks.state.as_bytes().ct_eq(returned.state.as_bytes())) {
            return Err(not_begun());
        }
        let Use::First(kept) = inner.stores.secrets.use_secret(&sha256, now).await? else { return Err(not_begun()) };
        let way: Way = serde_json::from_str(&kept.about).map_err(|_| not_begun())?;
        if kept.kind != SecretKind::Login || way.provider != provider.name {
            return Err(not_begun());
        }
        let linking = match (kept.account, caller) {
            (None, _) => None,
            // Linked by whoever began it, who is signed in with the same session still.
            (Some(owner), Some(caller)) if caller.id() == owner && caller.require_session()?.sha256 == kept.family => Some(caller),
            (Some(_), _) => return Err(not_begun()),
        };
        let code = match (&returned.error, &returned.code) {
            (None, Some(code)) => code.clone(),
            _ => return Err(AccountError::LoginFailed(format!("{} did not let you in; begin again", provider.title))),
        };
        let claimed = inner.within(provider, inner.claimed(asking, provider, oidc, code, marks, returned, now)).await?;
        let identity = Identity { provider: provider.name.to_owned(), subject: claimed.subject.clone(), linked_at: now };
        let account = match linking {
            Some(caller) => inner.link(caller, provider, &claimed, identity, now).await?,
            None => {
                let entered = inner.enter(provider, claimed, identity, returned.name.clone(), guest, now).await;
                metrics::sign_in(match &entered {
                    Ok(_) => Outcome::In,
                    Err(AccountError::Suspended) => Outcome::Suspended,
                    Err(_) => Outcome::Wrong,
                });
                entered?
            }
        };
        Ok(Entered { account, next: way.next, linked: linking.is_some() })
    }

    pub fn logins(&self, caller: &Caller) -> Vec<LoginView> {
        let view = |login: &Identity| LoginView { provider: login.provider.clone(), linked_at: login.linked_at };
        caller.account.identities.iter().map(view).collect()
    }

    /// Takes a login away. The last way into an account stays.
    pub async fn unlink(&self, caller: &Caller, provider: &str, now: Millis) -> Result<(), AccountError> {
        let inner = &self.inner;
        caller.require_session()?;
        let mut gone = Vec::new();
        let account = inner
            .change(caller.id(), |account| {
                (gone, account.identities) =
                    std::mem::take(&mut account.identities).into_iter().partition(|login| login.provider == provider);
                match (gone.is_empty(), account.password.is_none() && account.identities.is_empty()) {
                    (true, _) => Err(AccountError::NotFound),
                    (false, true) => {
                        Err(AccountError::InTheWay("this is the only way into the account; choose a password first".to_owned()))
                    }
                    (false, false) => Ok(()),
                }
            })
            .await?;
        for login in &gone {
            inner.stores.accounts.release_name(&login.name(), account.id).await?;
        }
        inner.note(Action::LoginUnlinked, Some(account.id), Some(account.id), provider, now).await
    }
}

impl Inner {
    /// Links a login to the account of somebody who is signed in.
    async fn link(
        &self,
        caller: &Caller,
        provider: &Provider,
        claimed: &Claimed,
        identity: Identity,
        now: Millis,
    ) -> Result<Account, AccountError> {
        let title = &provider.title;
        if claimed.email.is_none() {
            return Err(AccountError::InTheWay(format!("{title} has not verified your address; do that there first")));
        }
        let own = |login: &Identity| login.provider == identity.provider;
        if let Some(there) = caller.account.identities.iter().find(|login| own(login)) {
            return match there.subject == identity.subject {
                true => Ok(caller.account.clone()),
                false => Err(AccountError::InTheWay(format!("another login of {title} is linked already; unlink it first"))),
            };
        }
        let id = caller.id();
        self.stores.accounts.claim_name(&identity.name(), id, now).await.map_err(|error| match error {
            store::StoreError::Taken => AccountError::InTheWay(format!("this login of {title} is linked to another account already")),
            error => error.into(),
        })?;
        let account = self
            .change(id, |account| {
                if account.identities.iter().any(own) {
                    return Err(AccountError::InTheWay(format!("another login of {title} is linked already; unlink it first")));
                }
                account.identities.push(identity.clone());
                Ok(())
            })
            .await?;
        self.note(Action::LoginLinked, Some(id), Some(id), provider.name, now).await?;
        Ok(account)
    }

    /// Signs in the account that the login is linked to, or makes one.
    async fn enter(
        &self,
        provider: &Provider,
        claimed: Claimed,
        identity: Identity,
        proposed: Option<String>,
        guest: Option<PersonId>,
        now: Millis,
    ) -> Result<Account, AccountError> {
        if let Some(account) = self.stores.accounts.account_named(&identity.name()).await? {
            if account.suspended_at.is_some() {
                self.note(Action::SignInRefused, Some(account.id), Some(account.id), "suspended", now).await?;
                return Err(AccountError::Suspended);
            }
            let account = self
                .change(account.id, |account| {
                    account.last_sign_in = Some(now);
                    Ok(())
                })
                .await?;
            self.note(Action::SignedIn, Some(account.id), Some(account.id), provider.name, now).await?;
            return Ok(account);
        }
        let title = &provider.title;
        let Some(email) = claimed.email else {
            return Err(AccountError::InTheWay(format!("{title} has not verified your address; do that there first")));
        };
        // Whoever it was that signed up with this address, this person has not shown that they are the one.
        if self.stores.accounts.account_named(&Name::Email(email.clone())).await?.is_some() {
            return Err(AccountError::InTheWay(format!(
                "there is an account with this address; sign in to it, then link {title} in its settings"
            )));
        }
        self.make_from_login(email, claimed.name.or(proposed), identity, guest, now).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        assert_eq!(on_our_pages("/account?tab=logins#x"), "/account?tab=logins#x");
        for bad in [
            "",
            "account",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nSet-Cookie: x",
            "/ä",
            &format!("/{}", "x".repeat(300)),
        ] {
            assert_eq!(on_our_pages(bad), "/", "{bad:?}");
        }
    }
}
