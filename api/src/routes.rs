//! Every route of this role, on one page. A handler can only be entered with its documentation, so the table is also what
//! `/openapi.json` says.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::IntoResponse;
use schemas::Code;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::perimeter::perimeter;
use crate::{djs, fingerprints, health, history, join, likes, openapi, pages, qr, recap, sessions, stats};

/// Bytes of a request's body, unless a route says more.
const BODY: usize = 10 * 1024;
/// Bytes of a fingerprint sync: an evening's tracks with all their values.
const FINGERPRINTS: usize = 256 * 1024;

pub(crate) fn table() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::with_openapi(openapi::base())
        // What is on and what was.
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::list_as_before))
        .routes(routes!(sessions::active))
        .routes(routes!(sessions::recent))
        .routes(routes!(history::history))
        .routes(routes!(join::join))
        // Afterwards.
        .routes(routes!(recap::recap))
        .routes(routes!(recap::recap_as_before))
        .routes(routes!(fingerprints::sync).layer(DefaultBodyLimit::max(FINGERPRINTS)))
        .routes(routes!(stats::top_tracks))
        .routes(routes!(stats::global))
        .routes(routes!(djs::profile))
        .routes(routes!(likes::likes))
        // For people's eyes.
        .routes(routes!(pages::home))
        .routes(routes!(pages::join))
        .routes(routes!(pages::session))
        .routes(routes!(pages::asset))
        .routes(routes!(qr::svg))
        // For programs and those who run this.
        .routes(routes!(openapi::json))
        .routes(routes!(openapi::docs))
        .routes(routes!(openapi::docs_file))
        .routes(routes!(health::health))
}

/// Layers, from the outside in: count, guard, catch, cap.
pub(crate) fn router(desk: Arc<Desk>) -> Router {
    let (table, _) = table().split_for_parts();
    let table = table
        .fallback(pages::nothing)
        .with_state(desk.clone())
        .layer(DefaultBodyLimit::max(BODY))
        .layer(CatchPanicLayer::custom(|_| Failure::from(Code::Internal).into_response()));
    perimeter(table, &desk.config)
}
