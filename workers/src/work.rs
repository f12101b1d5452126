//! What an owner holds of its partition, and its steps between two I/Os: entries in, what is to be done out. Pure: time is a
//! parameter, and whoever drives it reads, loads, says and saves. [`crate::consumer`] does so with a broker and a store.

use std::collections::{HashSet, VecDeque};
use std::time::Instant;

use nats::Entry;
use schemas::{Epoch, Millis, Partition, Pos, SessionId};
use store::Changes;

use crate::effects::Effects;
use crate::flush::{Flush, Pending};
use crate::fold::Fold;
use crate::seats::Seats;

pub struct Work {
    pub partition: Partition,
    pub epoch: Epoch,
    pub seats: Seats,
    pub pending: Pending,
    /// Read and not applied yet.
    queue: VecDeque<Entry>,
    loading: bool,
    /// In the middle of a message.
    within: bool,
    /// Sessions that something happened in since they were last looked at.
    touched: HashSet<SessionId>,
}

/// What became of the entry that was next.
#[allow(clippy::large_enum_variant)] // There is one at a time, and it is taken apart at once.
pub enum Step {
    /// It was folded. Claps and verdicts went to what is pending, the rest is told here.
    Folded { entry: Entry, effects: Effects },
    /// It cannot be read, and was left out.
    Passed { entry: Entry },
    /// First the session must be loaded as of this place, and given to [`Work::loaded`].
    Load { session: SessionId, upto: Pos },
}

impl Work {
    /// Goes on after `position`.
    pub fn after(partition: Partition, position: Pos) -> Self {
        Work {
            partition,
            epoch: position.epoch(),
            seats: Seats::default(),
            pending: Pending::after(position),
            queue: VecDeque::new(),
            loading: false,
            within: false,
            touched: HashSet::new(),
        }
    }

    /// Whether more may be read: what was read is applied, and no more than `unsaved` waits for the store.
    pub fn hungry(&self, unsaved: usize) -> bool {
        !self.is_whole() && self.pending.weight < unsaved
    }

    /// Whether the next message was read to its end.
    fn is_whole(&self) -> bool {
        self.queue.front().is_some_and(|entry| self.queue.len() > entry.more())
    }

    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    pub fn push(&mut self, entry: Entry) {
        self.queue.push_back(entry);
    }

    /// Applies the next entry, if there is one that may be applied now.
    pub fn step(&mut self, unsaved: usize, now: Millis, at: Instant) -> Option<Step> {
        // What shares a message is folded in one go, so that no flush falls between.
        let begun = self.within || (self.is_whole() && self.pending.weight < unsaved);
        let entry = self.queue.front().filter(|_| !self.loading && begun)?;
        let more = entry.more();
        let pos = Pos::new(self.epoch, entry.seq());
        let missing = self.queue.iter().take(1 + more).filter(|_| !self.within).find_map(|entry| {
            let session = entry.session()?;
            self.seats.get(session).is_none().then(|| session.clone())
        });
        if let Some(session) = missing {
            self.loading = true;
            return Some(Step::Load { session, upto: Pos::new(self.epoch, pos.seq().saturating_sub(1)) });
        }
        let (session, stamp, weight) = match entry {
            Entry::Fact(fact) => (&fact.session, fact.stamp, 1),
            Entry::Pack(pack) => (&pack.session, pack.stamp, pack.pack.claims.len().max(1)),
            Entry::Unreadable { .. } => {
                self.pending.reached(pos, 1, at);
                return self.queue.pop_front().map(|entry| Step::Passed { entry });
            }
        };
        let seat = self.seats.get_mut(session)?;
        let mut effects = seat.fold.apply(pos, entry);
        seat.folded(&effects, stamp, now);
        self.within = more > 0;
        self.pending.reached(pos, weight, at);
        self.pending.add(session, &mut effects);
        self.touched.insert(session.clone());
        self.queue.pop_front().map(|entry| Step::Folded { entry, effects })
    }

    /// A session that a step asked for, and whether its rows had to be brought in line with the log.
    pub fn loaded(&mut self, fold: Fold, changed: bool, now: Millis) {
        self.loading = false;
        self.seat(fold, changed, now);
    }

    pub fn seat(&mut self, fold: Fold, changed: bool, now: Millis) {
        if changed {
            self.pending.add(&fold.session, &mut Effects::default());
        }
        self.seats.seat(fold, now);
    }

    pub fn touch(&mut self, sessions: impl IntoIterator<Item = SessionId>) {
        self.touched.extend(sessions);
    }

    /// The sessions that something happened in since this was last asked.
    pub fn touched(&mut self) -> HashSet<SessionId> {
        std::mem::take(&mut self.touched)
    }

    /// Everything that is folded and not saved, as one flush.
    pub fn drain(&mut self, at: Instant) -> Flush {
        let mut changes = Changes {
            partition: self.partition,
            upto: self.pending.upto(),
            runs: Vec::new(),
            plays: Vec::new(),
            likes: Vec::new(),
            wishes: Vec::new(),
            polls: Vec::new(),
            votes: Vec::new(),
        };
        for session in &self.pending.sessions {
            if let Some(seat) = self.seats.get_mut(session) {
                seat.fold.drain_into(&mut changes);
            }
        }
        let seats = &self.seats;
        self.pending.take(changes, at, |session, poll| seats.get(session)?.fold.tally_of(poll).map(<[u64]>::to_vec))
    }
}
