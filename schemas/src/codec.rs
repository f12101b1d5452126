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
            Codec::MsgPack => {
                let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes).with_human_readable();
                T::deserialize(&mut deserializer).map_err(|e| DecodeError(e.to_string()))
            }
        }
    }
}

/// Bodies in the log are compact MessagePack maps with named fields, so that a field can be added without breaking a reader.
pub fn to_log<T: Serialize>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(value).expect("our own types have string keys and finite shapes")
}

pub fn from_log<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    rmp_serde::from_slice(bytes).map_err(|e| DecodeError(e.to_string()))
}

/// The version that a log message carries in its header. Readers accept this one and the one before.
pub const LOG_VERSION: u32 = 1;
