//! Whether this process and what it depends on can do their work.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemas::Millis;
use serde::Serialize;
use utoipa::ToSchema;

use crate::desk::{Desk, within};
use crate::wants::Wants;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Health {
    /// `ok`, or `degraded` when something it depends on is away.
    status: &'static str,
    version: &'static str,
    #[schema(value_type = String, format = DateTime)]
    timestamp: Millis,
    /// Sessions that are on, those whose DJ is away included.
    active_sessions: usize,
    /// `connected` or `disconnected`.
    database: &'static str,
    /// `connected` or `disconnected`.
    broker: &'static str,
}

fn word(there: bool) -> &'static str {
    if there { "connected" } else { "disconnected" }
}

/// The state of this server and of the broker and the store behind it.
#[utoipa::path(get, path = "/health", tag = "operations", responses(
    (status = 200, description = "All is there", body = Health),
    (status = 503, description = "The broker or the store is away; the body says which", body = Health)))]
pub(crate) async fn health(State(desk): State<Arc<Desk>>, wants: Wants) -> Response {
    let broker = desk.stage.available();
    let database = within(desk.config.health_deadline, desk.live.ping()).await.is_ok();
    let mut response = wants.say(&Health {
        status: if broker && database { "ok" } else { "degraded" },
        version: env!("CARGO_PKG_VERSION"),
        timestamp: Millis::now(),
        active_sessions: desk.stage.count_on(),
        database: word(database),
        broker: word(broker),
    });
    if !(broker && database) {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}
