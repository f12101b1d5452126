//! Signing in with a provider: there and back by the browser, and a person's own logins.

use std::net::IpAddr;
use std::sync::Arc;

use accounts::{AccountError, Caller, LoginStart, Returned};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemas::cookie::{login_of, set_login};
use schemas::error::ErrorBody;
use schemas::{Code, Millis};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::{DONE, Done, guest_of, let_in};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::headers::{add_cookies, reads_pages, text};
use crate::limits::Limit;
use crate::pages::words_page;
use crate::posted::Asked;
use crate::refused::{NotIn, Refused};
use crate::shapes::ProviderName;
use crate::signed_in::{Client, From, SignedIn, caller};
use crate::wants::Wants;

#[derive(Serialize, ToSchema)]
pub(crate) struct LoginProvider {
    /// As it stands in addresses.
    name: &'static str,
    /// As people know it.
    title: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OwnLogin {
    provider: String,
    #[schema(value_type = String, format = DateTime)]
    linked_at: Millis,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct WayThere {
    /// Where the browser goes next.
    url: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Next {
    /// A path of ours to come back to; anything else is the first page.
    #[serde(default)]
    next: String,
}

/// What a provider sends the browser back with.
#[derive(Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub(crate) struct WayBack {
    #[serde(default)]
    state: String,
    code: Option<String>,
    /// Why there is no code.
    error: Option<String>,
    /// The provider's own name, where it gives one.
    iss: Option<String>,
    /// What they want to be called, where the provider says it only once.
    name: Option<String>,
    /// The same in Apple's form: `{"name": {"firstName", "lastName"}}`.
    user: Option<String>,
}

/// Characters of what a provider gives. Google's codes have 73, and nobody's have thousands.
const CODE: usize = 2_000;

/// Providers that somebody can sign in with here.
#[utoipa::path(get, path = "/api/auth/providers", tag = "accounts", responses(
    (status = 200, description = "Their names, in the order that they are shown in", body = [LoginProvider])))]
pub(crate) async fn providers(State(desk): State<Arc<Desk>>, wants: Wants) -> Response {
    let all = desk.accounts.providers().map(|(name, title)| LoginProvider { name, title: title.to_owned() });
    wants.say(&all.collect::<Vec<_>>())
}

/// The way to a provider, for somebody who wants to sign in or up. A browser goes there by itself.
#[utoipa::path(get, path = "/api/auth/{provider}", tag = "accounts", params(("provider" = inline(ProviderName), Path, description = "From the list"), Next), responses(
    (status = 303, description = "To the provider; sets the cookie that the way back needs"),
    NotIn))]
pub(crate) async fn begin(
    State(desk): State<Arc<Desk>>,
    From(address): From,
    headers: HeaderMap,
    Path(provider): Path<String>,
    Asked(asked): Asked<Next>,
) -> Response {
    match begun(&desk, address, &provider, &asked.next).await {
        Ok(start) => {
            let mut response = to(&start.url);
            keep(&desk, &start, &mut response);
            response
        }
        Err(failure) => told(failure, &headers),
    }
}

async fn begun(desk: &Desk, address: Option<IpAddr>, provider: &str, next: &str) -> Result<LoginStart, Failure> {
    known(desk, provider)?;
    desk.limits.address(Limit::Logins, address)?;
    Ok(desk.accounts.login_start(provider, next, None, Millis::now()).await?)
}

/// The way to a provider, to link a login there to the account of whoever asks.
#[utoipa::path(post, path = "/api/auth/{provider}/link", tag = "accounts", security(("session" = [])),
    params(("provider" = inline(ProviderName), Path, description = "From the list"), Next), responses(
    (status = 200, description = "Where the browser goes next; sets the cookie that the way back needs", body = WayThere), Refused))]
pub(crate) async fn link(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    SignedIn(caller): SignedIn,
    Path(provider): Path<String>,
    Asked(asked): Asked<Next>,
) -> Result<Response, Failure> {
    known(&desk, &provider)?;
    desk.limits.person(Limit::Logins, &caller.id().to_string())?;
    let start = desk.accounts.login_start(&provider, &asked.next, Some(&caller), Millis::now()).await?;
    let mut response = wants.say(&WayThere { url: start.url.clone() });
    keep(&desk, &start, &mut response);
    Ok(response)
}

/// The way back from a provider: signs in, signs up, or links. The browser goes on to where it wanted to be.
#[utoipa::path(get, path = "/api/auth/{provider}/callback", tag = "accounts", params(("provider" = inline(ProviderName), Path, description = "From the list"), WayBack), responses(
    (status = 303, description = "Signed in; sets the session's cookie"),
    NotIn))]
pub(crate) async fn finish(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    Path(provider): Path<String>,
    Asked(came): Asked<WayBack>,
) -> Response {
    match finished(&desk, &headers, provider, came).await {
        Ok(response) => response,
        Err(failure) => told(failure, &headers),
    }
}

