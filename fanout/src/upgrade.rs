//! `/ws`: who may open a socket, as whom, and in which form.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use schemas::caller::Caller;
use schemas::codec::Codec;
use schemas::error::Refusal;
use schemas::{Code, PersonId, cookie};
use serde::Deserialize;

use crate::connection::Connection;
use crate::delivery::Flavour;
use crate::handshake::Handshake;
use crate::{Fanout, metrics};

/// Another node is there already; the front finds it at the next try.
const ELSEWHERE: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Asked {
    /// Opens one socket as whoever was given it.
    ticket: Option<String>,
}

/// The caller's address is read from an `Extension<IpAddr>`.
pub fn routes(fanout: Fanout) -> Router {
    Router::new().route("/ws", get(upgrade)).with_state(fanout)
}

async fn upgrade(
    State(fanout): State<Fanout>,
    address: Option<Extension<IpAddr>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    mut handshake: Handshake,
) -> Response {
    let address = address.map(|a| a.0);
    if fanout.inner.drain.leave.gently.is_cancelled() {
        return refuse("draining", Code::Unavailable.into(), Some(ELSEWHERE));
    }
    if !origin_allowed(&headers, &fanout.inner.config.origins) {
        return refuse("origin", Refusal::with(Code::NotOwner, "This page may not open a socket here"), None);
    }
    let Some((codec, protocol)) = form(&headers) else {
        return refuse(
            "protocol",
            Refusal::with(Code::InvalidMessage, "Unknown subprotocol; pika.v1.json and pika.v1.msgpack are spoken here"),
            None,
        );
    };
    let seat = match fanout.inner.limits.enter(address) {
        Ok(seat) => seat,
        Err(wait) => return refuse("address", Code::TooManyConnections.into(), Some(wait)),
    };
    let (key, https) = (&fanout.inner.key, fanout.inner.config.https);
    let shown = match fanout.inner.credentials.look(&fanout.inner.broker, asked.ticket.as_deref(), &headers, https).await {
        Ok(shown) => shown,
        Err(refusal) => {
            let wait = (refusal.code == Code::Unavailable).then_some(ELSEWHERE);
            return refuse("credential", refusal, wait);
        }
    };
    let account = shown.as_ref().and_then(|shown| shown.answer().person);
    let known = account.or_else(|| cookie::person_of(headers.get(header::COOKIE).and_then(|v| v.to_str().ok()), key));
    let person = known.unwrap_or_else(PersonId::random);
    let mut caller = Caller::new(person, known.is_some());
    caller.account = account.is_some();
    caller.address = address.map(|ip| key.address(ip));
    caller.node = Some(fanout.inner.node.clone());
    caller.dj = shown.as_ref().and_then(|shown| shown.answer().dj.clone());
    let set_cookie = known.is_none().then(|| cookie::set_cookie(person, key, https));
    let ours = protocol.is_some();
    let tracker = fanout.inner.sockets.clone();
    handshake.deflate &= fanout.inner.config.deflate;
    let flavour = Flavour { codec, positions: false, deflate: handshake.deflate };
    let mut response = handshake.accept(move |tcp, early| {
        let connection = Connection::new(fanout, caller, flavour, ours, seat, tcp, early);
        tracker.track_future(connection.run(shown.map(Box::new)))
    });
    let chosen = protocol.map(|protocol| (header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol)));
    let identity = set_cookie.and_then(|c| HeaderValue::from_str(&c).ok()).map(|cookie| (header::SET_COOKIE, cookie));
    response.headers_mut().extend(chosen.into_iter().chain(identity));
    response
}

/// The form the client asked for: JSON when it names none, nothing when it names only what we do not speak.
fn form(headers: &HeaderMap) -> Option<(Codec, Option<&'static str>)> {
    let mut named = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .map(str::trim)
        .peekable();
    if named.peek().is_none() {
        return Some((Codec::Json, None));
    }
    named.find_map(|name| match name {
        Codec::JSON_PROTOCOL => Some((Codec::Json, Some(Codec::JSON_PROTOCOL))),
        Codec::MSGPACK_PROTOCOL => Some((Codec::MsgPack, Some(Codec::MSGPACK_PROTOCOL))),
        _ => None,
    })
}

/// Programs send no origin. A page may open a socket to its own host, or where it is listed.
fn origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok());
    let own = origin.split_once("://").map(|(_, h)| h).zip(host).is_some_and(|(theirs, ours)| theirs.eq_ignore_ascii_case(ours));
    own || allowed.iter().any(|a| a.eq_ignore_ascii_case(origin))
}

/// `wait`: when it is worth to come again.
fn refuse(why: &'static str, refusal: Refusal, wait: Option<Duration>) -> Response {
    metrics::refused(why);
    let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, axum::Json(refusal.body())).into_response();
    let wait = wait.map(|wait| (header::RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil() as u64)));
    response.headers_mut().extend(wait);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn an_unknown_subprotocol_is_refused_and_none_is_json() {
        assert_eq!(form(&headers(&[])), Some((Codec::Json, None)));
        assert_eq!(
            form(&headers(&[(header::SEC_WEBSOCKET_PROTOCOL, "soap, pika.v1.msgpack")])),
            Some((Codec::MsgPack, Some("pika.v1.msgpack")))
        );
        assert_eq!(form(&headers(&[(header::SEC_WEBSOCKET_PROTOCOL, "soap")])), None);
    }

    #[test]
    fn a_strangers_page_may_not_open_a_socket() {
        let from = |origin: &'static str| headers(&[(header::ORIGIN, origin), (header::HOST, "pika.dance")]);
        assert!(origin_allowed(&headers(&[]), &[]));
        assert!(origin_allowed(&from("https://pika.dance"), &[]));
        assert!(!origin_allowed(&from("https://evil.example"), &[]));
        assert!(!origin_allowed(&from("null"), &[]));
        assert!(origin_allowed(&from("https://app.example"), &["https://app.example".to_owned()]));
    }
}
