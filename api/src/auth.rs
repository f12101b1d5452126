//! Signing up, in and out, as clients of 0.3.0 do it, with a session for browsers on top.

use std::sync::Arc;

use accounts::{Credentials, Registration};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemas::cookie::{person_of, set_cookie, set_session};
use schemas::error::ErrorBody;
use schemas::{Millis, PersonId, Role};
use serde::{Deserialize, Serialize};
use store::Account;
use utoipa::ToSchema;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::headers::{add_cookies, text};
use crate::limits::Limit;
use crate::posted::Posted;
use crate::shapes::{DisplayNameText, EmailText, NewPasswordText};
use crate::signed_in::{Client, ClientAsBefore, From, SignedIn, session_cookie};
use crate::wants::Wants;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    id: String,
    email: String,
    display_name: String,
    slug: String,
    email_verified: bool,
    roles: Vec<Role>,
    avatar_url: Option<String>,
}

impl User {
    pub fn of(account: &Account) -> Self {
        User {
            id: account.id.to_string(),
            email: account.email.as_str().to_owned(),
            display_name: account.display_name.clone(),
            slug: account.slug.clone(),
            email_verified: account.verified_at.is_some(),
            roles: account.roles.iter().map(|grant| grant.role).chain([Role::Dancer]).collect(),
            avatar_url: account.profile.avatar_url.clone(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Entered {
    success: bool,
    user: User,
    /// A new DJ token, shown this once.
    token: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    success: bool,
    user: User,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct NewToken {
    success: bool,
    token: String,
}

impl NewToken {
    pub fn of(token: String) -> Self {
        NewToken { success: true, token }
    }
}

/// That it was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct Done {
    success: bool,
}

pub(crate) const DONE: Done = Done { success: true };

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Register {
    #[schema(value_type = EmailText, inline)]
    email: String,
    #[schema(value_type = NewPasswordText, inline)]
    password: String,
    #[schema(value_type = DisplayNameText, inline)]
    display_name: String,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct Login {
    email: String,
    password: String,
}

/// Makes an account and signs in.
///
/// A letter goes to the address. A browser (`X-Pika-Client: pika-web`) gets a session cookie too; what it did as a guest stays its own.
#[utoipa::path(post, path = "/api/auth/register", tag = "accounts", request_body = Register, responses(
    (status = 201, description = "The account, and its first DJ token", body = Entered),
    (status = 400, description = "An address, name or password that cannot be", body = ErrorBody),
    (status = 403, description = "Without `X-Pika-Client`", body = ErrorBody),
    (status = 409, description = "The address or the name is taken, or the name is one of the house", body = ErrorBody),
    (status = 429, description = "Too often from this address", body = ErrorBody),
    (status = 503, description = "Try again", body = ErrorBody)))]
pub(crate) async fn register(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    client: Client,
    From(address): From,
    headers: HeaderMap,
    Posted(body): Posted<Register>,
) -> Result<Response, Failure> {
    desk.limits.address(Limit::Register, address)?;
    let guest = guest_of(&headers, &desk);
    let wanted =
        Registration { email: body.email, password: body.password, display_name: body.display_name, guest, client: client.0.to_owned() };
    let entered = desk.accounts.register(wanted, Millis::now()).await?;
    let mut response = wants.say(&Entered { success: true, user: User::of(&entered.account), token: entered.dj_token });
    *response.status_mut() = StatusCode::CREATED;
    if client.is_browser() {
        let_in(&desk, &entered.account, &headers, &mut response).await?;
    }
    Ok(response)
}

/// Signs in with a password.
///
/// Each time a DJ token named after the client is added. A browser gets a session cookie too.
#[utoipa::path(post, path = "/api/auth/login", tag = "accounts", request_body = Login, responses(
    (status = 200, description = "The account, and a new DJ token", body = Entered),
    (status = 400, description = "The body cannot be read", body = ErrorBody),
    (status = 401, description = "The address or the password is wrong", body = ErrorBody),
    (status = 403, description = "Without `X-Pika-Client`, or the account is suspended", body = ErrorBody),
    (status = 429, description = "Too often, from this address or for this account", body = ErrorBody),
    (status = 503, description = "Try again", body = ErrorBody)))]
pub(crate) async fn login(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    ClientAsBefore(client): ClientAsBefore,
    From(address): From,
    headers: HeaderMap,
    Posted(body): Posted<Login>,
) -> Result<Response, Failure> {
    may_try(&desk, address, &body.email)?;
    let entered = desk.accounts.sign_in(&Credentials { email: body.email, password: body.password }, client.0, Millis::now()).await?;
    let mut response = wants.say(&Entered { success: true, user: User::of(&entered.account), token: entered.dj_token });
    if client.is_browser() {
        let_in(&desk, &entered.account, &headers, &mut response).await?;
    }
    Ok(response)
}

