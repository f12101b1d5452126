//! Polls: which votes count, where they end, and what the result is.

use schemas::note::{Outcome, Rejection};
use schemas::{OpKey, PersonId, PollId, Seq};
use store::{PollRow, PollStatus, VoteRow};

use crate::effects::VoteResult;
use crate::fold::{Fold, Place, remember, repeats};
use crate::rows::over_at;

/// A poll whose votes have ended and whose result is not said yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsaid {
    pub poll: PollId,
    pub close: Seq,
    /// The result, or nothing when the poll was cancelled.
    pub votes: Option<Vec<u64>>,
}

impl Fold {
    /// Judges a vote by its place: between the opening and the first close request, the first of a person, or the last if the poll
    /// allows a change. A repeat is told what stands.
    pub(crate) fn vote(
        &mut self,
        place: Place,
        (person, known): (PersonId, bool),
        poll: PollId,
        option: u32,
        op: Option<OpKey>,
    ) -> (VoteResult, Outcome) {
        let id = (poll, person);
        let session = self.session.clone();
        let Some(rows) = self.rows_at(place) else { return rejected(Rejection::NoSuchPoll) };
        let Some(row) = rows.polls.get(&poll).filter(|row| row.opened < place.seq()) else { return rejected(Rejection::NoSuchPoll) };
        if closed_at(row).is_some_and(|close| close <= place.seq()) {
            // A vote that was counted is told so as often as it is said, also after the close.
            return match rows.votes.get(&id).filter(|vote| repeats(&vote.ops, op)) {
                Some(vote) => (VoteResult::Repeated, Outcome::Counted { option: vote.option }),
                None => rejected(Rejection::PollClosed),
            };
        }
        if option as usize >= row.options.len() {
            return rejected(Rejection::InvalidOption);
        }
        let allow_change = row.allow_change;
        let Some(vote) = rows.votes.get(&id) else {
            let ops = op.into_iter().collect();
            rows.votes.insert(id, VoteRow { session, begin: rows.begin, poll, person, pos: place.pos, option, known, ops });
            rows.polls.change(poll, place.pos, |row| move_vote(row, None, option));
            return (VoteResult::Counted, Outcome::Counted { option });
        };
        let stands = vote.option;
        let again = repeats(&vote.ops, op);
        let settled = rows.votes.settled(&id, place.pos);
        if settled {
            rows.polls.touch(poll, place.pos);
        }
        if !allow_change && stands != option && !again {
            return rejected(Rejection::AlreadyVoted);
        }
        if !allow_change || again || settled {
            return (VoteResult::Repeated, Outcome::Counted { option: stands });
        }
        rows.votes.change(id, place.pos, |row| {
            remember(&mut row.ops, op);
            row.option = option;
        });
        if stands == option {
            return (VoteResult::Repeated, Outcome::Counted { option });
        }
        rows.polls.change(poll, place.pos, |row| move_vote(row, Some(stands), option));
        (VoteResult::Changed, Outcome::Counted { option })
    }

    /// A request to close. The first in the log is the close; whatever comes after it changes nothing.
    pub(crate) fn close(&mut self, place: Place, poll: PollId, void: bool) {
        let Some(rows) = self.rows_at(place) else { return };
        if rows.polls.get(&poll).is_some_and(|row| row.opened < place.seq() && row.status == PollStatus::Open) {
            let status = PollStatus::Closing { close: place.seq(), at: place.stamp, void };
            let votes = rows.tally(poll);
            rows.polls.change(poll, place.pos, |row| (row.status, row.votes) = (status, votes));
        }
    }