async fn finished(desk: &Desk, headers: &HeaderMap, provider: String, came: WayBack) -> Result<Response, Failure> {
    known(desk, &provider)?;
    let shown = login_of(text(headers, header::COOKIE), desk.config.https).map(str::to_owned);
    let code = came.code.filter(|code| code.len() <= CODE);
    let returned = Returned { provider, shown, state: came.state, code, error: came.error, iss: came.iss, name: came.name };
    // Somebody whose session has ended since is nobody: only a link needs one, and says so itself.
    let who: Option<Caller> = match caller(headers, desk).await {
        Ok(caller) => Some(caller),
        Err(failure) if failure.0.code == Code::Unavailable => return Err(failure),
        Err(_) => None,
    };
    let guest = guest_of(headers, desk);
    let entered = desk.accounts.login_finish(&returned, who.as_ref(), guest, Millis::now()).await?;
    let mut response = to(&entered.next);
    if !entered.linked {
        let_in(desk, &entered.account, headers, &mut response).await?;
    }
    add_cookies(response.headers_mut(), [set_login(None, 0, desk.config.https)]);
    Ok(response)
}

/// The same from providers that answer with a form. The browser is sent on to the address above, where it shows its cookies again.
#[utoipa::path(post, path = "/api/auth/{provider}/callback", tag = "accounts", params(("provider" = inline(ProviderName), Path, description = "From the list")),
    request_body(content = WayBack, content_type = "application/x-www-form-urlencoded"), responses(
    (status = 303, description = "To the same address"),
    (status = 400, description = "The form cannot be read", body = ErrorBody),
    (status = 404, description = "There is no such provider here", body = ErrorBody),
    (status = 413, description = "The form is too large", body = ErrorBody),
    (status = 415, description = "It is no form", body = ErrorBody)))]
pub(crate) async fn posted(
    State(desk): State<Arc<Desk>>,
    Path(provider): Path<String>,
    form: Result<Form<WayBack>, FormRejection>,
) -> Response {
    if let Err(failure) = known(&desk, &provider) {
        return failure.into_response();
    }
    let came = match form {
        Ok(Form(came)) => came,
        Err(rejection) => return rejection.into_response(),
    };
    let name = came.name.or_else(|| came.user.as_deref().and_then(apples_name));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("state", &came.state);
    for (key, value) in [("code", &came.code), ("error", &came.error), ("iss", &came.iss), ("name", &name)] {
        if let Some(value) = value {
            query.append_pair(key, value);
        }
    }
    to(&format!("/api/auth/{provider}/callback?{}", query.finish()))
}

#[derive(Deserialize)]
struct AppleUser {
    name: AppleName,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppleName {
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
}

fn apples_name(user: &str) -> Option<String> {
    let AppleName { first_name, last_name } = serde_json::from_str::<AppleUser>(user).ok()?.name;
    Some(format!("{first_name} {last_name}").trim().to_owned()).filter(|name| !name.is_empty())
}

/// The logins that are linked to the caller's account.
#[utoipa::path(get, path = "/api/auth/logins", tag = "accounts", security(("access" = []), ("session" = [])), responses(
    (status = 200, description = "In the order that they were linked in", body = [OwnLogin]), Refused))]
pub(crate) async fn logins(State(desk): State<Arc<Desk>>, wants: Wants, SignedIn(caller): SignedIn) -> Response {
    let own = desk.accounts.logins(&caller).into_iter().map(|login| OwnLogin { provider: login.provider, linked_at: login.linked_at });
    wants.say(&own.collect::<Vec<_>>())
}

/// Takes a login away from the caller's account. The last way in stays.
#[utoipa::path(delete, path = "/api/auth/logins/{provider}", tag = "accounts", security(("access" = []), ("session" = [])),
    params(("provider" = inline(ProviderName), Path, description = "From the list")), responses(
    (status = 200, description = "It is unlinked", body = Done),
    (status = 409, description = "It is the only way into the account; choose a password first", body = ErrorBody), Refused))]
pub(crate) async fn unlink(
    State(desk): State<Arc<Desk>>,
    wants: Wants,
    _: Client,
    SignedIn(caller): SignedIn,
    Path(provider): Path<String>,
) -> Result<Response, Failure> {
    desk.limits.person(Limit::Changes, &caller.id().to_string())?;
    desk.accounts.unlink(&caller, &provider, Millis::now()).await?;
    Ok(wants.say(&DONE))
}

fn known(desk: &Desk, provider: &str) -> Result<(), Failure> {
    let known = desk.accounts.providers().any(|(name, _)| name == provider);
    if known { Ok(()) } else { Err(AccountError::NotFound.into()) }
}

fn keep(desk: &Desk, start: &LoginStart, response: &mut Response) {
    add_cookies(response.headers_mut(), [set_login(Some(&start.shown), start.holds.as_secs(), desk.config.https)]);
}

/// Sends the browser on. What it was asked with holds what is nobody else's, so nothing keeps this and no address tells it.
fn to(url: &str) -> Response {
    let about = [(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")];
    match HeaderValue::try_from(url) {
        Ok(url) => (StatusCode::SEE_OTHER, about, [(header::LOCATION, url)]).into_response(),
        Err(_) => Failure::with(Code::Internal, Code::Internal.words()).into_response(),
    }
}

/// Somebody who comes by a browser's own way reads a page; a program reads a body.
fn told(failure: Failure, headers: &HeaderMap) -> Response {
    if reads_pages(headers) { words_page(failure) } else { failure.into_response() }
}
