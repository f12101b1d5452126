//! What is on, and what was on.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use nats::lobby::LobbyEntry;
use schemas::error::ErrorBody;
use schemas::lobby::LobbyStatus;
use schemas::server::SessionEntry;
use schemas::{Code, Millis, SessionId};
use serde::{Deserialize, Serialize};
use store::RunRow;
use utoipa::{IntoParams, ToSchema};

use crate::desk::Desk;
use crate::failure::Failure;
use crate::posted::Asked;
use crate::shapes::{RecentLimit, SessionIdText, SessionsLimit};
use crate::wants::Wants;

/// A page of `/api/sessions` when the caller names no limit, and the most that one may hold.
const PAGE: usize = 100;
pub(crate) const PAGE_MOST: usize = 500;
/// Entries of `/api/sessions/active`. A home page shows the first few; whoever wants all pages through `/api/sessions`.
const ACTIVE: usize = 100;
const RECENT: usize = 10;
pub(crate) const RECENT_MOST: usize = 50;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// Entries wanted; 100 where nothing is said.
    #[param(value_type = Option<SessionsLimit>, inline)]
    limit: Option<usize>,
    /// The `sessionId` of the last entry of the page before. The `Link` header of an answer holds the address of the next page.
    #[param(value_type = Option<SessionIdText>, inline)]
    after: Option<String>,
}

/// All sessions that are on, in pages.
///
/// Live ones first, newest begun first, then those whose DJ is away. A session that changes between two pages may be missed
/// or come twice.
#[utoipa::path(get, path = "/api/sessions", tag = "sessions", params(Paging), responses(
    (status = 200, description = "Entries as in SESSIONS_LIST", body = [SessionEntry], headers(("link" = Option<String>, description = "The next page, as rel=next"))),
    (status = 400, description = "`limit` is not 1 to 500, or `after` can be no session's id", body = ErrorBody),
    (status = 404, description = "`after` names no session known here; begin again", body = ErrorBody)))]
pub(crate) async fn list(State(desk): State<Arc<Desk>>, wants: Wants, Asked(paging): Asked<Paging>) -> Result<Response, Failure> {
    let limit = paging.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MOST).contains(&limit) {
        return Err(Failure::with(Code::InvalidMessage, format!("limit must be 1 to {PAGE_MOST}")));
    }
    let mut on = desk.stage.on();
    if let Some(after) = paging.after {
        let session = SessionId::parse(&after).map_err(|_| Failure::with(Code::InvalidMessage, "after must be a session's id"))?;
        let last = desk.stage.get(&session);
        let last = place(&last.ok_or_else(|| Failure::with(Code::SessionNotFound, "after names no session known here; begin again"))?);
        on.drain(..on.partition_point(|entry| place(entry) <= last));
    }
    let more = on.len() > limit;
    on.truncate(limit);
    let now = Millis::now();
    let entries: Vec<SessionEntry> = on.iter().map(|entry| entry.record.entry(&entry.session, now)).collect();
    let mut response = wants.say(&entries);
    if let (true, Some(last)) = (more, entries.last()) {
        let next = format!("</api/sessions?limit={limit}&after={}>; rel=\"next\"", last.session_id);
        if let Ok(next) = HeaderValue::try_from(next) {
            response.headers_mut().insert(header::LINK, next);
        }
    }
    Ok(response)
}

/// All sessions that are on, at the address that older clients use.
#[utoipa::path(get, path = "/sessions", tag = "sessions", params(Paging), responses(
    (status = 200, description = "Entries as in SESSIONS_LIST", body = [SessionEntry]),
    (status = 400, description = "As for `/api/sessions`", body = ErrorBody),
    (status = 404, description = "As for `/api/sessions`", body = ErrorBody)))]
pub(crate) async fn list_as_before(state: State<Arc<Desk>>, wants: Wants, asked: Asked<Paging>) -> Result<Response, Failure> {
    list(state, wants, asked).await
}

