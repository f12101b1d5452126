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
use crate::{admin, apps, auth, client_errors, devices, djs, fingerprints, health, history, join, likes, logins, mailbox};
use crate::{openapi, own, pages, profiles, pushes, qr, recap, recovery, sessions, stats, status};

/// Bytes of a request's body, unless a route says more.
const BODY: usize = 10 * 1024;
/// Bytes of a fingerprint sync: an evening's tracks with all their values.
const FINGERPRINTS: usize = 256 * 1024;
/// Bytes of a page's report of what broke in it.
const REPORT: usize = 4 * 1024;

pub(crate) fn table() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::with_openapi(openapi::base())
        // What is on and what was.
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::list_as_before))
        .routes(routes!(sessions::active))
        .routes(routes!(sessions::recent))
        .routes(routes!(history::history))
        .routes(routes!(join::join))
        .routes(routes!(join::invitation))
        // Afterwards.
        .routes(routes!(recap::recap))
        .routes(routes!(recap::recap_as_before))
        .routes(routes!(fingerprints::sync).layer(DefaultBodyLimit::max(FINGERPRINTS)))
        .routes(routes!(stats::top_tracks))
        .routes(routes!(stats::global))
        .routes(routes!(djs::profile))
        .routes(routes!(likes::likes))
        // Announcements for closed pages.
        .routes(routes!(pushes::key))
        .routes(routes!(pushes::subscribe))
        .routes(routes!(pushes::unsubscribe))
        // People and their accounts.
        .routes(routes!(auth::register))
        .routes(routes!(auth::login))
        .routes(routes!(auth::me))
        .routes(routes!(auth::regenerate_token))
        .routes(routes!(auth::logout))
        .routes(routes!(recovery::verify))
        .routes(routes!(recovery::send_verification))
        .routes(routes!(recovery::forgotten))
        .routes(routes!(recovery::reset))
        .routes(routes!(recovery::password))
        .routes(routes!(recovery::email))
        .routes(routes!(recovery::confirm_email))
        .routes(routes!(apps::token))
        .routes(routes!(apps::refresh))
        .routes(routes!(apps::ticket))
        .routes(routes!(apps::keys))
        .routes(routes!(devices::begin))
        .routes(routes!(devices::poll))
        .routes(routes!(devices::named))
        .routes(routes!(devices::confirm))
        .routes(routes!(logins::providers))
        .routes(routes!(logins::begin))
        .routes(routes!(logins::finish))
        .routes(routes!(logins::posted))
        .routes(routes!(logins::link))
        .routes(routes!(logins::logins))
        .routes(routes!(logins::unlink))
        .routes(routes!(own::sessions))
        .routes(routes!(own::end_others))
        .routes(routes!(own::end_session))
        .routes(routes!(own::tokens))
        .routes(routes!(own::add_token))
        .routes(routes!(own::end_token))
        .routes(routes!(profiles::profile))
        .routes(routes!(profiles::change_profile))
        .routes(routes!(profiles::preferences))
        .routes(routes!(profiles::change_preferences))
        .routes(routes!(profiles::export))
        .routes(routes!(profiles::import))
        .routes(routes!(profiles::remove))
        .routes(routes!(admin::users))
        .routes(routes!(admin::user))
        .routes(routes!(admin::grant))
        .routes(routes!(admin::take))
        .routes(routes!(admin::suspend))
        .routes(routes!(admin::unsuspend))
        .routes(routes!(admin::audit))
        // For people's eyes.
        .routes(routes!(mailbox::page))
        .routes(routes!(pages::home))
        .routes(routes!(pages::join))
        .routes(routes!(pages::session))
        .routes(routes!(pages::account))
        .routes(routes!(pages::account_part))
        .routes(routes!(pages::admin))
        .routes(routes!(pages::admin_part))
        .routes(routes!(pages::dj))
        .routes(routes!(pages::stats))
        .routes(routes!(pages::console))
        .routes(routes!(pages::projector))
        .routes(routes!(pages::likes))
        .routes(routes!(pages::asset))
        .routes(routes!(qr::svg))
        // For programs and those who run this.
        .routes(routes!(openapi::json))
        .routes(routes!(openapi::docs))
        .routes(routes!(openapi::docs_file))
        .routes(routes!(client_errors::report).layer(DefaultBodyLimit::max(REPORT)))
        .routes(routes!(health::health))
        .routes(routes!(status::status))
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
