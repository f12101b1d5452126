//! What a log that lost a stretch can no longer justify. Rows of what was lost are kept on purpose, so they are no mistake of the
//! store; they are told apart from values that nothing explains. Pure.

use std::collections::BTreeMap;

use nats::Eras;
use nats::epoch::Era;
use schemas::client::Preference;
use schemas::fact::EndReason;
use schemas::server::TempoCount;
use schemas::{OpKey, PollId, Pos, Seq};
use store::{LikeRow, PlayRow, PollRow, PollStatus, RunRow, RunState, VoteRow, WishRow};

use super::recount::{Contradiction, Just, Recount};

/// The losses that touch one run: after each `agreed` and up to `lost` something was acknowledged, and may be counted, that no log holds.
#[derive(Clone, Debug, Default)]
pub struct Losses(pub Vec<Era>);

impl Losses {
    /// The losses that fell into a run that lasted from `begin` to `last`.
    pub fn of(eras: &Eras, begin: Seq, last: Seq) -> Losses {
        let touch = |era: &&Era| era.agreed < era.lost && begin < era.first && era.agreed < last;
        Losses(eras.0.iter().filter(touch).cloned().collect())
    }

    fn lost(&self, seq: Seq) -> bool {
        self.0.iter().any(|era| era.agreed < seq && seq < era.first)
    }

    /// Whether somewhere between these two places something was lost.
    fn between(&self, earlier: Seq, later: Seq) -> bool {
        self.0.iter().any(|era| earlier <= era.agreed && era.first <= later)
    }

    /// A result that was said again, because its close was lost, names the place where the fold stood: no request lies there.
    pub fn explain(&self, contradiction: &Contradiction) -> bool {
        self.between(contradiction.close, contradiction.seq)
    }
}

/// Judges differences of one run.
pub struct Excuses<'a> {
    losses: &'a Losses,
    found: Option<&'a RunState>,
    /// Polls that the log does not end where the store does, because of a loss.
    polls: BTreeMap<PollId, bool>,
    /// Results that the log says again because it lost them: poll and votes, as they are printed.
    said: Vec<(PollId, String)>,
    /// The plays that a loss may have corrected: what played when it happened.
    playing: Vec<Seq>,
}

impl<'a> Excuses<'a> {
    pub fn new(losses: &'a Losses, log: &Recount, found: Option<&'a RunState>) -> Self {
        let polls = found.into_iter().flat_map(|state| &state.polls);
        let polls = polls.map(|row| (row.poll, moved(losses, row, log.polls.get(&row.poll)))).collect();
        let before = |era: &Era| log.plays.range(..=era.agreed).next_back().map(|(play, _)| *play);
        let said = log.contradictions.iter().filter(|c| losses.explain(c)).map(|c| (c.poll, c.said.clone())).collect();
        Excuses { losses, found, polls, said, playing: losses.0.iter().filter_map(before).collect() }
    }

    fn none(&self) -> bool {
        self.losses.0.is_empty()
    }

    pub fn run(&self, field: &str, log: Option<&RunRow>, found: Option<&RunRow>) -> bool {
        let (Some(state), Some(found)) = (self.found.filter(|_| !self.none()), found) else { return false };
        match field {
            "tracks" => found.tracks == state.plays.len() as u64,
            "likes" => found.likes == state.likes.iter().filter(|like| like.on).count() as u64,
            "ended" => self.losses.lost(found.pos.seq()) || found.ended.is_some_and(|(_, reason)| reason == EndReason::Lost),
            "owner" => self.losses.lost(found.pos.seq()),
            "peak_listeners" => log.is_none_or(|log| log.peak_listeners < found.peak_listeners),
            _ => false,
        }
    }

