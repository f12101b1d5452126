//! WebSocket frames (RFC 6455), parsed where they lie in a buffer and written into one. No fragments: neither the load client nor
//! any server that it speaks to sends them.

use std::ops::Range;

pub const TEXT: u8 = 1;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// Clients have to mask. Any key will do for a program that no proxy can be fooled with.
const KEY: [u8; 4] = [0x5a, 0x17, 0xc3, 0x2e];

/// One whole frame in a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub opcode: u8,
    pub payload: Range<usize>,
    /// Whether the payload is compressed.
    pub packed: bool,
    mask: Option<[u8; 4]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame that is fragmented, of an unknown extension, or too large")]
pub struct Malformed;

/// The frame that begins at `at`, or `None` where the buffer ends before it does. `most`: the largest payload.
pub fn parse(buffer: &[u8], at: usize, most: usize) -> Result<Option<Frame>, Malformed> {
    let bytes = &buffer[at..];
    let [first, second, ..] = *bytes else { return Ok(None) };
    if first & 0xb0 != 0x80 {
        return Err(Malformed);
    }
    let (length, mut head) = match second & 0x7f {
        126 => match bytes.get(2..4) {
            Some(two) => (usize::from(u16::from_be_bytes([two[0], two[1]])), 4),
            None => return Ok(None),
        },
        127 => match bytes.get(2..10).map(TryInto::try_into) {
            Some(Ok(eight)) => (usize::try_from(u64::from_be_bytes(eight)).map_err(|_| Malformed)?, 10),
            Some(Err(_)) | None => return Ok(None),
        },
        short => (usize::from(short), 2),
    };
    if length > most {
        return Err(Malformed);
    }
    let mut mask = None;
    if second & 0x80 != 0 {
        let Some(key) = bytes.get(head..head + 4) else { return Ok(None) };
        mask = Some([key[0], key[1], key[2], key[3]]);
        head += 4;
    }
    if bytes.len() < head + length {
        return Ok(None);
    }
    Ok(Some(Frame { opcode: first & 0x0f, payload: at + head..at + head + length, packed: first & 0x40 != 0, mask }))
}

impl Frame {
    /// Takes the mask off, in place.
    pub fn unmask(&self, buffer: &mut [u8]) {
        let Some(key) = self.mask else { return };
        mask(&mut buffer[self.payload.clone()], key);
    }
}

fn mask(payload: &mut [u8], key: [u8; 4]) {
    payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
}

/// As a server sends it.
pub fn plain(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    head(opcode, payload.len(), 0, out);
    out.extend_from_slice(payload);
}

/// As a client sends it.
pub fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 14);
    head(opcode, payload.len(), 0x80, &mut out);
    out.extend_from_slice(&KEY);
    let begin = out.len();
    out.extend_from_slice(payload);
    mask(&mut out[begin..], KEY);
    out
}

fn head(opcode: u8, length: usize, bit: u8, out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    match length {
        0..=125 => out.push(bit | length as u8),
        126..=0xffff => {
            out.push(bit | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(bit | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 1 << 20;

    #[test]
    fn what_was_written_is_read_at_every_length_and_never_too_early() {
        for length in [0, 1, 125, 126, 200, 65_535, 65_536] {
            let text: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let mut own = vec![7; 3];
            plain(TEXT, &text, &mut own);
            let mut theirs = vec![7; 3];
            theirs.extend(masked(TEXT, &text));
            for mut bytes in [own, theirs] {
                for cut in (3..20).chain([bytes.len() - 1]).filter(|cut| *cut < bytes.len()).collect::<Vec<_>>() {
                    assert_eq!(parse(&bytes[..cut], 3, MOST), Ok(None), "{length} bytes cut at {cut}");
                }
                let frame = parse(&bytes, 3, MOST).unwrap().unwrap();
                frame.unmask(&mut bytes);
                assert_eq!((frame.opcode, &bytes[frame.payload.clone()]), (TEXT, text.as_slice()));
                assert_eq!(frame.payload.end, bytes.len());
            }
        }
    }

    #[test]
    fn what_is_not_spoken_here_is_refused() {
        let mut long = Vec::new();
        plain(TEXT, &[0; 200], &mut long);
        assert_eq!(parse(&long, 0, 199), Err(Malformed));
        for first in [0x01, 0xa1, 0x91] {
            assert_eq!(parse(&[first, 0], 0, MOST), Err(Malformed));
        }
    }
}
