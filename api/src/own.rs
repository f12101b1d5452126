//! A person's own sessions and DJ tokens.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use schemas::Millis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{DONE, Done, NewToken};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::limits::Limit;
use crate::posted::Posted;
use crate::refused::Refused;
use crate::signed_in::{Client, SignedIn};
use crate::wants::Wants;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OwnSession {
    /// Ends it; it proves nothing.
    id: String,
    /// What the browser or app calls itself.
    label: String,
    /// `browser` or `app`.
    kind: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Millis,
    /// To the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used: Option<Millis>,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Millis,
    /// The one that asks.
    current: bool,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OwnToken {
    /// Ends it; it proves nothing.
    id: String,
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Millis,
    /// To the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used: Option<Millis>,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct Named {
    /// What the token is called in the list.
    name: String,
}

/// Where the caller is signed in, newest first.
#[utoipa::path(get, path = "/api/auth/sessions", tag = "accounts", security(("access" = []), ("session" = [])), responses(
    (status = 200, description = "Sessions of browsers and apps", body = [OwnSession]), Refused))]
pub(crate) async fn sessions(State(desk): State<Arc<Desk>>, wants: Wants, SignedIn(caller): SignedIn) -> Result<Response, Failure> {
    let sessions = desk.accounts.sessions(&caller, Millis::now()).await?.into_iter().map(|session| OwnSession {
        id: session.id,
        label: session.label,
        kind: session.kind,
        created_at: session.created_at,
        last_used: session.last_used,
        expires_at: session.expires_at,
        current: session.current,
    });
    Ok(wants.say(&sessions.collect::<Vec<_>>()))
}

/// Signs the caller out everywhere else.
#[utoipa::path(delete, path = "/api/auth/sessions", tag = "accounts", security(("access" = []), ("session" = [])), responses(
    (status = 200, description = "Only the session that asked is left", body = Done), Refused))]
pub(crate) async fn end_others(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    SignedIn(caller): SignedIn,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Changes, &caller.id().to_string())?;
    desk.accounts.end_other_sessions(&caller, Millis::now()).await?;
    Ok(wants.say(&DONE))
}

/// Ends one of the caller's sessions; sockets that were opened with it close.
#[utoipa::path(delete, path = "/api/auth/sessions/{id}", tag = "accounts", security(("access" = []), ("session" = [])),
    params(("id" = String, Path, description = "From the list")), responses((status = 200, description = "It is ended", body = Done), Refused))]
pub(crate) async fn end_session(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    SignedIn(caller): SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Changes, &caller.id().to_string())?;
    desk.accounts.end_one_session(&caller, &id, Millis::now()).await?;
    Ok(wants.say(&DONE))
}

/// The caller's DJ tokens, oldest first. The tokens themselves are not kept.
#[utoipa::path(get, path = "/api/auth/tokens", tag = "accounts", security(("dj" = []), ("session" = [])), responses(
    (status = 200, description = "Tokens by their names", body = [OwnToken]), Refused))]
pub(crate) async fn tokens(State(desk): State<Arc<Desk>>, wants: Wants, SignedIn(caller): SignedIn) -> Result<Response, Failure> {
    let tokens = desk.accounts.dj_tokens(&caller).await?.into_iter().map(|token| OwnToken {
        id: accounts::token_id(&token),
        name: token.label,
        created_at: token.created_at,
        last_used: token.last_used,
    });
    Ok(wants.say(&tokens.collect::<Vec<_>>()))
}

/// Makes a DJ token, which is shown this once.
#[utoipa::path(post, path = "/api/auth/tokens", tag = "accounts", security(("access" = []), ("session" = [])), request_body = Named, responses(
    (status = 200, description = "The new token", body = NewToken), Refused))]
pub(crate) async fn add_token(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    SignedIn(caller): SignedIn,
    Posted(body): Posted<Named>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Changes, &caller.id().to_string())?;
    let token = desk.accounts.add_dj_token(&caller, &body.name, Millis::now()).await?;
    Ok(wants.say(&NewToken::of(token)))
}

/// Ends one of the caller's DJ tokens.
#[utoipa::path(delete, path = "/api/auth/tokens/{id}", tag = "accounts", security(("access" = []), ("session" = [])),
    params(("id" = String, Path, description = "From the list")), responses((status = 200, description = "It is dead", body = Done), Refused))]
pub(crate) async fn end_token(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    SignedIn(caller): SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Changes, &caller.id().to_string())?;
    desk.accounts.end_dj_token(&caller, &id, Millis::now()).await?;
    Ok(wants.say(&DONE))
}
