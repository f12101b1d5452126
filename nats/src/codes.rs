//! Join codes: six letters and digits that cannot be confused, unique among the sessions that are on, reserved by a KV create with a TTL.

use async_nats::HeaderMap;
use bytes::Bytes;
use schemas::SessionId;

use crate::connection::{Broker, BrokerError};
use crate::log::AppendError;
use crate::streams::CODE_KEPT;
use crate::subjects::{self, BUCKET_CODES, headers};

/// Without 0 O 1 I L and the vowels that make words.
pub const ALPHABET: &[u8] = b"23456789BCDFGHJKMNPQRSTVWXZ";

/// 27^6 is 387 million; a million sessions at once would leave one try in 400 to chance.
const LENGTH: usize = 6;
/// So many codes in a row that are taken mean that something else is wrong.
const TRIES: usize = 8;

impl Broker {
    /// Reserves a fresh code for the session, for 25 hours (longer than the longest run).
    pub async fn reserve_code(&self, session: &SessionId) -> Result<String, BrokerError> {
        for _ in 0..TRIES {
            let code = draw();
            // Not through the library's `create_with_ttl`: where a key was deleted before, that one forgets the TTL.
            let mut reserved = HeaderMap::new();
            reserved.insert(headers::TTL, format!("{}s", CODE_KEPT.as_secs()));
            let owner = Bytes::copy_from_slice(session.as_str().as_bytes());
            match self.put_expecting(subjects::code(&code), reserved, owner, 0).await {
                Ok(_) => return Ok(code),
                Err(AppendError::Conflict { .. }) => {}
                Err(AppendError::Broker(error)) => return Err(error),
            }
        }
        Err(BrokerError::unavailable("no join code is free"))
    }

    /// Gives a code back at once. Text that is no code of ours changes nothing.
    pub async fn release_code(&self, code: &str) -> Result<(), BrokerError> {
        if code.len() != LENGTH || !code.bytes().all(|byte| ALPHABET.contains(&byte)) {
            return Ok(());
        }
        // A purge leaves no marker, so that the next session may create the key afresh.
        self.purge(&subjects::bucket_stream(BUCKET_CODES), &subjects::code(code)).await
    }
}

fn draw() -> String {
    (0..LENGTH).map(|_| char::from(ALPHABET[rand::random_range(0..ALPHABET.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_cannot_be_confused_nor_change_a_subject() {
        for _ in 0..1_000 {
            let code = draw();
            assert_eq!(code.len(), LENGTH);
            assert!(code.bytes().all(|b| b.is_ascii_alphanumeric() && !b"0O1ILAEU".contains(&b)), "{code}");
        }
    }
}
