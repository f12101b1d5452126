//! What operators and their machines ask of every role: is it alive, is it ready, what are its numbers.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ipnet::IpNet;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use nats::Broker;
use tokio_util::sync::CancellationToken;

/// Buckets of every histogram of seconds: from the half-millisecond of a local fsync to the seconds of a failover.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Buckets of counts: claims that shared a commit, rows of a save.
const COUNTS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 2000.0];
/// How often the exporter tidies its histograms.
const UPKEEP: Duration = Duration::from_secs(5);

pub fn metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(|b| b.set_buckets(&COUNTS))
        .and_then(PrometheusBuilder::install_recorder)
        .context("metrics could not start")?;
    crate::metrics::describe();
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(UPKEEP);
        loop {
            tick.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

#[derive(Clone)]
struct Admin {
    broker: Broker,
    asked: CancellationToken,
    metrics: PrometheusHandle,
    places: Places,
}

/// What grows on this machine's disks.
#[derive(Clone)]
pub struct Places {
    pub data: PathBuf,
    /// The file of rows, where there is one.
    pub rows: Option<PathBuf>,
}

pub fn routes(broker: Broker, metrics: PrometheusHandle, asked: CancellationToken, places: Places) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(numbers))
        .with_state(Admin { broker, asked, metrics, places })
}

/// `/health` of a role that has no api beside it: the broker is all that it depends on.
pub fn health(broker: Broker) -> Router {
    let answer = |State(broker): State<Broker>| async move {
        let up = broker.is_open();
        let body = serde_json::json!({ "status": if up { "ok" } else { "unavailable" }, "version": env!("CARGO_PKG_VERSION"), "timestamp": schemas::Millis::now() });
        (if up { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, axum::Json(body))
    };
    Router::new().route("/health", get(answer)).with_state(broker)
}

/// Unready from the moment the process was asked to stop, so that nobody new is sent here.
async fn ready(State(admin): State<Admin>) -> Response {
    if admin.asked.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    if !admin.broker.available() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the broker is away\n").into_response();
    }
    if !admin.broker.is_sound() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the log is in doubt\n").into_response();
    }
    "ready\n".into_response()
}

async fn numbers(State(admin): State<Admin>) -> Response {
    crate::metrics::look(&admin.places);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], admin.metrics.render()).into_response()
}

/// Gives every request the caller's address: the peer's, or what a trusted front says of it.
pub fn with_address(router: Router, trusted: Vec<IpNet>) -> Router {
    router.layer(from_fn_with_state(Arc::new(trusted), address))
}

async fn address(State(trusted): State<Arc<Vec<IpNet>>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    if let Some(peer) = peer {
        let believed = trusted.iter().any(|net| net.contains(&peer));
        let said = believed.then(|| forwarded(&request)).flatten();
        request.extensions_mut().insert(said.unwrap_or(peer));
    }
    next.run(request).await
}

/// The last entry of the last line is the one that our own front wrote; those before it are anybody's word.
fn forwarded(request: &Request) -> Option<IpAddr> {
    let value = request.headers().get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::body::Body;
    use axum::extract::Extension;

    use super::*;

    /// Whom a request is taken to be from that comes from this peer with these lines.
    async fn taken_for(peer: &str, lines: &[&str]) -> String {
        let who = |Extension(address): Extension<IpAddr>| async move { address.to_string() };
        let router = with_address(Router::new().route("/", get(who)), vec!["10.0.0.0/8".parse().unwrap()]);
        let mut request = lines.iter().fold(Request::builder(), |request, line| request.header("x-forwarded-for", *line));
        request = request.extension(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        let answer = tower::ServiceExt::oneshot(router, request.body(Body::empty()).unwrap()).await.unwrap();
        String::from_utf8(axum::body::to_bytes(answer.into_body(), 100).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn only_a_front_of_ours_says_who_somebody_is() {
        assert_eq!(taken_for("198.51.100.1", &["203.0.113.7"]).await, "198.51.100.1");
        assert_eq!(taken_for("10.1.2.3", &["203.0.113.7"]).await, "203.0.113.7");
        assert_eq!(taken_for("10.1.2.3", &[]).await, "10.1.2.3");
        assert_eq!(taken_for("10.1.2.3", &["nobody"]).await, "10.1.2.3");
    }

    #[tokio::test]
    async fn what_somebody_says_of_themselves_is_not_believed() {
        assert_eq!(taken_for("10.1.2.3", &["1.2.3.4, 203.0.113.7"]).await, "203.0.113.7", "two entries");
        assert_eq!(taken_for("10.1.2.3", &["1.2.3.4", "203.0.113.7"]).await, "203.0.113.7", "two lines");
        assert_eq!(taken_for("10.1.2.3", &["1.2.3.4, 5.6.7.8", "9.9.9.9, 203.0.113.7"]).await, "203.0.113.7", "both");
    }
}
