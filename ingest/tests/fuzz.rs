//! The publish API's bodies against bytes that mean harm: whatever is in them, each message is one that keeps every limit or a refusal.
#![allow(clippy::unwrap_used)]

#[path = "../../schemas/tests/fuzz/hostile.rs"]
mod hostile;

use ingest::batch::read;
use schemas::client::{self, ClientMessage, Incoming};
use schemas::codec::Codec;
use schemas::limits::BATCH_MESSAGES;
use schemas::{Code, SessionId};
use serde_json::{Value, json};

fn session() -> SessionId {
    "friday-night".parse().unwrap()
}

/// The session that a message names, where its kind names one.
fn named(incoming: &Incoming) -> Option<String> {
    let value = serde_json::to_value(&incoming.message).unwrap();
    value.get("sessionId").and_then(Value::as_str).map(str::to_owned)
}

#[test]
fn whatever_is_published_each_message_is_for_this_session_or_refused() {
    hostile::hunt("batch::read", &hostile::corpus("publish"), |bytes| {
        for codec in [Codec::Json, Codec::MsgPack] {
            let Ok(said) = read(codec, &session(), bytes) else { continue };
            assert!(said.len() <= BATCH_MESSAGES);
            for one in said {
                let incoming = match one.message {
                    Ok(incoming) => incoming,
                    Err(refused) => {
                        assert_eq!(refused.message_id.is_some(), refused.message_id == one.message_id && one.message_id.is_some());
                        continue;
                    }
                };
                assert!(named(&incoming).is_none_or(|named| named == "friday-night"), "{incoming:?} is for another session");
                assert_eq!(incoming.message_id, one.message_id.filter(|_| incoming.message_id.is_some()), "answered under another id");
                // The door of the sockets takes the same message.
                let mut again = serde_json::to_value(&incoming.message).unwrap();
                if let Some(id) = &incoming.message_id {
                    again["messageId"] = json!(id);
                }
                assert_eq!(client::decode(Codec::Json, &Codec::Json.encode(&again)).unwrap(), incoming);
            }
        }
    });
}

#[test]
fn a_batch_is_read_in_order_and_both_forms_say_the_same() {
    let messages: Value = serde_json::from_slice(include_bytes!("../../schemas/tests/fuzz/corpus/publish/protocol.json")).unwrap();
    let read = |codec: Codec| -> Vec<ClientMessage> {
        let said = read(codec, &session(), &codec.encode(&messages)).unwrap_or_else(|why| panic!("{why:?}"));
        said.into_iter().map(|said| said.message.unwrap_or_else(|why| panic!("{why:?}")).message).collect()
    };
    assert_eq!(read(Codec::Json).len(), messages.as_array().unwrap().len());
    assert_eq!(read(Codec::Json), read(Codec::MsgPack));
}

#[test]
fn more_than_a_batch_may_hold_is_refused_whole() {
    let many = include_bytes!("../../schemas/tests/fuzz/corpus/publish/many.json");
    assert_eq!(read(Codec::Json, &session(), many).err().unwrap().code, Code::TooLarge);
}
