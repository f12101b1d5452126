//! Between the socket and the reader of frames: compressed messages come out as plain ones of a single frame, all else as it came.

use std::cell::RefCell;
use std::io::{self, Cursor};

use flate2::{Decompress, FlushDecompress, Status};
use schemas::limits::BULK_FRAME_BYTES;
use tungstenite::Error;
use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use super::TAIL;

/// The longest header of a frame.
const HEADER: usize = 14;
/// What is made room for at a time while a message grows.
const ROOM: usize = 4096;

/// What one socket holds of a message that has come in part.
#[derive(Default)]
pub struct Unpacker {
    /// The beginning of a header.
    header: Vec<u8>,
    at: At,
    /// A compressed message whose last frame has not come.
    packed: Option<Packed>,
}

#[derive(Clone, Copy, Default)]
enum At {
    #[default]
    Header,
    /// So much of a plain frame is to come.
    Passing(u64),
    Gathering {
        left: u64,
        mask: [u8; 4],
        /// How much of the frame was unmasked.
        done: usize,
        last: bool,
    },
}

struct Packed {
    opcode: OpCode,
    bytes: Vec<u8>,
}

impl Unpacker {
    /// Takes what was read and puts what the reader of frames is to see to `out`.
    pub fn pass(&mut self, mut read: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        loop {
            match self.at {
                At::Passing(0) => self.at = At::Header,
                At::Gathering { left: 0, last, .. } => {
                    if last && let Some(Packed { opcode, bytes }) = self.packed.take() {
                        write_plain(opcode, bytes, out)?;
                    }
                    self.at = At::Header;
                }
                At::Header | At::Passing(_) | At::Gathering { .. } if read.is_empty() => return Ok(()),
                At::Passing(left) => {
                    let part = take(&mut read, left);
                    out.extend_from_slice(part);
                    self.at = At::Passing(left - part.len() as u64);
                }
                At::Gathering { left, mask, done, last } => {
                    let part = take(&mut read, left);
                    if let Some(packed) = &mut self.packed {
                        packed.bytes.extend(part.iter().enumerate().map(|(i, byte)| byte ^ mask[(done + i) % 4]));
                    }
                    self.at = At::Gathering { left: left - part.len() as u64, mask, done: done + part.len(), last };
                }
                At::Header => {
                    let held = self.header.len();
                    self.header.extend_from_slice(&read[..read.len().min(HEADER - held)]);
                    let mut cursor = Cursor::new(&self.header);
                    let Some((header, length)) = FrameHeader::parse(&mut cursor)? else { return Ok(()) };
                    let used = cursor.position() as usize;
                    self.begin(&header, length, used, out)?;
                    read = &read[used - held..];
                    self.header.clear();
                }
            }
        }
    }

    fn begin(&mut self, header: &FrameHeader, length: u64, used: usize, out: &mut Vec<u8>) -> Result<(), Error> {
        let begins = header.rsv1 && matches!(header.opcode, OpCode::Data(Data::Text | Data::Binary));
        let goes_on = self.packed.is_some() && matches!(header.opcode, OpCode::Data(_));
        if !begins && !goes_on {
            out.extend_from_slice(&self.header[..used]);
            self.at = At::Passing(length);
            return Ok(());
        }
        // Only the first frame of a message has the mark, and none begins within another.
        if begins == goes_on || (goes_on && (header.rsv1 || header.opcode != OpCode::Data(Data::Continue))) {
            return Err(Error::Protocol(ProtocolError::NonZeroReservedBits));
        }
        let mask = header.mask.ok_or(Error::Protocol(ProtocolError::UnmaskedFrameFromClient))?;
        let packed = self.packed.get_or_insert_with(|| Packed { opcode: header.opcode, bytes: Vec::new() });
        let size = packed.bytes.len().saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        if size > BULK_FRAME_BYTES {
            return Err(too_long(size));
        }
        self.at = At::Gathering { left: length, mask, done: 0, last: header.is_final };
        Ok(())
    }
}

fn take<'a>(read: &mut &'a [u8], most: u64) -> &'a [u8] {
    let (part, rest) = read.split_at(read.len().min(usize::try_from(most).unwrap_or(usize::MAX)));
    *read = rest;
    part
}

fn too_long(size: usize) -> Error {
    Error::Capacity(CapacityError::MessageTooLong { size, max_size: BULK_FRAME_BYTES })
}

