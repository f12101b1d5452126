//! The two forms of a message: JSON text and MessagePack maps. Times are ISO strings in both.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    Json,
    MsgPack,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(String);

impl Codec {
    pub const JSON_PROTOCOL: &'static str = "pika.v1.json";
    pub const MSGPACK_PROTOCOL: &'static str = "pika.v1.msgpack";
    pub const MSGPACK_TYPE: &'static str = "application/msgpack";

    pub fn encode<T: Serialize + ?Sized>(self, value: &T) -> Vec<u8> {
        match self {
            Codec::Json => serde_json::to_vec(value).expect("our own types have string keys and finite shapes"),
            Codec::MsgPack => {
                let mut out = Vec::with_capacity(256);
                let mut serializer = rmp_serde::Serializer::new(&mut out).with_struct_map().with_human_readable();
                value.serialize(&mut serializer).expect("our own types have string keys and finite shapes");
                out
            }
        }
    }

    pub fn decode<'a, T: Deserialize<'a>>(self, bytes: &'a [u8]) -> Result<T, DecodeError> {
        match self {
            Codec::Json => serde_json::from_slice(bytes).map_err(|e| DecodeError(e.to_string())),
            Codec::MsgPack => whole(rmp_serde::Deserializer::from_read_ref(bytes).with_human_readable()),
        }
    }

    /// The same for a body that is one map. A struct would also be read from a list of its members' values in order, which nobody
    /// promised and a new member would break.
    pub fn decode_map<'a, T: Deserialize<'a>>(self, bytes: &'a [u8]) -> Result<T, DecodeError> {
        let map = match self {
            Codec::Json => bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{'),
            Codec::MsgPack => matches!(bytes.first(), Some(0x80..=0x8f | 0xde | 0xdf)),
        };
        if map { self.decode(bytes) } else { Err(DecodeError("an object is expected".to_owned())) }
    }
}

/// Bodies in the log are compact MessagePack maps with named fields, so that a field can be added without breaking a reader.
pub fn to_log<T: Serialize>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(value).expect("our own types have string keys and finite shapes")
}

pub fn from_log<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    whole(rmp_serde::Deserializer::from_read_ref(bytes))
}

/// Lists and maps in one another, as many as the JSON reader takes. The stack of a task holds several times that.
const DEPTH: usize = 128;

/// One value and nothing behind it, as JSON has it: what follows would be dropped without a word.
fn whole<'de, R, C, T>(mut deserializer: rmp_serde::Deserializer<R, C>) -> Result<T, DecodeError>
where
    R: rmp_serde::decode::ReadSlice<'de>,
    C: rmp_serde::config::SerializerConfig,
    T: Deserialize<'de>,
{
    deserializer.set_max_depth(DEPTH);
    let value = T::deserialize(&mut deserializer).map_err(|e| DecodeError(e.to_string()))?;
    match serde::de::IgnoredAny::deserialize(&mut deserializer) {
        Err(rmp_serde::decode::Error::InvalidMarkerRead(e)) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(value),
        Ok(_) | Err(_) => Err(DecodeError("trailing bytes".to_owned())),
    }
}

/// The version that a log message carries in its header. Readers accept this one and the one before.
pub const LOG_VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::{Claim, ClaimRecord, Pack, Speaker};
    use crate::fact::{Begun, EndReason, Fact, FactRecord, Owner, PollOpened};
    use crate::{Millis, OpKey, PersonId, PollId, TrackKey};

    #[test]
    fn a_body_that_is_a_map_is_no_list() {
        #[derive(serde::Deserialize)]
        struct Body {
            #[serde(default)]
            one: Option<u8>,
        }
        for (codec, map, list) in
            [(Codec::Json, &b" {\"one\": 1}"[..], &b"[1]"[..]), (Codec::MsgPack, &b"\x81\xa3one\x01"[..], &b"\x91\x01"[..])]
        {
            assert_eq!(codec.decode_map::<Body>(map).unwrap().one, Some(1));
            assert!(codec.decode::<Body>(list).is_ok(), "otherwise this tests nothing");
            assert!(codec.decode_map::<Body>(list).is_err() && codec.decode_map::<Body>(b"").is_err(), "{codec:?}");
        }
    }

    #[test]
    fn the_log_reads_back_what_it_writes() {
        let owner = Owner::Person { person: PersonId::random(), address: Some(OpKey::of("a")) };
        let poll = PollId::new(7).unwrap();
        let facts = [
            Fact::Begun(Begun { dj_name: "DJ".into(), owner: owner.clone(), join_code: "ABC234".into(), by_socket: true }),
            Fact::Away { since: Millis(5) },
            Fact::Back { owner: Some(owner.clone()) },
            Fact::PollOpened(PollOpened {
                poll,
                question: "?".into(),
                options: vec!["a".into()],
                ends_at: Some(Millis(9)),
                allow_change: false,
                hide_results: true,
            }),
            Fact::PollClosed { poll, close: 4, votes: vec![1, 2] },
            Fact::Stopped,
            Fact::Ended { reason: EndReason::Grace, begin: 1, owner, dj_name: "DJ".into() },
        ];
        for fact in facts {
            let record = FactRecord { at: Millis(3), op: Some(OpKey::of("m")), fact };
            assert_eq!(from_log::<FactRecord>(&to_log(&record)).unwrap(), record);
        }
        let claim = |claim| ClaimRecord { at: Millis(1), by: Speaker::Person { id: PersonId::random(), known: true }, op: None, claim };
        let pack =
            Pack { node: None, claims: vec![claim(Claim::Like { track: TrackKey::of("a", "b") }), claim(Claim::Vote { poll, option: 1 })] };
        assert_eq!(from_log::<Pack>(&to_log(&pack)).unwrap(), pack);
    }
}
