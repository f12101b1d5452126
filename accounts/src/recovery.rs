//! Codes from letters, and what they allow: verifying an address, changing it, choosing a new password.

use schemas::{AccountId, Email, Millis};
use store::{Account, Name, Secret, SecretKind, Use};

use crate::audit::Action;
use crate::caller::Caller;
use crate::error::AccountError;
use crate::letters::Letters;
use crate::tokens::{fresh, hash_of};
use crate::{Accounts, Inner, mail};

/// What one who is in may have begun, to be in later.
const BEGUN: [SecretKind; 3] = [SecretKind::ChangeEmail, SecretKind::ResetPassword, SecretKind::Device];

impl Accounts {
    /// Takes the code from a letter. A code that was used before, or is too old, is not one.
    pub async fn verify_email(&self, code: &str, now: Millis) -> Result<Account, AccountError> {
        let inner = &self.inner;
        let used = inner.use_code(SecretKind::VerifyEmail, code, now).await?;
        let id = used.account.ok_or(AccountError::NotFound)?;
        let account = inner
            .change(id, |account| {
                // The address may have been changed since the letter was sent.
                if account.email.as_str() != used.about {
                    return Err(AccountError::CodeGone);
                }
                account.verified_at.get_or_insert(now);
                Ok(())
            })
            .await?;
        inner.note(Action::EmailVerified, Some(id), Some(id), "", now).await?;
        Ok(account)
    }

    /// Sends a code that lets its reader choose a new password. Whether the address is known is not said.
    pub async fn ask_reset(&self, email: &str, now: Millis) -> Result<(), AccountError> {
        let inner = &self.inner;
        let email = Email::parse(email).map_err(|error| AccountError::invalid(error.to_string()))?;
        let Some(account) = inner.stores.accounts.account_named(&Name::Email(email)).await? else { return Ok(()) };
        let mut code = fresh(SecretKind::ResetPassword, Some(account.id), inner.config.reset, now);
        code.kept.about = account.email.as_str().to_owned();
        inner.stores.secrets.add_secret(&code.kept).await?;
        let letter = Letters { public_url: &inner.config.public_url }.reset(&account.email, &code.shown);
        // In a task of its own: a mail server's time would tell whether the address is known.
        let accounts = self.clone();
        tokio::spawn(async move { mail::send(accounts.inner.post.as_ref(), &letter).await });
        Ok(())
    }

    /// Chooses a new password with the code from a letter. All sessions, tokens and other codes end: whoever got in with the old one is out.
    pub async fn reset_password(&self, code: &str, password: &str, now: Millis) -> Result<(), AccountError> {
        let inner = &self.inner;
        let sha256 = hash_of(SecretKind::ResetPassword, code).ok_or(AccountError::CodeGone)?;
        let seen = inner.stores.secrets.secret(&sha256, now).await?;
        let seen = seen.filter(|code| code.kind == SecretKind::ResetPassword && code.used_at.is_none()).ok_or(AccountError::CodeGone)?;
        let id = seen.account.ok_or(AccountError::CodeGone)?;
        let account = inner
            .stores
            .accounts
            .account(id)
            .await?
            .filter(|account| account.email.as_str() == seen.about)
            .ok_or(AccountError::CodeGone)?;
        // Before the code is used up: a password that is refused must not cost the letter.
        let hash = inner.passwords.hash(password, &about(&account)).await?;
        inner.use_code(SecretKind::ResetPassword, code, now).await?;
        let account = inner
            .change(id, |account| {
                account.password = Some(hash.clone());
                // The letter arrived, so the address is theirs.
                account.verified_at.get_or_insert(now);
                Ok(())
            })
            .await?;
        inner.sign_everything_out(&account, None, now).await?;
        inner.note(Action::PasswordReset, Some(id), Some(id), "", now).await?;
        let _ = mail::send(inner.post.as_ref(), &inner.letters().password_changed(&account.email)).await;
        Ok(())
    }

    /// Chooses a new password with the old one. All else that is signed in ends; the session that asks stays.
    pub async fn change_password(&self, caller: &Caller, old: &str, new: &str, now: Millis) -> Result<(), AccountError> {
        let inner = &self.inner;
        let session = caller.require_session()?.clone();
        inner.prove(&caller.account, old).await?;
        let hash = inner.passwords.hash(new, &about(&caller.account)).await?;
        let proven = caller.account.password.clone();
        let account = inner
            .change(caller.id(), |account| {
                if account.password != proven {
                    return Err(AccountError::WrongPassword);
                }
                account.password = Some(hash.clone());
                Ok(())
            })
            .await?;
        inner.sign_everything_out(&account, Some(&session), now).await?;
        inner.note(Action::PasswordChanged, Some(account.id), Some(account.id), "", now).await?;
        let _ = mail::send(inner.post.as_ref(), &inner.letters().password_changed(&account.email)).await;
        Ok(())
    }

