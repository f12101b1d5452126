//! Claims: what people say that is stored first and judged by the fold. They travel in packs, one for each session and window
//! of the group commit; packs of several sessions may share a message of the log.

use serde::{Deserialize, Serialize};

use crate::client::{Preference, Reaction};
use crate::ids::{NodeId, OpKey, PersonId, PollId, Seq, SessionId};
use crate::time::Millis;
use crate::track::TrackKey;

/// What people said of one session in one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pack {
    /// The node that took the claims and wants to hear the verdicts. The broker's schedule and the workers have none.
    pub node: Option<NodeId>,
    pub claims: Vec<ClaimRecord>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimRecord {
    pub at: Millis,
    pub by: Speaker,
    pub op: Option<OpKey>,
    pub claim: Claim,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// `known`: the person came with a cookie or token of ours; without one they are new at each connection.
    Person { id: PersonId, known: bool },
    /// The session's owner.
    Owner,
    /// The broker's schedule or a worker.
    System,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    Like {
        track: TrackKey,
    },
    Unlike {
        track: TrackKey,
    },
    Tempo {
        preference: Preference,
    },
    Vote {
        poll: PollId,
        option: u32,
    },
    React {
        reaction: Reaction,
    },
    /// A request to close a poll: END_POLL, the timer and the sweep. The first one in the log is the close.
    ClosePoll {
        poll: PollId,
    },
    /// CANCEL_POLL: a close whose result is void.
    CancelPoll {
        poll: PollId,
    },
    /// The highest listener count of the last minute, so that it survives a restart.
    Peak {
        listeners: u64,
    },
}

/// A pack with its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedPack {
    pub session: SessionId,
    pub seq: Seq,
    pub stamp: Millis,
    pub pack: Pack,
    /// So many packs of other sessions share the message and follow this one.
    pub more: usize,
}
