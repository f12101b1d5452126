//! Flushes of any kind, for the property that every backend must have.

use proptest::prelude::*;
use schemas::{Millis, Pos};
use store::contract::sample::{ended, evening, session};
use store::{Changes, LikeRow, RunRow};

/// A flush that may hold any part of an evening. Few keys and few places, so that they meet; a row's values follow from both.
pub fn a_flush() -> impl Strategy<Value = Changes> {
    let parts = proptest::bits::u8::between(0, 6);
    (0..3u8, 0..3u64, 1..3u32, 1..40u64, parts).prop_map(|(who, begin, epoch, seq, parts)| {
        let session = session(&format!("property-{who}"));
        let mut changes = evening(&session, 10 + begin * 100, Pos::new(epoch, seq));
        changes.runs = changes.runs.into_iter().map(sometimes_ended).collect();
        changes.likes = changes.likes.into_iter().map(|like| LikeRow { on: like.pos.seq() % 3 > 0, ..like }).collect();
        let wanted = |part: u8| parts & (1 << part) != 0;
        // The run is always among them: a session is loaded by its runs.
        changes.plays.retain(|row| wanted((row.play % 3) as u8));
        changes.likes.retain(|row| wanted(3) || row.person.0[0] == 1);
        changes.wishes.retain(|_| wanted(4));
        changes.polls.retain(|row| wanted(5) || row.poll.get() > 3);
        changes.votes.retain(|row| wanted(2) || row.poll.get() < 3);
        changes
    })
}

fn sometimes_ended(run: RunRow) -> RunRow {
    if run.pos.seq().is_multiple_of(3) {
        let at = Millis(run.pos.seq() as i64);
        ended(run, at)
    } else {
        run
    }
}
