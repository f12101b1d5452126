//! A store that keeps the promise of a store and nothing more: a row never goes back to an older place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use nats::Entry;
use schemas::fact::PlacedFact;
use schemas::{Partition, PersonId, PollId, Pos, Seq, TrackKey};
use store::{Changes, LikeRow, PlayRow, PollRow, RunRow, RunState, VoteRow, WishRow};

use super::scene::session;
use crate::fold::Fold;
use crate::rows::Placed;

#[derive(Default, Debug, PartialEq)]
pub struct Shelf {
    pub runs: BTreeMap<Seq, RunRow>,
    pub plays: BTreeMap<(Seq, Seq), PlayRow>,
    pub likes: BTreeMap<(Seq, PersonId, TrackKey), LikeRow>,
    pub wishes: BTreeMap<(Seq, Seq, PersonId), WishRow>,
    pub polls: BTreeMap<(Seq, PollId), PollRow>,
    pub votes: BTreeMap<(Seq, PollId, PersonId), VoteRow>,
}

fn put<K: Ord, R: Placed>(table: &mut BTreeMap<K, R>, key: K, row: R) {
    if table.get(&key).is_none_or(|old| old.pos() < row.pos()) {
        table.insert(key, row);
    }
}

/// The rows in which two tables differ.
fn unlike<K: Ord + Debug, R: PartialEq + Debug>(a: &BTreeMap<K, R>, b: &BTreeMap<K, R>) -> String {
    let keys: BTreeSet<&K> = a.keys().chain(b.keys()).collect();
    keys.into_iter().filter(|key| a.get(key) != b.get(key)).map(|key| format!("{:?}\n  against {:?}\n", a.get(key), b.get(key))).collect()
}

fn of_run<K, R: Clone>(table: &BTreeMap<K, R>, of: impl Fn(&R) -> bool) -> Vec<R> {
    table.values().filter(|row| of(row)).cloned().collect()
}

pub fn empty() -> Changes {
    Changes {
        partition: Partition(0),
        upto: Pos(0),
        runs: vec![],
        plays: vec![],
        likes: vec![],
        wishes: vec![],
        polls: vec![],
        votes: vec![],
    }
}

impl Shelf {
    pub fn save(&mut self, changes: Changes) {
        changes.plays.into_iter().for_each(|r| put(&mut self.plays, (r.begin, r.play), r));
        changes.likes.into_iter().for_each(|r| put(&mut self.likes, (r.begin, r.person, r.key), r));
        changes.wishes.into_iter().for_each(|r| put(&mut self.wishes, (r.begin, r.play, r.person), r));
        changes.polls.into_iter().for_each(|r| put(&mut self.polls, (r.begin, r.poll), r));
        changes.votes.into_iter().for_each(|r| put(&mut self.votes, (r.begin, r.poll, r.person), r));
        changes.runs.into_iter().for_each(|r| put(&mut self.runs, r.begin, r));
    }

    pub fn save_fold(&mut self, fold: &mut Fold) {
        let mut changes = empty();
        fold.drain_into(&mut changes);
        self.save(changes);
    }

    /// Where two shelves differ; empty when nowhere.
    pub fn unlike(&self, other: &Shelf) -> String {
        [
            unlike(&self.runs, &other.runs),
            unlike(&self.plays, &other.plays),
            unlike(&self.likes, &other.likes),
            unlike(&self.wishes, &other.wishes),
            unlike(&self.polls, &other.polls),
            unlike(&self.votes, &other.votes),
        ]
        .concat()
    }

    /// Rows with counts may carry a later place than they need when entries were folded again: what they say is the same.
    pub fn forget_places(&mut self) {
        self.runs.values_mut().for_each(|row| row.pos = Pos(0));
        self.plays.values_mut().for_each(|row| row.pos = Pos(0));
        self.polls.values_mut().for_each(|row| row.pos = Pos(0));
    }

    /// Everything of the latest run.
    pub fn latest(&self) -> Option<RunState> {
        let run = self.runs.values().next_back().cloned()?;
        let begin = run.begin;
        Some(RunState {
            run,
            plays: of_run(&self.plays, |r| r.begin == begin),
            likes: of_run(&self.likes, |r| r.begin == begin),
            wishes: of_run(&self.wishes, |r| r.begin == begin),
            polls: of_run(&self.polls, |r| r.begin == begin),
            votes: of_run(&self.votes, |r| r.begin == begin),
        })
    }

    /// The fold that goes on after `upto`, as `load` makes it.
    pub fn load(&self, log: &[Entry], upto: Seq) -> Fold {
        let Some(state) = self.latest() else { return Fold::new(session()) };
        let begin = state.run.begin;
        let facts: Vec<PlacedFact> = log
            .iter()
            .filter_map(|entry| match entry {
                Entry::Fact(fact) if fact.seq >= begin => Some(fact.clone()),
                Entry::Fact(_) | Entry::Pack(_) | Entry::Unreadable { .. } => None,
            })
            .collect();
        Fold::restore(session(), state, &facts, Pos::new(1, upto))
    }
}
