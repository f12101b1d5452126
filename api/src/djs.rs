//! A DJ and their past evenings.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use schemas::error::ErrorBody;
use schemas::{Code, Millis, Permission, SessionId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::wants::Wants;

const SESSIONS: usize = 20;
/// A DJ's name has at most a hundred characters, of at most four bytes each.
const LONGEST_SLUG: usize = 400;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DjProfile {
    slug: String,
    /// As they called themselves last.
    dj_name: String,
    /// Newest first, at most 20.
    sessions: Vec<DjSession>,
    total_sessions: u64,
    total_tracks: u64,
    /// What the DJ tells of themselves; absent where nobody does.
    #[serde(flatten)]
    #[schema(value_type = About)]
    about: Option<About>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct About {
    #[schema(required = false)]
    bio: String,
    #[schema(required = false)]
    genres: Vec<String>,
    website: Option<String>,
    /// Which network, and the address there.
    #[schema(required = false)]
    social_links: BTreeMap<String, String>,
    avatar_url: Option<String>,
}

impl About {
    /// None: nothing is told, and then nothing is said of there being an account.
    fn of(profile: store::Profile) -> Option<Self> {
        (profile != store::Profile::default()).then_some(About {
            bio: profile.bio,
            genres: profile.genres,
            website: profile.website,
            social_links: profile.social_links,
            avatar_url: profile.avatar_url,
        })
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DjSession {
    #[schema(value_type = String)]
    id: SessionId,
    dj_name: String,
    #[schema(value_type = String, format = DateTime)]
    started_at: Millis,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Millis>,
    track_count: u64,
}

/// A DJ's profile, by their name in lower case with words joined by `-`.
///
/// Whoever has an account and tells something of themselves has a page before their first evening has ended.
#[utoipa::path(get, path = "/api/dj/{slug}", tag = "djs", params(("slug" = String, Path, description = "As in `dj-kryspin`")), responses(
    (status = 200, description = "The DJ and their ended sessions", body = DjProfile),
    (status = 404, description = "No evening of a DJ of this name has ended, and nobody of this name tells of themselves", body = ErrorBody),
    (status = 503, description = "The store is away", body = ErrorBody)))]
pub(crate) async fn profile(State(desk): State<Arc<Desk>>, wants: Wants, Path(slug): Path<String>) -> Result<Response, Failure> {
    let nobody = || Failure::with(Code::NotFound, "DJ not found");
    if slug.len() > LONGEST_SLUG {
        return Err(nobody());
    }
    let slug = slug.to_lowercase();
    let (runs, total_sessions, total_tracks) = desk.stored(desk.live.dj_runs(&slug, SESSIONS)).await?;
    // The pages of those who are suspended say no more than what everybody saw them play.
    let account =
        desk.accounts.by_slug(&slug).await?.filter(|account| account.roles.iter().any(|grant| grant.role.may(Permission::GoLive)));
    let (named, about) = account.map(|account| (account.display_name, About::of(account.profile))).unzip();
    let about = about.flatten();
    let dj_name = match (runs.first(), &about, named) {
        (Some(run), _, _) => run.dj_name.clone(),
        (None, Some(_), Some(name)) => name,
        (None, _, _) => return Err(nobody()),
    };
    let sessions = runs.into_iter().map(|run| DjSession {
        id: run.session,
        dj_name: run.dj_name,
        started_at: run.began_at,
        ended_at: run.ended.map(|(at, _)| at),
        track_count: run.tracks,
    });
    Ok(wants.say(&DjProfile { slug, dj_name, sessions: sessions.collect(), total_sessions, total_tracks, about }))
}
