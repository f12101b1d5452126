//! Admission: the only code that turns what a client says into something stored.
//!
//! [`Ingest::accept`] is the whole story: authorise → budget → stamp → publish. It has two doors. The publish API here
//! ([`routes`]) serves DJs over HTTP; the sockets' half is the same function, handed to fanout by the `pika` binary.
//!
//! It promises: `Ok` means stored under fsync; a refusal has the contract's words and changed nothing; `Unavailable` means
//! unknown, and the same message under the same `messageId` is then safe to send again. It holds no state that a restart
//! would miss, and knows neither the store nor sockets.

mod accept;
mod authorise;
pub mod batch;
mod budget;
mod claims;
mod committer;
mod facts;
mod likes;
pub mod metrics;
mod publish;
mod register;
mod tokens;

use std::sync::Arc;

use nats::{Broker, Sessions};
use schemas::Guests;
use schemas::secrets::ClusterKey;
use tokio_util::sync::CancellationToken;

pub use publish::routes;

/// The pure steps of admission, for whoever drives them without a broker: the simulation and the micro-benchmarks.
pub mod steps {
    pub use crate::budget::Budgets;
    pub use crate::claims::{claim_of, speaker};
    pub use crate::committer::{Waiting, pack};
    pub use crate::facts::decide;
    pub use crate::likes::{Like, LikeMemory, Taken};
}

#[derive(Clone, Debug)]
pub struct Config {
    /// Whether a DJ without a token may go live. On in development, off in production.
    pub anonymous_djs: bool,
    /// What dancers without an account may do.
    pub guests: Guests,
    /// Multiplies every message budget of the table of kinds; 0 lifts them (benchmarks).
    pub budgets: f64,
    /// Where people open the pages: the stem of join links.
    pub public_url: String,
    /// Whether browsers come over HTTPS: then their session has the name that only HTTPS may set.
    pub https: bool,
    /// Likes remembered so that a second one is refused at once. A like is about 100 bytes here; a repeat that slips past
    /// this memory is acknowledged and counted once.
    pub likes_remembered: usize,
    /// Claims in one message of the log: 4,096 of about 120 bytes are half of what the broker takes. A second message would make the
    /// group a batch, which costs the broker several times as much.
    pub pack_claims: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            anonymous_djs: false,
            guests: Guests::default(),
            budgets: 1.0,
            public_url: "http://127.0.0.1:3001".to_owned(),
            https: false,
            likes_remembered: 200_000,
            pack_claims: 4_096,
        }
    }
}

/// Cloned freely; all clones share one.
#[derive(Clone)]
pub struct Ingest {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub config: Config,
    pub broker: Broker,
    pub sessions: Sessions,
    pub key: ClusterKey,
    pub budgets: budget::Budgets,
    pub committer: committer::Committer,
    pub likes: likes::LikeMemory,
    pub tokens: tokens::Tokens,
}

impl Ingest {
    /// Starts the group commit and the follower of revoked tokens; both end with `stop`.
    pub fn start(config: Config, broker: Broker, sessions: Sessions, key: ClusterKey, stop: CancellationToken) -> Ingest {
        let inner = Inner {
            budgets: budget::Budgets::new(config.budgets, stop.clone()),
            committer: committer::Committer::start(broker.clone(), config.pack_claims, stop.clone()),
            likes: likes::LikeMemory::new(config.likes_remembered),
            tokens: tokens::Tokens::start(broker.clone(), stop),
            config,
            broker,
            sessions,
            key,
        };
        Ingest { inner: Arc::new(inner) }
    }
}