    /// The result was said. Gives whether it contradicts the rows.
    pub(crate) fn closed(&mut self, place: Place, poll: PollId, close: Seq, votes: Option<&Vec<u64>>) -> bool {
        let Some(rows) = self.rows_at(place) else { return false };
        // Loaded rows of a poll that is over were settled by the flush that saved them; its votes may be forgotten.
        if rows.polls.settled(&poll, place.pos) {
            return false;
        }
        let counted = rows.tally(poll);
        let options = counted.len();
        rows.polls.change(poll, place.pos, |row| match votes {
            Some(votes) => (row.status, row.votes) = (PollStatus::Closed { close, at: place.stamp }, votes.clone()),
            None => (row.status, row.votes) = (PollStatus::Cancelled { close, at: place.stamp }, vec![0; options]),
        });
        votes.is_some_and(|votes| *votes != counted)
    }

    /// The run ended with a poll open: its votes end here, or where a close request stands, and no result is said any more.
    pub(crate) fn end_polls(&mut self, place: Place) {
        let Some(rows) = self.rows_at(place) else { return };
        let open: Vec<PollId> = rows.polls.iter().filter(|(_, row)| over_at(row).is_none()).map(|(poll, _)| *poll).collect();
        for poll in open {
            let votes = rows.tally(poll);
            rows.polls.change(poll, place.pos, |row| match row.status {
                PollStatus::Closing { close, at, void: true } => {
                    (row.status, row.votes) = (PollStatus::Cancelled { close, at }, vec![0; row.options.len()]);
                }
                PollStatus::Closing { close, at, void: false } => (row.status, row.votes) = (PollStatus::Closed { close, at }, votes),
                PollStatus::Open | PollStatus::Closed { .. } | PollStatus::Cancelled { .. } => {
                    (row.status, row.votes) = (PollStatus::Closed { close: place.seq(), at: place.stamp }, votes);
                }
            });
        }
    }

    /// The open poll's votes so far.
    pub fn open_tally(&self) -> Option<(PollId, &[u64])> {
        let poll = self.view.live()?.poll.as_ref()?.opened.poll;
        self.tally_of(poll).map(|votes| (poll, votes))
    }

    /// The votes of any poll of the run.
    pub fn tally_of(&self, poll: PollId) -> Option<&[u64]> {
        self.rows()?.polls.get(&poll).map(|row| row.votes.as_slice())
    }

    /// The poll whose result must be said now: a close request is folded, and no fact says the result.
    pub fn unsaid(&self) -> Option<Unsaid> {
        let poll = self.view.live()?.poll.as_ref()?.opened.poll;
        let rows = self.rows()?;
        match rows.polls.get(&poll)?.status {
            // A loaded row may know of a close that we have not folded yet; the votes before it are not all counted then.
            PollStatus::Closing { close, void, .. } if close <= self.applied.seq() => {
                Some(Unsaid { poll, close, votes: (!void).then(|| rows.tally(poll)) })
            }
            PollStatus::Closing { .. } | PollStatus::Open | PollStatus::Closed { .. } | PollStatus::Cancelled { .. } => None,
        }
    }

    /// The open poll for which nobody has asked the close.
    pub fn unasked(&self) -> Option<&schemas::view::OpenPoll> {
        let poll = self.view.live()?.poll.as_ref()?;
        let row = self.rows()?.polls.get(&poll.opened.poll)?;
        (row.status == PollStatus::Open).then_some(poll)
    }
}

fn rejected(why: Rejection) -> (VoteResult, Outcome) {
    (VoteResult::Rejected(why), Outcome::Rejected(why))
}

/// A result that was said is never moved, also when votes before it are folded again.
fn move_vote(row: &mut PollRow, from: Option<u32>, to: u32) {
    if over_at(row).is_some() {
        return;
    }
    if let Some(count) = from.and_then(|from| row.votes.get_mut(from as usize)) {
        *count = count.saturating_sub(1);
    }
    if let Some(count) = row.votes.get_mut(to as usize) {
        *count += 1;
    }
}

fn closed_at(row: &PollRow) -> Option<Seq> {
    match row.status {
        PollStatus::Open => None,
        PollStatus::Closing { close, .. } | PollStatus::Closed { close, .. } | PollStatus::Cancelled { close, .. } => Some(close),
    }
}
