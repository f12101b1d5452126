//! Who is asking, taken from a request: by a bearer or by a browser's session. And what a page of another origin cannot send.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;

use accounts::{AccountError, Caller};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use schemas::cookie::session_of;
use schemas::{Code, Millis, Permission};

use crate::desk::Desk;
use crate::failure::Failure;
use crate::headers::text;
use crate::owner::bearer;

/// The client that asks, from `X-Pika-Client`. A browser sends that header across origins only when we said that it may, so a page
/// of somebody else's cannot act with a visitor's cookie.
pub(crate) struct Client(pub &'static str);

pub(crate) const CLIENTS: [&str; 3] = [WEB, "pika-desktop", "pika-e2e"];
pub(crate) const WEB: &str = "pika-web";

impl Client {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let named = headers.get("x-pika-client")?.to_str().ok()?;
        CLIENTS.into_iter().find(|client| *client == named).map(Client)
    }

    pub fn is_browser(&self) -> bool {
        self.0 == WEB
    }
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Client::of(&parts.headers).ok_or_else(|| Failure::with(Code::Forbidden, "X-Pika-Client is missing"))
    }
}

/// The same for signing in, which an older page asks for with `X-Requested-With: Pika`.
pub(crate) struct ClientAsBefore(pub Client);

impl<S: Sync> FromRequestParts<S> for ClientAsBefore {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let before = parts.headers.get("x-requested-with").is_some_and(|value| value == "Pika");
        if before && !parts.headers.contains_key("x-pika-client") {
            return Ok(ClientAsBefore(Client(WEB)));
        }
        Client::from_request_parts(parts, state).await.map(ClientAsBefore)
    }
}

/// Where the request came from, if that is known.
pub(crate) struct From(pub Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(From(parts.extensions.get::<IpAddr>().copied()))
    }
}

/// Somebody who is signed in.
pub(crate) struct SignedIn(pub Caller);

/// The session that a browser shows.
pub(crate) fn session_cookie<'h>(headers: &'h HeaderMap, desk: &Desk) -> Option<&'h str> {
    session_of(text(headers, header::COOKIE), desk.config.https)
}

/// Who asks, if anybody who is signed in. A bearer that does not hold is an error, and no cookie beside it is looked at.
pub(crate) async fn caller(headers: &HeaderMap, desk: &Desk) -> Result<Caller, Failure> {
    let now = Millis::now();
    let found = match (bearer(headers), session_cookie(headers, desk)) {
        (Some(bearer), _) => desk.accounts.by_bearer(bearer, now).await,
        (None, Some(session)) => desk.accounts.by_cookie(session, now).await,
        (None, None) => Err(AccountError::NotSignedIn),
    };
    Ok(found?)
}

impl FromRequestParts<Arc<Desk>> for SignedIn {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Failure> {
        caller(&parts.headers, desk).await.map(SignedIn)
    }
}

/// What a route asks of its caller.
pub(crate) trait Needs: Send {
    const PERMISSION: Permission;
}

pub(crate) struct ManageUsers;

impl Needs for ManageUsers {
    const PERMISSION: Permission = Permission::ManageUsers;
}

/// Somebody who is signed in and may do it. Without it the handler is not entered.
pub(crate) struct May<N>(pub Caller, PhantomData<N>);

impl<N: Needs> FromRequestParts<Arc<Desk>> for May<N> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Failure> {
        let caller = caller(&parts.headers, desk).await?;
        caller.require(N::PERMISSION)?;
        // A token that lies in a DJ's programs is no key to other people's accounts.
        caller.require_session()?;
        Ok(May(caller, PhantomData))
    }
}
