//! Signing up.

use schemas::text::slug;
use schemas::{AccountId, DjName, Email, Millis, PersonId};
use store::{Account, Grant, Identity, Name, PasswordHash, Preferences, Profile, SecretKind};

use crate::audit::Action;
use crate::caller::Caller;
use crate::error::AccountError;
use crate::letters::Letters;
use crate::sign_in::SignedIn;
use crate::tokens::fresh;
use crate::{Accounts, Inner, mail, metrics, passwords};

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

/// An account of an older Pika.
#[derive(Clone)]
pub struct Moved {
    pub email: String,
    pub display_name: String,
    pub hash: Option<String>,
    pub verified: bool,
    pub created_at: Option<Millis>,
}

/// A name that a person may bear, as it is shown and as it stands in an address.
pub(crate) fn names(raw: &str) -> Result<(String, String), AccountError> {
    let name = DjName::parse(raw).map_err(|words| AccountError::invalid(format!("displayName {words}")))?;
    if name.as_str().chars().count() < 2 {
        return Err(AccountError::invalid("displayName must have at least 2 characters"));
    }
    let slug = slug(name.as_str());
    if RESERVED.contains(&slug.as_str()) {
        return Err(AccountError::in_the_way("displayName is reserved; take another one"));
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
        let mut account = inner.new_account(email, (display_name, slug), wanted.guest, now).await?;
        account.password = Some(password);
        inner.stores.accounts.add_account(&account).await?;
        metrics::registered();
        let detail = if wanted.guest == Some(account.person) { GUEST } else { "" };
        inner.note(Action::Registered, Some(account.id), Some(account.id), detail, now).await?;
        // The account is there in any case; the letter can be asked for again.
        let _ = inner.send_verification(&account, now).await;
        let token = inner.make_dj_token(&account, &wanted.client, now).await?;
        Ok(SignedIn { account, dj_token: token })
    }

    /// Sends the letter again.
    pub async fn ask_verification(&self, caller: &Caller, now: Millis) -> Result<(), AccountError> {
        caller.require_session()?;
        let account = self.inner.living(Some(caller.id())).await?;
        if account.verified_at.is_some() {
            return Ok(());
        }
        self.inner.send_verification(&account, now).await
    }

    /// Moves somebody's account of an older Pika here. Their hash stays good until they sign in; whoever had none chooses a password by
    /// letter. `Taken`: the address or the name is here already, so the same list may be moved twice.
    pub async fn move_in(&self, moved: Moved, now: Millis) -> Result<Account, AccountError> {
        let email = Email::parse(&moved.email).map_err(|error| AccountError::invalid(error.to_string()))?;
        moved.hash.as_deref().map_or(Ok(()), passwords::can_be_checked)?;
        let mut account = self.inner.new_account(email, names(&moved.display_name)?, None, moved.created_at.unwrap_or(now)).await?;
        account.password = moved.hash.map(PasswordHash);
        account.verified_at = moved.verified.then_some(now);
        account.last_sign_in = None;
        self.adopt(account.clone(), now).await?;
        Ok(account)
    }

    /// Moves accounts of an older Pika here: their hashes stay good until their owners sign in.
    pub async fn adopt(&self, account: Account, now: Millis) -> Result<(), AccountError> {
        self.inner.stores.accounts.add_account(&account).await?;
        self.inner.note(Action::Registered, Some(account.id), None, "moved from another Pika", now).await
    }
}

/// What the audit log says of somebody who signed up in a browser where they were a guest.
const GUEST: &str = "a guest became an account";

/// What somebody is called who told no name that they may bear.
const NAMELESS: &str = "Dancer";

impl Inner {
    /// Not stored yet, but for who it is among the dancers: the guest whose identity was shown, unless that is somebody already. A browser
    /// keeps its identity when a session in it has ended, and the next one to sign up there is another person.
    async fn new_account(
        &self,
        email: Email,
        (display_name, slug): (String, String),
        guest: Option<PersonId>,
        now: Millis,
    ) -> Result<Account, AccountError> {
        let id = AccountId::random();
        let person = match guest {
            Some(guest) => match self.stores.accounts.claim_name(&Name::Person(guest), id, now).await {
                Ok(()) => guest,
                Err(store::StoreError::Taken) => PersonId::random(),
                Err(error) => return Err(error.into()),
            },
            None => PersonId::random(),
        };
        let roles = self.config.new_roles.iter().map(|role| Grant { role: *role, granted_at: now, granted_by: None }).collect();
        Ok(Account {
            id,
            version: 1,
            email,
            verified_at: None,
            display_name,
            slug,
            password: None,
            person,
            created_at: now,
            last_sign_in: Some(now),
            suspended_at: None,
            roles,
            identities: Vec::new(),
            profile: Profile::default(),
            preferences: Preferences::default(),
        })
    }

    /// Makes an account of a login elsewhere, whose provider has verified the address. Its name is what the provider calls them, or
    /// near it: names are each somebody's, and they can change it.
    pub(crate) async fn make_from_login(
        &self,
        email: Email,
        name: Option<String>,
        login: Identity,
        guest: Option<PersonId>,
        now: Millis,
    ) -> Result<Account, AccountError> {
        let wanted = name.as_deref().filter(|name| names(name).is_ok()).unwrap_or(NAMELESS);
        for turn in 0..6 {
            let name = match turn {
                0 if wanted != NAMELESS => wanted.to_owned(),
                _ => format!("{} {}", wanted.chars().take(90).collect::<String>(), rand::random_range(1_000..100_000)),
            };
            let mut account = self.new_account(email.clone(), names(&name)?, guest, now).await?;
            account.verified_at = Some(now);
            account.identities.push(login.clone());
            match self.stores.accounts.add_account(&account).await {
                Ok(()) => {}
                Err(store::StoreError::Taken) => continue,
                Err(error) => return Err(error.into()),
            }
            metrics::registered();
            let detail = match guest == Some(account.person) {
                true => format!("{}; {GUEST}", login.provider),
                false => login.provider,
            };
            self.note(Action::Registered, Some(account.id), Some(account.id), detail, now).await?;
            return Ok(account);
        }
        Err(AccountError::Taken)
    }

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
