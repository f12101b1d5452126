//! Likes: one a person and track, counted for the latest play, and taken back without a trace in the count.

use schemas::limits::LIKES_AFTER_END_MS;
use schemas::note::Clap;
use schemas::{Millis, OpKey, PersonId, Pos, Seq, TrackKey};
use store::LikeRow;

use crate::effects::LikeResult;
use crate::fold::{Fold, Place, remember, repeats};
use crate::rows::Rows;

impl Fold {
    /// The result, and what the DJ hears of it. Folded again, a like that was counted is heard again: the readers drop it by its place.
    pub(crate) fn like(
        &mut self,
        place: Place,
        person: PersonId,
        key: TrackKey,
        at: Millis,
        op: Option<OpKey>,
    ) -> (LikeResult, Option<Clap>) {
        let id = (person, key);
        let session = self.session.clone();
        let Some((rows, play)) = self.liked(place, key) else { return (LikeResult::Refused, None) };
        let Some(row) = rows.likes.get(&id) else {
            let row = LikeRow {
                session,
                begin: rows.begin,
                person,
                key,
                pos: place.pos,
                on: true,
                play,
                liked_at: at,
                ops: op.into_iter().collect(),
            };
            rows.likes.insert(id, row);
            count(rows, play, place.pos, 1);
            return (LikeResult::Counted, Some(Clap::Like(key)));
        };
        if rows.likes.settled(&id, place.pos) {
            let counted = row.on && (op.is_none() || repeats(&row.ops, op));
            touch(rows, key, place);
            return (LikeResult::Repeated, counted.then_some(Clap::Like(key)));
        }
        if repeats(&row.ops, op) {
            return (LikeResult::Repeated, None);
        }
        let stands = row.on;
        // Also a like that stands already is noted: its late copy must not undo a later taking back.
        rows.likes.change(id, place.pos, |row| {
            remember(&mut row.ops, op);
            if !stands {
                (row.on, row.play, row.liked_at) = (true, play, at);
            }
        });
        if stands {
            return (LikeResult::Repeated, None);
        }
        count(rows, play, place.pos, 1);
        (LikeResult::Counted, Some(Clap::Like(key)))
    }

    pub(crate) fn unlike(&mut self, place: Place, person: PersonId, key: TrackKey, at: Millis, op: Option<OpKey>) -> LikeResult {
        let id = (person, key);
        let session = self.session.clone();
        let Some((rows, play)) = self.liked(place, key) else { return LikeResult::Refused };
        let Some(row) = rows.likes.get(&id) else {
            // The taking back overtook its like. The tombstone remembers that it came.
            let row = LikeRow {
                session,
                begin: rows.begin,
                person,
                key,
                pos: place.pos,
                on: false,
                play,
                liked_at: at,
                ops: op.into_iter().collect(),
            };
            rows.likes.insert(id, row);
            return LikeResult::Repeated;
        };
        if rows.likes.settled(&id, place.pos) {
            touch(rows, key, place);
            return LikeResult::Repeated;
        }
        if repeats(&row.ops, op) {
            return LikeResult::Repeated;
        }
        let (stood, of) = (row.on, row.play);
        rows.likes.change(id, place.pos, |row| {
            remember(&mut row.ops, op);
            row.on = false;
        });
        if !stood {
            return LikeResult::Repeated;
        }
        count(rows, of, place.pos, -1);
        LikeResult::TakenBack
    }

    /// The rows and the play that a like at this place is for: the track was played, and the run is not over for more than a week.
    fn liked(&mut self, place: Place, key: TrackKey) -> Option<(&mut Rows, Seq)> {
        let rows = self.rows_at(place)?;
        let ended = rows.run.get(&()).and_then(|row| row.ended);
        if ended.is_some_and(|(end, _)| place.stamp.since(end) > LIKES_AFTER_END_MS) {
            return None;
        }
        let play = Fold::play_of(rows, key, place.seq())?;
        Some((rows, play))
    }
}

fn count(rows: &mut Rows, play: Seq, pos: Pos, by: i64) {
    rows.plays.change(play, pos, |row| row.likes = row.likes.saturating_add_signed(by));
    rows.run.change((), pos, |row| row.likes = row.likes.saturating_add_signed(by));
}

/// A settled like may have counted for any play of its track.
fn touch(rows: &mut Rows, key: TrackKey, place: Place) {
    let plays: Vec<Seq> = rows.plays.iter().filter(|(play, row)| **play < place.seq() && row.key == key).map(|(play, _)| *play).collect();
    plays.into_iter().for_each(|play| rows.plays.touch(play, place.pos));
    rows.run.touch((), place.pos);
}
