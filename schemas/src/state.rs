//! Derived state: the newest value wins. Written by the workers, paced; lost with the broker's memory and written again.

use serde::{Deserialize, Serialize};

use crate::ids::{PollId, Pos, Seq};
use crate::server::TempoCount;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Votes of the open poll, by option. `of` is the position the tally reflects; a reader drops an older one.
    Tally { of: Pos, poll: PollId, votes: Vec<u64> },
    /// Standing tempo wishes for the play that began at `play`.
    Tempo { of: Pos, play: Seq, count: TempoCount },
    /// Distinct people. Not derived from the log, so `of` is the writing worker's clock in milliseconds.
    Listeners { of: u64, count: u64, momentum: f64 },
}

/// The last token of the subject, and the slot that a newer value replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StateKind {
    Tally,
    Tempo,
    Listeners,
}

impl StateKind {
    pub const ALL: [StateKind; 3] = [StateKind::Tally, StateKind::Tempo, StateKind::Listeners];

    pub const fn token(self) -> &'static str {
        match self {
            StateKind::Tally => "tally",
            StateKind::Tempo => "tempo",
            StateKind::Listeners => "listeners",
        }
    }
}

impl State {
    pub const fn kind(&self) -> StateKind {
        match self {
            State::Tally { .. } => StateKind::Tally,
            State::Tempo { .. } => StateKind::Tempo,
            State::Listeners { .. } => StateKind::Listeners,
        }
    }

    /// What decides which of two values of one kind is newer.
    pub const fn of(&self) -> u64 {
        match self {
            State::Tally { of, .. } | State::Tempo { of, .. } => of.0,
            State::Listeners { of, .. } => *of,
        }
    }
}
