//! What was played this evening, newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use schemas::error::ErrorBody;
use schemas::{Millis, Seq};
use serde::Serialize;
use store::PlayRow;
use utoipa::ToSchema;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::posted::Named;
use crate::shapes::SessionIdText;
use crate::wants::Wants;

const HISTORY: usize = 50;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryTrack {
    /// Names this play among all plays of the session.
    #[schema(value_type = u64)]
    id: Seq,
    artist: String,
    title: String,
    #[schema(value_type = String, format = DateTime)]
    played_at: Millis,
    /// Beats a minute, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    bpm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key: Option<String>,
}

impl HistoryTrack {
    fn of(play: PlayRow) -> Self {
        HistoryTrack {
            id: play.play,
            artist: play.track.artist.into_string(),
            title: play.track.title.into_string(),
            played_at: play.played_at,
            bpm: play.track.analysis.bpm,
            key: play.track.analysis.key,
        }
    }
}

/// The last tracks of the session's latest evening.
///
/// A session that nobody knows has played nothing: clients ask as soon as they join, which may be before the first track.
#[utoipa::path(get, path = "/api/sessions/{id}/history", tag = "sessions", params(("id" = inline(SessionIdText), Path, description = "A session's id")), responses(
    (status = 200, description = "Newest first, at most 50", body = [HistoryTrack]),
    (status = 404, description = "No session can have this id", body = ErrorBody),
    (status = 503, description = "The store is away", body = ErrorBody)))]
pub(crate) async fn history(State(desk): State<Arc<Desk>>, wants: Wants, Named(session): Named) -> Result<Response, Failure> {
    // The lobby knows of a new evening before the store does; an older evening's tracks must not stand in for it.
    let begin = match desk.stage.running(&session) {
        Some(entry) => Some(entry.begin()),
        None => desk.stored(desk.live.run(&session)).await?.map(|run| run.begin),
    };
    let plays = match begin {
        Some(begin) => desk.stored(desk.live.history(&session, begin, HISTORY)).await?,
        None => Vec::new(),
    };
    Ok(wants.say(&plays.into_iter().map(HistoryTrack::of).collect::<Vec<_>>()))
}
