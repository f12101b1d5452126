//! The role that answers: REST, the pages, and whose token this is.
//!
//! It promises: a route answers from what is on now (the lobby, in memory) or from what was stored (the store, within a
//! deadline), and says 503 where it cannot know; every failure has the shape and a code of [`schemas::error`]; a person
//! reaches only their own likes, and only a run's owner sees its polls. Every route stands in [`routes`], with its shape
//! in `/openapi.json`. It knows nothing of sockets, writes nothing to the log, and keeps no state that a restart could lose.

mod routes;

mod admin;
mod apps;
mod auth;
mod client_errors;
mod devices;
mod djs;
mod elsewhere;
mod fingerprints;
mod health;
mod history;
mod join;
mod likes;
mod logins;
mod mailbox;
mod openapi;
mod own;
mod pages;
mod polls;
mod profiles;
mod pushes;
mod qr;
mod recap;
mod recovery;
mod sessions;
mod shapes;
mod stats;
mod status;

mod herald;
mod limits;
mod listeners;
mod signed_in;
mod tokens;

mod config;
mod desk;
mod export;
mod failure;
mod fresh;
mod headers;
pub mod metrics;
mod owner;
mod perimeter;
mod posted;
mod refused;
mod stage;
mod wants;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod trial;

use std::sync::Arc;

use axum::Router;
use schemas::secrets::ClusterKey;
use tokio_util::sync::CancellationToken;

pub use config::Config;
pub use herald::Told;
pub use limits::{Limits, Rate, Rates};
pub use listeners::Listeners;
pub use perimeter::perimeter;

use desk::{Desk, Parts};
use stage::Brokered;

/// What the role works with. All of it is cheap to clone.
#[derive(Clone)]
pub struct Deps {
    pub config: Config,
    pub broker: nats::Broker,
    pub lobby: nats::Lobby,
    pub live: Arc<dyn store::Live>,
    pub tokens: Arc<dyn store::Tokens>,
    pub accounts: accounts::Accounts,
    /// Where letters go, if not to a mail server; then there is a page to read them.
    pub mailbox: Option<accounts::Mailbox>,
    pub key: ClusterKey,
    /// What one process lets through all of them count; as with `listeners`, [`run`] and [`routes`] must be given clones of one.
    pub limits: Limits,
    /// Who subscribes to Web Push is kept with it. Nothing is pushed from here.
    pub push: push::Push,
    /// Begins empty; [`run`] fills it and [`routes`] reads it, so both must be given clones of one.
    pub listeners: Listeners,
}

/// The REST routes and the pages, with the fallback for addresses that do not exist. Made to be merged with the routers
/// of other roles; see [`perimeter`] for what then has to go round the whole.
pub fn routes(deps: Deps) -> Router {
    let stage = Arc::new(Brokered { broker: deps.broker.clone(), lobby: deps.lobby.clone() });
    let Deps { config, live, tokens, accounts, mailbox, key, limits, push, listeners, broker: _, lobby: _ } = deps;
    routes::router(Arc::new(Desk::new(Parts { config, live, tokens, accounts, mailbox, key, limits, push, listeners }, stage)))
}

/// The OpenAPI document, as `/openapi.json` gives it out.
pub fn openapi() -> &'static str {
    openapi::document()
}

/// Answers questions for tokens, removes what has grown old, follows the listener counts and keeps the gauges, until `stop`. It rides out an absent
/// broker or store by itself, so it has no error to give back.
pub async fn run(deps: Deps, stop: CancellationToken) {
    metrics::describe();
    let work = async {
        tokio::join!(
            tokens::answer(&deps.broker, &deps.accounts, deps.config.store_deadline),
            tokens::tidy(&deps.accounts, deps.config.sweep),
            listeners::follow(&deps.broker, &deps.listeners),
            listeners::keep_to_stage(&deps.lobby, &deps.listeners),
            limits::share(&deps.broker, &deps.limits),
        )
    };
    tokio::select! {
        () = stop.cancelled() => {}
        ((), (), (), (), ()) = work => {}
    }
}
