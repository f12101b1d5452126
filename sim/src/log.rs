//! The simulated log: one ordered sequence, appends guarded by a session's last fact, and what the broker stamps. It stores bodies
//! as the real one does, through the log's own codec.

use std::collections::BTreeMap;

use nats::{Entry, sharing};
use schemas::claim::{Pack, PlacedPack};
use schemas::codec::{from_log, to_log};
use schemas::fact::{FactRecord, PlacedFact};
use schemas::lobby::LobbyRecord;
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
    pub lobby: BTreeMap<SessionId, LobbyRecord>,
    last: Seq,
}

impl Log {
    pub fn last(&self) -> Seq {
        self.last
    }

    /// Appends facts if the session's newest is still `expected`, and what travels with them: so many timers, the lobby record.
    /// Gives each fact with the one before it, or where the newest fact is.
    pub fn append(
        &mut self,
        session: &SessionId,
        expected: Seq,
        facts: &[FactRecord],
        (timers, lobby): (u64, Option<Box<LobbyRecord>>),
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
        self.last += timers;
        if let Some(record) = lobby {
            self.last += 1;
            self.lobby.insert(session.clone(), *record);
        }
        Ok(placed)
    }

    /// Stores a lobby record if the session's newest fact is still `expected`.
    pub fn show(&mut self, session: &SessionId, expected: Seq, record: LobbyRecord) -> Result<Seq, Seq> {
        let newest = self.newest(session);
        if newest != expected {
            return Err(newest);
        }
        self.last += 1;
        self.lobby.insert(session.clone(), record);
        Ok(self.last)
    }

    /// Stores packs, all of them or none. Gives each pack's place.
    pub fn packs(&mut self, packs: &[(SessionId, Pack)], stamp: Millis) -> Vec<Seq> {
        let mut seqs = vec![0; packs.len()];
        for message in sharing::messages(packs) {
            self.last += 1;
            for (n, of) in message.iter().enumerate() {
                let (session, pack) = &packs[*of];
                let pack: Pack = from_log(&to_log(pack)).unwrap_or_else(|why| panic!("{pack:?} does not read back: {why}"));
                let more = message.len() - 1 - n;
                self.entries.push(Entry::Pack(PlacedPack { session: session.clone(), seq: self.last, stamp, pack, more }));
                seqs[*of] = self.last;
            }
        }
        seqs
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

    /// At most so many entries after this place, of which so many were read. A message may be read in parts.
    pub fn after(&self, (seq, read): (Seq, usize), limit: usize) -> &[Entry] {
        let begin = self.entries.partition_point(|entry| entry.seq() < seq);
        let from = begin.saturating_add(read).min(self.entries.partition_point(|entry| entry.seq() <= seq));
        &self.entries[from..self.entries.len().min(from + limit)]
    }
}
