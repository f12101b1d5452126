//! Notes: what nodes and workers tell each other over the broker without storing it. A lost note costs freshness, never truth.

use serde::{Deserialize, Serialize};

use crate::client::Reaction;
use crate::ids::{PersonId, PollId, Seq, SessionId};
use crate::track::TrackKey;

/// To the nodes of one session, from the worker that folded it: what the DJ hears of, one by one.
/// It speaks of the log's range `(from, to]`; a reader drops items at or before the last `to` it has seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Applause {
    pub from: Seq,
    pub to: Seq,
    pub items: Vec<(Seq, Clap)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clap {
    Like(TrackKey),
    Thanks(Reaction),
}

/// To one node: what became of the votes that it took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdicts {
    pub session: SessionId,
    pub list: Vec<Verdict>,
    /// The tally of each poll that the list speaks of.
    pub tallies: Vec<(PollId, Vec<u64>)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub person: PersonId,
    pub poll: PollId,
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Counted { option: u32 },
    Rejected(Rejection),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// A first vote stands and the poll allows no change.
    AlreadyVoted,
    /// It came after the close in the log.
    PollClosed,
    /// The poll does not exist in this run.
    NoSuchPoll,
    InvalidOption,
}

impl Rejection {
    pub const fn words(self) -> &'static str {
        match self {
            Rejection::AlreadyVoted => "Already voted",
            Rejection::PollClosed => "Poll has ended",
            Rejection::NoSuchPoll => "Poll not found",
            Rejection::InvalidOption => "Invalid option index",
        }
    }

    /// The name in rows and metrics.
    pub const fn token(self) -> &'static str {
        match self {
            Rejection::AlreadyVoted => "already_voted",
            Rejection::PollClosed => "poll_closed",
            Rejection::NoSuchPoll => "no_such_poll",
            Rejection::InvalidOption => "invalid_option",
        }
    }
}

/// From a node to the owner of a partition: who holds sockets there. Each change at once, the full set every 15 seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Presence {
    pub node: crate::ids::NodeId,
    pub report: PresenceReport,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceReport {
    Changes(Vec<PresenceChange>),
    /// Everything this node holds in the partition; `part` of `parts`, all of the same `round`.
    Full {
        round: u64,
        part: u32,
        parts: u32,
        sessions: Vec<SessionPresence>,
    },
    /// The node is shutting down: all its people have left now.
    Gone,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PresenceChange {
    pub session: SessionId,
    pub who: Present,
    pub here: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Present {
    Dancer(PersonId),
    /// A DJ's socket; they are counted apart and are not listeners.
    Dj(PersonId),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionPresence {
    pub session: SessionId,
    pub people: Vec<Present>,
}

/// `ask.<p>.mine`: a person's own vote in a poll.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskMine {
    pub session: SessionId,
    pub poll: PollId,
    pub person: PersonId,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mine {
    pub option: Option<u32>,
}

/// `ask.auth.token`: whose token, session or ticket this is, by its SHA-256 in hex. A ticket is used up by the question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskToken {
    pub sha256: String,
    /// An access token, which no hash finds: it is checked as it is. It stays between processes of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<String>,
}

impl AskToken {
    pub fn by_hash(sha256: String) -> Self {
        AskToken { sha256, access: None }
    }
}

/// `tried`: somebody tried what is limited, and was let through. Every process that limits counts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// The process that let them through, by a number of its own.
    pub by: u64,
    pub limit: String,
    /// Who, under the cluster's key.
    pub who: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DjIdentity {
    /// Stable id of the DJ, never shown.
    pub id: String,
    /// The registered name, which wins over what a message says.
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenAnswer {
    /// Who they are when they go live, if they may.
    pub dj: Option<DjIdentity>,
    /// Who they are among the dancers; none for a DJ without an account.
    pub person: Option<PersonId>,
    /// What ends it: the SHA-256 that the stream of revocations would name. For a ticket it is its session's.
    pub credential: Option<String>,
}
