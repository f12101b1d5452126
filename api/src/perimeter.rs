//! What stands round every answer: security headers, which other origins may call, our shape for the errors that the
//! framework makes by itself, and the count of all of it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use schemas::error::ErrorBody;

use crate::config::Config;
use crate::failure::{Failure, code_of};
use crate::wants::Wants;
use crate::{limits, metrics};

/// To a browser that our pages are built for, `'self'` is this server's sockets too.
const CSP: &str = "default-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
/// The same for a page that shows pictures from wherever their owners put them. They see no address of ours and can do nothing.
pub(crate) const WITH_PICTURES: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; connect-src 'self'; img-src 'self' data: https:; style-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
);
const PERMISSIONS: &str = "camera=(), microphone=(), geolocation=(), payment=(), usb=()";
const HSTS: &str = "max-age=31536000";

/// What a page of another origin may send, and how long its browser may believe that.
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
const HEADERS: &str = "accept, authorization, content-type, x-pika-client, x-requested-with";
const EXPOSED: &str = "content-disposition, link, retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset";
const PREFLIGHT_SECONDS: &str = "600";

struct Rules {
    https: bool,
    origins: Vec<HeaderValue>,
}

/// Puts the perimeter round `router`. [`crate::routes`] has it already; where routers of several roles are merged into one,
/// put it round the whole once more, since a layer covers only what was there when it was laid. Twice is as good as once.
pub fn perimeter(router: Router, config: &Config) -> Router {
    // Every role counts its requests, and not every role has an api beside them.
    crate::metrics::describe();
    let origins = config.origins.iter().filter_map(|origin| HeaderValue::try_from(origin.trim_end_matches('/')).ok()).collect();
    router.layer(from_fn_with_state(Arc::new(Rules { https: config.https, origins }), guard)).layer(from_fn(metrics::measure))
}

async fn guard(State(rules): State<Arc<Rules>>, request: Request, next: Next) -> Response {
    // Only exact names are allowed: a wildcard would let every page in the world act with a visitor's cookie.
    let origin = request.headers().get(header::ORIGIN).filter(|origin| rules.origins.contains(origin)).cloned();
    let wants = Wants::of(request.headers());
    let preflight = request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match preflight {
        true => preflight_answer(origin.is_some()),
        false => limits::told(async { worded(shaped(next.run(request).await), wants) }).await,
    };
    let headers = response.headers_mut();
    if !rules.origins.is_empty() && !headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }
    secure(headers, rules.https);
    response
}

fn preflight_answer(allowed: bool) -> Response {
    if !allowed {
        return StatusCode::NO_CONTENT.into_response();
    }
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// What the framework refuses by itself, with a line of text or with nothing, gets our shape, so that a client need read only
/// one. A role that answers 5xx in words of its own has its reasons.
fn shaped(response: Response) -> Response {
    let status = response.status();
    let bare = match response.headers().get(header::CONTENT_TYPE) {
        None => status.is_client_error() || status.is_server_error(),
        Some(kind) => status.is_client_error() && kind.as_bytes().starts_with(b"text/plain"),
    };
    if !bare {
        return response;
    }
    let mut shaped = Failure::from(code_of(status)).into_response();
    *shaped.status_mut() = status;
    if let Some(allow) = response.headers().get(header::ALLOW) {
        shaped.headers_mut().insert(header::ALLOW, allow.clone());
    }
    shaped
}

/// Our errors in the form that the caller wants.
fn worded(mut response: Response, wants: Wants) -> Response {
    if let Some(body) = response.extensions_mut().remove::<ErrorBody>() {
        let (kind, bytes) = wants.form(&body);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        *response.body_mut() = bytes.into();
    }
    response
}

fn secure(headers: &mut HeaderMap, https: bool) {
    let rules: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in rules {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if https {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HeaderValue::from_static(HSTS));
    }
}
