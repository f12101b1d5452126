//! The form in which a caller wants the answer: JSON, or MessagePack where `Accept` names it first.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use schemas::codec::Codec;
use serde::Serialize;

use crate::headers::text;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wants(Codec);

impl Wants {
    pub fn of(headers: &HeaderMap) -> Self {
        let named = text(headers, header::ACCEPT).unwrap_or("");
        let first = named.split(',').find_map(|range| match range.split(';').next().map(str::trim) {
            Some(Codec::MSGPACK_TYPE) => Some(Codec::MsgPack),
            Some("application/json") => Some(Codec::Json),
            _ => None,
        });
        Wants(first.unwrap_or(Codec::Json))
    }

    /// Answers change from moment to moment and may be one person's own, so nothing between us and them keeps one.
    pub fn say<T: Serialize>(self, value: &T) -> Response {
        let (kind, bytes) = self.form(value);
        ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], bytes).into_response()
    }

    /// The value in this form, with the form's name.
    pub fn form<T: Serialize>(self, value: &T) -> (&'static str, Vec<u8>) {
        let kind = match self.0 {
            Codec::Json => "application/json",
            Codec::MsgPack => Codec::MSGPACK_TYPE,
        };
        (kind, self.0.encode(value))
    }
}

impl<S: Sync> FromRequestParts<S> for Wants {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Wants::of(&parts.headers))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn messagepack_is_given_only_to_those_who_ask_for_it_first() {
        let of = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            Wants::of(&headers).0
        };
        assert_eq!(of("application/msgpack"), Codec::MsgPack);
        assert_eq!(of("text/html, application/msgpack;q=0.9, */*"), Codec::MsgPack);
        assert_eq!(of("application/json, application/msgpack"), Codec::Json);
        assert_eq!(of("*/*"), Codec::Json);
        assert_eq!(Wants::of(&HeaderMap::new()).0, Codec::Json);
    }
}
