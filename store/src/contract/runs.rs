//! Promises about runs: which is a session's latest, and which are open.

use schemas::{Millis, Pos};

use super::sample::{EVENING, ended, evening, flush, load, loaded, pos, run, save, session, sorted};
use crate::Live;
use crate::rows::{Changes, RunRow};

pub async fn a_session_never_heard_of_has_nothing(store: &dyn Live) {
    let unknown = session("never-heard-of");
    assert_eq!(store.load(&unknown).await, Ok(None));
    assert_eq!(store.run(&unknown).await, Ok(None));
    assert_eq!(store.recap(&unknown).await, Ok(None));
    assert_eq!(store.history(&unknown, 1, 50).await, Ok(vec![]));
    assert_eq!(store.dj_runs("nobody-at-all", 20).await, Ok((vec![], 0, 0)));
}

pub async fn latest_run_is_loaded_whole(store: &dyn Live) {
    let friday = session("runs-twice");
    let (first, second) = (evening(&friday, 10, pos(100)), evening(&friday, 500, pos(600)));
    let third = Changes { runs: vec![run(&friday, 900, pos(900))], ..flush(&friday, pos(900)) };
    for changes in [&first, &second] {
        save(store, changes).await;
        assert_eq!(load(store, &friday).await, loaded(changes));
    }
    save(store, &third).await;
    assert_eq!(load(store, &friday).await, loaded(&third), "rows of an earlier run stand in a later one");
    assert_eq!(store.run(&friday).await, Ok(Some(third.runs[0].clone())));
}

pub async fn any_run_is_loaded_whole(store: &dyn Live) {
    let friday = session("every-friday");
    let (first, second) = (evening(&friday, 10, pos(100)), evening(&friday, 500, pos(600)));
    for changes in [&first, &second] {
        save(store, changes).await;
    }
    for changes in [&first, &second] {
        let found = store.load_run(&friday, changes.runs[0].begin).await.expect("a run is loaded");
        assert_eq!(found.map(sorted), Some(loaded(changes)));
    }
    assert_eq!(store.load_run(&friday, 11).await, Ok(None));
}

/// Likes are accepted for days after the end, so the row of an old run may be the newer of the two.
pub async fn a_late_like_does_not_bring_an_old_run_back(store: &dyn Live) {
    let friday = session("late-like");
    let first = ended(run(&friday, 10, pos(100)), EVENING);
    let second = run(&friday, 500, pos(500));
    save(store, &Changes { runs: vec![first.clone(), second.clone()], ..flush(&friday, pos(500)) }).await;
    save(store, &Changes { runs: vec![RunRow { likes: 77, pos: pos(800), ..first }], ..flush(&friday, pos(800)) }).await;
    assert_eq!(store.run(&friday).await, Ok(Some(second)));
}

/// After a rewind sequences are given again, so a later run may begin at a smaller one.
pub async fn a_rewound_log_still_has_its_latest_run(store: &dyn Live) {
    let friday = session("rewound-log");
    let before = run(&friday, 500, pos(500));
    let after = run(&friday, 40, Pos::new(2, 45));
    save(store, &Changes { runs: vec![before.clone()], ..flush(&friday, pos(500)) }).await;
    save(store, &Changes { runs: vec![after.clone()], ..flush(&friday, after.pos) }).await;
    assert_eq!(store.run(&friday).await, Ok(Some(after.clone())));

    let late_like = RunRow { likes: 78, pos: Pos::new(2, 60), ..before.clone() };
    save(store, &Changes { runs: vec![late_like], ..flush(&friday, Pos::new(2, 60)) }).await;
    assert_eq!(store.run(&friday).await, Ok(Some(after)), "a late like in the new epoch brought a run of the old one back");
    assert_eq!(store.open_runs(friday.partition()).await, Ok(vec![friday]));
}

pub async fn ended_runs_are_not_open(store: &dyn Live) {
    let friday = session("open-and-shut");
    let open = async || store.open_runs(friday.partition()).await.expect("open runs");
    assert!(open().await.is_empty());
    save(store, &Changes { runs: vec![run(&friday, 10, pos(10))], ..flush(&friday, pos(10)) }).await;
    assert_eq!(open().await, std::slice::from_ref(&friday));
    save(store, &Changes { runs: vec![ended(run(&friday, 10, pos(20)), Millis(1))], ..flush(&friday, pos(20)) }).await;
    assert!(open().await.is_empty());

    // A run whose end was lost with the log's end is not open once another has begun and ended after it.
    let (lost, whole) = (run(&friday, 30, pos(30)), ended(run(&friday, 40, pos(50)), Millis(2)));
    save(store, &Changes { runs: vec![lost, whole], ..flush(&friday, pos(50)) }).await;
    assert!(open().await.is_empty());
}

pub async fn open_runs_keep_to_their_partition(store: &dyn Live) {
    // Their partitions, by SHA-256 of the id: 4, 29 and 32.
    for id in ["session-1", "session-2", "friday-night"].map(session) {
        save(store, &Changes { runs: vec![run(&id, 10, pos(10))], ..flush(&id, pos(10)) }).await;
        assert_eq!(store.open_runs(id.partition()).await, Ok(vec![id]));
    }
}
