//! Each request has an id: on every line that is logged while it is answered, and on its answer. What it asked for and what came of it is
//! a line of its own, with the target `access`.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use nats::traces::TARGET;
use tracing::field::Empty;
use tracing::{Instrument, trace_span};
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The target of lines that say what was asked for.
pub const ACCESS: &str = "access";

pub async fn told(request: Request, next: Next) -> Response {
    let id = id_of(request.headers());
    // By its route, never by its address: ids and codes are in addresses.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = api::metrics::method(request.method());
    let asked = Instant::now();
    let span = tracing::info_span!("request", id);
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let trace = trace_span!(
        target: TARGET,
        "request",
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        id
    );
    let mut response = next.run(request).instrument(trace.clone()).instrument(span).await;
    let (status, seconds) = (response.status().as_u16(), asked.elapsed().as_secs_f64());
    trace.record("http.response.status_code", i64::from(status));
    if response.status().is_server_error() {
        trace.record("otel.status_code", "ERROR");
    }
    tracing::info!(target: ACCESS, id, method, route, status, seconds);
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The one that a front gave it, if that is a number and nothing that somebody wants to see in a log.
fn id_of(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_number = |id: &&str| (8..=64).contains(&id.len()) && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    given.filter(is_number).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_fronts_number_is_kept_and_nothing_else() {
        let of = |given: &[u8]| id_of(&HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_bytes(given).unwrap())]));
        assert_eq!(of(b"0af7651916cd43dd8448eb211c80319c"), "0af7651916cd43dd8448eb211c80319c");
        for odd in [&b"pk_dj_0d9a4c1e-7a54"[..], b"a", b"\xff\xfe1234567", &[b'a'; 65]] {
            assert_eq!(of(odd).len(), 36, "{odd:?}");
        }
    }
}
