//! What apps sign in with: short access tokens, refresh tokens that are used once, and tickets for sockets.

use std::sync::Arc;

use accounts::{Credentials, Pair};
use axum::extract::State;
use axum::response::Response;
use schemas::Millis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::may_try;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::limits::Limit;
use crate::posted::Posted;
use crate::refused::Refused;
use crate::signed_in::{Client, From, SignedIn};
use crate::wants::Wants;

#[derive(Deserialize, ToSchema)]
pub(crate) struct AppLogin {
    email: String,
    password: String,
    /// What the app is called in the list of sessions.
    #[serde(default)]
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefreshWith {
    refresh_token: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenPair {
    /// Shown as Bearer. A JWT signed with Ed25519; `/.well-known/jwks.json` has the keys.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
    /// Gives the next pair, once. Shown a second time it ends the session.
    refresh_token: String,
}

impl TokenPair {
    pub fn of(pair: Pair) -> Self {
        TokenPair { access_token: pair.access, token_type: "Bearer", expires_in: pair.expires_in.as_secs(), refresh_token: pair.refresh }
    }
}

/// Signs an app in with a password.
#[utoipa::path(post, path = "/api/auth/token", tag = "accounts", request_body = AppLogin, responses(
    (status = 200, description = "The first pair", body = TokenPair), Refused))]
pub(crate) async fn token(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    From(address): From,
    Posted(body): Posted<AppLogin>,
) -> Result<Response, Failure> {
    may_try(&desk, address, &body.email)?;
    let now = Millis::now();
    let account = desk.accounts.authenticate(&Credentials { email: body.email, password: body.password }, now).await?;
    let pair = desk.accounts.begin_app(&account, &body.name, now).await?;
    Ok(wants.say(&TokenPair::of(pair)))
}

/// The next pair of tokens for a refresh token, which is used up.
///
/// A refresh token that comes a second time ends the session and every token that came from it: one of two holds a stolen copy.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "accounts", request_body = RefreshWith, responses(
    (status = 200, description = "The next pair", body = TokenPair), Refused))]
pub(crate) async fn refresh(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    From(address): From,
    Posted(body): Posted<RefreshWith>,
) -> Result<Response, Failure> {
    desk.limits.address(Limit::Polls, address)?;
    let pair = desk.accounts.refresh(&body.refresh_token, Millis::now()).await?;
    Ok(wants.say(&TokenPair::of(pair)))
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ticket {
    /// Opens one socket, as `/ws?ticket=…`.
    ticket: String,
    /// Seconds.
    expires_in: u64,
}

/// A ticket that opens one socket within half a minute.
#[utoipa::path(post, path = "/api/auth/ticket", tag = "accounts", security(("access" = []), ("session" = [])), responses(
    (status = 200, description = "The ticket", body = Ticket), Refused))]
pub(crate) async fn ticket(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    SignedIn(caller): SignedIn,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Changes, &caller.id().to_string())?;
    let (ticket, holds) = desk.accounts.ticket(&caller, Millis::now()).await?;
    Ok(wants.say(&Ticket { ticket, expires_in: holds.as_secs() }))
}

/// The public keys of access tokens: this month's and the last one's.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "accounts", responses((status = 200, description = "A JWK set", body = Object)))]
pub(crate) async fn keys(State(desk): State<Arc<Desk>>, wants: Wants) -> Response {
    wants.say(&desk.accounts.access_keys(Millis::now()))
}