/// An entry's place in the order that the stage keeps; it does not change while the session stays what it is.
fn place(entry: &LobbyEntry) -> (bool, Reverse<Millis>, SessionId) {
    let away = match entry.record.status {
        LobbyStatus::Live | LobbyStatus::Ended => false,
        LobbyStatus::Away => true,
    };
    (away, Reverse(entry.record.began_at), entry.session.clone())
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Active {
    /// Whether anything is live.
    live: bool,
    /// How many sessions are live in all; absent when none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    count: Option<usize>,
    /// The newest live ones, at most 100.
    sessions: Vec<ActiveSession>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActiveSession {
    #[schema(value_type = String)]
    session_id: SessionId,
    dj_name: String,
    #[schema(value_type = String, format = DateTime)]
    started_at: Millis,
    /// What plays now, or null.
    current_track: Option<ActiveTrack>,
    /// Distinct people, not sockets.
    listener_count: u64,
    /// 0 to 1: likes and listeners of the last 5 minutes against this session's own busiest 5 minutes.
    momentum: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActiveTrack {
    title: String,
    artist: String,
    /// Beats a minute, or null.
    bpm: Option<f64>,
}

/// What a home page shows: sessions whose DJ is there.
///
/// Clients show the first one, so a session leaves this list the moment its DJ is gone, while its dancers keep it.
#[utoipa::path(get, path = "/api/sessions/active", tag = "sessions", responses((status = 200, description = "Newest begun first", body = Active)))]
pub(crate) async fn active(State(desk): State<Arc<Desk>>, wants: Wants) -> Response {
    let mut live = desk.stage.on();
    live.retain(|entry| entry.record.status == LobbyStatus::Live);
    let count = live.len();
    live.truncate(ACTIVE);
    let sessions = live.iter().map(|entry| active_session(&desk, entry)).collect();
    wants.say(&Active { live: count > 0, count: (count > 0).then_some(count), sessions })
}

fn active_session(desk: &Desk, entry: &LobbyEntry) -> ActiveSession {
    let (record, heard) = (&entry.record, desk.listeners.of(&entry.session));
    let current_track = record.track.as_ref().map(|track| ActiveTrack {
        title: track.title.to_string(),
        artist: track.artist.to_string(),
        bpm: track.analysis.bpm,
    });
    ActiveSession {
        session_id: entry.session.clone(),
        dj_name: record.dj_name.clone(),
        started_at: record.began_at,
        current_track,
        listener_count: heard.count,
        momentum: heard.momentum,
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecentQuery {
    /// Sessions wanted; 10 where nothing is said.
    #[param(value_type = Option<RecentLimit>, inline)]
    limit: Option<usize>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndedSession {
    /// The session's id.
    #[schema(value_type = String)]
    id: SessionId,
    dj_name: String,
    #[schema(value_type = String, format = DateTime)]
    started_at: Millis,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Millis>,
}

impl EndedSession {
    fn of(run: RunRow) -> Self {
        EndedSession { id: run.session, dj_name: run.dj_name, started_at: run.began_at, ended_at: run.ended.map(|(at, _)| at) }
    }
}

/// The sessions that ended last. The list may be two seconds old.
#[utoipa::path(get, path = "/api/sessions/recent", tag = "sessions", params(RecentQuery), responses(
    (status = 200, description = "Newest end first", body = [EndedSession]),
    (status = 400, description = "`limit` is not 1 to 50", body = ErrorBody),
    (status = 503, description = "The store is away", body = ErrorBody)))]
pub(crate) async fn recent(State(desk): State<Arc<Desk>>, wants: Wants, Asked(query): Asked<RecentQuery>) -> Result<Response, Failure> {
    let limit = query.limit.unwrap_or(RECENT);
    if !(1..=RECENT_MOST).contains(&limit) {
        return Err(Failure::with(Code::InvalidMessage, format!("limit must be 1 to {RECENT_MOST}")));
    }
    let runs = desk.stored(desk.recent.get(desk.live.recent_runs(RECENT_MOST))).await?;
    Ok(wants.say(&runs.into_iter().take(limit).map(EndedSession::of).collect::<Vec<_>>()))
}
