//! What is sent to many: the messages of one change, encoded once for each form in which a socket may want them.

use std::sync::OnceLock;

use axum::extract::ws::Message;
use bytes::Bytes;
use schemas::Seq;
use schemas::codec::Codec;
use schemas::server::{Positioned, ServerMessage};

/// How a socket wants its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flavour {
    pub codec: Codec,
    /// Whether it asked for positions. 0.3.0 clients never see any.
    pub positions: bool,
}

#[derive(Debug)]
pub struct Delivery {
    /// The position, for facts; states carry none.
    pub seq: Option<Seq>,
    messages: Vec<ServerMessage>,
    frames: [OnceLock<Vec<Message>>; 4],
}

impl Delivery {
    pub fn new(seq: Option<Seq>, messages: Vec<ServerMessage>) -> Self {
        Delivery { seq, messages, frames: Default::default() }
    }

    pub fn of(message: ServerMessage) -> Self {
        Self::new(None, vec![message])
    }

    /// The frames to send, in order. Where one fact makes several messages only the last carries the position.
    pub fn frames(&self, flavour: Flavour) -> &[Message] {
        let form = usize::from(flavour.codec == Codec::MsgPack) * 2 + usize::from(flavour.positions);
        self.frames[form].get_or_init(|| {
            let last = self.messages.len().saturating_sub(1);
            let seq_of = |i| self.seq.filter(|_| flavour.positions && i == last);
            self.messages.iter().enumerate().map(|(i, message)| encode(message, seq_of(i), flavour.codec)).collect()
        })
    }

    pub fn is_silent(&self) -> bool {
        self.messages.is_empty()
    }
}

pub fn encode(message: &ServerMessage, seq: Option<Seq>, codec: Codec) -> Message {
    let bytes = codec.encode(&Positioned { message, seq });
    match codec {
        // The encoder writes UTF-8; a frame that were not would be our own defect, and is sent as bytes rather than lost.
        Codec::Json => {
            String::from_utf8(bytes).map_or_else(|e| Message::Binary(Bytes::from(e.into_bytes())), |text| Message::Text(text.into()))
        }
        Codec::MsgPack => Message::Binary(Bytes::from(bytes)),
    }
}

pub fn bytes_of(frame: &Message) -> usize {
    match frame {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
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
            let frames = delivery.frames(Flavour { codec: Codec::Json, positions });
            frames.iter().map(|f| f.to_text().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(text(true)[0], r#"{"type":"TRACK_STOPPED","sessionId":"friday-night"}"#);
        assert_eq!(text(true)[1], r#"{"type":"TEMPO_RESET","sessionId":"friday-night","seq":7}"#);
        assert!(text(false).iter().all(|t| !t.contains("seq")));
    }
}
