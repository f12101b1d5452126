//! The rows of one run in memory: what they hold, which of them changed, and up to where the store already had them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use schemas::server::TempoCount;
use schemas::{PersonId, PollId, Pos, Seq, TrackKey};
use store::{Changes, LikeRow, PlayRow, PollRow, PollStatus, RunRow, RunState, VoteRow, WishRow};

/// Polls that are over whose votes are kept, for dancers who did not hear that their vote was counted and say it again.
const REPEATABLE: usize = 3;

/// A row that carries its place in the log.
pub trait Placed: Clone {
    fn pos(&self) -> Pos;
    fn place(&mut self, pos: Pos);
}

macro_rules! placed {
    ($($row:ty),+) => { $(impl Placed for $row {
        fn pos(&self) -> Pos {
            self.pos
        }
        fn place(&mut self, pos: Pos) {
            self.pos = pos;
        }
    })+ };
}
placed!(RunRow, PlayRow, LikeRow, WishRow, PollRow, VoteRow);

struct Kept<R> {
    row: R,
    /// The row's place when it was loaded: every entry up to here is in it already.
    loaded: Pos,
    dirty: bool,
}

/// The rows of one table, and which of them are to be saved.
pub struct Table<K, R> {
    kept: BTreeMap<K, Kept<R>>,
    dirty: Vec<K>,
}

impl<K: Ord + Copy, R: Placed> Table<K, R> {
    pub fn loaded(rows: impl IntoIterator<Item = R>, key: impl Fn(&R) -> K) -> Self {
        let kept = rows.into_iter().map(|row| (key(&row), Kept { loaded: row.pos(), row, dirty: false })).collect();
        Table { kept, dirty: Vec::new() }
    }

    pub fn get(&self, key: &K) -> Option<&R> {
        self.kept.get(key).map(|kept| &kept.row)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &R)> {
        self.kept.iter().map(|(key, kept)| (key, &kept.row))
    }

    pub fn range(&self, keys: RangeInclusive<K>) -> impl DoubleEndedIterator<Item = &R> {
        self.kept.range(keys).map(|(_, kept)| &kept.row)
    }

    /// Whether the entry at `pos` was in this row already when it was loaded: rows were saved and the position was not, or another
    /// owner is ahead of us. Such an entry must not be applied a second time.
    pub fn settled(&self, key: &K, pos: Pos) -> bool {
        self.kept.get(key).is_some_and(|kept| kept.loaded >= pos)
    }

    pub fn insert(&mut self, key: K, row: R) {
        self.dirty.push(key);
        self.kept.insert(key, Kept { row, loaded: Pos(0), dirty: true });
    }

    /// Changes a row for the entry at `pos`. What the store has of a newer place is not written again.
    pub fn change(&mut self, key: K, pos: Pos, change: impl FnOnce(&mut R)) {
        if let Some(kept) = self.kept.get_mut(&key) {
            change(&mut kept.row);
            if pos > kept.loaded {
                kept.row.place(pos);
                if !std::mem::replace(&mut kept.dirty, true) {
                    self.dirty.push(key);
                }
            }
        }
    }

    /// Marks a row to be saved again although its value stands. A flush that was cut short may have saved the row that was counted and
    /// not the one with the count, which was made anew on loading and is to be written now.
    pub fn touch(&mut self, key: K, pos: Pos) {
        self.change(key, pos, |_| {});
    }

    /// Changes what is kept beside the log, as a count made anew after loading.
    fn correct(&mut self, change: impl Fn(&K, &mut R)) {
        for (key, kept) in &mut self.kept {
            change(key, &mut kept.row);
        }
    }

    fn drain_into(&mut self, rows: &mut Vec<R>) {
        for key in self.dirty.drain(..) {
            if let Some(kept) = self.kept.get_mut(&key) {
                kept.dirty = false;
                rows.push(kept.row.clone());
            }
        }
    }

    fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.kept.retain(|key, kept| kept.dirty || keep(key));
    }
}

/// All rows of one run.
pub struct Rows {
    pub begin: Seq,
    pub run: Table<(), RunRow>,
    pub plays: Table<Seq, PlayRow>,
    pub likes: Table<(PersonId, TrackKey), LikeRow>,
    pub wishes: Table<(Seq, PersonId), WishRow>,
    pub polls: Table<PollId, PollRow>,
    pub votes: Table<(PollId, PersonId), VoteRow>,
}

impl Rows {
    pub fn begun(row: RunRow) -> Self {
        let begin = row.begin;
        let mut rows = Rows::of(RunState {
            run: row.clone(),
            plays: Vec::new(),
            likes: Vec::new(),
            wishes: Vec::new(),
            polls: Vec::new(),
            votes: Vec::new(),
        });
        rows.begin = begin;
        rows.run.insert((), row);
        rows
    }

