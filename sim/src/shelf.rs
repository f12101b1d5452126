//! Where the simulated owners keep their rows.
//!
//! [`Rows`] is what an owner needs of a store. [`Shelf`] keeps the one promise behind it, that a row never goes back to an older
//! place, in plain maps: two thousand evenings of some hundred flushes each would be a quarter of an hour of SQLite. A test lets some
//! evenings happen on SQLite too and compares their traces.

use std::collections::BTreeMap;

use schemas::{Partition, PersonId, PollId, Pos, Seq, SessionId, TrackKey};
use store::{Changes, LikeRow, PlayRow, PollRow, RunRow, RunState, VoteRow, WishRow};

pub trait Rows {
    fn position(&self, partition: Partition) -> Option<Pos>;
    fn save(&mut self, changes: &Changes);
    /// The latest run of a session.
    fn load(&self, session: &SessionId) -> Option<RunState>;
    fn open_runs(&self, partition: Partition) -> Vec<SessionId>;
}

type Run = (SessionId, Seq);

#[derive(Default)]
pub struct Shelf {
    /// Rows go back to older places, as they must never do: a planted bug.
    forgetful: bool,
    positions: BTreeMap<u8, Pos>,
    runs: BTreeMap<Run, RunRow>,
    plays: BTreeMap<(Run, Seq), PlayRow>,
    likes: BTreeMap<(Run, PersonId, TrackKey), LikeRow>,
    wishes: BTreeMap<(Run, Seq, PersonId), WishRow>,
    polls: BTreeMap<(Run, PollId), PollRow>,
    votes: BTreeMap<(Run, PollId, PersonId), VoteRow>,
}

impl Shelf {
    pub fn new(forgetful: bool) -> Shelf {
        Shelf { forgetful, ..Shelf::default() }
    }
}

impl Rows for Shelf {
    fn position(&self, partition: Partition) -> Option<Pos> {
        self.positions.get(&partition.0).copied()
    }

    fn save(&mut self, changes: &Changes) {
        let Changes { partition, upto, runs, plays, likes, wishes, polls, votes } = changes;
        let back = self.forgetful;
        runs.iter().for_each(|r| put(&mut self.runs, run(&r.session, r.begin), r, |r| r.pos, back));
        plays.iter().for_each(|r| put(&mut self.plays, (run(&r.session, r.begin), r.play), r, |r| r.pos, back));
        likes.iter().for_each(|r| put(&mut self.likes, (run(&r.session, r.begin), r.person, r.key), r, |r| r.pos, back));
        wishes.iter().for_each(|r| put(&mut self.wishes, (run(&r.session, r.begin), r.play, r.person), r, |r| r.pos, back));
        polls.iter().for_each(|r| put(&mut self.polls, (run(&r.session, r.begin), r.poll), r, |r| r.pos, back));
        votes.iter().for_each(|r| put(&mut self.votes, (run(&r.session, r.begin), r.poll, r.person), r, |r| r.pos, back));
        let position = self.positions.entry(partition.0).or_insert(*upto);
        *position = (*position).max(*upto);
    }

    fn load(&self, session: &SessionId) -> Option<RunState> {
        let (of, run) = self.runs.range(run(session, 0)..=run(session, Seq::MAX)).next_back()?;
        Some(RunState {
            run: run.clone(),
            plays: self.plays.iter().filter(|(key, _)| key.0 == *of).map(|(_, row)| row.clone()).collect(),
            likes: self.likes.iter().filter(|(key, _)| key.0 == *of).map(|(_, row)| row.clone()).collect(),
            wishes: self.wishes.iter().filter(|(key, _)| key.0 == *of).map(|(_, row)| row.clone()).collect(),
            polls: self.polls.iter().filter(|(key, _)| key.0 == *of).map(|(_, row)| row.clone()).collect(),
            votes: self.votes.iter().filter(|(key, _)| key.0 == *of).map(|(_, row)| row.clone()).collect(),
        })
    }

    fn open_runs(&self, partition: Partition) -> Vec<SessionId> {
        let of = |row: &&RunRow| row.session.partition() == partition;
        let mut open: Vec<SessionId> =
            self.runs.values().filter(of).filter(|row| row.ended.is_none()).map(|row| row.session.clone()).collect();
        open.dedup();
        open
    }
}

fn run(session: &SessionId, begin: Seq) -> Run {
    (session.clone(), begin)
}

fn put<K: Ord, R: Clone>(table: &mut BTreeMap<K, R>, key: K, row: &R, pos: impl Fn(&R) -> Pos, back: bool) {
    if back || table.get(&key).is_none_or(|old| pos(old) < pos(row)) {
        table.insert(key, row.clone());
    }
}
