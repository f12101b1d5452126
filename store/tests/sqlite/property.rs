//! Whatever the order and however often: the newest row stands.

use proptest::prelude::*;
use schemas::{Millis, Pos};
use store::contract::model::the_newest_rows_stand;
use store::contract::sample::{ended, evening, session};
use store::{Changes, LikeRow, RunRow};

use crate::file::fresh;

/// A flush that may hold any part of an evening. Few keys and few places, so that they meet; a row's values follow from both.
fn a_flush() -> impl Strategy<Value = Changes> {
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_order_ends_in_the_same_rows(flushes in proptest::collection::vec(a_flush(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { the_newest_rows_stand(&*fresh(), &flushes).await });
    }
}