    /// Rows as the store had them. Counts are made anew from the rows they count: a flush that was cut short may have saved
    /// one and not the other, and this way the entries that are folded again complete both.
    pub fn of(state: RunState) -> Self {
        let mut rows = Rows {
            begin: state.run.begin,
            run: Table::loaded([state.run], |_| ()),
            plays: Table::loaded(state.plays, |row| row.play),
            likes: Table::loaded(state.likes, |row| (row.person, row.key)),
            wishes: Table::loaded(state.wishes, |row| (row.play, row.person)),
            polls: Table::loaded(state.polls, |row| row.poll),
            votes: Table::loaded(state.votes, |row| (row.poll, row.person)),
        };
        rows.recount();
        rows
    }

    fn recount(&mut self) {
        let mut likes = BTreeMap::<Seq, u64>::new();
        for (_, like) in self.likes.iter().filter(|(_, like)| like.on) {
            *likes.entry(like.play).or_default() += 1;
        }
        let (total, tracks) = (likes.values().sum(), self.plays.iter().count() as u64);
        let (wishes, votes) = (&self.wishes, &self.votes);
        self.run.correct(|_, row| (row.likes, row.tracks) = (total, tracks));
        self.plays.correct(|play, row| {
            row.likes = likes.get(play).copied().unwrap_or(0);
            row.tempo = tempo(wishes, *play);
        });
        self.polls.correct(|poll, row| match row.status {
            PollStatus::Open | PollStatus::Closing { .. } => row.votes = tally(votes, *poll, row.options.len()),
            PollStatus::Closed { .. } | PollStatus::Cancelled { .. } => {}
        });
    }

    /// A play that begins, with the likes and wishes that a flush cut short may have saved before it.
    pub fn play(&mut self, mut row: PlayRow) {
        row.likes = self.likes.iter().filter(|(_, like)| like.on && like.play == row.play).count() as u64;
        row.tempo = tempo(&self.wishes, row.play);
        self.plays.insert(row.play, row);
    }

    /// A poll that opens, with the votes that a flush cut short may have saved before it.
    pub fn open(&mut self, mut row: PollRow) {
        row.votes = tally(&self.votes, row.poll, row.options.len());
        self.polls.insert(row.poll, row);
    }

    /// The votes of a poll counted from the rows, one a person.
    pub fn tally(&self, poll: PollId) -> Vec<u64> {
        tally(&self.votes, poll, self.polls.get(&poll).map_or(0, |row| row.options.len()))
    }

    /// Moves what is to be saved into `changes`.
    pub fn drain_into(&mut self, changes: &mut Changes) {
        self.run.drain_into(&mut changes.runs);
        self.plays.drain_into(&mut changes.plays);
        self.likes.drain_into(&mut changes.likes);
        self.wishes.drain_into(&mut changes.wishes);
        self.polls.drain_into(&mut changes.polls);
        self.votes.drain_into(&mut changes.votes);
    }

    /// Forgets rows that can decide nothing any more: wishes for plays before `play`, and of the polls that are over all votes
    /// but those of the last [`REPEATABLE`].
    pub fn prune(&mut self, play: Option<Seq>) {
        self.wishes.retain(|(of, _)| play.is_none_or(|play| *of >= play));
        let mut closes: Vec<Seq> = self.polls.iter().filter_map(|(_, row)| over_at(row)).collect();
        closes.sort_unstable_by(|a, b| b.cmp(a));
        let oldest = closes.get(REPEATABLE - 1).copied().unwrap_or_default();
        let polls = &self.polls;
        self.votes.retain(|(poll, _)| polls.get(poll).is_some_and(|row| over_at(row).is_none_or(|close| close >= oldest)));
    }
}

/// Where the votes of a poll ended whose result stands.
pub(crate) fn over_at(row: &PollRow) -> Option<Seq> {
    match row.status {
        PollStatus::Open | PollStatus::Closing { .. } => None,
        PollStatus::Closed { close, .. } | PollStatus::Cancelled { close, .. } => Some(close),
    }
}

fn tempo(wishes: &Table<(Seq, PersonId), WishRow>, play: Seq) -> TempoCount {
    let mut counts = TempoCount::default();
    for wish in wishes.range((play, PersonId([0; 16]))..=(play, PersonId([0xff; 16]))) {
        if let Some(count) = counts.of(wish.preference) {
            *count += 1;
        }
    }
    counts
}

fn tally(votes: &Table<(PollId, PersonId), VoteRow>, poll: PollId, options: usize) -> Vec<u64> {
    let mut counts = vec![0; options];
    for vote in votes.range((poll, PersonId([0; 16]))..=(poll, PersonId([0xff; 16]))) {
        if let Some(count) = counts.get_mut(vote.option as usize) {
            *count += 1;
        }
    }
    counts
}
