//! An evening in retrospect: what was played, how it was liked and, for its owner, how the polls went.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use schemas::error::ErrorBody;
use schemas::server::TempoCount;
use schemas::text::slug;
use schemas::{Code, Millis, SessionId};
use serde::{Deserialize, Serialize};
use store::PlayRow;
use utoipa::{IntoParams, ToSchema};

use crate::desk::Desk;
use crate::export::{self, Form};
use crate::failure::Failure;
use crate::owner::{Standing, standing};
use crate::polls::RecapPoll;
use crate::posted::{Asked, Named};
use crate::shapes::{RecapFormat, SessionIdText};
use crate::wants::Wants;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecapAnswer {
    #[schema(value_type = String)]
    pub session_id: SessionId,
    pub dj_name: String,
    /// Where the DJ's page is: `/dj/{slug}`.
    pub dj_slug: String,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Millis,
    /// Null while the session is still on.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Millis>,
    pub track_count: usize,
    pub total_likes: u64,
    /// The most people that listened at one time.
    pub peak_listeners: u64,
    /// In the order played.
    pub tracks: Vec<RecapTrack>,
    /// Only for the owner, in the order asked. Cancelled polls are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub polls: Option<Vec<RecapPoll>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total_polls: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total_poll_votes: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecapTrack {
    /// From 1.
    pub position: usize,
    pub artist: String,
    pub title: String,
    /// Beats a minute. This and what follows is null where nobody analysed the track.
    pub bpm: Option<f64>,
    pub key: Option<String>,
    /// 0 to 100, as the four after it.
    pub energy: Option<f64>,
    pub danceability: Option<f64>,
    pub brightness: Option<f64>,
    pub acousticness: Option<f64>,
    pub groove: Option<f64>,
    #[schema(value_type = String, format = DateTime)]
    pub played_at: Millis,
    pub likes: u64,
    /// The wishes that stood when the next track came; null when nobody wished.
    pub tempo: Option<RecapTempo>,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct RecapTempo {
    pub slower: u64,
    pub perfect: u64,
    pub faster: u64,
}

impl RecapAnswer {
    fn of(recap: store::Recap, owner: bool) -> Self {
        let store::Recap { run, plays, polls } = recap;
        let polls = owner.then(|| polls.iter().filter_map(|poll| RecapPoll::of(poll, &plays)).collect::<Vec<_>>());
        RecapAnswer {
            session_id: run.session,
            dj_name: run.dj_name,
            dj_slug: run.slug,
            started_at: run.began_at,
            ended_at: run.ended.map(|(at, _)| at),
            track_count: plays.len(),
            total_likes: plays.iter().map(|play| play.likes).sum(),
            peak_listeners: run.peak_listeners,
            tracks: plays.into_iter().enumerate().map(|(i, play)| RecapTrack::of(i + 1, play)).collect(),
            total_polls: polls.as_ref().map(Vec::len),
            total_poll_votes: polls.as_ref().map(|polls| polls.iter().map(|poll| poll.total_votes).sum()),
            polls,
        }
    }
}

impl RecapTrack {
    fn of(position: usize, play: PlayRow) -> Self {
        let analysis = play.track.analysis;
        RecapTrack {
            position,
            artist: play.track.artist.into_string(),
            title: play.track.title.into_string(),
            bpm: analysis.bpm,
            key: analysis.key,
            energy: analysis.energy,
            danceability: analysis.danceability,
            brightness: analysis.brightness,
            acousticness: analysis.acousticness,
            groove: analysis.groove,
            played_at: play.played_at,
            likes: play.likes,
            tempo: tempo(play.tempo),
        }
    }
}

fn tempo(count: TempoCount) -> Option<RecapTempo> {
    (count.total() > 0).then_some(RecapTempo { slower: count.slower, perfect: count.perfect, faster: count.faster })
}

/// What `format` may be.
pub(crate) const FORMATS: [&str; 3] = ["csv", "json", "polls-csv"];

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecapQuery {
    /// `csv` (`Accept: text/csv` asks for it too), `json` as a file, or `polls-csv`, which only the owner is given. Nothing: an answer.
    #[param(value_type = Option<RecapFormat>, inline)]
    format: Option<String>,
}

impl RecapQuery {
    fn form(&self, headers: &HeaderMap) -> Result<Form, Failure> {
        let wants_csv =
            || headers.get_all(header::ACCEPT).iter().any(|accept| accept.to_str().is_ok_and(|kinds| kinds.contains("text/csv")));
        match self.format.as_deref() {
            Some("csv") => Ok(Form::Csv),
            Some("json") => Ok(Form::Json),
            Some("polls-csv") => Ok(Form::PollsCsv),
            Some(_) => Err(Failure::with(Code::InvalidMessage, format!("format must be one of {}", FORMATS.join(", ")))),
            None => Ok(if wants_csv() { Form::Csv } else { Form::Answer }),
        }
    }
}

/// The recap of a session's latest evening, also while it is still going.
///
/// With the run's ownerToken or its DJ's token as Bearer it also has the polls; any other token is as none.
#[utoipa::path(get, path = "/api/sessions/{id}/recap", tag = "recap", security((), ("dj" = [])),
    params(("id" = inline(SessionIdText), Path, description = "A session's id"), RecapQuery), responses(
    (status = 200, description = "The recap; as CSV one line a track", content((RecapAnswer = "application/json"), (String = "text/csv"))),
    (status = 400, description = "`format` is none of those", body = ErrorBody),
    (status = 403, description = "The polls of somebody else's session", body = ErrorBody),
    (status = 404, description = "No such session", body = ErrorBody),
    (status = 503, description = "The store is away", body = ErrorBody)))]
