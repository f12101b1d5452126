//! Fan-out: the sockets. Everyone of a session gets its facts in order, the newest of its states, and what concerns them alone.
//!
//! Broadcast never waits for a socket and queues nothing for one: a session's [`board`] holds what is to be heard, once and
//! encoded once. What is new goes out as a [`wave`]: one write for each socket that stands where all stand, and no task is woken
//! for it. A slow phone pulls later, from its own cursor: it still gets every fact, and of states only the newest. What one person
//! alone hears waits on their [`line`], bounded.
//!
//! It promises the orders and paces of the contract. It never touches the store; what a client says goes to [`Admit`], which
//! the `pika` binary hands in.

pub mod board;
mod connection;
mod credentials;
mod crowd;
mod deflate;
pub mod delivery;
mod drain;
mod frames;
mod handshake;
pub mod hub;
pub mod hubs;
mod inbound;
mod limits;
mod line;
pub mod lobby_board;
pub mod metrics;
mod out;
mod presence;
mod probes;
mod reader;
pub mod subscribe;
mod upgrade;
mod verdicts;
mod wave;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use ipnet::IpNet;
use nats::{Broker, Lobby, Sessions};
use schemas::NodeId;
use schemas::caller::{Admitted, Caller};
use schemas::client::Incoming;
use schemas::error::Refusal;
use schemas::secrets::ClusterKey;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use drain::Leave;
pub use upgrade::routes;

/// The door to admission. `Ok` means stored.
pub trait Admit: Send + Sync {
    fn accept(&self, caller: Arc<Caller>, incoming: Incoming) -> BoxFuture<'static, Result<Admitted, Refusal>>;
}

#[derive(Clone, Debug)]
pub struct Config {
    /// Open sockets, and new ones a minute, from one address outside `venues`.
    pub connections_per_address: u32,
    pub connects_per_minute: u32,
    /// The largest frame; bulk likes keep the contract's own limit.
    pub max_message_bytes: usize,
    /// Networks whose address stands for a whole floor of people; the per-address limits do not apply there.
    pub venues: Vec<IpNet>,
    /// Pages that may open a socket (`https://pika.dance`); a page of our own host always may, and so may programs, which send no origin.
    pub origins: Vec<String>,
    /// Whether pages are served over HTTPS, which decides the identity cookie's name.
    pub https: bool,
    /// Whether compressed messages are spoken with who offers them.
    pub deflate: bool,
    /// Frames that are no message before the socket is closed with 1008.
    pub bad_frames: u32,
    /// A socket that takes nothing for this long is closed with a code that says come back.
    pub stuck: Duration,
    /// Silence after which the server pings, and after twice which it gives a socket up.
    pub ping: Duration,
    /// Paces towards dancers.
    pub track_pace: Duration,
    pub like_pace: Duration,
    pub thanks_pace: Duration,
    /// How often everyone who is here is reported to the workers, who take a node for dead after three reports that did not come.
    pub presence: Duration,
    /// Over how long the sockets are asked to move when the node stops.
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            connections_per_address: 10,
            connects_per_minute: 10,
            max_message_bytes: schemas::limits::FRAME_BYTES,
            venues: Vec::new(),
            origins: Vec::new(),
            https: false,
            deflate: true,
            bad_frames: 5,
            stuck: Duration::from_secs(15),
            ping: Duration::from_secs(30),
            track_pace: Duration::from_secs(1),
            like_pace: Duration::from_millis(200),
            thanks_pace: Duration::from_millis(500),
            presence: Duration::from_secs(15),
            drain: Duration::from_secs(30),
        }
    }
}

async fn ask_to_leave(fanout: Fanout) {
    let Inner { drain, everyone, gone, .. } = &*fanout.inner;
    gone.run_until_cancelled(drain.ask(everyone)).await;
}

/// How long the workers may take to be told that a node is gone.
const FAREWELL: Duration = Duration::from_secs(2);

/// Cloned freely; all clones share one node.
#[derive(Clone)]
pub struct Fanout {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub config: Config,
    pub node: NodeId,
    pub broker: Broker,
    pub lobby: Lobby,
    pub key: ClusterKey,
    pub admit: Arc<dyn Admit>,
    pub hubs: hubs::Hubs,
    pub news: Arc<lobby_board::LobbyBoard>,
    pub everyone: Arc<crowd::Crowd>,
    pub credentials: credentials::Credentials,
    pub limits: limits::AddressLimits,
    pub drain: drain::Drain,
    pub sockets: TaskTracker,
    /// Every socket has left; what follows the broker for them ends.
    pub gone: CancellationToken,
    tasks: TaskTracker,
}

impl Fanout {
    pub fn new(
        config: Config,
        broker: Broker,
        sessions: Sessions,
        lobby: Lobby,
        key: ClusterKey,
        admit: Arc<dyn Admit>,
        leave: Leave,
    ) -> Fanout {
        let node = NodeId::random();
        let (reporter, presence) = presence::channel(node.clone());
        let hubs = hubs::Hubs::new(&config, broker.clone(), sessions, reporter);
        let inner = Inner {
            limits: limits::AddressLimits::new(&config),
            news: Arc::default(),
            everyone: Arc::default(),
            credentials: credentials::Credentials::default(),
            drain: drain::Drain::new(leave, config.drain),
            sockets: TaskTracker::new(),
            gone: CancellationToken::new(),
            tasks: TaskTracker::new(),
            config,
            node,
            broker,
            lobby,
            key,
            admit,
            hubs,
        };
        let fanout = Fanout { inner: Arc::new(inner) };
        let Inner { config, broker, hubs, lobby, news, everyone, gone, tasks, .. } = &*fanout.inner;
        tasks.spawn(presence.run(config.presence, broker.clone(), hubs.clone(), gone.clone()));
        tasks.spawn(verdicts::follow(fanout.clone()));
        tasks.spawn(lobby_board::follow(news.clone(), everyone.clone(), lobby.clone(), gone.clone()));
        tasks.spawn(ask_to_leave(fanout.clone()));
        tasks.spawn(credentials::follow(fanout.clone()));
        fanout
    }

    /// Returns once the node was asked to leave, every socket has left, and the workers were told; at the latest when the
    /// longest that leaving may take has passed, or a moment after it was asked to leave at once. Who is still here is cut off.
    pub async fn drained(&self) {
        let Inner { drain, sockets, gone, tasks, .. } = &*self.inner;
        let at_once = &drain.leave.at_once;
        tokio::select! {
            () = drain.leave.gently.cancelled() => {}
            () = at_once.cancelled() => {}
        }
        sockets.close();
        let patience = async {
            tokio::select! {
                () = tokio::time::sleep(drain.longest()) => {}
                () = async { at_once.cancelled().await; tokio::time::sleep(drain::LAST_WORDS).await } => {}
            }
        };
        tokio::select! {
            () = sockets.wait() => {}
            () = patience => {
                tracing::warn!(sockets = sockets.len(), "left before these sockets had");
                metrics::cut_off(sockets.len());
            }
        }
        gone.cancel();
        tasks.close();
        if tokio::time::timeout(FAREWELL, tasks.wait()).await.is_err() {
            tracing::warn!("the workers were not told that this node is gone; they notice by its silence");
        }
    }
}
