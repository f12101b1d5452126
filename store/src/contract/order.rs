//! Promises about rows and their places: whoever writes, how often, and in what order.

use futures_util::future::join_all;
use schemas::{OpKey, Partition, Pos, SessionId};

use super::sample::{evening, flush, like, load, loaded, of_track, person, play, pos, run, save, session};
use crate::Live;
use crate::rows::{Changes, LikeRow, PlayRow, RunRow};

pub async fn a_saved_row_comes_back_as_it_was(store: &dyn Live) {
    let friday = session("comes-back");
    let changes = evening(&friday, 10, pos(100));
    save(store, &changes).await;
    assert_eq!(load(store, &friday).await, loaded(&changes));
}

pub async fn a_row_never_goes_back(store: &dyn Live) {
    let friday = session("never-goes-back");
    let newer = evening(&friday, 10, pos(200));
    save(store, &newer).await;
    save(store, &evening(&friday, 10, pos(100))).await;
    assert_eq!(load(store, &friday).await, loaded(&newer), "an older flush changed rows");

    let newest = evening(&friday, 10, Pos::new(2, 1));
    save(store, &newest).await;
    assert_eq!(load(store, &friday).await, loaded(&newest), "a new epoch orders after all of the last, however small its sequences");
}

pub async fn an_old_row_beside_a_new_one_is_dropped_alone(store: &dyn Live) {
    let friday = session("dropped-alone");
    let first = play(&friday, 10, 11, pos(50));
    save(store, &Changes { runs: vec![run(&friday, 10, pos(50))], plays: vec![first.clone()], ..flush(&friday, pos(50)) }).await;

    let (late, new) = (play(&friday, 10, 11, pos(40)), play(&friday, 10, 12, pos(45)));
    save(store, &Changes { plays: vec![late, new.clone()], ..flush(&friday, pos(45)) }).await;
    assert_eq!(load(store, &friday).await.plays, [first, new]);
}

pub async fn a_saved_position_never_goes_back(store: &dyn Live) {
    let friday = session("positions-stay");
    for (upto, stands) in
        [(pos(7), pos(7)), (pos(5), pos(7)), (pos(9), pos(9)), (Pos::new(2, 1), Pos::new(2, 1)), (pos(1000), Pos::new(2, 1))]
    {
        save(store, &flush(&friday, upto)).await;
        let position = store.position(friday.partition()).await.expect("a position");
        assert_eq!(position, Some(stands), "after a flush up to {upto:?}");
    }
}

pub async fn partitions_have_positions_of_their_own(store: &dyn Live) {
    let (one, other) = (Partition(3), Partition(4));
    let nothing = flush(&session("any-session"), pos(12));
    save(store, &Changes { partition: one, ..nothing }).await;
    assert_eq!(store.position(one).await, Ok(Some(pos(12))));
    assert_eq!(store.position(other).await, Ok(None), "before its first save a partition has no position");
}

pub async fn replaying_a_flush_changes_nothing(store: &dyn Live) {
    let friday = session("replayed-flush");
    let (first, second) = (evening(&friday, 10, pos(100)), evening(&friday, 10, pos(200)));
    save(store, &first).await;
    save(store, &second).await;
    let before = (load(store, &friday).await, store.totals().await, store.top_tracks(10).await);
    // A worker that died before it could say how far it was folds the same stretch again.
    for again in [&first, &second, &first, &second] {
        save(store, again).await;
    }
    assert_eq!((load(store, &friday).await, store.totals().await, store.top_tracks(10).await), before);
}

pub async fn a_tombstone_keeps_its_ops(store: &dyn Live) {
    let friday = session("tombstones");
    let play = play(&friday, 10, 11, pos(50));
    let liked = like(&play, person(1), pos(60));
    let ops: Vec<OpKey> = (0..16).map(|n| OpKey::of(&format!("message {n}"))).collect();
    let taken_back = LikeRow { on: false, pos: pos(70), ops, ..liked.clone() };
    let rows = Changes { runs: vec![run(&friday, 10, pos(50))], plays: vec![play], likes: vec![liked.clone()], ..flush(&friday, pos(60)) };
    save(store, &rows).await;
    save(store, &Changes { likes: vec![taken_back.clone()], ..flush(&friday, pos(70)) }).await;
    save(store, &Changes { likes: vec![liked], ..flush(&friday, pos(60)) }).await;
    assert_eq!(load(store, &friday).await.likes, [taken_back], "a late copy of the like brought it back");
}

/// Two owners of one partition by mistake: each writes every other flush, the same rows where both know them.
pub async fn two_writers_agree(store: &dyn Live) {
    let friday = session("two-writers");
    let flushes: Vec<Changes> = (1..=20).map(|n| evening(&friday, 10, pos(n * 100))).collect();
    let one = async {
        for changes in &flushes {
            save(store, changes).await;
        }
    };
    let other = async {
        for changes in flushes.iter().rev() {
            save(store, changes).await;
        }
    };
    tokio::join!(one, other);
    let newest = flushes.last().expect("twenty flushes");
    assert_eq!(load(store, &friday).await, loaded(newest));
    assert_eq!(store.position(friday.partition()).await, Ok(Some(newest.upto)));
}

pub async fn many_saves_at_once_are_all_kept(store: &dyn Live) {
    let sessions: Vec<SessionId> = (0..100).map(|n| session(&format!("at-once-{n:03}"))).collect();
    let flushes: Vec<Changes> = sessions.iter().map(|session| evening(session, 10, pos(100))).collect();
    join_all(flushes.iter().map(|changes| save(store, changes))).await;
    for (session, changes) in sessions.iter().zip(&flushes) {
        assert_eq!(load(store, session).await, loaded(changes));
    }
}

/// A sum that were added up on the way would count a repeat twice and a late row at all.
pub async fn sums_follow_the_newest_rows(store: &dyn Live) {
    let friday = session("sums-follow");
    let song = |seq, likes| {
        let play = of_track(play(&friday, 10, 11, pos(seq)), "Sum", "Of All");
        PlayRow { likes, ..play }
    };
    let before = store.totals().await.expect("totals");
    let evening = |seq, likes| RunRow { tracks: 1, likes, ..run(&friday, 10, pos(seq)) };
    for (seq, likes) in [(20, 9_000_002), (30, 9_000_001), (20, 9_000_002), (10, 9_999_999), (30, 9_000_001)] {
        save(store, &Changes { runs: vec![evening(seq, likes)], plays: vec![song(seq, likes)], ..flush(&friday, pos(seq)) }).await;
    }
    let top = store.top_tracks(1).await.expect("top tracks");
    assert_eq!(top.iter().map(|t| (t.artist.as_str(), t.title.as_str(), t.likes)).collect::<Vec<_>>(), [("Sum", "Of All", 9_000_001)]);
    let after = store.totals().await.expect("totals");
    assert_eq!((after.sessions - before.sessions, after.tracks - before.tracks, after.likes - before.likes), (1, 1, 9_000_001));
}
