//! What a session keeps of its run for those who come back.

use std::collections::VecDeque;
use std::sync::Arc;

use schemas::Seq;
use schemas::limits::RESUME_MESSAGES;
use schemas::view::Change;

use super::Applied;

/// The newest facts of the current run: all that came after `floor`, up to the contract's bound on a resume.
#[derive(Default)]
pub struct History {
    pub floor: Seq,
    pub facts: VecDeque<Arc<Applied>>,
}

impl History {
    /// Every fact after `seq`, or `None` when not all of them are kept any more.
    pub fn since(&self, seq: Seq) -> Option<Vec<Arc<Applied>>> {
        (seq >= self.floor).then(|| self.facts.iter().filter(|applied| applied.seq > seq).cloned().collect())
    }

    pub fn push(&mut self, applied: Arc<Applied>) {
        if matches!(applied.change, Change::Begun) || self.facts.is_empty() {
            // What came before this fact was another run, or is not known here.
            self.facts.clear();
            self.floor = applied.seq - 1;
        }
        if self.facts.len() == RESUME_MESSAGES {
            self.floor = self.facts.pop_front().map_or(self.floor, |gone| gone.seq);
        }
        self.facts.push_back(applied);
    }
}
