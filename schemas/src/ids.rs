//! Names of things. Each can only be built valid, so the rooms that receive one need not look again.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::limits::PARTITIONS;

/// A position in the log's stream, given by the broker. Positions of different streams have nothing to do with each other.
pub type Seq = u64;

/// Raised when a log was rewound or lost, so that positions before and after are never mixed up.
pub type Epoch = u32;

/// `epoch << 40 | sequence`: one number that orders rows over rewinds. Below 2^50, so that as microseconds it never lies in the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Pos(pub u64);

impl Pos {
    /// The last place there can be: the last sequence of the last epoch.
    pub const MAX: Pos = Pos((1 << 50) - 1);

    pub fn new(epoch: Epoch, seq: Seq) -> Self {
        debug_assert!(seq < 1 << 40 && epoch < 1 << 10);
        Pos((u64::from(epoch) << 40) | seq)
    }

    pub fn epoch(self) -> Epoch {
        (self.0 >> 40) as Epoch
    }

    pub fn seq(self) -> Seq {
        self.0 & ((1 << 40) - 1)
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what} must be {rule}")]
pub struct BadId {
    pub what: &'static str,
    pub rule: &'static str,
}

/// 8 to 64 characters of `[A-Za-z0-9_-]`. It becomes a token of a broker subject, so nothing else is admitted.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// Its characters, each of one byte.
    pub const LENGTH: std::ops::RangeInclusive<usize> = 8..=64;

    pub fn parse(text: &str) -> Result<Self, BadId> {
        let fits = Self::LENGTH.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !fits {
            return Err(BadId { what: "sessionId", rule: "8 to 64 characters of A-Z a-z 0-9 _ -" });
        }
        Ok(SessionId(text.into()))
    }

    pub fn random() -> Self {
        SessionId(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 12]>()).into())
    }

    /// The same id for the same words: a repeat of a request that named no session means the same one.
    pub fn of(words: &str) -> Self {
        SessionId(URL_SAFE_NO_PAD.encode(&Sha256::digest(words.as_bytes())[..12]).into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first byte of SHA-256 of the id, modulo the partitions: the same for ever and in every program.
    pub fn partition(&self) -> Partition {
        Partition(Sha256::digest(self.0.as_bytes())[0] % PARTITIONS)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for SessionId {
    type Err = BadId;
    fn from_str(s: &str) -> Result<Self, BadId> {
        Self::parse(s)
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// One of the 64 shares of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Partition(pub u8);

impl Partition {
    pub fn all() -> impl Iterator<Item = Partition> {
        (0..PARTITIONS).map(Partition)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A poll's number: below 2^53, so that it is exact as a JSON number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PollId(u64);

impl PollId {
    pub const MAX: u64 = (1 << 53) - 1;

    pub fn new(number: u64) -> Result<Self, BadId> {
        if number > Self::MAX { Err(BadId { what: "pollId", rule: "an integer below 2^53" }) } else { Ok(PollId(number)) }
    }

    /// The same owner's same message names the same poll, so a repeat cannot open a second one.
    pub fn of(session: &SessionId, owner: &str, op: Option<OpKey>) -> Self {
        let number = match op {
            Some(op) => {
                let hash = Sha256::new()
                    .chain_update(session.as_str())
                    .chain_update([0])
                    .chain_update(owner)
                    .chain_update([0])
                    .chain_update(op.0)
                    .finalize();
                u64::from_be_bytes(hash[..8].try_into().expect("eight bytes"))
            }
            None => rand::random(),
        };
        PollId(number & Self::MAX)
    }

    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for PollId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for PollId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(u64::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

macro_rules! sixteen_bytes {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(s: &str) -> Result<Self, BadId> {
                let bytes = URL_SAFE_NO_PAD.decode(s).ok().and_then(|b| b.try_into().ok());
                bytes.map($name).ok_or(BadId { what: stringify!($name), rule: "16 bytes in base64url" })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                if s.is_human_readable() { s.collect_str(self) } else { s.serialize_bytes(&self.0) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                use serde::de::Error;
                if d.is_human_readable() {
                    std::borrow::Cow::<str>::deserialize(d)?.parse().map_err(D::Error::custom)
                } else {
                    let bytes = serde_bytes::ByteBuf::deserialize(d)?;
                    bytes.into_vec().try_into().map($name).map_err(|_| D::Error::custom(concat!(stringify!($name), " must be 16 bytes")))
                }
            }
        }
    };
}

sixteen_bytes! {
    /// A person as the server knows them: minted and signed by us, never taken from a client's word.
    PersonId
}

sixteen_bytes! {
    /// A client's `messageId`, hashed to a fixed size: what makes a repeat recognisable, whatever the client wrote in it.
    OpKey
}

sixteen_bytes! {
    /// Somebody's account. It is also the id of the DJ that they are, and is never given out twice.
    AccountId
}

impl AccountId {
    pub fn random() -> Self {
        AccountId(rand::random())
    }
}

impl PersonId {
    pub fn random() -> Self {
        PersonId(rand::random())
    }
}

impl OpKey {
    pub fn of(message_id: &str) -> Self {
        let hash = Sha256::digest(message_id.as_bytes());
        OpKey(hash[..16].try_into().expect("sixteen bytes"))
    }
}

/// A process that holds sockets, for the life of that process. A token of a subject, like a session id.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub Arc<str>);

impl NodeId {
    pub fn random() -> Self {
        NodeId(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 9]>()).into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_cannot_change_a_subject() {
        for bad in ["short", "has.a.dot", "wild*card", "greater>than", "white space", "tab\tinside", &"x".repeat(65), "ümlaut-x"] {
            assert!(SessionId::parse(bad).is_err(), "{bad:?} was admitted");
        }
        assert!(SessionId::parse("Friday_night-01").is_ok());
    }

    #[test]
    fn a_partition_never_moves() {
        // Known answers: a change here would strand every session of the past in the wrong share.
        let of = |id: &str| SessionId::parse(id).unwrap().partition().0;
        assert_eq!((of("session-1"), of("session-2"), of("friday-night")), (KNOWN.0, KNOWN.1, KNOWN.2));
    }
    const KNOWN: (u8, u8, u8) = (4, 29, 32);

    #[test]
    fn a_position_orders_epochs_before_sequences() {
        assert!(Pos::new(2, 1) > Pos::new(1, 1 << 39));
        assert_eq!((Pos::new(3, 77).epoch(), Pos::new(3, 77).seq()), (3, 77));
    }

    #[test]
    fn a_repeat_names_the_same_poll() {
        let s = SessionId::parse("friday-night").unwrap();
        let op = Some(OpKey::of("m1"));
        assert_eq!(PollId::of(&s, "dj", op), PollId::of(&s, "dj", op));
        assert_ne!(PollId::of(&s, "dj", op), PollId::of(&s, "dj", Some(OpKey::of("m2"))));
        assert!(PollId::of(&s, "dj", op).get() <= PollId::MAX);
    }
}
