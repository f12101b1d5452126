//! The messages of the socket as JSON Schema, made from the types that read and write them: for clients in other languages, and for the
//! pages, whose types are generated from it. `make wire` writes both into `schemas/wire/`; a test here fails where they are old.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::client::ClientMessage;
use crate::ids::{PollId, Seq, SessionId};
use crate::server::ServerMessage;
use crate::text::{DjName, Text};
use crate::time::Millis;

/// One message of a client. Unknown members are ignored.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its shape is asked for")]
struct ClientFrame {
    #[serde(flatten)]
    message: ClientMessage,
    /// Asks for an ACK or a NACK that names it; the server applies a repeat under the same id once.
    #[serde(default)]
    message_id: Option<String>,
}

/// One message of the server. Clients ignore members and types that they do not know.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is asked for")]
struct ServerFrame {
    #[serde(flatten)]
    message: ServerMessage,
    /// The position of a must-arrive message, for sockets that asked for positions.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<Seq>,
}

/// What a client may say, as the server reads it.
pub fn client() -> Schema {
    SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<ClientFrame>()
}

/// What the server says, as it writes it.
pub fn server() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<ServerFrame>()
}

/// The types below are read and written by hand, so what they admit is said by hand, from the same numbers.
macro_rules! written_by_hand {
    ($type:ty, $name:literal, $schema:tt $(, $($generics:tt)+)?) => {
        impl $(<$($generics)+>)? JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

written_by_hand!(SessionId, "SessionId", { "type": "string", "pattern": "^[A-Za-z0-9_-]{8,64}$" });
written_by_hand!(PollId, "PollId", { "type": "integer", "minimum": 0, "maximum": PollId::MAX });
written_by_hand!(Millis, "Millis", { "type": "string", "format": "date-time" });
written_by_hand!(DjName, "DjName", { "type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[^<>\"']*$" });
written_by_hand!(Text<MIN, MAX>, "Text", { "type": "string", "minLength": MIN, "maxLength": MAX }, const MIN: usize, const MAX: usize);

#[cfg(test)]
mod tests {
    use super::*;

    /// Read when the test runs, not when it is built: `make wire` needs no second build to be believed.
    fn kept(name: &str) -> serde_json::Value {
        let path = format!("{}/wire/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    #[test]
    fn the_schemas_that_are_kept_are_those_of_the_code() {
        for (name, made) in [("client", client()), ("server", server())] {
            assert_eq!(kept(name), serde_json::to_value(&made).unwrap(), "schemas/wire/{name}.schema.json is old: run 'make wire'");
        }
    }

    #[test]
    fn every_kind_of_a_client_has_its_shape() {
        let schema = serde_json::to_value(client()).unwrap();
        let shapes = schema["oneOf"].as_array().unwrap();
        let mut named: Vec<_> = shapes.iter().map(|shape| shape["properties"]["type"]["const"].as_str().unwrap()).collect();
        let mut kinds: Vec<_> = crate::rules::Kind::ALL.iter().map(|kind| kind.wire()).collect();
        named.sort_unstable();
        kinds.sort_unstable();
        assert_eq!(named, kinds);
    }
}
