//! Facts: what everyone of a session must get, in the order of the log. They live on the session's one `out` subject.

use serde::{Deserialize, Serialize};

use crate::ids::{OpKey, PersonId, PollId, Seq, SessionId};
use crate::time::Millis;
use crate::track::Track;

/// One message on `out`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactRecord {
    /// When it was admitted, by the admitting node's clock. Due times are compared with the broker's stamp instead.
    pub at: Millis,
    /// The sender's messageId, hashed: a repeat is recognised by the fold of the facts, for the whole run.
    pub op: Option<OpKey>,
    pub fact: Fact,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A run begins; its begin sequence is this fact's.
    Begun(Begun),
    /// The DJ's socket is gone; the grace period runs from `since`.
    Away {
        since: Millis,
    },
    /// The DJ is back within the grace period. `owner` is set when somebody took an anonymous session over.
    Back {
        owner: Option<Owner>,
    },
    /// The run is over. It names run and owner, so that a later begin can be judged from this fact alone.
    Ended {
        reason: EndReason,
        begin: Seq,
        owner: Owner,
        dj_name: String,
    },
    Track {
        track: Track,
        played_at: Millis,
    },
    Stopped,
    Metadata {
        track: Track,
    },
    PollOpened(PollOpened),
    /// The result. `close` is the position of the first close request in `in`: votes before it count.
    PollClosed {
        poll: PollId,
        close: Seq,
        votes: Vec<u64>,
    },
    PollCancelled {
        poll: PollId,
        close: Seq,
    },
    Announced {
        message: String,
        ends_at: Option<Millis>,
        push: bool,
    },
    AnnouncementEnded,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    pub dj_name: String,
    pub owner: Owner,
    pub join_code: String,
    /// Whether a socket carries this DJ. A DJ who only publishes over HTTP has no socket to lose, so is never "away".
    pub by_socket: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PollOpened {
    pub poll: PollId,
    pub question: String,
    pub options: Vec<String>,
    pub ends_at: Option<Millis>,
    pub allow_change: bool,
    /// Until it is over only the DJ hears how the votes stand. Written only where it is so: polls of before had it not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hide_results: bool,
}

/// Who may speak as the DJ of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// A DJ with a token: only that DJ.
    Dj { id: String },
    /// An anonymous DJ: the person that began it, or whoever shows the ownerToken; after their socket is gone also
    /// somebody from the same address (keyed hash) with the same name.
    Person { person: PersonId, address: Option<OpKey> },
}

impl Owner {
    /// A stable name for hashing.
    pub fn label(&self) -> String {
        match self {
            Owner::Dj { id } => format!("dj:{id}"),
            Owner::Person { person, .. } => format!("person:{person}"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The DJ said so.
    Ended,
    /// The DJ stayed away for the whole grace period.
    Grace,
    /// Nothing was said for hours.
    Idle,
    /// The run grew too old.
    Age,
    /// The log lost its beginning.
    Lost,
}

impl EndReason {
    /// The words for SESSION_EXPIRED, for ends that the DJ did not ask for.
    pub fn expiry(self) -> Option<&'static str> {
        match self {
            EndReason::Ended => None,
            EndReason::Grace => Some("DJ did not come back"),
            EndReason::Idle => Some("Session was idle too long"),
            EndReason::Age => Some("Session reached its maximum age"),
            EndReason::Lost => Some("Session was lost"),
        }
    }
}

impl Fact {
    /// The kind, as the header of the message names it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Fact::Begun(_) => "begun",
            Fact::Away { .. } => "away",
            Fact::Back { .. } => "back",
            Fact::Ended { .. } => "ended",
            Fact::Track { .. } => "track",
            Fact::Stopped => "stopped",
            Fact::Metadata { .. } => "metadata",
            Fact::PollOpened(_) => "poll_opened",
            Fact::PollClosed { .. } => "poll_closed",
            Fact::PollCancelled { .. } => "poll_cancelled",
            Fact::Announced { .. } => "announced",
            Fact::AnnouncementEnded => "announcement_ended",
        }
    }
}

/// A fact with its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedFact {
    pub session: SessionId,
    pub seq: Seq,
    /// The broker's stamp.
    pub stamp: Millis,
    pub record: FactRecord,
}
