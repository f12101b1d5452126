//! Signing up.

use schemas::text::slug;
use schemas::{AccountId, DjName, Email, Millis, PersonId};
use store::{Account, Grant, Preferences, Profile, SecretKind};

use crate::audit::Action;
use crate::error::AccountError;
use crate::letters::Letters;
use crate::sign_in::SignedIn;
use crate::tokens::fresh;
use crate::{Accounts, Inner, mail, metrics};

/// Words that stand in addresses of pages, or would pass for those who run this.
const RESERVED: [&str; 36] = [
    "about",
    "account",
    "admin",
    "administrator",
    "api",
    "app",
    "assets",
    "auth",
    "blog",
    "dashboard",
    "dev",
    "dj",
    "docs",
    "events",
    "help",
    "home",
    "join",
    "live",
    "login",
    "logout",
    "me",
    "metrics",
    "moderator",
    "null",
    "pika",
    "pika-team",
    "root",
    "sessions",
    "settings",
    "staff",
    "static",
    "support",
    "system",
    "undefined",
    "www",
    "ws",
];

#[derive(Clone)]
pub struct Registration {
    pub email: String,
    pub password: String,
    pub display_name: String,
    /// Who they were among the dancers until now. What they liked and voted stays theirs.
    pub guest: Option<PersonId>,
    /// What they signed up with, for the list of their tokens.
    pub client: String,
}

/// A name that a person may bear, as it is shown and as it stands in an address.
pub(crate) fn names(raw: &str) -> Result<(String, String), AccountError> {
    let name = DjName::parse(raw).map_err(|words| AccountError::invalid(format!("displayName {words}")))?;
    if name.as_str().chars().count() < 2 {
        return Err(AccountError::invalid("displayName must have at least 2 characters"));
    }
    let slug = slug(name.as_str());
    if RESERVED.contains(&slug.as_str()) {
        return Err(AccountError::invalid("displayName is reserved; take another one"));
    }
    Ok((name.as_str().to_owned(), slug))
}

impl Accounts {
    /// Makes the account, sends the letter that verifies its address, and signs in.
    pub async fn register(&self, wanted: Registration, now: Millis) -> Result<SignedIn, AccountError> {
        let inner = &self.inner;
        let email = Email::parse(&wanted.email).map_err(|error| AccountError::invalid(error.to_string()))?;
        let (display_name, slug) = names(&wanted.display_name)?;
        let about = [display_name.as_str(), email.as_str(), email.as_str().split('@').next().unwrap_or_default()];
        let password = inner.passwords.hash(&wanted.password, &about).await?;
        let roles = inner.config.new_roles.iter().map(|role| Grant { role: *role, granted_at: now, granted_by: None }).collect();
        let account = Account {
            id: AccountId::random(),
            version: 1,
            email,
            verified_at: None,
            display_name,
            slug,
            password: Some(password),
            person: wanted.guest.unwrap_or_else(PersonId::random),
            created_at: now,
            last_sign_in: Some(now),
            suspended_at: None,
            roles,
            identities: Vec::new(),
            profile: Profile::default(),
            preferences: Preferences::default(),
        };
        inner.stores.accounts.add_account(&account).await?;
        metrics::registered();
        let detail = if wanted.guest.is_some() { "a guest became an account" } else { "" };
        inner.note(Action::Registered, Some(account.id), Some(account.id), detail, now).await?;
        // The account is there in any case; the letter can be asked for again.
        let _ = inner.send_verification(&account, now).await;
        let token = inner.make_dj_token(&account, &wanted.client, now).await?;
        Ok(SignedIn { account, dj_token: token })
    }

    /// Sends the letter again.
    pub async fn ask_verification(&self, account: AccountId, now: Millis) -> Result<(), AccountError> {
        let account = self.inner.living(Some(account)).await?;
        if account.verified_at.is_some() {
            return Ok(());
        }
        self.inner.send_verification(&account, now).await
    }

    /// Moves accounts of an older Pika here: their hashes stay good until their owners sign in.
    pub async fn adopt(&self, account: Account, now: Millis) -> Result<(), AccountError> {
        self.inner.stores.accounts.add_account(&account).await?;
        self.inner.note(Action::Registered, Some(account.id), None, "moved from another Pika", now).await
    }
}

impl Inner {
    async fn send_verification(&self, account: &Account, now: Millis) -> Result<(), AccountError> {
        let mut code = fresh(SecretKind::VerifyEmail, Some(account.id), self.config.verify, now);
        // It verifies the address that it was sent to, whatever the account's is by then.
        code.kept.about = account.email.as_str().to_owned();
        self.stores.secrets.add_secret(&code.kept).await?;
        let letter = Letters { public_url: &self.config.public_url }.verify(&account.email, &code.shown);
        mail::send(self.post.as_ref(), &letter).await.map_err(|_| AccountError::Mail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_and_stands_in_an_address() {
        assert_eq!(names(" DJ  Żółć "), Ok(("DJ  Żółć".to_owned(), "dj-żółć".to_owned())));
        for bad in ["", "x", "<b>", "Admin", "PIKA", "a\u{202e}", "\u{0}\u{0}", &"x".repeat(101)] {
            assert!(names(bad).is_err(), "{bad:?}");
        }
    }
}
