//! The opening handshake of RFC 6455. It ends with the bare TCP stream, because the socket's two halves go separate ways.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use schemas::Code;
use schemas::error::Refusal;
use tokio::net::TcpStream;
use tungstenite::handshake::derive_accept_key;

use crate::deflate;

/// The only version that there is.
const VERSION: &str = "13";

/// A request to open a socket that is in order.
pub struct Handshake {
    accept: HeaderValue,
    on_upgrade: OnUpgrade,
    /// Whether compressed messages are spoken: the peer's offer, and then what was agreed.
    pub deflate: bool,
}

impl Handshake {
    /// The answer, after which `serve` is given the stream and what the peer sent right behind its request.
    pub fn accept<F>(self, serve: impl FnOnce(TcpStream, Bytes) -> F + Send + 'static) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Handshake { accept, on_upgrade, deflate } = self;
        tokio::spawn(async move {
            // An error: the peer went before the answer reached it.
            let Ok(upgraded) = on_upgrade.await else { return };
            match upgraded.downcast::<TokioIo<TcpStream>>() {
                // In a task of its own, so that nothing of the handshake is kept for as long as the socket lives.
                Ok(parts) => drop(tokio::spawn(serve(parts.io.into_inner(), parts.read_buf))),
                Err(_) => tracing::error!("a socket was opened over something else than TCP"),
            }
        });
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        response.headers_mut().extend([
            (header::CONNECTION, HeaderValue::from_static("upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_ACCEPT, accept),
        ]);
        if deflate {
            response.headers_mut().insert(header::SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(deflate::AGREED));
        }
        response
    }
}

impl<S: Sync> FromRequestParts<S> for Handshake {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let headers = &parts.headers;
        if parts.method != Method::GET || !names(headers, header::CONNECTION, "upgrade") || !names(headers, header::UPGRADE, "websocket") {
            return Err(refuse(StatusCode::UPGRADE_REQUIRED, "This is a WebSocket; open it with an upgrade"));
        }
        if !names(headers, header::SEC_WEBSOCKET_VERSION, VERSION) {
            return Err(refuse(StatusCode::UPGRADE_REQUIRED, "Only version 13 of the WebSocket protocol is spoken here"));
        }
        let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|key| is_key(key.as_bytes()));
        let accept = key.and_then(|key| HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok());
        let Some(accept) = accept else { return Err(refuse(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key must be 16 bytes in base64")) };
        let Some(on_upgrade) = parts.extensions.remove::<OnUpgrade>() else {
            return Err(refuse(StatusCode::UPGRADE_REQUIRED, "WebSockets are opened over HTTP/1.1 here"));
        };
        Ok(Handshake { accept, on_upgrade, deflate: deflate::offered(&parts.headers) })
    }
}

/// Whether a header that lists names has this one.
fn names(headers: &HeaderMap, header: HeaderName, name: &str) -> bool {
    let values = headers.get_all(header);
    values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| one.trim().eq_ignore_ascii_case(name))
}

fn is_key(key: &[u8]) -> bool {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

fn refuse(status: StatusCode, why: &'static str) -> Response {
    let mut response = (status, axum::Json(Refusal::with(Code::InvalidMessage, why).body())).into_response();
    if status == StatusCode::UPGRADE_REQUIRED {
        response.headers_mut().extend([
            (header::CONNECTION, HeaderValue::from_static("upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION)),
        ]);
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::http::Request;

    use super::*;

    async fn refused(headers: &[(&str, &str)]) -> (StatusCode, bool) {
        let mut request = Request::get("/ws");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let refused = Handshake::from_request_parts(&mut parts, &()).await.err().unwrap();
        (refused.status(), refused.headers().contains_key(header::SEC_WEBSOCKET_VERSION))
    }

    #[tokio::test]
    async fn what_is_no_handshake_is_told_what_would_be() {
        let [connection, upgrade] = [("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")];
        let version = ("sec-websocket-version", "13");
        let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let required = (StatusCode::UPGRADE_REQUIRED, true);
        assert_eq!(refused(&[]).await, required);
        assert_eq!(refused(&[connection, version, key]).await, required);
        assert_eq!(refused(&[connection, upgrade, ("sec-websocket-version", "8"), key]).await, required);
        let bad = (StatusCode::BAD_REQUEST, false);
        assert_eq!(refused(&[connection, upgrade, version]).await, bad);
        assert_eq!(refused(&[connection, upgrade, version, ("sec-websocket-key", "short")]).await, bad);
        assert_eq!(refused(&[connection, upgrade, version, key]).await, required, "there is no connection to take over");
    }
}
