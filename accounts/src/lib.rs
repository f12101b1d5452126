//! Accounts: who somebody is, what they hold to prove it, and what they may do.
//!
//! It promises: a password is kept only as its argon2id hash, and checking one takes the same time whoever it is for; of each
//! secret that it gives out only the SHA-256 is kept; whoever is suspended, or whose session was ended, is nobody from the next
//! question on; every change of these things is in the audit log. It knows the store. It asks mail
//! servers and providers, and knows neither requests, cookies nor the broker: who has to hear of an ended session is told through
//! [`Herald`].

mod config;
mod error;
pub mod metrics;

mod letters;
mod mail;
mod passwords;
mod tokens;

mod jwt;
mod signatures;

mod asking;
mod code_flow;
mod github;
mod oidc;
mod providers;

mod admin;
mod audit;
mod caller;
mod devices;
mod logins;
mod mine;
mod profile;
mod recovery;
mod register;
mod retention;
mod sessions;
mod sign_in;
mod tickets;

use std::sync::Arc;

use async_trait::async_trait;
use schemas::secrets::ClusterKey;

pub use admin::{PAGE as USERS_PAGE, Page};
pub use audit::Action;
pub use caller::{Caller, Means};
pub use config::{Config, Hashing};
pub use devices::{DeviceStart, Polled};
pub use error::AccountError;
pub use jwt::AccessClaims;
pub use letters::Letter;
pub use logins::{Entered, LoginStart, LoginView, Returned};
pub use mail::{Mailbox, Post, PostError, Smtp};
pub use passwords::LENGTH as PASSWORD_LENGTH;
pub use profile::{ADDRESS, ADDRESS_PATTERN, BIO, Choice, Defaults, GENRE, GENRES, NETWORKS, ProfileChange};
pub use providers::{ClientSecret, Provider, Speaks};
pub use register::{Moved, Registration};
pub use sessions::{SessionView, token_id};
pub use sign_in::{Credentials, Pair, SignedIn};
pub use signatures::install as sign_with_ring;

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
    /// Browsers that people are told of announcements in.
    pub subscriptions: Arc<dyn store::Subscriptions>,
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
    logins: logins::Logins,
}

impl Accounts {
    pub fn new(config: Config, stores: Stores, key: &ClusterKey, post: Arc<dyn Post>, herald: Arc<dyn Herald>) -> Self {
        metrics::describe();
        let passwords = passwords::Passwords::start(&config.hashing);
        let signer = jwt::Signer::new(key, &config);
        let logins = logins::Logins::new(&config.providers);
        Accounts { inner: Arc::new(Inner { config, stores, post, herald, passwords, signer, logins }) }
    }

    pub fn config(&self) -> &Config {
        &self.inner.config
    }
}
