//! Rows of what the log has lost. They stay: what was acknowledged and folded is not taken back. But what they say of the session's
//! state must agree with the log again, or an owner would wait for something that never comes.

use schemas::{Millis, PollId, Pos, Seq};
use store::{PollRow, PollStatus};

use schemas::fact::EndReason;

use crate::fold::Fold;

impl Fold {
    /// Brings the loaded rows in line with a log that lost some sequences. Gives whether a row changed. `at` is where the fold stands.
    ///
    /// - A run whose beginning is lost is over: nobody can be in it.
    /// - A poll whose opening is lost is over, with the votes that it had.
    /// - A poll whose close is lost is closed again where the fold stands, and so its result is said again.
    pub fn reconcile(&mut self, lost: impl Fn(Seq) -> bool, at: Pos) -> bool {
        let heard = self.last_heard();
        let Some(rows) = self.rows_mut() else { return false };
        let over = lost(rows.begin);
        let mut changed = false;
        if over && rows.run.get(&()).is_some_and(|row| row.ended.is_none()) {
            rows.run.change((), at, |row| row.ended = Some((heard, EndReason::Lost)));
            changed = true;
        }
        let mended: Vec<(PollId, PollStatus)> =
            rows.polls.iter().filter_map(|(poll, row)| Some((*poll, mended(row, over || lost(row.opened), &lost, at)?))).collect();
        for (poll, status) in mended {
            rows.polls.change(poll, at, |row| row.status = status);
            changed = true;
        }
        changed
    }

    /// Whether the rows are of a run that the log does not know, while it shows an older one: nobody counts for that one.
    pub(crate) fn is_orphaned(&self) -> bool {
        let (Some(rows), Some(run)) = (self.rows(), self.view.live()) else { return false };
        rows.begin > run.begin && rows.run.get(&()).is_some_and(|row| row.ended.is_some())
    }

    /// The end that the rows know and the log does not.
    pub(crate) fn unsaid_end(&self) -> Option<EndReason> {
        let (rows, run) = (self.rows()?, self.view.live()?);
        let ended = rows.run.get(&())?.ended.filter(|_| rows.begin == run.begin)?;
        Some(ended.1)
    }

    fn last_heard(&self) -> Millis {
        let Some(rows) = self.rows() else { return Millis(0) };
        let began = rows.run.get(&()).map(|row| row.began_at);
        let plays = rows.plays.iter().map(|(_, row)| row.played_at);
        let likes = rows.likes.iter().map(|(_, row)| row.liked_at);
        let polls = rows.polls.iter().map(|(_, row)| row.opened_at);
        began.into_iter().chain(plays).chain(likes).chain(polls).max().unwrap_or(Millis(0))
    }
}

fn mended(row: &PollRow, unopened: bool, lost: impl Fn(Seq) -> bool, at: Pos) -> Option<PollStatus> {
    match row.status {
        PollStatus::Open if unopened => Some(PollStatus::Closed { close: row.opened, at: row.opened_at }),
        PollStatus::Closing { close, at: when, void: false } if unopened => Some(PollStatus::Closed { close, at: when }),
        PollStatus::Closing { close, at: when, void: true } if unopened => Some(PollStatus::Cancelled { close, at: when }),
        PollStatus::Closing { close, at: when, void } if lost(close) => Some(PollStatus::Closing { close: at.seq(), at: when, void }),
        PollStatus::Closed { close, at: when } if !unopened && lost(close) => {
            Some(PollStatus::Closing { close: at.seq(), at: when, void: false })
        }
        PollStatus::Cancelled { close, at: when } if !unopened && lost(close) => {
            Some(PollStatus::Closing { close: at.seq(), at: when, void: true })
        }
        PollStatus::Open | PollStatus::Closing { .. } | PollStatus::Closed { .. } | PollStatus::Cancelled { .. } => None,
    }
}
