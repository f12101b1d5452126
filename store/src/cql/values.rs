//! From values to columns and back. What does not fit, or cannot be read, is an error and never a default: the fold would go on from it.

use schemas::{Millis, PersonId, PollId, Pos, SessionId, TrackKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;

/// A place as the timestamp of a write. One that a server could take for the future is refused here: ScyllaDB would refuse it too,
/// Cassandra would take it, and no later write could ever replace the row.
pub fn stamp(pos: Pos) -> Result<i64, StoreError> {
    if pos > Pos::MAX {
        return Err(StoreError::Corrupt(format!("a row at {} lies behind the last place there is", pos.0)));
    }
    number(pos.0)
}

/// CQL has no unsigned numbers.
pub fn number(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Corrupt(format!("{value} is more than a column can hold")))
}

pub fn natural(column: &str, value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|e| unreadable(column, e))
}

pub fn unreadable(column: &str, why: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("the store holds a value that this program did not write: {column}: {why}"))
}

fn bytes<const N: usize>(column: &str, value: &[u8]) -> Result<[u8; N], StoreError> {
    value.try_into().map_err(|_| unreadable(column, format!("{} bytes and not {N}", value.len())))
}

pub fn pos(value: i64) -> Result<Pos, StoreError> {
    natural("pos", value).map(Pos)
}

pub fn session(text: &str) -> Result<SessionId, StoreError> {
    SessionId::parse(text).map_err(|e| unreadable("session", e))
}

pub fn person(value: &[u8]) -> Result<PersonId, StoreError> {
    bytes("person", value).map(PersonId)
}

pub fn track_key(value: &[u8]) -> Result<TrackKey, StoreError> {
    bytes("track_key", value).map(TrackKey)
}

pub fn poll(value: i64) -> Result<PollId, StoreError> {
    PollId::new(natural("poll", value)?).map_err(|e| unreadable("poll", e))
}

pub fn json<T: DeserializeOwned>(column: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| unreadable(column, e))
}

pub fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Corrupt(format!("a value cannot be written as JSON: {e}")))
}

pub fn maybe<T, U>(value: Option<T>, read: impl FnOnce(T) -> Result<U, StoreError>) -> Result<Option<U>, StoreError> {
    value.map(read).transpose()
}

pub fn millis(value: Option<i64>) -> Option<Millis> {
    value.map(Millis)
}

/// Into how many partitions the rows of one run's dancers are cut. Ten thousand who like fifty tracks each make partitions of ten
/// megabytes, and a small evening is still read with a handful of questions. It stands in the keys, so it never changes.
pub const BUCKETS: i32 = 8;

/// The bucket of a person: the same for ever and in every program.
pub fn bucket(person: PersonId) -> i32 {
    i32::from(person.0.iter().fold(0u8, |hash, byte| hash.wrapping_mul(31).wrapping_add(*byte))) % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ScyllaDB refuses a timestamp that lies three days ahead of its clock.
    #[test]
    fn no_place_lies_in_the_future() {
        let year_2006_in_microseconds = 1_136_073_600_000_000;
        assert!(stamp(Pos::MAX).is_ok_and(|stamp| stamp < year_2006_in_microseconds));
        assert_eq!(Pos::MAX, Pos::new((1 << 10) - 1, (1 << 40) - 1), "the last sequence of the last epoch");
        assert!(matches!(stamp(Pos(Pos::MAX.0 + 1)), Err(StoreError::Corrupt(_))));
        let now_by_mistake = Pos(Millis::now().0 as u64 * 1000);
        assert!(matches!(stamp(now_by_mistake), Err(StoreError::Corrupt(_))));
    }

    #[test]
    fn a_bucket_never_changes() {
        let of = |byte: u8| bucket(PersonId([byte, 7, 99, byte, 3, 200, 1, 0, 5, 5, 255, 13, 17, 80, byte, 4]));
        assert_eq!([1, 2, 3, 4, 5, 6, 7, 8].map(of), [0, 7, 6, 5, 4, 3, 2, 1]);
    }
}
