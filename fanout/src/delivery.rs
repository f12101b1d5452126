//! What is sent to many: the messages of one change, encoded once for each form in which a socket may want them.

use std::sync::OnceLock;

use schemas::Seq;
use schemas::codec::Codec;
use schemas::server::{Positioned, ServerMessage};

use crate::deflate;
use crate::frames::Frames;

/// How a socket wants its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flavour {
    pub codec: Codec,
    /// Whether it asked for positions. 0.3.0 clients never see any.
    pub positions: bool,
    /// Whether it takes long messages compressed.
    pub deflate: bool,
}

/// Forms in which a socket may want its messages.
pub const FORMS: usize = 8;

impl Flavour {
    /// A number below [`FORMS`].
    pub fn form(self) -> usize {
        usize::from(self.deflate) * 4 + usize::from(self.codec == Codec::MsgPack) * 2 + usize::from(self.positions)
    }
}

#[derive(Debug)]
pub struct Delivery {
    /// The position, for facts; states carry none.
    pub seq: Option<Seq>,
    messages: Vec<ServerMessage>,
    frames: [OnceLock<Frames>; FORMS],
}

impl Delivery {
    pub fn new(seq: Option<Seq>, messages: Vec<ServerMessage>) -> Self {
        Delivery { seq, messages, frames: Default::default() }
    }

    pub fn of(message: ServerMessage) -> Self {
        Self::new(None, vec![message])
    }

    /// What a socket is to be sent, put together once.
    pub fn frames(&self, flavour: Flavour) -> &Frames {
        self.frames[flavour.form()].get_or_init(|| {
            if !flavour.deflate {
                return Frames::of(&self.encoded(flavour), flavour.codec);
            }
            let plain = self.frames(Flavour { deflate: false, ..flavour });
            if plain.bytes.len() < deflate::FROM { plain.clone() } else { Frames::packed(&self.encoded(flavour), flavour.codec) }
        })
    }

    /// The messages, in order. Where one fact makes several only the last carries the position.
    pub fn encoded(&self, flavour: Flavour) -> Vec<Vec<u8>> {
        let last = self.messages.len().saturating_sub(1);
        let seq_of = |i| self.seq.filter(|_| flavour.positions && i == last);
        self.messages.iter().enumerate().map(|(i, message)| encode(message, seq_of(i), flavour.codec)).collect()
    }

    pub fn is_silent(&self) -> bool {
        self.messages.is_empty()
    }
}

pub fn encode(message: &ServerMessage, seq: Option<Seq>, codec: Codec) -> Vec<u8> {
    codec.encode(&Positioned { message, seq })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use schemas::SessionId;

    #[test]
    fn only_the_last_message_of_a_fact_carries_its_position_and_only_on_request() {
        let id = SessionId::parse("friday-night").unwrap();
        let delivery = Delivery::new(
            Some(7),
            vec![ServerMessage::TrackStopped { session_id: id.clone() }, ServerMessage::TempoReset { session_id: id }],
        );
        let text = |positions| {
            let encoded = delivery.encoded(Flavour { codec: Codec::Json, positions, deflate: false });
            encoded.into_iter().map(|message| String::from_utf8(message).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(text(true)[0], r#"{"type":"TRACK_STOPPED","sessionId":"friday-night"}"#);
        assert_eq!(text(true)[1], r#"{"type":"TEMPO_RESET","sessionId":"friday-night","seq":7}"#);
        assert!(text(false).iter().all(|t| !t.contains("seq")));
    }
}
