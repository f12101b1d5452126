//! Figures over all evenings.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use schemas::error::ErrorBody;
use serde::Serialize;
use utoipa::ToSchema;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::wants::Wants;

const TOP: usize = 10;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TopTrack {
    artist: String,
    title: String,
    like_count: u64,
}

/// The ten most liked tracks of all time. The figures may be ten seconds old.
#[utoipa::path(get, path = "/api/stats/top-tracks", tag = "stats", responses(
    (status = 200, description = "Most likes first", body = [TopTrack]),
    (status = 503, description = "The store is away", body = ErrorBody)))]
pub(crate) async fn top_tracks(State(desk): State<Arc<Desk>>, wants: Wants) -> Result<Response, Failure> {
    let top = desk.stored(desk.top_tracks.get(desk.live.top_tracks(TOP))).await?;
    let top: Vec<_> = top.into_iter().map(|t| TopTrack { artist: t.artist, title: t.title, like_count: t.likes }).collect();
    Ok(wants.say(&top))
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GlobalStats {
    total_sessions: u64,
    total_tracks: u64,
    total_likes: u64,
}

/// Sums over all evenings. The figures may be ten seconds old.
#[utoipa::path(get, path = "/api/stats/global", tag = "stats", responses(
    (status = 200, description = "The sums", body = GlobalStats),
    (status = 503, description = "The store is away", body = ErrorBody)))]
pub(crate) async fn global(State(desk): State<Arc<Desk>>, wants: Wants) -> Result<Response, Failure> {
    let totals = desk.stored(desk.totals.get(desk.live.totals())).await?;
    Ok(wants.say(&GlobalStats { total_sessions: totals.sessions, total_tracks: totals.tracks, total_likes: totals.likes }))
}
