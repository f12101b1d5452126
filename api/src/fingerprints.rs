//! What a DJ's program found out about the tracks after they were played.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use schemas::error::ErrorBody;
use schemas::{Code, SessionId, Track};
use serde::{Deserialize, Serialize};
use store::Fingerprint;
use utoipa::ToSchema;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::owner::standing;
use crate::posted::{Named, Posted};
use crate::shapes::SessionIdText;
use crate::wants::Wants;

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Fingerprints {
    /// Each as in BROADCAST_TRACK. What is none is named in `refused` and spoils nothing.
    #[schema(value_type = Vec<Value>)]
    tracks: Vec<serde_json::Value>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Synced {
    /// Distinct tracks of the evening that were matched by artist and title.
    synced: usize,
    /// Tracks in the request.
    total: usize,
    #[schema(value_type = String)]
    session_id: SessionId,
    /// Tracks that were left out because a value is out of range; absent when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<RefusedTrack>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusedTrack {
    /// The place in the request, from 0.
    index: usize,
    error: String,
}

/// Fills the analysis of played tracks; values that were there stay where the request has none.
///
/// One track with an odd value does not lose the others: it is named in `refused`.
#[utoipa::path(post, path = "/api/sessions/{id}/sync-fingerprints", tag = "recap", security(("dj" = [])),
    params(("id" = inline(SessionIdText), Path, description = "A session's id")),
    request_body(description = "At most 256 KiB", content((Fingerprints = "application/json"), (Fingerprints = "application/msgpack"))), responses(
    (status = 200, description = "What was matched", body = Synced),
    (status = 400, description = "The body cannot be read", body = ErrorBody),
    (status = 401, description = "No token, or one that is not valid", body = ErrorBody),
    (status = 403, description = "The token is not this run's owner's", body = ErrorBody),
    (status = 404, description = "No such session", body = ErrorBody),
    (status = 413, description = "The body is too large", body = ErrorBody),
    (status = 503, description = "The store is away", body = ErrorBody)))]
pub(crate) async fn sync(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    Named(session): Named,
    headers: HeaderMap,
    Posted(body): Posted<Fingerprints>,
) -> Result<Response, Failure> {
    let run = desk.stored(desk.live.run(&session)).await?.ok_or(Code::SessionNotFound)?;
    standing(&desk, &headers, &run).await?.require_owner()?;
    let total = body.tracks.len();
    let (mut prints, mut refused) = (Vec::with_capacity(total), Vec::new());
    for (index, track) in body.tracks.into_iter().enumerate() {
        match serde_json::from_value::<Track>(track) {
            Ok(track) => prints.push(Fingerprint { key: track.key(), analysis: track.analysis }),
            Err(error) => refused.push(RefusedTrack { index, error: error.to_string() }),
        }
    }
    let synced = desk.stored(desk.live.save_fingerprints(&session, run.begin, &prints)).await?;
    Ok(wants.say(&Synced { synced, total, session_id: session, refused }))
}
