//! Tempo wishes: one standing wish a person and play. A wish whose answer was lost may be said again under its messageId when the
//! next track plays already; it counts for the track that it was first said of, and for no other.

use schemas::client::Preference;
use schemas::server::TempoCount;
use schemas::{OpKey, PersonId, Seq};
use store::WishRow;

use crate::fold::{Fold, Place, remember, repeats};

/// A wish that is said again once other tracks play is a repeat as long as the one that it was for is among so many before.
pub(crate) const REACH: usize = 4;

impl Fold {
    /// A wish is for what plays at its place in the log; when nothing plays it is for nothing.
    pub(crate) fn wish(&mut self, place: Place, person: PersonId, preference: Preference, op: Option<OpKey>) {
        let Some(run) = self.view.live() else { return };
        let Some(play) = run.current().map(|play| play.seq) else { return };
        let before: Vec<Seq> = run.plays.iter().rev().skip(1).take(REACH).map(|play| play.seq).collect();
        let session = self.session.clone();
        let id = (play, person);
        let Some(rows) = self.rows_at(place) else { return };
        if before.iter().any(|play| rows.wishes.get(&(*play, person)).is_some_and(|row| repeats(&row.ops, op))) {
            return;
        }
        let before = match rows.wishes.get(&id) {
            Some(_) if rows.wishes.settled(&id, place.pos) => return rows.plays.touch(play, place.pos),
            Some(row) if repeats(&row.ops, op) => return,
            Some(row) => {
                let before = row.preference;
                rows.wishes.change(id, place.pos, |row| {
                    remember(&mut row.ops, op);
                    row.preference = preference;
                });
                before
            }
            None => {
                let ops = op.into_iter().collect();
                rows.wishes.insert(id, WishRow { session, begin: rows.begin, play, person, pos: place.pos, preference, ops });
                Preference::Clear
            }
        };
        if before != preference {
            rows.plays.change(play, place.pos, |row| {
                if let Some(count) = row.tempo.of(before) {
                    *count = count.saturating_sub(1);
                }
                if let Some(count) = row.tempo.of(preference) {
                    *count += 1;
                }
            });
        }
    }

    /// The wishes for what plays now.
    pub fn tempo(&self) -> Option<(Seq, TempoCount)> {
        let play = self.view.live()?.current()?.seq;
        self.rows()?.plays.get(&play).map(|row| (play, row.tempo))
    }
}