    pub fn play(&self, field: &str, found: Option<&PlayRow>) -> bool {
        let (Some(state), Some(found)) = (self.found.filter(|_| !self.none()), found) else { return false };
        let wishes = || state.wishes.iter().filter(|wish| wish.play == found.play);
        let count = |field: fn(&TempoCount) -> u64, preference: Preference| {
            field(&found.tempo) == wishes().filter(|wish| wish.preference == preference).count() as u64
        };
        match field {
            "likes" => found.likes == state.likes.iter().filter(|like| like.on && like.play == found.play).count() as u64,
            "slower" => count(|tempo| tempo.slower, Preference::Slower),
            "perfect" => count(|tempo| tempo.perfect, Preference::Perfect),
            "faster" => count(|tempo| tempo.faster, Preference::Faster),
            "track" | "analysis" if self.playing.contains(&found.play) => true,
            _ => self.losses.lost(found.play),
        }
    }

    pub fn like(&self, log: Option<&LikeRow>, found: Option<&LikeRow>) -> bool {
        found.is_some_and(|found| self.losses.lost(found.play) || self.spoke(found.pos, &found.ops, log.map(|log| &log.ops)))
    }

    pub fn wish(&self, log: Option<&WishRow>, found: Option<&WishRow>) -> bool {
        found.is_some_and(|found| self.losses.lost(found.play) || self.spoke(found.pos, &found.ops, log.map(|log| &log.ops)))
    }

    pub fn poll(&self, field: &str, found: Option<&PollRow>) -> bool {
        let Some(found) = found else { return false };
        let moved = self.polls.get(&found.poll).copied().unwrap_or(false);
        match field {
            "votes" => !self.none() && (self.counts(found) || self.said.contains(&(found.poll, format!("{:?}", found.votes)))),
            "status" => moved,
            _ => self.losses.lost(found.opened),
        }
    }

    pub fn vote(&self, log: Option<&Just<VoteRow>>, found: Option<&VoteRow>) -> bool {
        match (log, found) {
            (log, Some(found)) => {
                self.opened(found.poll).is_some_and(|opened| self.losses.lost(opened))
                    || self.spoke(found.pos, &found.ops, log.map(|log| &log.row.ops))
            }
            // It came when the poll was over already, which the log does not know any more.
            (Some(log), None) => self.polls.get(&log.row.poll).copied().unwrap_or(false) && self.losses.between(0, log.because),
            (None, None) => false,
        }
    }

    fn opened(&self, poll: PollId) -> Option<Seq> {
        self.found?.polls.iter().find(|row| row.poll == poll).map(|row| row.opened)
    }

    /// Whether the result is the count of the rows that stand beside it.
    fn counts(&self, found: &PollRow) -> bool {
        let Some(state) = self.found else { return false };
        let votes = |option: usize| state.votes.iter().filter(|vote| vote.poll == found.poll && vote.option as usize == option).count();
        found.votes.iter().enumerate().all(|(option, count)| *count == votes(option) as u64)
    }

    /// Whether somebody said something in what was lost that this row knows of: it stands there, or knows a messageId that the log does not.
    fn spoke(&self, pos: Pos, ops: &[OpKey], log: Option<&Vec<OpKey>>) -> bool {
        self.losses.lost(pos.seq()) || (!self.none() && log.is_some_and(|log| ops.iter().any(|op| !log.contains(op))))
    }
}

/// Whether a poll was over for the store before a loss, and not for the log.
fn moved(losses: &Losses, row: &PollRow, log: Option<&Just<PollRow>>) -> bool {
    let Some(close) = closed(row.status) else { return false };
    let log = log.map_or(Seq::MAX, |log| closed(log.row.status).filter(|at| *at != close).unwrap_or(log.because));
    losses.lost(row.opened) || losses.lost(close) || (close != log && losses.between(close, log))
}

fn closed(status: PollStatus) -> Option<Seq> {
    match status {
        PollStatus::Open => None,
        PollStatus::Closing { close, .. } | PollStatus::Closed { close, .. } | PollStatus::Cancelled { close, .. } => Some(close),
    }
}
