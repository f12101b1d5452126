//! The simulated log: one ordered sequence, appends guarded by a session's last fact, and what the broker stamps. It stores bodies
//! as the real one does, through the log's own codec.

use std::collections::BTreeMap;

use nats::Entry;
use schemas::claim::{Pack, PlacedPack};
use schemas::codec::{from_log, to_log};
use schemas::fact::{FactRecord, PlacedFact};
use schemas::view::{Change, View};
use schemas::{Millis, Seq, SessionId, say};

/// A fact that the log's order accepts, and what of it must arrive.
#[derive(Clone, Debug)]
pub struct Accepted {
    pub seq: Seq,
    pub change: Change,
    /// Sockets hear nothing of it.
    pub silent: bool,
}

/// One session as the whole log tells it.
pub struct Truth {
    pub view: View,
    pub accepted: Vec<Accepted>,
    /// Where the facts of the newest run begin.
    pub begin: Seq,
}

#[derive(Default)]
pub struct Log {
    pub entries: Vec<Entry>,
    pub truth: BTreeMap<SessionId, Truth>,
    last: Seq,
}

impl Log {
    pub fn last(&self) -> Seq {
        self.last
    }

    /// Appends facts if the session's newest is still `expected`, and `beside` messages that travel with them (the lobby record,
    /// timers). Gives each fact with the one before it, or where the newest fact is.
    pub fn append(
        &mut self,
        session: &SessionId,
        expected: Seq,
        facts: &[FactRecord],
        beside: u64,
        stamp: Millis,
    ) -> Result<Vec<(Seq, PlacedFact)>, Seq> {
        let mut previous = self.newest(session);
        if previous != expected {
            return Err(previous);
        }
        let mut placed = Vec::new();
        for record in facts {
            self.last += 1;
            let record: FactRecord = from_log(&to_log(record)).unwrap_or_else(|why| panic!("{record:?} does not read back: {why}"));
            let fact = PlacedFact { session: session.clone(), seq: self.last, stamp, record };
            self.tell(&fact);
            self.entries.push(Entry::Fact(fact.clone()));
            placed.push((std::mem::replace(&mut previous, fact.seq), fact));
        }
        self.last += beside;
        Ok(placed)
    }

    /// Stores packs, all of them or none. Gives each pack's place.
    pub fn packs(&mut self, packs: &[(SessionId, Pack)], stamp: Millis) -> Vec<Seq> {
        let place = |(session, pack): &(SessionId, Pack)| {
            self.last += 1;
            let pack: Pack = from_log(&to_log(pack)).unwrap_or_else(|why| panic!("{pack:?} does not read back: {why}"));
            self.entries.push(Entry::Pack(PlacedPack { session: session.clone(), seq: self.last, stamp, pack }));
            self.last
        };
        packs.iter().map(place).collect()
    }

    fn tell(&mut self, fact: &PlacedFact) {
        let session = &fact.session;
        let truth = self.truth.entry(session.clone()).or_insert_with(|| Truth {
            view: View::new(session.clone()),
            accepted: Vec::new(),
            begin: fact.seq,
        });
        let Some(change) = truth.view.apply(fact) else { return };
        if change == Change::Begun {
            truth.begin = fact.seq;
        }
        let silent = truth.view.run.as_ref().is_none_or(|run| say::of_change(session, run, &change).is_empty());
        truth.accepted.push(Accepted { seq: fact.seq, change, silent });
    }

    /// The session's newest fact, accepted or not; 0 if there is none.
    pub fn newest(&self, session: &SessionId) -> Seq {
        self.truth.get(session).map_or(0, |truth| truth.view.last)
    }

    /// Where a node that meets the session begins to read.
    pub fn begin(&self, session: &SessionId) -> Seq {
        self.truth.get(session).map_or(0, |truth| truth.begin)
    }

    pub fn facts_after(&self, session: &SessionId, after: Seq, upto: Seq) -> Vec<PlacedFact> {
        let from = self.entries.partition_point(|entry| entry.seq() <= after);
        let facts = self.entries[from..].iter().take_while(|entry| entry.seq() <= upto).filter_map(|entry| match entry {
            Entry::Fact(fact) if fact.session == *session => Some(fact.clone()),
            Entry::Fact(_) | Entry::Pack(_) | Entry::Unreadable { .. } => None,
        });
        facts.collect()
    }

    /// What a partition's reader gets next.
    pub fn after(&self, seq: Seq, limit: usize) -> &[Entry] {
        let from = self.entries.partition_point(|entry| entry.seq() <= seq);
        &self.entries[from..self.entries.len().min(from + limit)]
    }
}
