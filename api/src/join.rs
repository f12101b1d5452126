//! From the short code on the wall to the session.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use schemas::error::ErrorBody;
use schemas::lobby::LobbyStatus;
use schemas::{Code, SessionId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::posted::Named;
use crate::shapes::SessionIdText;
use crate::wants::Wants;

/// Letters and digits of a join code.
const CODE: usize = 6;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Joined {
    #[schema(value_type = String)]
    session_id: SessionId,
}

/// The session that a join code opens, among those that are on.
#[utoipa::path(get, path = "/api/join/{code}", tag = "sessions",
    params(("code" = String, Path, description = "Six letters and digits, in any case; spaces and dashes are ignored")), responses(
    (status = 200, description = "Where to go", body = Joined),
    (status = 404, description = "No session that is on has this code", body = ErrorBody)))]
pub(crate) async fn join(State(desk): State<Arc<Desk>>, wants: Wants, Path(typed): Path<String>) -> Result<Response, Failure> {
    let session = code_of(&typed).and_then(|code| desk.stage.by_code(&code)).ok_or(Code::SessionNotFound)?;
    Ok(wants.say(&Joined { session_id: session }))
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invitation {
    #[schema(value_type = String)]
    session_id: SessionId,
    dj_name: String,
    /// Six letters and digits; `/qr/{joinCode}.svg` is the same as a picture.
    join_code: String,
    join_url: String,
    /// Whether the DJ lost the connection, and may come back within the grace period.
    dj_away: bool,
}

/// How people join a session that is on: for the wall of the hall, and for the DJ's table.
#[utoipa::path(get, path = "/api/sessions/{id}/invitation", tag = "sessions", params(("id" = inline(SessionIdText), Path, description = "A session's id")), responses(
    (status = 200, description = "Code and address", body = Invitation),
    (status = 404, description = "No such session is on", body = ErrorBody)))]
pub(crate) async fn invitation(State(desk): State<Arc<Desk>>, wants: Wants, Named(session): Named) -> Result<Response, Failure> {
    let entry = desk.stage.running(&session).ok_or(Code::SessionNotFound)?;
    let dj_away = match entry.record.status {
        LobbyStatus::Live | LobbyStatus::Ended => false,
        LobbyStatus::Away => true,
    };
    Ok(wants.say(&Invitation {
        session_id: session,
        join_url: desk.config.join_url(&entry.record.join_code),
        dj_name: entry.record.dj_name.clone(),
        join_code: entry.record.join_code.clone(),
        dj_away,
    }))
}

/// The code as people mean it, however they typed it, or none if it can be no code.
pub(crate) fn code_of(typed: &str) -> Option<String> {
    let meant = typed.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).map(|c| c.to_ascii_uppercase());
    let code: String = meant.take(CODE + 1).collect();
    (code.len() == CODE && code.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_understood_however_it_was_typed() {
        for typed in ["K7WQ2M", "k7wq2m", "k7w-q2m", " K7W Q2M "] {
            assert_eq!(code_of(typed).as_deref(), Some("K7WQ2M"), "{typed:?}");
        }
        for no_code in ["", "K7WQ2", "K7WQ2MX", "K7WQ2é", "../../", "K7WQ2\u{0}"] {
            assert_eq!(code_of(no_code), None, "{no_code:?}");
        }
    }
}
