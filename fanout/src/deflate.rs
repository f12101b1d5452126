//! permessage-deflate (RFC 7692), with no context kept from one message to the next on either side: so what is said to many is
//! compressed once for all of them, and a socket holds nothing for it.

mod unpack;

use std::cell::RefCell;

use axum::http::{HeaderMap, header};
use flate2::{Compress, Compression, FlushCompress, Status};

pub use unpack::Unpacker;

/// Payloads from here on are compressed. Below it little is saved, and a packet is a packet.
pub const FROM: usize = 1024;
/// What an extension's answer says.
pub const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
/// What ends each compressed message and is not sent.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Whether the peer offers what is spoken here.
pub fn offered(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter().filter_map(|value| value.to_str().ok());
    offers.flat_map(|value| value.split(',')).any(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        parts.next() == Some("permessage-deflate") && parts.all(acceptable)
    })
}

/// A smaller window of ours than the usual one is not offered here; what the client wants for itself is its own matter.
fn acceptable(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').map_or((parameter, None), |(name, value)| (name.trim(), Some(value.trim())));
    match name {
        "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
        "client_max_window_bits" => value.is_none_or(|bits| bits.trim_matches('"').parse().is_ok_and(|bits: u8| (8..=15).contains(&bits))),
        _ => false,
    }
}

thread_local! {
    static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::default(), false));
}

/// The payload compressed, or nothing where that would not make it smaller.
pub fn pack(payload: &[u8]) -> Option<Vec<u8>> {
    if payload.len() < FROM {
        return None;
    }
    COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        // What does not fit is not smaller.
        let mut packed = Vec::with_capacity(payload.len());
        let status = compress.compress_vec(payload, &mut packed, FlushCompress::Sync).ok()?;
        let whole = status == Status::Ok && compress.total_in() == payload.len() as u64 && packed.ends_with(&TAIL);
        packed.truncate(packed.len().saturating_sub(TAIL.len()));
        whole.then_some(packed)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_browsers_offer_is_taken_and_what_is_not_spoken_is_not() {
        let offer =
            |value: &'static str| offered(&HeaderMap::from_iter([(header::SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(value))]));
        assert!(offer("permessage-deflate"));
        assert!(offer("permessage-deflate; client_max_window_bits"));
        assert!(offer("permessage-deflate; server_no_context_takeover; client_max_window_bits=12"));
        assert!(offer("bbf-usp-protocol, permessage-deflate; server_max_window_bits=10, permessage-deflate"), "the second is fine");
        assert!(!offer("permessage-deflate; server_max_window_bits=10"));
        assert!(!offer("permessage-deflate; client_max_window_bits=7"));
        assert!(!offer("permessage-deflate; server_no_context_takeover=1"));
        assert!(!offer("permessage-deflate; turbo"));
        assert!(!offer("x-webkit-deflate-frame"));
        assert!(!offered(&HeaderMap::new()));
    }

    #[test]
    fn only_what_gets_smaller_is_compressed() {
        assert!(pack(&[b'a'; FROM - 1]).is_none());
        assert!(pack(&vec![b'a'; 70_000]).unwrap().len() < 200);
        let noise: Vec<u8> = (0..4_000).map(|_| rand::random()).collect();
        assert!(pack(&noise).is_none());
    }
}
