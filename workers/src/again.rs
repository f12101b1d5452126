//! Folding a run of the log once more, beside the workers and without touching their rows: what an audit compares with.

use nats::Entry;
use schemas::{Epoch, Pos, SessionId};
use store::{Changes, RunState};

use crate::fold::Fold;

/// The same fold that the workers use, from a run's first fact on.
pub struct Refold {
    fold: Fold,
    epoch: Epoch,
    /// Results that the log says and the fold contradicts.
    pub disagreements: u64,
}

impl Refold {
    pub fn new(session: SessionId, epoch: Epoch) -> Self {
        Refold { fold: Fold::new(session), epoch, disagreements: 0 }
    }

    pub fn take(&mut self, entry: &Entry) {
        let effects = self.fold.apply(Pos::new(self.epoch, entry.seq()), entry);
        self.disagreements += u64::from(effects.disagreement);
    }

    /// The rows of the run, or nothing if none began.
    pub fn rows(mut self) -> Option<RunState> {
        let partition = self.fold.session.partition();
        let (runs, plays, likes) = (Vec::new(), Vec::new(), Vec::new());
        let mut rows = Changes { partition, upto: self.fold.applied, runs, plays, likes, wishes: vec![], polls: vec![], votes: vec![] };
        self.fold.drain_into(&mut rows);
        let Changes { runs, plays, likes, wishes, polls, votes, .. } = rows;
        Some(RunState { run: runs.into_iter().next()?, plays, likes, wishes, polls, votes })
    }
}
