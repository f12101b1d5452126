//! The web app's pages and files, and the answer for every address that is none.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use schemas::cookie::{person_of, set_cookie};
use schemas::error::ErrorBody;
use schemas::{Code, PersonId};
use web::Page;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::headers::{add_cookies, reads_pages, text};
use crate::perimeter;

/// Names of built files hold a hash of what is in them, so what was fetched once is right for ever.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Kept, but asked about each time, so that a deploy reaches everyone at their next visit.
const ASK_FIRST: &str = "no-cache";
/// What the build packed its files with, best first, and how such a file's name ends.
const PACKED: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];
/// A first page may carry somebody's identity: nothing between us and them may keep it for the next one.
const OWN: &str = "private, no-cache";

/// The home page.
#[utoipa::path(get, path = "/", tag = "pages", responses((status = 200, description = "HTML; sets the identity cookie where there is none", body = String, content_type = "text/html")))]
pub(crate) async fn home(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    shell(&desk, &headers, StatusCode::OK)
}

/// Where a join link leads.
#[utoipa::path(get, path = "/j/{code}", tag = "pages", params(("code" = String, Path, description = "A join code")),
    responses((status = 200, description = "HTML; sets the identity cookie where there is none", body = String, content_type = "text/html")))]
pub(crate) async fn join(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    shell(&desk, &headers, StatusCode::OK)
}

/// A session's pages.
#[utoipa::path(get, path = "/s/{*page}", tag = "pages", params(("page" = String, Path, description = "A session's id, and which page of it")),
    responses((status = 200, description = "HTML; sets the identity cookie where there is none", body = String, content_type = "text/html")))]
pub(crate) async fn session(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    shell(&desk, &headers, StatusCode::OK)
}

/// Signing up and in, and where the links of letters lead.
#[utoipa::path(get, path = "/account", tag = "pages",
    responses((status = 200, description = "HTML; sets the identity cookie where there is none", body = String, content_type = "text/html")))]
pub(crate) async fn account(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    shell(&desk, &headers, StatusCode::OK)
}

/// A part of one's account.
#[utoipa::path(get, path = "/account/{page}", tag = "pages", params(("page" = String, Path, description = "Which page of it")),
    responses((status = 200, description = "HTML; sets the identity cookie where there is none", body = String, content_type = "text/html")))]
pub(crate) async fn account_part(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    shell(&desk, &headers, StatusCode::OK)
}

/// For those who run this Pika. What it shows it asks for, and is given to admins alone.
#[utoipa::path(get, path = "/admin", tag = "pages",
    responses((status = 200, description = "HTML; sets the identity cookie where there is none", body = String, content_type = "text/html")))]
pub(crate) async fn admin(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    shell(&desk, &headers, StatusCode::OK)
}

/// A part of it.
#[utoipa::path(get, path = "/admin/{page}", tag = "pages", params(("page" = String, Path, description = "Which page of it")),
    responses((status = 200, description = "HTML; sets the identity cookie where there is none", body = String, content_type = "text/html")))]
pub(crate) async fn admin_part(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    shell(&desk, &headers, StatusCode::OK)
}

/// Figures over all evenings.
#[utoipa::path(get, path = "/stats", tag = "pages",
    responses((status = 200, description = "HTML; sets the identity cookie where there is none", body = String, content_type = "text/html")))]
pub(crate) async fn stats(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    shell(&desk, &headers, StatusCode::OK)
}

/// A DJ's page.
///
/// DJs say where their picture is, and it is anywhere: on this page alone pictures of other hosts may be shown.
#[utoipa::path(get, path = "/dj/{slug}", tag = "pages", params(("slug" = String, Path, description = "As in `dj-kryspin`")),
    responses((status = 200, description = "HTML; sets the identity cookie where there is none", body = String, content_type = "text/html")))]
pub(crate) async fn dj(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    let mut response = shell(&desk, &headers, StatusCode::OK);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, perimeter::WITH_PICTURES);
    response
}

/// The DJ's console.
#[utoipa::path(get, path = "/dj", tag = "pages", responses((status = 200, description = "HTML; sets the identity cookie where there is none", body = String, content_type = "text/html")))]
pub(crate) async fn console(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    shell(&desk, &headers, StatusCode::OK)
}

