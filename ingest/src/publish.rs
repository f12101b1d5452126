//! The publish API: what a DJ's program says over HTTP. JSON or MessagePack by Content-Type, answered by Accept.

mod push;

use std::net::IpAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use nats::Failed;
use schemas::caller::{Admitted, Caller};
use schemas::client::Incoming;
use schemas::codec::Codec;
use schemas::error::Refusal;
use schemas::limits::{BATCH_BYTES, FRAME_BYTES};
use schemas::rules::{Kind, Who};
use schemas::view::View;
use schemas::{Code, DjName, OpKey, PersonId, Seq, SessionId, cookie};
use serde::{Deserialize, Serialize};

use crate::batch::{self, Said};
use crate::register::Opening;
use crate::{Ingest, metrics};

/// The shortest messageId that counts as a secret of its sender.
const SECRET: usize = 16;

/// `POST /api/sessions`, `POST /api/sessions/{id}/messages` and `POST /api/push/send`. The caller's address is read from an `Extension<IpAddr>`.
pub fn routes(ingest: Ingest) -> Router {
    Router::new()
        .route("/api/sessions", post(begin))
        .route("/api/sessions/{id}/messages", post(messages).layer(DefaultBodyLimit::max(BATCH_BYTES)))
        .layer(DefaultBodyLimit::max(BATCH_BYTES))
        .with_state(ingest.clone())
        .merge(push::routes(ingest))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct BeginBody {
    #[serde(default)]
    dj_name: Option<DjName>,
    #[serde(default)]
    session_id: Option<SessionId>,
    /// Makes a repeat of this very request, from the same address, recognisable: the answer is the same session again, with
    /// its ownerToken. So it must be a secret of the sender, of at least 16 characters; a shorter one is not looked at.
    #[serde(default)]
    message_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BegunBody {
    session_id: SessionId,
    dj_name: String,
    owner_token: String,
    join_url: String,
    join_code: String,
}

async fn begin(State(ingest): State<Ingest>, address: Option<Extension<IpAddr>>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = accepted(&headers);
    match begin_session(&ingest, address.map(|a| a.0), &headers, &body).await {
        Ok(begun) => respond(answer, StatusCode::CREATED, &begun),
        Err(refusal) => refuse(answer, &refusal),
    }
}

async fn begin_session(ingest: &Ingest, address: Option<IpAddr>, headers: &HeaderMap, body: &[u8]) -> Result<BegunBody, Refusal> {
    if body.len() > FRAME_BYTES {
        return Err(Code::TooLarge.into());
    }
    let BeginBody { dj_name, session_id, message_id } = if body.is_empty() { BeginBody::default() } else { read(headers, body)? };
    let caller = caller(ingest, address, headers);
    let secret = message_id.filter(|id| id.len() >= SECRET).map(|id| format!("begin/{id}/{:?}", caller.address));
    let session = session_id.or_else(|| secret.as_deref().map(SessionId::of));
    let token = bearer(headers).or_else(|| signed_in(headers, ingest.inner.config.https));
    let opening = Opening { session, name: dj_name.as_ref(), token, by_socket: false, repeatable: secret.is_some() };
    let watch = metrics::watch(Kind::RegisterSession);
    let registered = ingest.begin_over_http(&caller, opening, secret.as_deref().map(OpKey::of)).await;
    let admitted = registered.map(Admitted::Registered);
    watch.done(&admitted);
    let Admitted::Registered(registered) = admitted? else { return Err(Code::Internal.into()) };
    Ok(BegunBody {
        owner_token: ingest.inner.key.owner_token(&registered.session, registered.begin),
        join_url: format!("{}/j/{}", ingest.inner.config.public_url.trim_end_matches('/'), registered.join_code),
        session_id: registered.session,
        dj_name: registered.dj_name,
        join_code: registered.join_code,
    })
}

#[derive(Serialize)]
struct Results {
    results: Vec<MessageResult>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageResult {
    message_id: Option<String>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<Seq>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

async fn messages(
    State(ingest): State<Ingest>,
    Path(id): Path<String>,
    address: Option<Extension<IpAddr>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = accepted(&headers);
    match publish(&ingest, &id, address.map(|a| a.0), &headers, &body).await {
        Ok(results) => respond(answer, StatusCode::OK, &results),
        Err(refusal) => refuse(answer, &refusal),
    }
}

async fn publish(ingest: &Ingest, id: &str, address: Option<IpAddr>, headers: &HeaderMap, body: &[u8]) -> Result<Results, Refusal> {
    let session_id = SessionId::parse(id).map_err(|e| Refusal::with(Code::BadSessionId, e.to_string()))?;
    let token = bearer(headers).ok_or(Refusal::from(Code::Unauthorized))?;
    let messages = batch::read(codec(headers, header::CONTENT_TYPE), &session_id, body)?;
    let caller = owner(ingest, &session_id, token, caller(ingest, address, headers)).await?;
    let mut results = Vec::with_capacity(messages.len());
    let mut unknown = false;
    for breath in messages.chunk_by(|a, b| a.goes_out() && b.goes_out()) {
        // After one message whose outcome is unknown none may pass it: the DJ's words keep their order.
        let told =
            if unknown { breath.iter().map(|_| Err(Code::Unavailable.into())).collect() } else { say(ingest, &caller, breath).await };
        unknown |= told.iter().any(|result| result.as_ref().is_err_and(|refusal| refusal.code == Code::Unavailable));
        results.extend(told);
    }
    if !results.is_empty() && results.iter().all(|result| result.as_ref().is_err_and(|r| r.code == Code::Unavailable)) {
        return Err(Code::Unavailable.into());
    }
    Ok(Results { results: messages.into_iter().zip(results).map(|(said, result)| report(said.message_id, result)).collect() })
}

fn report(message_id: Option<String>, result: Result<Option<Seq>, Refusal>) -> MessageResult {
    match result {
        Ok(seq) => MessageResult { message_id, status: "ok", seq, error: None, code: None },
        Err(refusal) => {
            MessageResult { message_id, status: "error", seq: None, error: Some(refusal.to_string()), code: Some(refusal.code.code()) }
        }
    }
}

/// One message, or several that go out together.
async fn say(ingest: &Ingest, caller: &Caller, breath: &[Said]) -> Vec<Result<Option<Seq>, Refusal>> {
    let seq = |admitted| match admitted {
        Admitted::Stored(seq) => seq,
        Admitted::Registered(registered) => Some(registered.begin),
    };
    if let [one] = breath {
        return vec![match &one.message {
            Ok(incoming) if incoming.message.kind().rule().who == Who::Owner => ingest.accept(caller, incoming).await.map(seq),
            // Dancers speak on their sockets: a like needs a person, and this door knows only the session's owner.
            Ok(_) => Err(Refusal::with(Code::InvalidMessage, "Invalid message: only the DJ's messages can be published here")),
            Err(undecodable) => {
                metrics::undecodable(&undecodable.refusal);
                Err(undecodable.refusal.clone())
            }
        }];
    }
    let together: Vec<&Incoming> = breath.iter().filter_map(|said| said.message.as_ref().ok()).collect();
    ingest.accept_together(caller, &together).await.into_iter().map(|result| result.map(seq)).collect()
}

/// The caller with proof of ownership, or why not: 401 for a token that is nobody's, 403 for somebody else's, 404 for no session.
async fn owner(ingest: &Ingest, id: &SessionId, token: &str, mut caller: Caller) -> Result<Caller, Refusal> {
    if !token.starts_with("pk_own_") {
        caller.dj = Some(ingest.inner.tokens.dj(token).await?);
    }
    let session = ingest.meet(id).await?;
    // The run may have begun through another process a moment ago.
    let begin = session.judge(|view| proven(ingest, view, token, &caller)).await.map_err(Failed::refusal)?;
    caller.owned.push((id.clone(), begin));
    Ok(caller)
}

/// The begin of the run that the caller owns.
fn proven(ingest: &Ingest, view: &View, token: &str, caller: &Caller) -> Result<Seq, Refusal> {
    let run = view.run.as_ref().ok_or(Refusal::from(Code::SessionNotFound))?;
    if ingest.inner.key.owns(token, &view.session, run.begin) || (caller.dj.is_some() && ingest.is_owner(caller, run)) {
        return Ok(run.begin);
    }
    Err(if caller.dj.is_some() { Code::NotOwner } else { Code::Unauthorized }.into())
}

fn caller(ingest: &Ingest, address: Option<IpAddr>, headers: &HeaderMap) -> Caller {
    let person = cookie::person_of(headers.get(header::COOKIE).and_then(|v| v.to_str().ok()), &ingest.inner.key);
    let mut caller = Caller::new(person.unwrap_or_else(PersonId::random), person.is_some());
    caller.address = address.map(|ip| ingest.inner.key.address(ip));
    caller
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim).filter(|t| !t.is_empty())
}

/// The session of a browser that signed in. The header is one that a page of another origin cannot send, so none of them goes live
/// with a visitor's cookie.
fn signed_in(headers: &HeaderMap, https: bool) -> Option<&str> {
    headers.get("x-pika-client")?;
    let session = cookie::session_of(headers.get(header::COOKIE)?.to_str().ok()?.into(), https)?;
    (!session.is_empty()).then_some(session)
}

fn read<T: serde::de::DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Refusal> {
    codec(headers, header::CONTENT_TYPE).decode_map(body).map_err(|e| Refusal::with(Code::InvalidMessage, format!("Invalid message: {e}")))
}

fn codec(headers: &HeaderMap, name: header::HeaderName) -> Codec {
    let wants = headers.get(name).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains(Codec::MSGPACK_TYPE));
    if wants { Codec::MsgPack } else { Codec::Json }
}

fn accepted(headers: &HeaderMap) -> Codec {
    codec(headers, header::ACCEPT)
}

fn respond(codec: Codec, status: StatusCode, body: &impl Serialize) -> Response {
    let content_type = match codec {
        Codec::Json => "application/json",
        Codec::MsgPack => Codec::MSGPACK_TYPE,
    };
    (status, [(header::CONTENT_TYPE, content_type)], codec.encode(body)).into_response()
}

fn refuse(codec: Codec, refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond(codec, status, &refusal.body());
    if refusal.code.retry() {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    response
}
