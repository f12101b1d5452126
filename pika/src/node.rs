//! What every role of a process shares: the broker, the sessions it follows, the lobby, the key. And serving until told to stop.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use axum::serve::ListenerExt;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use nats::{Broker, Lobby, Sessions};
use schemas::caller::{Admitted, Caller};
use schemas::client::Incoming;
use schemas::error::Refusal;
use schemas::secrets::ClusterKey;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;

/// How long a process waits for its broker at start before it gives up with a message.
pub const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Clone)]
pub struct Node {
    pub broker: Broker,
    pub sessions: Sessions,
    pub lobby: Lobby,
    pub key: ClusterKey,
    pub stop: CancellationToken,
}

impl Node {
    pub async fn join(settings: &Settings, servers: Vec<String>, key: ClusterKey, stop: CancellationToken) -> anyhow::Result<Node> {
        let broker =
            Broker::connect(settings.broker(servers.clone()), PATIENCE).await.with_context(|| format!("broker {}", servers.join(", ")))?;
        // The sessions and the lobby are followed until the very end: sockets that are leaving still hear.
        let follow = CancellationToken::new();
        let lobby = Lobby::follow(&broker, follow.clone()).await.context("reading the lobby")?;
        let sessions = Sessions::new(broker.clone(), follow);
        Ok(Node { broker, sessions, lobby, key, stop })
    }

    pub fn ingest(&self, settings: &Settings) -> ingest::Ingest {
        // The group commit must outlive the sockets that wait for it, so it does not end with `stop`.
        ingest::Ingest::start(settings.ingest(), self.broker.clone(), self.sessions.clone(), self.key.clone(), CancellationToken::new())
    }

    pub fn fanout(&self, settings: &Settings, ingest: ingest::Ingest) -> fanout::Fanout {
        let admit = Arc::new(Door(ingest));
        fanout::Fanout::new(
            settings.fanout(),
            self.broker.clone(),
            self.sessions.clone(),
            self.lobby.clone(),
            self.key.clone(),
            admit,
            self.stop.clone(),
        )
    }
}

/// The sockets' door to admission: one call, no hop between.
struct Door(ingest::Ingest);

impl fanout::Admit for Door {
    fn accept(&self, caller: Caller, incoming: Incoming) -> BoxFuture<'static, Result<Admitted, Refusal>> {
        let ingest = self.0.clone();
        async move { ingest.accept(&caller, incoming).await }.boxed()
    }
}

/// The cluster's key: the setting, or one made once in the data directory (development only).
pub fn key(settings: &Settings, data: Option<&Path>) -> anyhow::Result<ClusterKey> {
    if let Some(secret) = &settings.secret {
        return Ok(ClusterKey::new(secret.as_bytes()));
    }
    let Some(data) = data else { bail!("`secret` (PIKA_SECRET) is not set; all roles of a cluster need the same one") };
    let path = data.join("cluster.key");
    match std::fs::read(&path) {
        Ok(secret) if secret.len() >= 32 => Ok(ClusterKey::new(&secret)),
        Ok(_) => bail!("{} is too short to be a key", path.display()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let secret: [u8; 32] = rand::random();
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&path).with_context(|| format!("making {}", path.display()))?;
            file.write_all(&secret).and_then(|()| file.sync_all()).with_context(|| format!("writing {}", path.display()))?;
            Ok(ClusterKey::new(&secret))
        }
        Err(e) => Err(e).with_context(|| format!("reading {}", path.display())),
    }
}

pub async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("serving on {address}"))
}

/// Requests under way when the process is asked to stop may take this long.
const FINISH: Duration = Duration::from_secs(5);

/// Serves until `stop`, then lets requests under way finish.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> anyhow::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let listener = listener.tap_io(send_at_once as fn(&mut tokio::net::TcpStream));
    let served = axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        served = served => served.context("serving"),
        () = async { stop.cancelled().await; tokio::time::sleep(FINISH).await } => Ok(()),
    }
}

/// Small messages leave at once instead of waiting for more.
fn send_at_once(stream: &mut tokio::net::TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a socket could not be set to send at once");
    }
}

/// Cancels `stop` on SIGTERM or SIGINT.
pub fn stop_on_signals(stop: &CancellationToken) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        stop.cancel();
    });
    Ok(())
}
