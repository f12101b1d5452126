//! `POST /api/push/send`: a DJ's announcement for closed pages, as programs of 0.3.0 ask for it. It is an announcement like any other,
//! so it stands in the log, late joiners see it, and the workers push it once.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use schemas::Text;
use schemas::client::{ClientMessage, SendAnnouncement};
use schemas::limits::ANNOUNCEMENT_SECONDS;
use schemas::rules::{Budget, Per};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::budget::Budgets;

/// The contract's: so many sends a minute.
const SENDS: Budget = Budget { messages: 10, seconds: 60, per: Per::Session, code: Code::Rate };
/// How long it stands, in seconds, if its sender does not say: it was meant for phones, and goes from the floor by itself.
const STANDS: u32 = 300;

pub(super) fn routes(ingest: Ingest) -> Router {
    let budgets = Arc::new(Budgets::new(ingest.inner.config.budgets, CancellationToken::new()));
    let sends = post(send).layer(DefaultBodyLimit::max(FRAME_BYTES));
    Router::new().route("/api/push/send", sends).with_state((ingest, budgets))
}

type Door = (Ingest, Arc<Budgets>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SendBody {
    session_id: SessionId,
    message: Option<Text<1, 200>>,
    /// What other programs call the message.
    body: Option<Text<1, 200>>,
    duration_seconds: Option<u32>,
    message_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SentBody {
    success: bool,
    seq: Option<Seq>,
}

async fn send(State((ingest, budgets)): State<Door>, address: Option<Extension<IpAddr>>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = accepted(&headers);
    match sent(&ingest, &budgets, address.map(|a| a.0), &headers, &body).await {
        Ok(sent) => respond(answer, StatusCode::OK, &sent),
        Err(refusal) => refuse(answer, &refusal),
    }
}

async fn sent(ingest: &Ingest, budgets: &Budgets, address: Option<IpAddr>, headers: &HeaderMap, body: &[u8]) -> Result<SentBody, Refusal> {
    let token = bearer(headers).ok_or(Refusal::from(Code::Unauthorized))?;
    let wanted: SendBody = read(headers, body)?;
    let seconds = wanted.duration_seconds.unwrap_or(STANDS);
    if !ANNOUNCEMENT_SECONDS.contains(&seconds) {
        return Err(Refusal::with(Code::InvalidMessage, "Invalid message: durationSeconds is out of range"));
    }
    let message =
        wanted.message.or(wanted.body).ok_or_else(|| Refusal::with(Code::InvalidMessage, "Invalid message: message is missing"))?;
    let session_id = wanted.session_id;
    let caller = owner(ingest, &session_id, token, caller(ingest, address, headers)).await?;
    budgets.spend(Kind::SendAnnouncement, SENDS, &caller, Some(&session_id))?;
    let announcement = SendAnnouncement { session_id, message, duration_seconds: Some(seconds), push: true };
    let incoming = Incoming { message_id: wanted.message_id, message: ClientMessage::SendAnnouncement(announcement) };
    let seq = match ingest.accept(&caller, &incoming).await? {
        Admitted::Stored(seq) => seq,
        Admitted::Registered(_) => None,
    };
    Ok(SentBody { success: true, seq })
}
