//! Web Push: browsers that want announcements while their page is closed. Announcing is ingest's, pushing the workers'.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use push::{PushError, Wanted};
use schemas::cookie::person_of;
use schemas::error::ErrorBody;
use schemas::{Code, Millis, PersonId, SessionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{DONE, Done};
use crate::desk::{Desk, within};
use crate::failure::Failure;
use crate::headers::text;
use crate::limits::Limit;
use crate::posted::Posted;
use crate::signed_in::{From, caller, session_cookie};
use crate::wants::Wants;

/// Sessions that a browser follows which names none: those that are on.
const SESSIONS: usize = 5;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PushKey {
    /// What `pushManager.subscribe` takes as `applicationServerKey`: a P-256 point in base64url.
    public_key: String,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct BrowserKeys {
    /// The browser's public key: 65 bytes in base64url.
    p256dh: String,
    /// What it shares with us: 16 bytes in base64url.
    auth: String,
}

/// What `PushSubscription.toJSON()` gives.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Browser {
    /// An address of a push service that is known here.
    endpoint: String,
    keys: BrowserKeys,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subscribing {
    /// Either this, or its members beside the others.
    subscription: Option<Browser>,
    endpoint: Option<String>,
    keys: Option<BrowserKeys>,
    /// The session whose announcements are wanted, for a day. None: those that are on.
    session_id: Option<String>,
    /// The key that the browser was given, if it is not the newest.
    application_server_key: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subscribed {
    success: bool,
    /// Nothing is pushed all the same: in the preferences announcements are off.
    quiet: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Leaving {
    endpoint: String,
    /// Proves that it is the caller's browser where the identity cookie does not.
    keys: Option<LeavingKeys>,
    /// Only this session's announcements are not wanted any more.
    session_id: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct LeavingKeys {
    auth: String,
}

/// The key that browsers subscribe with.
#[utoipa::path(get, path = "/api/push/key", tag = "notifications", responses(
    (status = 200, description = "The newest key", body = PushKey),
    (status = 404, description = "Notifications are not set up here", body = ErrorBody)))]
pub(crate) async fn key(State(desk): State<Arc<Desk>>, wants: Wants) -> Result<Response, Failure> {
    let public_key = desk.push.public_key().ok_or(PushError::Off)?.to_owned();
    Ok(wants.say(&PushKey { public_key }))
}

/// Who asks, if they are known by a session or by the identity cookie; and with an account whether they chose not to be told.
async fn who(desk: &Desk, headers: &HeaderMap) -> Result<Option<(PersonId, Option<bool>)>, Failure> {
    if headers.contains_key(header::AUTHORIZATION) || session_cookie(headers, desk).is_some() {
        match caller(headers, desk).await {
            Ok(caller) => return Ok(Some((caller.account.person, Some(!caller.wants_announcements())))),
            // A session that ended leaves the person whom the browser was.
            Err(failure) if failure.0.code == Code::Unauthorized => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(person_of(text(headers, header::COOKIE), &desk.key).map(|person| (person, None)))
}

/// Counts one try of whoever asks: the person where one is known, else the address. Persons without an account cost nothing to make,
/// so their address counts too.
fn count(desk: &Desk, known: Option<(PersonId, Option<bool>)>, address: Option<IpAddr>) -> Result<(), Failure> {
    match known {
        Some((person, _)) => desk.limits.person(Limit::Push, &person.to_string())?,
        None => desk.limits.address(Limit::Push, address)?,
    };
    if !matches!(known, Some((_, Some(_)))) {
        desk.limits.address(Limit::PushAddress, address)?;
    }
    Ok(())
}

fn session(id: &str) -> Result<SessionId, Failure> {
    SessionId::parse(id).map_err(|_| Code::SessionNotFound.into())
}

/// Subscribes a browser to a session's announcements.
///
/// Said again it holds for another day. A person may have eight browsers; a ninth takes the place of the one that was seen longest ago.
#[utoipa::path(post, path = "/api/push/subscribe", tag = "notifications", security((), ("person" = [])), request_body = Subscribing, responses(
    (status = 201, description = "It is kept", body = Subscribed),
    (status = 400, description = "No subscription, or one at a push service that is not known here", body = ErrorBody),
    (status = 404, description = "No such session is on, or notifications are not set up here", body = ErrorBody),
    (status = 409, description = "The subscription is somebody else's", body = ErrorBody),
    (status = 413, description = "The body is too large", body = ErrorBody),
    (status = 429, description = "Too often", body = ErrorBody),
    (status = 503, description = "The store is away", body = ErrorBody)))]
pub(crate) async fn subscribe(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    From(address): From,
    headers: HeaderMap,
    Posted(body): Posted<Subscribing>,
) -> Result<Response, Failure> {
    let known = who(&desk, &headers).await?;
    count(&desk, known, address)?;
    let (endpoint, keys) = match (body.subscription, body.endpoint, body.keys) {
        (Some(Browser { endpoint, keys }), _, _) | (None, Some(endpoint), Some(keys)) => (endpoint, keys),
        (None, None, _) | (None, _, None) => return Err(Failure::with(Code::InvalidMessage, "endpoint and keys are missing")),
    };
    let sessions = match body.session_id.as_deref().map(session).transpose()? {
        Some(named) => vec![desk.stage.running(&named).map(|_| named).ok_or(Code::SessionNotFound)?],
        None => desk.stage.on().into_iter().take(SESSIONS).map(|entry| entry.session).collect(),
    };
    // Whoever has no identity is known by the subscription alone, which nobody can guess.
    let (person, quiet) = known.unwrap_or_else(|| (PersonId::random(), None));
    let wanted = Wanted { endpoint, p256dh: keys.p256dh, auth: keys.auth, key: body.application_server_key, sessions, quiet };
    let kept = within(desk.config.store_deadline, desk.push.subscribe(person, wanted, Millis::now())).await?;
    let mut response = wants.say(&Subscribed { success: true, quiet: kept.quiet });
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Ends a browser's subscription, for its person or for whoever shows its secret.
#[utoipa::path(delete, path = "/api/push/subscribe", tag = "notifications", security((), ("person" = [])), request_body = Leaving, responses(
    (status = 200, description = "It is gone", body = Done),
    (status = 400, description = "The body cannot be read", body = ErrorBody),
    (status = 404, description = "There is none that is the caller's", body = ErrorBody),
    (status = 413, description = "The body is too large", body = ErrorBody),
    (status = 429, description = "Too often", body = ErrorBody),
    (status = 503, description = "The store is away", body = ErrorBody)))]
pub(crate) async fn unsubscribe(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    From(address): From,
    headers: HeaderMap,
    Posted(body): Posted<Leaving>,
) -> Result<Response, Failure> {
    let known = who(&desk, &headers).await?;
    count(&desk, known, address)?;
    let session = body.session_id.as_deref().map(session).transpose()?;
    let auth = body.keys.as_ref().map(|keys| keys.auth.as_str());
    let leaving = desk.push.unsubscribe(known.map(|(person, _)| person), &body.endpoint, auth, session.as_ref());
    within(desk.config.store_deadline, leaving).await?;
    Ok(wants.say(&DONE))
}
