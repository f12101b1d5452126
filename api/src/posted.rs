//! What a caller sends: bodies, queries and session ids, taken apart so that each failure has our shape.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use schemas::codec::Codec;
use schemas::{Code, SessionId};
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::headers::text;

/// A body, in JSON or MessagePack by its `Content-Type`, no larger than the route's limit.
pub(crate) struct Posted<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Posted<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let kind = text(request.headers(), header::CONTENT_TYPE).unwrap_or("");
        let codec = match kind.split(';').next().map(str::trim) {
            Some(Codec::MSGPACK_TYPE) => Codec::MsgPack,
            Some("application/json") => Codec::Json,
            // A page of another origin can send anything else without asking first, so nothing else is read.
            _ => return Err(Failure::with(Code::InvalidMessage, "Content-Type must be application/json or application/msgpack")),
        };
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => Failure::from(Code::TooLarge),
            _ => Failure::with(Code::InvalidMessage, "The body could not be read"),
        })?;
        codec.decode_map(&bytes).map(Posted).map_err(|error| Failure::with(Code::InvalidMessage, error.to_string()))
    }
}

/// The query of an address.
pub(crate) struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let query = Query::from_request_parts(parts, state).await;
        query.map(|Query(asked)| Asked(asked)).map_err(|error| Failure::with(Code::InvalidMessage, error.body_text()))
    }
}

/// The session that an address names. An id that no session can have is a session that is not there.
pub(crate) struct Named(pub SessionId);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let id = Path::<String>::from_request_parts(parts, state).await.ok();
        id.and_then(|Path(id)| SessionId::parse(&id).ok()).map(Named).ok_or_else(|| Code::SessionNotFound.into())
    }
}
