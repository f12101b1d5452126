//! Serving until told to stop. Nobody holds a connection by saying little: a request's head has a deadline, and so has its answer,
//! which waits for the body. What comes after an upgrade is fanout's to bound.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use axum::{Json, Router};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use schemas::Code;
use schemas::error::Refusal;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::leaving::Leaving;
use crate::requests;

/// What the kernel may hold unsent, and unread, of one connection. Left alone it grows each to megabytes, which a peer that does
/// not read fills: a socket's bytes are bounded here as they are in the process. At 100 ms to the phone this still
/// carries half a megabyte a second. The kernel counts its own overhead too, and so takes the number twice.
const KERNEL_BYTES: u32 = schemas::limits::SOCKET_BYTES as u32;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// Requests under way when nothing new is taken any more may take this long.
const FINISH: Duration = Duration::from_secs(5);

/// How long a peer may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// To say a request's head, and to begin the next one on a connection that is kept.
    pub head: Duration,
    /// From then on until its answer begins: to say its body, and for us to find the answer.
    pub answer: Duration,
}

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

/// Serves until `done`, then lets requests under way finish. From the moment that the process is asked to stop, each answer
/// is the last of its connection, so that a front which keeps connections moves them before they end.
pub async fn serve(mut listener: TcpListener, router: Router, leaving: &Leaving, patience: Patience, done: CancellationToken) {
    let router = router.layer(from_fn_with_state(patience.answer, in_time)).layer(from_fn_with_state(leaving.asked.clone(), last_answer));
    let router = router.layer(from_fn(requests::told));
    let connections = TaskTracker::new();
    // It rides out what keeps one connection from being accepted.
    while let Some((stream, peer)) = done.run_until_cancelled(Listener::accept(&mut listener)).await {
        send_at_once(&stream);
        connections.spawn(converse(stream, peer, router.clone(), patience.head, done.clone()));
    }
    drop(listener);
    connections.close();
    // Who is not done by then is cut off with the process.
    let _ = tokio::time::timeout(FINISH, connections.wait()).await;
}

/// One connection, until it ends or becomes a socket. HTTP/1.1 alone: what else begins a connection could begin it for ever.
async fn converse(stream: TcpStream, peer: SocketAddr, router: Router, head: Duration, done: CancellationToken) {
    let answer = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let served = http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(head).serve_connection(TokioIo::new(stream), answer);
    let mut served = pin!(served.with_upgrades());
    tokio::select! {
        ended = served.as_mut() => return gone(ended),
        () = done.cancelled() => served.as_mut().graceful_shutdown(),
    }
    gone(served.await);
}

/// A peer that goes, or says what is no HTTP, is no trouble of ours.
fn gone(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Whoever says their request too slowly is told so, and their connection ends.
async fn in_time(State(patience): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(patience, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let refusal = Refusal::with(Code::InvalidMessage, "The request did not come in time");
            (StatusCode::REQUEST_TIMEOUT, [(header::CONNECTION, "close")], Json(refusal.body())).into_response()
        }
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
fn send_at_once(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a socket could not be set to send at once");
    }
}
