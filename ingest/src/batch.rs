//! The body of a publish request: one message or a list of them, in either form. Pure.

use schemas::client::{self, Incoming, Undecodable};
use schemas::codec::Codec;
use schemas::distinct::Distinct;
use schemas::error::Refusal;
use schemas::limits::BATCH_MESSAGES;
use schemas::rules::{Goes, Who};
use schemas::{Code, SessionId};
use serde_json::Value;

/// One message of a body. Each is answered for itself.
pub struct Said {
    pub message_id: Option<String>,
    pub message: Result<Incoming, Undecodable>,
}

impl Said {
    /// Whether it is the DJ's, and for everyone to hear: what stands in a row of such messages is stored together.
    pub fn goes_out(&self) -> bool {
        self.message.as_ref().is_ok_and(|incoming| {
            let rule = incoming.message.kind().rule();
            rule.who == Who::Owner && rule.goes == Goes::Out
        })
    }
}

/// The messages of a body for `session`, in order; each keeps every limit or says why not. A message may leave the session out, as
/// the address has it, and may not name another.
pub fn read(codec: Codec, session: &SessionId, body: &[u8]) -> Result<Vec<Said>, Refusal> {
    let Distinct(body) = codec.decode(body).map_err(|e| Refusal::with(Code::InvalidMessage, format!("Invalid message: {e}")))?;
    let messages = match body {
        Value::Array(list) if list.len() > BATCH_MESSAGES => {
            return Err(Refusal::with(Code::TooLarge, format!("At most {BATCH_MESSAGES} messages at once")));
        }
        Value::Array(list) => list,
        one => vec![one],
    };
    Ok(messages.into_iter().map(|message| said(session, message)).collect())
}

fn said(session: &SessionId, mut message: Value) -> Said {
    let message_id = message.get("messageId").and_then(Value::as_str).map(str::to_owned);
    if let Some(fields) = message.as_object_mut() {
        match fields.get("sessionId").and_then(Value::as_str) {
            Some(other) if other != session.as_str() => {
                let refusal = Refusal::with(Code::InvalidMessage, "Invalid message: sessionId differs from the address");
                return Said { message: Err(Undecodable { message_id: message_id.clone(), refusal }), message_id };
            }
            Some(_) => {}
            None => drop(fields.insert("sessionId".to_owned(), session.as_str().into())),
        }
    }
    Said { message_id, message: client::decode(Codec::Json, &Codec::Json.encode(&message)) }
}
