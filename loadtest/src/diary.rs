//! What one dancer did and heard, in the order in which it happened. The ledger judges it; nothing here judges.

use std::collections::BTreeMap;
use std::time::Duration;

use schemas::Seq;
use schemas::client::Preference;

/// Time since the run began.
pub type At = Duration;

/// One entry of what a dancer heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// NOW_PLAYING of the track with this number; `state` if it answered a SUBSCRIBE and was no news.
    Track { number: u32, state: bool },
    /// A position, as it came with a must-arrive message.
    Position(Seq),
    /// Seated afresh: what follows is the state as of `seq`, and nothing of before is promised. `asked` is when SUBSCRIBE was sent.
    Fresh { asked: At, seq: Seq, reason: Option<String> },
    /// Came back and was promised everything after `seq`.
    Back { at: At, seq: Seq },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// Sent, and nothing final heard: it may be stored or not.
    #[default]
    Open,
    Stored(At),
    /// A final refusal of the first copy, so that nothing of it can be stored.
    Refused(String),
}

impl Answer {
    pub fn stored_at(&self) -> Option<At> {
        match self {
            Answer::Stored(at) => Some(*at),
            Answer::Open | Answer::Refused(_) => None,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Like {
    pub given: Answer,
    /// The answer to taking it back, once that was asked.
    pub taken_back: Option<Answer>,
}

#[derive(Clone, Debug)]
pub struct Wish {
    pub preference: Preference,
    pub answer: Answer,
    /// The newest track that this dancer had heard when it sent the wish.
    pub heard: Option<u32>,
}

#[derive(Clone, Debug)]
pub struct Cast {
    pub option: u32,
    pub sent: At,
    pub answer: Answer,
}

/// One dancer's part in one poll.
#[derive(Clone, Debug, Default)]
pub struct Ballot {
    /// How often its start was heard as news.
    pub started: u32,
    pub casts: Vec<Cast>,
    pub confirmed: Vec<u32>,
    pub rejected: Vec<String>,
    /// Each POLL_ENDED heard: when, and the results.
    pub ended: Vec<(At, Vec<u64>)>,
    /// A socket was lost after the first vote: its verdict may have gone with it.
    pub lost_socket: bool,
}

/// What became of a socket whose reader slept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It ended; this is how.
    Closed(String),
    /// It went on with everything that had happened meanwhile.
    Refilled,
    /// It went on from a state that was marked as a fresh start.
    Fresh,
}

/// A while without reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nap {
    pub slept: Duration,
    /// What was waiting when the reader woke, up to the socket's fate.
    pub bytes: u64,
    /// `None`: not known yet.
    pub fate: Option<Fate>,
}

#[derive(Clone, Debug, Default)]
pub struct Diary {
    pub notes: Vec<Note>,
    pub likes: BTreeMap<u32, Like>,
    pub wishes: Vec<Wish>,
    /// By poll id.
    pub ballots: BTreeMap<u64, Ballot>,
    /// Whether a SUBSCRIBE was ever acknowledged.
    pub seated: bool,
    /// The socket works now.
    pub here: bool,
    pub session_ended: u32,
    /// Refusals that this dancer gave no cause for, and messages that could not be read.
    pub surprises: Vec<String>,
    /// Messages still waiting for their answer.
    pub open: usize,
    pub naps: Vec<Nap>,
}

impl Diary {
    /// The socket is gone. What was heard after the last position is forgotten: the resume starts there, so the same
    /// fact rightly comes again when the socket broke between its first message and the one that carries the position.
    pub fn lost(&mut self) {
        self.here = false;
        while let Some(Note::Track { state: false, .. }) = self.notes.last() {
            self.notes.pop();
        }
        for ballot in self.ballots.values_mut() {
            ballot.lost_socket |= !ballot.casts.is_empty() && ballot.confirmed.is_empty() && ballot.rejected.is_empty();
        }
    }

    /// The nap whose outcome is not known yet.
    pub fn nap(&mut self) -> Option<&mut Nap> {
        self.naps.last_mut().filter(|nap| nap.fate.is_none())
    }

    /// The newest track heard.
    pub fn last_track(&self) -> Option<u32> {
        self.notes.iter().rev().find_map(|n| match n {
            Note::Track { number, .. } => Some(*number),
            Note::Position(_) | Note::Fresh { .. } | Note::Back { .. } => None,
        })
    }

    /// Whether a fresh seat let this dancer skip what happened in between.
    pub fn skipped(&self) -> bool {
        self.notes.iter().filter(|n| matches!(n, Note::Fresh { .. })).count() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_cut_in_half_by_a_lost_socket_is_forgotten() {
        let mut diary = Diary {
            notes: vec![Note::Track { number: 1, state: true }, Note::Position(5), Note::Track { number: 2, state: false }],
            ..Diary::default()
        };
        diary.lost();
        assert_eq!(diary.notes, [Note::Track { number: 1, state: true }, Note::Position(5)]);
        diary.lost();
        assert_eq!(diary.last_track(), Some(1));
    }
}
