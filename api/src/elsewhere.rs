//! Routes that other roles serve at the same front door, described here so that whoever reads the document sees all of it.
//! Nothing here is ever called.
#![expect(dead_code, reason = "these stand for routes of other roles")]

use schemas::error::ErrorBody;
use utoipa::{OpenApi, ToSchema};

use crate::shapes::{DjNameText, SessionIdText};

#[derive(OpenApi)]
#[openapi(paths(begin, publish, push, socket, alive, ready, numbers))]
struct Elsewhere;

pub(crate) fn document() -> utoipa::openapi::OpenApi {
    Elsewhere::openapi()
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct BeginSession {
    /// 1 to 100 characters, none of `< > " '`. A signed-in DJ's registered name wins.
    #[schema(value_type = Option<DjNameText>, inline)]
    dj_name: Option<String>,
    /// One is made where none is given.
    #[schema(value_type = Option<SessionIdText>, inline)]
    session_id: Option<String>,
    /// Makes a repeat of this very request recognisable.
    message_id: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct BegunSession {
    session_id: String,
    dj_name: String,
    /// Speaks for this run, as Bearer. Keep it secret.
    owner_token: String,
    join_url: String,
    /// Six letters and digits.
    join_code: String,
}

/// Begins an evening: the DJ goes live.
///
/// With a DJ token as Bearer, or without where the server allows anonymous DJs.
#[utoipa::path(post, path = "/api/sessions", tag = "publish", security((), ("dj" = [])),
    request_body(description = "May be empty; at most 10 KiB", content((BeginSession = "application/json"), (BeginSession = "application/msgpack"))), responses(
    (status = 201, description = "The session is on", body = BegunSession),
    (status = 400, description = "A name or an id that cannot be", body = ErrorBody),
    (status = 401, description = "A DJ token is required, or this one is not valid", body = ErrorBody),
    (status = 403, description = "The session belongs to another DJ", body = ErrorBody),
    (status = 413, description = "The body is too large", body = ErrorBody),
    (status = 429, description = "Too often", body = ErrorBody),
    (status = 503, description = "Unknown whether it is stored: send the same again", body = ErrorBody)))]
fn begin() {}

#[derive(ToSchema)]
struct Results {
    /// One a message, in order.
    results: Vec<MessageResult>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct MessageResult {
    message_id: Option<String>,
    /// `ok` or `error`.
    status: String,
    /// The place in the log, where something was stored.
    #[schema(nullable = false)]
    seq: Option<u64>,
    #[schema(nullable = false)]
    error: Option<String>,
    #[schema(nullable = false)]
    code: Option<String>,
}

/// Says one message of the live protocol, or up to 100 of them in order.
///
/// Each message is at most 10 KiB and is stored when its result says `ok`. A message sent again under its `messageId` is
/// acknowledged again and applied once. `BROADCAST_TRACK` may carry `playedAt`, at most 24 hours back.
#[utoipa::path(post, path = "/api/sessions/{id}/messages", tag = "publish", security(("dj" = [])),
    params(("id" = inline(SessionIdText), Path, description = "A session's id")),
    request_body(description = "A message or a list of them; at most 256 KiB", content((Object = "application/json"), (Object = "application/msgpack"))), responses(
    (status = 200, description = "What became of each message", body = Results),
    (status = 400, description = "The body cannot be read", body = ErrorBody),
    (status = 401, description = "No token, or one that is not valid", body = ErrorBody),
    (status = 403, description = "The session belongs to another DJ", body = ErrorBody),
    (status = 404, description = "No such session", body = ErrorBody),
    (status = 413, description = "More than 100 messages, or the body is too large", body = ErrorBody),
    (status = 429, description = "Too often", body = ErrorBody),
    (status = 503, description = "Unknown whether anything is stored: send the same again", body = ErrorBody)))]
fn publish() {}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct PushSend {
    session_id: String,
    /// 1 to 200 characters; `body` is another name for it.
    message: Option<String>,
    body: Option<String>,
    /// 60 to 3600; 300 where none is given.
    duration_seconds: Option<u32>,
    /// Makes a repeat recognisable.
    message_id: Option<String>,
}

#[derive(ToSchema)]
struct PushSent {
    success: bool,
    /// The announcement's place in the log.
    seq: Option<u64>,
}

/// Announces something to the session's dancers, on the pages that are open and by Web Push to those that are closed.
///
/// The same as `SEND_ANNOUNCEMENT` with `push`. At most 10 a minute and session.
#[utoipa::path(post, path = "/api/push/send", tag = "notifications", security(("dj" = [])),
    request_body(description = "At most 10 KiB", content((PushSend = "application/json"), (PushSend = "application/msgpack"))), responses(
    (status = 200, description = "It is stored, and will be pushed", body = PushSent),
    (status = 400, description = "The body cannot be read", body = ErrorBody),
    (status = 401, description = "No token, or one that is not valid", body = ErrorBody),
    (status = 403, description = "The session belongs to another DJ", body = ErrorBody),
    (status = 404, description = "No such session, or it has ended", body = ErrorBody),
    (status = 413, description = "The body is too large", body = ErrorBody),
    (status = 429, description = "Too often", body = ErrorBody),
    (status = 503, description = "Unknown whether it is stored: send the same again", body = ErrorBody)))]
fn push() {}

/// The live protocol, over a WebSocket.
///
/// JSON text frames; with the subprotocol `pika.v1.msgpack` MessagePack in binary frames. A message may have 10 KiB, a
/// `SEND_BULK_LIKE` 128 KiB.
#[utoipa::path(get, path = "/ws", tag = "sessions", security((), ("person" = [])),
    params(("ticket" = Option<String>, Query, description = "From `/api/auth/ticket`: opens one socket as whoever asked for it")), responses(
    (status = 101, description = "The socket is open; sets the identity cookie where there is none"),
    (status = 400, description = "A WebSocket request that cannot be, or an unknown subprotocol", body = ErrorBody),
    (status = 401, description = "A ticket or a bearer that does not hold", body = ErrorBody),
    (status = 403, description = "A page of an origin that may not open sockets here", body = ErrorBody),
    (status = 426, description = "Not a WebSocket request", body = ErrorBody),
    (status = 429, description = "Too many connections from this address", body = ErrorBody),
    (status = 503, description = "This node is leaving; another one takes you", body = ErrorBody)))]
fn socket() {}

/// Whether the process is alive.
#[utoipa::path(get, path = "/livez", tag = "operations", responses((status = 200, description = "It is", body = String, content_type = "text/plain")))]
fn alive() {}

/// Whether the process should be sent work.
#[utoipa::path(get, path = "/readyz", tag = "operations", responses(
    (status = 200, description = "It should", body = String, content_type = "text/plain"),
    (status = 503, description = "It is stopping, or its broker is away; the text says which", body = String, content_type = "text/plain")))]
fn ready() {}

/// The process's numbers, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, description = "The text format", body = String, content_type = "text/plain")))]
fn numbers() {}
