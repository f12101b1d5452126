//! Join codes: six letters and digits that cannot be confused, unique among the sessions that are on, reserved by a KV create with a TTL.
use schemas::SessionId;

use crate::connection::{Broker, BrokerError};

/// Without 0 O 1 I L and the vowels that make words.
pub const ALPHABET: &[u8] = b"23456789BCDFGHJKMNPQRSTVWXZ";

impl Broker {
    /// Reserves a fresh code for the session, for 25 hours (longer than the longest run).
    pub async fn reserve_code(&self, session: &SessionId) -> Result<String, BrokerError> {
        todo!()
    }
    pub async fn release_code(&self, code: &str) -> Result<(), BrokerError> {
        todo!()
    }
}
