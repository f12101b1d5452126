//! Signing in on a device without a good keyboard or browser, as RFC 8628 has it: it shows a short code, somebody who is signed in
//! elsewhere types it, and the device is let in.

use std::time::Duration;

use schemas::Millis;
use schemas::secrets::token_hash;
use store::{SecretKind, Use};

use crate::Accounts;
use crate::audit::Action;
use crate::caller::Caller;
use crate::error::AccountError;
use crate::sessions::label;
use crate::sign_in::Pair;
use crate::tokens::{fresh, hash_of, meant, readable};

#[derive(Clone)]
pub struct DeviceStart {
    /// What the device asks with.
    pub device_code: String,
    /// What it shows.
    pub user_code: String,
    pub expires_in: Duration,
    pub interval: Duration,
}

#[derive(Clone)]
pub enum Polled {
    /// Nobody has typed the code yet.
    Pending,
    In(Pair),
}

impl Accounts {
    pub async fn device_start(&self, name: &str, now: Millis) -> Result<DeviceStart, AccountError> {
        let config = &self.inner.config;
        let mut device = fresh(SecretKind::Device, None, config.device, now);
        device.kept.label = label(name);
        self.inner.stores.secrets.add_secret(&device.kept).await?;
        // One in ten thousand million that two of a minute are the same; then another is drawn.
        for _ in 0..3 {
            let mut code = readable(None, config.device, now);
            code.kept.about = device.kept.sha256.clone();
            code.kept.label = device.kept.label.clone();
            match self.inner.stores.secrets.add_secret(&code.kept).await {
                Ok(()) => {
                    let (expires_in, interval) = (config.device, config.device_poll);
                    return Ok(DeviceStart { device_code: device.shown, user_code: code.shown, expires_in, interval });
                }
                Err(store::StoreError::Taken) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AccountError::Busy)
    }

    /// What the device with this code calls itself, so that whoever types it sees whom they let in.
    pub async fn device_named(&self, caller: &Caller, typed: &str, now: Millis) -> Result<String, AccountError> {
        caller.require_session()?;
        let code = meant(typed).ok_or(AccountError::NotFound)?;
        let found = self.inner.stores.secrets.secret(&token_hash(&code), now).await?;
        let found = found.filter(|secret| secret.kind == SecretKind::DeviceCode && secret.used_at.is_none());
        found.map(|secret| secret.label).ok_or(AccountError::NotFound)
    }

    /// Lets the device in as the caller.
    pub async fn device_let_in(&self, caller: &Caller, typed: &str, now: Millis) -> Result<String, AccountError> {
        caller.require_session()?;
        let (inner, sha256) = (&self.inner, token_hash(&meant(typed).ok_or(AccountError::NotFound)?));
        let found = inner.stores.secrets.secret(&sha256, now).await?;
        found.filter(|secret| secret.kind == SecretKind::DeviceCode).ok_or(AccountError::NotFound)?;
        let Use::First(code) = inner.stores.secrets.use_secret(&sha256, now).await? else { return Err(AccountError::NotFound) };
        let device = inner.stores.secrets.secret(&code.about, now).await?.ok_or(AccountError::NotFound)?;
        if !inner.stores.secrets.assign_secret(&device, caller.id(), now).await? {
            return Err(AccountError::NotFound);
        }
        inner.note(Action::DeviceLetIn, Some(caller.id()), Some(caller.id()), code.label.clone(), now).await?;
        Ok(code.label)
    }

    /// What the device asks until it is let in. It is let in once.
    pub async fn device_poll(&self, device_code: &str, now: Millis) -> Result<Polled, AccountError> {
        let inner = &self.inner;
        let sha256 = hash_of(SecretKind::Device, device_code).ok_or(AccountError::NotFound)?;
        let device = inner.stores.secrets.secret(&sha256, now).await?.filter(|secret| secret.kind == SecretKind::Device);
        let device = device.ok_or(AccountError::NotFound)?;
        if device.account.is_none() {
            return Ok(Polled::Pending);
        }
        let Use::First(device) = inner.stores.secrets.use_secret(&sha256, now).await? else { return Err(AccountError::NotFound) };
        let account = inner.living(device.account).await?;
        self.begin_app(&account, &device.label, now).await.map(Polled::In)
    }
}
