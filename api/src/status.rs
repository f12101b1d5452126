//! What a page about the state of the service shows to everybody: which parts work, in words that need no knowledge of the inside.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use schemas::Millis;
use serde::Serialize;
use utoipa::ToSchema;

use crate::desk::{Desk, within};
use crate::wants::Wants;

/// A page that is looked at by everybody who cannot get in asks this often at most, through whatever stands between.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=10");

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    /// `operational`; `degraded` when a part does not work; `outage` when evenings do not go on.
    status: &'static str,
    components: [Component; 2],
    /// When this was found.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Millis,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Component {
    /// `evenings`: tracks, likes, polls. `history`: recaps, statistics, accounts.
    id: &'static str,
    name: &'static str,
    /// `operational` or `outage`.
    status: &'static str,
}

fn word(works: bool) -> &'static str {
    if works { "operational" } else { "outage" }
}

/// What works right now, for a public status page. It answers 200 whatever it says, and may be shown by pages of any origin.
#[utoipa::path(get, path = "/status.json", tag = "operations", responses((status = 200, description = "What works", body = Status)))]
pub(crate) async fn status(State(desk): State<Arc<Desk>>, wants: Wants) -> Response {
    let evenings = desk.stage.available();
    let history = within(desk.config.health_deadline, desk.live.ping()).await.is_ok();
    let mut response = wants.say(&Status {
        status: match (evenings, history) {
            (true, true) => "operational",
            (true, false) => "degraded",
            (false, _) => "outage",
        },
        components: [
            Component { id: "evenings", name: "Live evenings", status: word(evenings) },
            Component { id: "history", name: "Recaps and accounts", status: word(history) },
        ],
        updated_at: Millis::now(),
    });
    response.headers_mut().insert(header::CACHE_CONTROL, KEPT);
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
