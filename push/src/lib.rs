//! Web Push: announcements for dancers whose page is closed ([RFC 8030](https://www.rfc-editor.org/rfc/rfc8030)).
//!
//! It promises: what is pushed is read by the browser alone; an announcement is pushed by one process at a time, to each browser once
//! as far as can be known, and never when it is too old to matter; a browser that is gone is forgotten; nothing is sent to an address
//! that is not a push service's. Who may announce was decided before the announcement was stored, so nobody is asked here again.
//!
//! It knows the store and asks push services over HTTPS. It knows neither the broker nor requests.

mod config;
mod error;
mod metrics;

mod addresses;
mod endpoint;
mod keys;
mod seal;
mod service;

mod browsers;
mod dispatch;
mod job;
mod pace;

use std::sync::Arc;

pub use browsers::Wanted;
pub use config::Config;
pub use dispatch::{Announcement, Dispatcher};
pub use endpoint::{Services, usual};
pub use error::PushError;
pub use keys::{Keys, new_key};

/// What the room keeps things in.
#[derive(Clone)]
pub struct Stores {
    pub subscriptions: Arc<dyn store::Subscriptions>,
    pub pushes: Arc<dyn store::Pushes>,
}

/// Cloned freely; all clones are one.
#[derive(Clone)]
pub struct Push {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    keys: Keys,
    stores: Stores,
    services: service::PushServices,
}

impl Push {
    /// Fails where the system gives no means to speak TLS.
    pub fn new(config: Config, keys: Keys, stores: Stores) -> Result<Self, PushError> {
        metrics::describe();
        let services = service::PushServices::new(&config)?;
        Ok(Push { inner: Arc::new(Inner { config, keys, stores, services }) })
    }

    /// The key that browsers subscribe with. None: nothing is pushed here.
    pub fn public_key(&self) -> Option<&str> {
        self.inner.keys.newest().map(|key| key.public.as_str())
    }
}
