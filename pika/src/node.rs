//! What every role of a process shares: the broker, the sessions it follows, the lobby, the key. And serving until told to stop.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::serve::ListenerExt;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use nats::{Broker, Lobby, Sessions};
use schemas::caller::{Admitted, Caller};
use schemas::client::Incoming;
use schemas::error::Refusal;
use schemas::secrets::ClusterKey;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use crate::leaving::Leaving;
use crate::settings::Settings;

/// How long a process waits for its broker at start before it gives up with a message.
pub const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Clone)]
pub struct Node {
    pub broker: Broker,
    pub sessions: Sessions,
    pub lobby: Lobby,
    pub key: ClusterKey,
    pub leaving: Leaving,
}

impl Node {
    pub async fn join(settings: &Settings, servers: Vec<String>, key: ClusterKey, leaving: Leaving) -> anyhow::Result<Node> {
        let broker =
            Broker::connect(settings.broker(servers.clone()), PATIENCE).await.with_context(|| format!("broker {}", servers.join(", ")))?;
        // The sessions and the lobby are followed until the very end: sockets that are leaving still hear.
        let follow = CancellationToken::new();
        let lobby = Lobby::follow(&broker, follow.clone()).await.context("reading the lobby")?;
        let sessions = Sessions::new(broker.clone(), follow);
        Ok(Node { broker, sessions, lobby, key, leaving })
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
            fanout::Leave { gently: self.leaving.closing.clone(), at_once: self.leaving.at_once.clone() },
        )
    }
}

/// The sockets' door to admission: one call, no hop between.
struct Door(ingest::Ingest);

impl fanout::Admit for Door {
    fn accept(&self, caller: Caller, incoming: Incoming) -> BoxFuture<'static, Result<Admitted, Refusal>> {
        let ingest = self.0.clone();
        async move { ingest.accept(&caller, &incoming).await }.boxed()
    }
}

/// The cluster's key: the setting, or one made once in the data directory (development only).
pub fn key(settings: &Settings, data: Option<&Path>) -> anyhow::Result<ClusterKey> {
    if let Some(secret) = &settings.secret {
        return Ok(ClusterKey::new(secret.as_bytes()));
    }
    if let Some(file) = &settings.secret_file {
        let text = std::fs::read_to_string(file).with_context(|| format!("secret_file {}", file.display()))?;
        let secret = text.trim_end_matches(['\r', '\n']);
        if secret.len() < 32 {
            bail!("secret_file {} must hold at least 32 characters; `pika key` makes a key", file.display());
        }
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

/// What the kernel may hold unsent, and unread, of one connection. Left alone it grows each to megabytes, which a peer that does
/// not read fills: a socket's bytes are bounded here as they are in the process. At 100 ms to the phone this still
/// carries half a megabyte a second. The kernel counts its own overhead too, and so takes the number twice.
const KERNEL_BYTES: u32 = schemas::limits::SOCKET_BYTES as u32;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

pub async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        // Whatever is accepted here inherits both.
        socket.set_send_buffer_size(KERNEL_BYTES)?;
        socket.set_recv_buffer_size(KERNEL_BYTES)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    open().with_context(|| format!("serving on {address}"))
}

/// Requests under way when nothing new is taken any more may take this long.
const FINISH: Duration = Duration::from_secs(5);

/// Serves until `done`, then lets requests under way finish. From the moment that the process is asked to stop, each answer
/// is the last of its connection, so that a front which keeps connections moves them before they end.
pub async fn serve(listener: TcpListener, router: Router, leaving: &Leaving, done: CancellationToken) -> anyhow::Result<()> {
    let router = router.layer(from_fn_with_state(leaving.asked.clone(), last_answer));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let listener = listener.tap_io(send_at_once as fn(&mut tokio::net::TcpStream));
    let served = axum::serve(listener, service).with_graceful_shutdown(done.clone().cancelled_owned());
    tokio::select! {
        served = served => served.context("serving"),
        () = async { done.cancelled().await; tokio::time::sleep(FINISH).await } => Ok(()),
    }
}

async fn last_answer(State(asked): State<CancellationToken>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if asked.is_cancelled() {
        // An upgrade says something else about its connection, and is not touched.
        response.headers_mut().entry(header::CONNECTION).or_insert(HeaderValue::from_static("close"));
    }
    response
}

/// Small messages leave at once instead of waiting for more.
fn send_at_once(stream: &mut tokio::net::TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a socket could not be set to send at once");
    }
}
