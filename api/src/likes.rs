//! A person's own likes.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use schemas::cookie::person_of;
use schemas::error::ErrorBody;
use schemas::{Code, Millis, Seq, SessionId};
use serde::Serialize;
use store::PersonLike;
use utoipa::ToSchema;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::headers::text;
use crate::shapes::ClientIdText;
use crate::wants::Wants;

const LIKES: usize = 100;
/// Characters of what a client calls itself.
pub(crate) const CLIENT_ID: std::ops::RangeInclusive<usize> = 8..=256;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LikesAnswer {
    /// What the client called itself.
    client_id: String,
    total_likes: u64,
    /// Newest first, at most 100.
    likes: Vec<Like>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Like {
    /// Names the play that was liked.
    #[schema(value_type = u64)]
    id: Seq,
    #[schema(value_type = String)]
    session_id: SessionId,
    artist: String,
    title: String,
    #[schema(value_type = String, format = DateTime)]
    liked_at: Millis,
    dj_name: String,
    /// When that evening began.
    #[schema(value_type = String, format = DateTime)]
    session_date: Millis,
}

impl Like {
    pub fn of(like: PersonLike) -> Self {
        Like {
            id: like.play,
            session_id: like.session,
            artist: like.artist,
            title: like.title,
            liked_at: like.liked_at,
            dj_name: like.dj_name,
            session_date: like.began_at,
        }
    }
}

/// What the person with this cookie liked.
///
/// `clientId` is a label that a client made up and proves nothing, so it only has to be well formed: whose likes these are
/// is decided by the identity cookie that our pages set. A client that asks for somebody else's id gets its own likes.
#[utoipa::path(get, path = "/api/client/{clientId}/likes", tag = "likes", security(("person" = [])),
    params(("clientId" = inline(ClientIdText), Path, description = "Made up by the client")), responses(
    (status = 200, description = "The likes that stand", body = LikesAnswer),
    (status = 400, description = "A malformed clientId", body = ErrorBody),
    (status = 401, description = "No identity cookie of ours", body = ErrorBody),
    (status = 503, description = "The store is away", body = ErrorBody)))]
pub(crate) async fn likes(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    if !CLIENT_ID.contains(&client_id.chars().count()) || client_id.chars().any(char::is_control) {
        return Err(Failure::with(Code::InvalidMessage, "clientId must have 8 to 256 characters"));
    }
    let person = person_of(text(&headers, header::COOKIE), &desk.key)
        .ok_or_else(|| Failure::with(Code::Unauthorized, "No identity: open a page of this server first"))?;
    let (likes, total_likes) = desk.stored(desk.live.person_likes(person, LIKES)).await?;
    Ok(wants.say(&LikesAnswer { client_id, total_likes, likes: likes.into_iter().map(Like::of).collect() }))
}
