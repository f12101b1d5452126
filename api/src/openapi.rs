//! The routes' own description, and a page to read it on.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use schemas::Code;
use schemas::error::ErrorBody;
use utoipa::OpenApi;
use utoipa::openapi::RefOr;
use utoipa::openapi::Required;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use web::Page;

use crate::elsewhere;
use crate::failure::Failure;
use crate::pages::given;
use crate::routes;
use crate::signed_in::CLIENTS;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Pika",
        description = "Live dance events: what plays, who listens, what they like.\n\nTimes are ISO 8601 strings in UTC. Errors are `{\"error\", \"code\"}`: the words may change, the code does not. Answers are JSON, or MessagePack maps for `Accept: application/msgpack`. Unknown members may be added to any answer. The live protocol itself runs over a WebSocket, see `/ws`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "sessions", description = "What is on and what was"),
        (name = "publish", description = "A DJ's words over HTTP"),
        (name = "recap", description = "An evening in retrospect"),
        (name = "stats", description = "Figures over all evenings"),
        (name = "djs", description = "DJs and their past"),
        (name = "likes", description = "A person's own likes"),
        (name = "notifications", description = "Announcements for closed pages, by Web Push"),
        (name = "accounts", description = "Signing up and in, and what is one's own. What changes something asks for the header `X-Pika-Client: pika-web | pika-desktop | pika-e2e`"),
        (name = "admin", description = "For those who run this server, signed in as an admin"),
        (name = "pages", description = "For people's eyes"),
        (name = "operations", description = "For those who run this server"),
    ),
)]
struct Document;

/// The description without this role's routes, which add themselves.
pub(crate) fn base() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let components = document.components.get_or_insert_default();
    let bearer =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A DJ token (`pk_dj_…`) or a run's ownerToken (`pk_own_…`)"));
    components.add_security_scheme("dj", SecurityScheme::Http(bearer.build()));
    let cookie = ApiKeyValue::with_description(schemas::secrets::COOKIE, "The identity that our pages set; `__Host-pika_id` under HTTPS");
    components.add_security_scheme("person", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let session = ApiKeyValue::with_description("pika_session", "A signed-in browser; `__Host-pika_session` under HTTPS");
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    let access = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some("An access token of an app"));
    components.add_security_scheme("access", SecurityScheme::Http(access.build()));
    document.merge(elsewhere::document());
    document
}

/// The whole document, made once.
pub(crate) fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
        let mut document = routes::table().into_openapi();
        // A path that takes in the rest of an address is written with a star in the router and without one here.
        document.paths.paths =
            std::mem::take(&mut document.paths.paths).into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
        ask_for_client(&mut document);
        document.to_json().unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
    });
    &DOCUMENT
}

/// The header that changing routes about accounts ask for, said once for all of them.
fn ask_for_client(document: &mut utoipa::openapi::OpenApi) {
    for (path, item) in &mut document.paths.paths {
        // A provider's page sends people to this one.
        let asks = (path.starts_with("/api/auth") || path.starts_with("/api/admin")) && !path.ends_with("/callback");
        for operation in [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten().filter(|_| asks) {
            // Older pages sign in with another header.
            let required = if path == "/api/auth/login" { Required::False } else { Required::True };
            let names = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(CLIENTS));
            let header =
                ParameterBuilder::new().name("X-Pika-Client").parameter_in(ParameterIn::Header).required(required).schema(Some(names));
            operation.parameters.get_or_insert_default().push(RefOr::T(header.build()));
        }
    }
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "operations", responses((status = 200, description = "OpenAPI", body = Object)))]
pub(crate) async fn json() -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], document()).into_response()
}

/// This document as a page.
#[utoipa::path(get, path = "/docs", tag = "operations", responses((status = 200, description = "HTML", body = String, content_type = "text/html")))]
pub(crate) async fn docs(headers: HeaderMap) -> Response {
    file("text/html; charset=utf-8", include_str!("../assets/docs.html"), &headers)
}

/// What that page is made of.
#[utoipa::path(get, path = "/docs/{file}", tag = "operations", params(("file" = String, Path, description = "`docs.js` or `docs.css`")), responses(
    (status = 200, description = "The file", content((String = "text/javascript; charset=utf-8"), (String = "text/css; charset=utf-8"))),
    (status = 404, description = "No such file", body = ErrorBody)))]
pub(crate) async fn docs_file(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Failure> {
    match name.as_str() {
        "docs.js" => Ok(file("text/javascript; charset=utf-8", include_str!("../assets/docs.js"), &headers)),
        "docs.css" => Ok(file("text/css; charset=utf-8", include_str!("../assets/docs.css"), &headers)),
        _ => Err(Code::NotFound.into()),
    }
}

/// These files change with the program and have no name of their own in it, so their ETag is made from what is in them.
fn file(mime: &str, text: &'static str, headers: &HeaderMap) -> Response {
    let mut hash = DefaultHasher::new();
    text.hash(&mut hash);
    let etag = format!("\"{:x}\"", hash.finish());
    given(Page { bytes: Cow::Borrowed(text.as_bytes()), mime: mime.to_owned(), etag }, headers, "no-cache")
}