pub(crate) async fn recap(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    Named(session): Named,
    Asked(query): Asked<RecapQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let form = query.form(&headers)?;
    let stored = desk.stored(desk.live.recap(&session)).await?;
    let answer = match (stored, desk.stage.running(&session)) {
        // The lobby knows of a new evening before the store does; an older evening's recap must not stand in for it.
        (Some(stored), Some(entry)) if stored.run.begin != entry.begin() => just_begun(&desk, &session),
        (Some(stored), _) => {
            let owner = standing(&desk, &headers, &stored.run).await? == Standing::Owner;
            Some(RecapAnswer::of(stored, owner))
        }
        (None, _) => just_begun(&desk, &session),
    };
    let answer = answer.ok_or(Code::SessionNotFound)?;
    // Whether somebody else owns the evening is theirs to know; to all others its polls are not there.
    export::given(form, &answer, wants).ok_or_else(|| Code::NotOwner.into())
}

/// The recap at the address that older clients use.
#[utoipa::path(get, path = "/api/session/{id}/recap", tag = "recap", security((), ("dj" = [])),
    params(("id" = inline(SessionIdText), Path, description = "A session's id"), RecapQuery), responses(
    (status = 200, description = "As for `/api/sessions/{id}/recap`", content((RecapAnswer = "application/json"), (String = "text/csv"))),
    (status = 400, description = "`format` is none of those", body = ErrorBody),
    (status = 403, description = "The polls of somebody else's session", body = ErrorBody),
    (status = 404, description = "No such session", body = ErrorBody),
    (status = 503, description = "The store is away", body = ErrorBody)))]
pub(crate) async fn recap_as_before(
    state: State<Arc<Desk>>,
    wants: Wants,
    named: Named,
    query: Asked<RecapQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    recap(state, wants, named, query, headers).await
}

/// A run that the lobby knows and the store does not yet: nothing of it has been folded.
fn just_begun(desk: &Desk, session: &SessionId) -> Option<RecapAnswer> {
    let entry = desk.stage.running(session)?;
    Some(RecapAnswer {
        session_id: session.clone(),
        dj_name: entry.record.dj_name.clone(),
        dj_slug: slug(&entry.record.dj_name),
        started_at: entry.record.began_at,
        ended_at: None,
        track_count: 0,
        total_likes: 0,
        peak_listeners: 0,
        tracks: Vec::new(),
        polls: None,
        total_polls: None,
        total_poll_votes: None,
    })
}