thread_local! {
    static DECOMPRESS: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// One plain frame, masked with nothing, as the reader of frames wants it from a client.
fn write_plain(opcode: OpCode, mut bytes: Vec<u8>, out: &mut Vec<u8>) -> Result<(), Error> {
    bytes.extend_from_slice(&TAIL);
    let plain = DECOMPRESS.with_borrow_mut(|decompress| inflate(decompress, &bytes))?;
    let header = FrameHeader { opcode, mask: Some([0; 4]), ..FrameHeader::default() };
    header.format(plain.len() as u64, out)?;
    out.extend_from_slice(&plain);
    Ok(())
}

fn inflate(decompress: &mut Decompress, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    decompress.reset(false);
    let mut plain = Vec::new();
    loop {
        plain.reserve(ROOM);
        let rest = &bytes[decompress.total_in() as usize..];
        let status = decompress.decompress_vec(rest, &mut plain, FlushDecompress::Sync);
        let status = status.map_err(|error| Error::Io(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        if plain.len() > BULK_FRAME_BYTES {
            return Err(too_long(plain.len()));
        }
        // Room that is left means that there was nothing more to say.
        if status == Status::StreamEnd || plain.len() < plain.capacity() {
            return Ok(plain);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};
    use proptest::prelude::*;

    use super::*;

    fn deflated(plain: &[u8]) -> Vec<u8> {
        let mut packed = Vec::with_capacity(plain.len() + 100);
        Compress::new(Compression::fast(), false).compress_vec(plain, &mut packed, FlushCompress::Sync).unwrap();
        packed.truncate(packed.len() - TAIL.len());
        packed
    }

    fn frame(opcode: Data, rsv1: bool, is_final: bool, payload: &[u8]) -> Vec<u8> {
        let mask = [7, 1, 200, 9];
        let mut bytes = Vec::new();
        let header = FrameHeader { is_final, rsv1, opcode: OpCode::Data(opcode), mask: Some(mask), ..FrameHeader::default() };
        header.format(payload.len() as u64, &mut bytes).unwrap();
        bytes.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]));
        bytes
    }

    /// What comes out, however the bytes were cut on their way.
    fn passed(bytes: &[u8], cut: usize) -> Result<Vec<u8>, Error> {
        let (mut unpacker, mut out) = (Unpacker::default(), Vec::new());
        bytes.chunks(cut.max(1)).try_for_each(|part| unpacker.pass(part, &mut out))?;
        Ok(out)
    }

    fn plain(opcode: Data, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let header = FrameHeader { opcode: OpCode::Data(opcode), mask: Some([0; 4]), ..FrameHeader::default() };
        header.format(payload.len() as u64, &mut bytes).unwrap();
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn frames_of_a_compressed_message_become_one_and_a_ping_between_them_stays() {
        let text = "like ".repeat(500);
        let packed = deflated(text.as_bytes());
        let (one, two) = packed.split_at(packed.len() / 2);
        let ping = [0x89, 0x80, 1, 2, 3, 4];
        let sent = [&frame(Data::Text, true, false, one)[..], &ping, &frame(Data::Continue, false, true, two)].concat();
        let expected = [&ping[..], &plain(Data::Text, text.as_bytes())].concat();
        for cut in [1, 2, 3, 7, sent.len()] {
            assert_eq!(passed(&sent, cut).unwrap(), expected, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_not_compressed_passes_as_it_came() {
        let sent = [
            frame(Data::Binary, false, false, b"abc"),
            frame(Data::Continue, false, true, b""),
            frame(Data::Text, false, true, &[b'x'; 700]),
        ]
        .concat();
        assert_eq!(passed(&sent, 5).unwrap(), sent);
    }

    #[test]
    fn a_small_message_that_unfolds_without_end_is_too_long() {
        let bomb = deflated(&vec![0; BULK_FRAME_BYTES * 50]);
        assert!(bomb.len() < BULK_FRAME_BYTES);
        assert!(matches!(passed(&frame(Data::Text, true, true, &bomb), 4096), Err(Error::Capacity(_))));
        let long = frame(Data::Text, true, false, &vec![0; BULK_FRAME_BYTES + 1]);
        assert!(matches!(passed(&long[..HEADER], 4096), Err(Error::Capacity(_))), "before it is read");
    }

    #[test]
    fn what_breaks_the_rules_is_refused() {
        let packed = deflated(b"hello");
        let twice = [frame(Data::Text, true, false, &packed), frame(Data::Text, true, true, &packed)].concat();
        assert!(passed(&twice, 100).is_err(), "a message within a message");
        let marked = [frame(Data::Text, true, false, &packed), frame(Data::Continue, true, true, &packed)].concat();
        assert!(passed(&marked, 100).is_err(), "the mark on a later frame");
        assert!(passed(&frame(Data::Text, true, true, &[0xff; 20]), 100).is_err(), "nothing that was ever compressed");
        assert!(passed(&[0xc1, 1, 0], 100).is_err(), "not masked");
    }

    proptest! {
        #[test]
        fn whatever_is_compressed_comes_out_again(payload in proptest::collection::vec(any::<u8>(), 0..5_000), cut in 1usize..600) {
            let sent = frame(Data::Binary, true, true, &deflated(&payload));
            prop_assert_eq!(passed(&sent, cut).unwrap(), plain(Data::Binary, &payload));
        }

        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 1usize..50) {
            let _ = passed(&bytes, cut);
        }
    }
}
