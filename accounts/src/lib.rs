//! Accounts: who somebody is, what they hold to prove it, and what they may do.
//!
//! It promises: a password is kept only as its argon2id hash, and checking one takes the same time whoever it is for; of each
//! secret that it gives out only the SHA-256 is kept; whoever is suspended, or whose session was ended, is nobody from the next
//! question on; every change of these things is in the audit log. It knows the store. It knows neither HTTP, cookies nor the
//! broker: who has to hear of an ended session is told through [`Herald`].

mod config;
mod error;
pub mod metrics;

mod letters;
mod mail;
mod passwords;
mod tokens;

mod jwt;

mod admin;
mod audit;
mod caller;
mod devices;
mod mine;
mod profile;
mod recovery;
mod register;
mod sessions;
mod sign_in;
mod tickets;

use std::sync::Arc;

use async_trait::async_trait;
use schemas::secrets::ClusterKey;

pub use admin::Page;
pub use audit::Action;
pub use caller::{Caller, Means};
pub use config::{Config, Hashing};
pub use devices::{DeviceStart, Polled};
pub use error::AccountError;
pub use jwt::AccessClaims;
pub use letters::Letter;
pub use mail::{Mailbox, Post, PostError, Smtp};
pub use profile::{Defaults, ProfileChange};
pub use register::Registration;
pub use sessions::{SessionView, token_id};
pub use sign_in::{Credentials, Pair, SignedIn};

/// Who is told that a secret does not hold any more: every node that may remember it, or hold a socket that was opened with it.
#[async_trait]
pub trait Herald: Send + Sync {
    /// `sha256` is of a session or of a DJ's token. It must be stored before this returns.
    async fn ended(&self, sha256: &str) -> Result<(), String>;
}

/// What the room keeps things in.
#[derive(Clone)]
pub struct Stores {
    pub accounts: Arc<dyn store::Accounts>,
    pub secrets: Arc<dyn store::Secrets>,
    pub audit: Arc<dyn store::Audit>,
    pub tokens: Arc<dyn store::Tokens>,
}

/// Cloned freely; all clones are one.
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    stores: Stores,
    post: Arc<dyn Post>,
    herald: Arc<dyn Herald>,
    passwords: passwords::Passwords,
    signer: jwt::Signer,
}

impl Accounts {
    pub fn new(config: Config, stores: Stores, key: &ClusterKey, post: Arc<dyn Post>, herald: Arc<dyn Herald>) -> Self {
        metrics::describe();
        let passwords = passwords::Passwords::start(&config.hashing);
        let signer = jwt::Signer::new(key, &config);
        Accounts { inner: Arc::new(Inner { config, stores, post, herald, passwords, signer }) }
    }

    pub fn config(&self) -> &Config {
        &self.inner.config
    }
}