    /// Sends a code to the new address. Whether it is somebody else's is only found out by its reader.
    pub async fn ask_email_change(&self, caller: &Caller, password: &str, email: &str, now: Millis) -> Result<(), AccountError> {
        let inner = &self.inner;
        caller.require_session()?;
        let email = Email::parse(email).map_err(|error| AccountError::invalid(error.to_string()))?;
        inner.prove(&caller.account, password).await?;
        let mut code = fresh(SecretKind::ChangeEmail, Some(caller.id()), inner.config.verify, now);
        code.kept.about = email.as_str().to_owned();
        inner.stores.secrets.add_secret(&code.kept).await?;
        // Comparing takes a while, and a new password that was chosen meanwhile could not end a code that was not there yet.
        if inner.living(Some(caller.id())).await?.password != caller.account.password {
            inner.stores.secrets.end_secret(&code.kept).await?;
            return Err(AccountError::WrongPassword);
        }
        mail::send(inner.post.as_ref(), &inner.letters().change(&email, &code.shown)).await.map_err(|_| AccountError::Mail)
    }

    /// Takes the code from the letter to the new address, and tells the old one.
    pub async fn change_email(&self, code: &str, now: Millis) -> Result<Account, AccountError> {
        let inner = &self.inner;
        let used = inner.use_code(SecretKind::ChangeEmail, code, now).await?;
        let id = used.account.ok_or(AccountError::CodeGone)?;
        let email = Email::parse(&used.about).map_err(|_| AccountError::CodeGone)?;
        inner.stores.accounts.claim_name(&Name::Email(email.clone()), id, now).await?;
        let mut old = None;
        let account = inner
            .change(id, |account| {
                old = Some(std::mem::replace(&mut account.email, email.clone()));
                account.verified_at = Some(now);
                Ok(())
            })
            .await?;
        if let Some(old) = old.filter(|old| *old != account.email) {
            inner.stores.accounts.release_name(&Name::Email(old.clone()), id).await?;
            let _ = mail::send(inner.post.as_ref(), &inner.letters().changed(&old)).await;
        }
        inner.note(Action::EmailChanged, Some(id), Some(id), "", now).await?;
        Ok(account)
    }
}

/// What a guesser would try first.
fn about(account: &Account) -> [&str; 3] {
    let address = account.email.as_str();
    [&account.display_name, address, address.split('@').next().unwrap_or_default()]
}

impl Inner {
    fn letters(&self) -> Letters<'_> {
        Letters { public_url: &self.config.public_url }
    }

    async fn use_code(&self, kind: SecretKind, code: &str, now: Millis) -> Result<Secret, AccountError> {
        let sha256 = hash_of(kind, code).ok_or(AccountError::CodeGone)?;
        match self.stores.secrets.secret(&sha256, now).await? {
            Some(secret) if secret.kind == kind => {}
            Some(_) | None => return Err(AccountError::CodeGone),
        }
        match self.stores.secrets.use_secret(&sha256, now).await? {
            Use::First(secret) => Ok(secret),
            Use::Again(_) | Use::Gone => Err(AccountError::CodeGone),
        }
    }

    /// The password once more, before something that a thief of a session would do first.
    pub(crate) async fn prove(&self, account: &Account, password: &str) -> Result<(), AccountError> {
        if account.password.is_none() {
            return Err(AccountError::in_the_way("this account has no password yet; ask for a letter to choose one"));
        }
        let checked = self.passwords.check(password, account.password.as_ref()).await?;
        if checked.right { Ok(()) } else { Err(AccountError::WrongPassword) }
    }

    /// Ends what lets anybody in, and what was begun by whoever was in until now: a change of the address, another new password, a
    /// device that was let in and has not come yet. Each would let them in again.
    pub(crate) async fn sign_everything_out(&self, account: &Account, but: Option<&Secret>, now: Millis) -> Result<(), AccountError> {
        self.end_secrets(account.id, &BEGUN, now).await?;
        self.end_sessions(account.id, but, now).await?;
        self.end_tokens(account.id, now).await.map(drop)
    }

    pub(crate) async fn end_secrets(&self, account: AccountId, kinds: &[SecretKind], now: Millis) -> Result<(), AccountError> {
        for kind in kinds {
            for secret in self.stores.secrets.secrets_of(account, *kind, now).await? {
                self.stores.secrets.end_secret(&secret).await?;
            }
        }
        Ok(())
    }
}