/// A session on the wall of the hall.
#[utoipa::path(get, path = "/p/{id}", tag = "pages", params(("id" = String, Path, description = "A session's id")),
    responses((status = 200, description = "HTML; sets the identity cookie where there is none", body = String, content_type = "text/html")))]
pub(crate) async fn projector(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    shell(&desk, &headers, StatusCode::OK)
}

/// What somebody liked.
#[utoipa::path(get, path = "/likes", tag = "pages", responses((status = 200, description = "HTML; sets the identity cookie where there is none", body = String, content_type = "text/html")))]
pub(crate) async fn likes(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    shell(&desk, &headers, StatusCode::OK)
}

/// A script, style, font or picture of the pages.
#[utoipa::path(get, path = "/assets/{*file}", tag = "pages", params(("file" = String, Path, description = "A name from the page")), responses(
    (status = 200, description = "The file, to be kept for ever", body = [u8], content_type = "application/octet-stream"),
    (status = 304, description = "The caller has it"),
    (status = 404, description = "No such file", body = ErrorBody)))]
pub(crate) async fn asset(Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Failure> {
    let path = format!("assets/{file}");
    let page = web::file(&path).ok_or(Code::NotFound)?;
    Ok(packed(&path, page, &headers))
}

/// Any other address: a file that lies beside the first page, else nothing. A person who mistyped gets a page that says so, a
/// program an error that it can read.
pub(crate) async fn nothing(State(desk): State<Arc<Desk>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    let reads = method == Method::GET || method == Method::HEAD;
    if !reads || path == "/api" || path.starts_with("/api/") {
        return Failure::from(Code::NotFound).into_response();
    }
    if let Some(page) = web::file(path.trim_start_matches('/')).filter(|_| path != "/index.html") {
        return given(page, &headers, ASK_FIRST);
    }
    if reads_pages(&headers) {
        return shell(&desk, &headers, StatusCode::NOT_FOUND);
    }
    Failure::from(Code::NotFound).into_response()
}

/// The page that the app begins with. Whoever comes without an identity of ours leaves with one.
fn shell(desk: &Desk, headers: &HeaderMap, status: StatusCode) -> Response {
    let mut response = given(web::index(), headers, OWN);
    if response.status() == StatusCode::OK {
        *response.status_mut() = status;
    }
    if person_of(text(headers, header::COOKIE), &desk.key).is_none() {
        add_cookies(response.headers_mut(), [set_cookie(PersonId::random(), &desk.key, desk.config.https)]);
    }
    response
}

/// A refusal as a page, for somebody who came by following a link.
pub(crate) fn words_page(failure: Failure) -> Response {
    let words = escaped(&failure.0.to_string());
    let html =
        format!("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Pika</title><p>{words}</p><p><a href=\"/\">Pika</a></p>");
    let mut response = failure.into_response();
    // What would put the words into another form again.
    response.extensions_mut().remove::<ErrorBody>();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(html);
    response
}

/// Text as it may stand in a page.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A built file in the smallest form that the caller takes. The build packed them: nothing is compressed while somebody waits.
fn packed(path: &str, page: Page, headers: &HeaderMap) -> Response {
    let takes = text(headers, header::ACCEPT_ENCODING).unwrap_or("");
    let takes = |coding: &str| takes.split(',').any(|one| one.split(';').next().is_some_and(|name| name.trim() == coding));
    let form = PACKED.iter().filter(|(coding, _)| takes(coding));
    let form = form.filter_map(|(coding, ending)| Some((coding, web::file(&format!("{path}{ending}"))?))).next();
    let mut response = match form {
        Some((coding, packed)) => {
            let mut response = given(Page { mime: page.mime, ..packed }, headers, FOR_EVER);
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            response
        }
        None => given(page, headers, FOR_EVER),
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// The file, or 304 when the caller already has these bytes.
pub(crate) fn given(page: Page, headers: &HeaderMap, keep: &'static str) -> Response {
    let known = text(headers, header::IF_NONE_MATCH)
        .is_some_and(|tags| tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == page.etag || tag == "*"));
    let about = [(header::ETAG, page.etag), (header::CACHE_CONTROL, keep.to_owned())];
    if known {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, [(header::CONTENT_TYPE, page.mime)], Body::from(page.bytes)).into_response()
}
