//! The rules for what dancers say: first vote or last, one like a person and track, one wish a person and play, repeats dropped.

use schemas::claim::{Claim, ClaimRecord, Speaker};
use schemas::client::Preference;
use schemas::limits::LIKES_AFTER_END_MS;
use schemas::note::Rejection;
use schemas::{Millis, OpKey, PersonId, PollId, Pos, Seq, TrackKey};
use store::{LikeRow, PollStatus, VoteRow, WishRow};

use super::recount::{Just, Recount};

/// A row that can be taken back knows the last so many messageIds applied to it.
const REMEMBERED: usize = 16;
/// A wish that comes again is known for so many tracks after the one that it was for.
const TRACKS_REMEMBERED: usize = 4;

impl Recount {
    pub(super) fn claim(&mut self, seq: Seq, stamp: Millis, record: &ClaimRecord) {
        match (record.claim, record.by) {
            (Claim::Like { track }, Speaker::Person { id, .. }) => self.like(seq, stamp, (id, track), true, record),
            (Claim::Unlike { track }, Speaker::Person { id, .. }) => self.like(seq, stamp, (id, track), false, record),
            (Claim::Tempo { preference }, Speaker::Person { id, .. }) => self.wish(seq, id, preference, record.op),
            (Claim::Vote { poll, option }, Speaker::Person { id, known }) => self.vote(seq, (poll, id), option, known, record.op),
            (Claim::React { .. }, Speaker::Person { .. }) => self.reactions += 1,
            (Claim::ClosePoll { poll }, Speaker::Owner | Speaker::System) => self.close(seq, stamp, poll, false),
            (Claim::CancelPoll { poll }, Speaker::Owner | Speaker::System) => self.close(seq, stamp, poll, true),
            (Claim::Peak { listeners }, Speaker::System) => {
                if let Some(run) = self.run.as_mut().filter(|run| run.row.peak_listeners < listeners) {
                    (run.row.peak_listeners, run.because) = (listeners, seq);
                }
            }
            // Nobody else may say these; ingest never stores one, and it counts for nothing.
            _ => self.strayed += 1,
        }
    }

    /// A like that stands (`on`) or is taken back. It is for the latest play of the track before it.
    fn like(&mut self, seq: Seq, stamp: Millis, id: (PersonId, TrackKey), on: bool, record: &ClaimRecord) {
        let late = self.ended.is_some_and(|ended| stamp.since(ended) > LIKES_AFTER_END_MS);
        let play = self.plays.values().filter(|play| play.row.key == id.1 && play.row.play < seq).map(|play| play.row.play).max();
        let (Some(play), Some((session, begin)), false) = (play, self.place(), late) else {
            self.liking.refused += 1;
            return;
        };
        let Some(like) = self.likes.get_mut(&id) else {
            let (person, key, ops) = (id.0, id.1, record.op.into_iter().collect());
            let row = LikeRow { session, begin, person, key, pos: Pos(0), on, play, liked_at: record.at, ops };
            self.likes.insert(id, Just { row, because: seq });
            return;
        };
        if repeats(&like.row.ops, record.op) {
            self.liking.repeats += 1;
            return;
        }
        note(&mut like.row.ops, record.op);
        match (like.row.on, on) {
            (false, true) => {
                (like.row.on, like.row.play, like.row.liked_at) = (true, play, record.at);
                like.because = seq;
            }
            (true, false) => {
                like.row.on = false;
                like.because = seq;
                self.liking.taken_back += 1;
            }
            (true, true) | (false, false) => self.liking.repeats += 1,
        }
    }

    /// A wish is for what plays at its place; when nothing plays it is for nothing, and said again after the next track began it
    /// is a repeat.
    fn wish(&mut self, seq: Seq, person: PersonId, preference: Preference, op: Option<OpKey>) {
        let (Some(play), Some((session, begin))) = (self.playing, self.place()) else {
            self.wishing.refused += 1;
            return;
        };
        let mut before = self.plays.keys().rev().filter(|of| **of < play).take(TRACKS_REMEMBERED);
        if before.any(|of| self.wishes.get(&(*of, person)).is_some_and(|wish| repeats(&wish.row.ops, op))) {
            self.wishing.repeats += 1;
            return;
        }
        let Some(wish) = self.wishes.get_mut(&(play, person)) else {
            let row = WishRow { session, begin, play, person, pos: Pos(0), preference, ops: op.into_iter().collect() };
            self.wishes.insert((play, person), Just { row, because: seq });
            return;
        };
        if repeats(&wish.row.ops, op) {
            self.wishing.repeats += 1;
            return;
        }
        note(&mut wish.row.ops, op);
        if wish.row.preference == preference {
            self.wishing.repeats += 1;
            return;
        }
        self.wishing.taken_back += u64::from(preference == Preference::Clear);
        (wish.row.preference, wish.because) = (preference, seq);
    }

    /// A vote counts between the opening and the close: the first of its person, or the last where the poll allows a change.
    fn vote(&mut self, seq: Seq, id: (PollId, PersonId), option: u32, known: bool, op: Option<OpKey>) {
        let Some((session, begin)) = self.place() else { return };
        let ballot = self.ballots.entry(id.0).or_default();
        let mut reject = |why| *ballot.rejected.entry(why).or_default() += 1;
        let Some(poll) = self.polls.get(&id.0).map(|poll| &poll.row) else { return reject(Rejection::NoSuchPoll) };
        if poll.status != PollStatus::Open {
            return reject(Rejection::PollClosed);
        }
        if option as usize >= poll.options.len() {
            return reject(Rejection::InvalidOption);
        }
        let Some(vote) = self.votes.get_mut(&id) else {
            let (poll, person, ops) = (id.0, id.1, op.into_iter().collect());
            let row = VoteRow { session, begin, poll, person, pos: Pos(0), option, known, ops };
            self.votes.insert(id, Just { row, because: seq });
            return;
        };
        let again = repeats(&vote.row.ops, op);
        if !poll.allow_change && !again && vote.row.option != option {
            return reject(Rejection::AlreadyVoted);
        }
        if !poll.allow_change || again {
            ballot.repeats += 1;
            return;
        }
        note(&mut vote.row.ops, op);
        if vote.row.option == option {
            ballot.repeats += 1;
            return;
        }
        (vote.row.option, vote.because) = (option, seq);
        ballot.changes += 1;
    }

    /// The first close request in the log is the close.
    fn close(&mut self, seq: Seq, stamp: Millis, poll: PollId, void: bool) {
        if let Some(poll) = self.polls.get_mut(&poll).filter(|poll| poll.row.status == PollStatus::Open) {
            (poll.row.status, poll.because) = (PollStatus::Closing { close: seq, at: stamp, void }, seq);
        }
    }
}

/// A claim without a messageId is never a repeat.
fn repeats(ops: &[OpKey], op: Option<OpKey>) -> bool {
    op.is_some_and(|op| ops.contains(&op))
}

fn note(ops: &mut Vec<OpKey>, op: Option<OpKey>) {
    ops.extend(op);
    let forgotten = ops.len().saturating_sub(REMEMBERED);
    ops.drain(..forgotten);
}