/// Who the browser was among the dancers, for somebody who signs up in it.
pub(crate) fn guest_of(headers: &HeaderMap, desk: &Desk) -> Option<PersonId> {
    let guest = person_of(text(headers, header::COOKIE), &desk.key);
    // Somebody who signed up in this browser before is not this person.
    guest.filter(|_| session_cookie(headers, desk).is_none())
}

/// A try to sign in: counted for the address that it came from and for the account that it is for.
pub(crate) fn may_try(desk: &Desk, address: Option<std::net::IpAddr>, email: &str) -> Result<(), Failure> {
    desk.limits.address(Limit::SignIn, address)?;
    desk.limits.person(Limit::SignIn, &email.trim().to_lowercase())
}

/// Gives the browser a new session in place of the one it had, and makes it who the account is among the dancers.
pub(crate) async fn let_in(desk: &Desk, account: &Account, headers: &HeaderMap, response: &mut Response) -> Result<(), Failure> {
    let now = Millis::now();
    if let Some(old) = session_cookie(headers, desk) {
        desk.accounts.sign_out(old, now).await?;
    }
    let agent = text(headers, header::USER_AGENT).unwrap_or_default();
    let (session, _) = desk.accounts.begin_session(account, agent, now).await?;
    let seconds = desk.accounts.config().session.as_secs();
    let https = desk.config.https;
    let cookies = [set_session(Some(&session), seconds, https), set_cookie(account.person, &desk.key, https)];
    add_cookies(response.headers_mut(), cookies);
    Ok(())
}

/// Whose token or session this is.
#[utoipa::path(get, path = "/api/auth/me", tag = "accounts", security(("dj" = []), ("session" = [])), responses(
    (status = 200, description = "The account", body = Me),
    (status = 401, description = "Nobody is signed in", body = ErrorBody),
    (status = 403, description = "The account is suspended", body = ErrorBody),
    (status = 503, description = "Try again", body = ErrorBody)))]
pub(crate) async fn me(wants: Wants, SignedIn(caller): SignedIn) -> Response {
    wants.say(&Me { success: true, user: User::of(&caller.account) })
}

/// Gives a new DJ token for the one that was shown, which is dead at once.
#[utoipa::path(post, path = "/api/auth/regenerate-token", tag = "accounts", security(("dj" = []), ("session" = [])), responses(
    (status = 200, description = "The new token", body = NewToken),
    (status = 401, description = "Nobody is signed in", body = ErrorBody),
    (status = 403, description = "Without `X-Pika-Client`, or the account is suspended", body = ErrorBody),
    (status = 429, description = "More than three in an hour", body = ErrorBody),
    (status = 503, description = "Try again", body = ErrorBody)))]
pub(crate) async fn regenerate_token(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    client: Client,
    SignedIn(caller): SignedIn,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Regenerate, &caller.id().to_string())?;
    let token = desk.accounts.regenerate_dj_token(&caller, client.0, Millis::now()).await?;
    Ok(wants.say(&NewToken::of(token)))
}

/// Signs out: ends the session that is shown, by cookie or access token. The browser is a guest again, and a new one.
#[utoipa::path(post, path = "/api/auth/logout", tag = "accounts", security((), ("session" = [])), responses(
    (status = 200, description = "Nobody is signed in here any more", body = Done),
    (status = 401, description = "A bearer that does not hold", body = ErrorBody),
    (status = 403, description = "Without `X-Pika-Client`, or with a DJ token, which has no session", body = ErrorBody),
    (status = 503, description = "Try again", body = ErrorBody)))]
pub(crate) async fn logout(State(desk): State<Arc<Desk>>, wants: Wants, _: Client, headers: HeaderMap) -> Result<Response, Failure> {
    let now = Millis::now();
    match (crate::owner::bearer(&headers), session_cookie(&headers, &desk)) {
        (Some(bearer), _) => {
            let caller = desk.accounts.by_bearer(bearer, now).await?;
            desk.accounts.sign_out_caller(&caller, now).await?;
            Ok(wants.say(&DONE))
        }
        (None, session) => {
            if let Some(session) = session {
                desk.accounts.sign_out(session, now).await?;
            }
            let mut response = wants.say(&DONE).into_response();
            let https = desk.config.https;
            let cookies = [set_session(None, 0, https), set_cookie(PersonId::random(), &desk.key, https)];
            add_cookies(response.headers_mut(), cookies);
            Ok(response)
        }
    }
}
