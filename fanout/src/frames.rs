//! Frames as they stand on the wire. A server's are not masked, so what is said to many is the same bytes for each of them.

use bytes::Bytes;
use schemas::codec::Codec;
use schemas::error::Close;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};

use crate::deflate;

/// The longest header that a server writes.
const HEADER: usize = 10;

/// Whole frames, one after the other, ready to be written.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    pub bytes: Bytes,
    pub count: usize,
}

impl Frames {
    /// One frame for each payload.
    pub fn of(payloads: &[Vec<u8>], codec: Codec) -> Frames {
        Frames::each(payloads, codec, |_| None)
    }

    /// The same for a socket that takes compressed ones.
    pub fn packed(payloads: &[Vec<u8>], codec: Codec) -> Frames {
        Frames::each(payloads, codec, deflate::pack)
    }

    fn each(payloads: &[Vec<u8>], codec: Codec, pack: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Frames {
        let opcode = OpCode::Data(match codec {
            Codec::Json => Data::Text,
            Codec::MsgPack => Data::Binary,
        });
        let mut bytes = Vec::with_capacity(payloads.iter().map(|payload| payload.len() + HEADER).sum());
        for payload in payloads {
            let packed = pack(payload);
            let header = FrameHeader { opcode, rsv1: packed.is_some(), ..FrameHeader::default() };
            let payload = packed.as_ref().unwrap_or(payload);
            header.format(payload.len() as u64, &mut bytes).expect("a vector takes all");
            bytes.extend_from_slice(payload);
        }
        Frames { bytes: bytes.into(), count: payloads.len() }
    }

    pub fn together<'a>(all: impl Iterator<Item = &'a Frames>) -> Frames {
        let (mut bytes, mut count) = (Vec::new(), 0);
        for frames in all {
            bytes.extend_from_slice(&frames.bytes);
            count += frames.count;
        }
        Frames { bytes: bytes.into(), count }
    }

    pub fn ping() -> Frames {
        let header = FrameHeader { opcode: OpCode::Control(Control::Ping), ..FrameHeader::default() };
        Frames::one(Frame::from_payload(header, Bytes::new()))
    }

    pub fn close(why: Close) -> Frames {
        let frame = tungstenite::protocol::CloseFrame { code: why.code().into(), reason: why.words().into() };
        Frames::one(Frame::close(Some(frame)))
    }

    fn one(frame: Frame) -> Frames {
        let mut bytes = Vec::with_capacity(frame.len());
        frame.format(&mut bytes).expect("a vector takes all");
        Frames { bytes: bytes.into(), count: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_the_standard_says() {
        let text = |n: usize| Frames::of(&[vec![b'a'; n]], Codec::Json).bytes;
        assert_eq!(text(2)[..], [0x81, 2, b'a', b'a']);
        assert_eq!(text(200)[..4], [0x81, 126, 0, 200]);
        assert_eq!(text(70_000)[..10], [0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
        assert_eq!(Frames::of(&[vec![1], vec![]], Codec::MsgPack).bytes[..], [0x82, 1, 1, 0x82, 0]);
        assert_eq!(Frames::ping().bytes[..], [0x89, 0]);
        assert_eq!(Frames::close(Close::GoingAway).bytes[..2], [0x88, 2 + Close::GoingAway.words().len() as u8]);
    }
}
