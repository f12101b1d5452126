//! Promises about evenings that were kept long enough: of each, whoever looks sees all or nothing, however its removal was cut off.

use schemas::{Pos, SessionId};

use super::sample::{EVENING, ended, evening, flush, load, loaded, person, pos, run, save, session, sorted};
use crate::rows::{Changes, RunRow};
use crate::{Leaving, Live, Past};

/// An evening of two persons that ended at EVENING and so many milliseconds.
async fn past_evening(store: &impl Live, session: &SessionId, begin: u64, later: i64) -> Changes {
    let mut changes = evening(session, begin, pos(begin + 95));
    changes.runs = changes.runs.into_iter().map(|run| ended(run, EVENING.plus(later))).collect();
    changes.runs.iter_mut().for_each(|run| run.slug = format!("dj-of-{session}"));
    save(store, &changes).await;
    changes
}

fn note_of(run: &RunRow) -> Leaving {
    Leaving { session: run.session.clone(), begin: run.begin }
}

/// Removes the whole evening, a few rows at a time; gives the steps that it took.
async fn cleared(store: &impl Past, leaving: &Leaving, most: usize) -> usize {
    for step in 1..1_000 {
        if store.clear(leaving, most).await.expect("a step") {
            return step;
        }
    }
    panic!("{leaving:?} is never gone");
}

/// Nobody who looks sees any of it.
async fn nowhere<S: Live + Past>(store: &S, gone: &Changes) {
    let RunRow { session, begin, slug, .. } = &gone.runs[0];
    assert_eq!(store.load_run(session, *begin).await, Ok(None));
    let recent = store.recent_runs(1_000).await.expect("recent runs");
    assert!(!recent.iter().any(|run| (&run.session, run.begin) == (session, *begin)), "it is among the recent ones");
    let (runs, count, tracks) = store.dj_runs(slug, 50).await.expect("runs of a DJ");
    assert!(!runs.iter().any(|run| run.begin == *begin), "it is among its DJ's");
    assert_eq!((runs.len() as u64, runs.iter().map(|run| run.tracks).sum::<u64>()), (count, tracks), "it is still counted for its DJ");
    for who in [person(1), person(2)] {
        let (likes, count) = store.person_likes(who, 1_000).await.expect("a person's likes");
        assert!(!likes.iter().any(|like| (&like.session, like.begin) == (session, *begin)), "a like of it is shown");
        assert_eq!(likes.len() as u64, count, "a like of it is counted");
    }
}

pub async fn only_what_ended_long_ago_is_too_old<S: Live + Past>(store: &S) {
    let friday = session("past-fridays");
    let first = past_evening(store, &friday, 10, 1_000).await;
    let second = past_evening(store, &friday, 500, 86_400_000 * 40).await;
    let third = past_evening(store, &friday, 900, 86_400_000 * 80).await;
    save(store, &Changes { runs: vec![run(&friday, 1_300, pos(1_300))], ..flush(&friday, pos(1_300)) }).await;
    let too_old = async |before, most| store.ended_before(friday.partition(), before, most).await.expect("runs");
    let [first, second, third] = [first, second, third].map(|changes| changes.runs[0].clone());
    assert_eq!(too_old(EVENING.plus(1_000), 9).await, vec![], "it ended at that very moment");
    assert_eq!(too_old(EVENING.plus(1_001), 9).await, std::slice::from_ref(&first));
    assert_eq!(too_old(EVENING.plus(86_400_000 * 41), 9).await, [first.clone(), second.clone()]);
    let all = EVENING.plus(86_400_000 * 1_000);
    assert_eq!(too_old(all, 9).await, [first.clone(), second, third], "the one that goes on is not among them");
    assert_eq!(too_old(all, 1).await, [first]);
    let other = session("session-1");
    assert_ne!(other.partition(), friday.partition());
    assert_eq!(store.ended_before(other.partition(), all, 9).await, Ok(vec![]));
}

/// The end of a run may be lost with the log's end. Once a later one of its session is too old, so is it.
pub async fn a_run_without_an_end_goes_with_the_next<S: Live + Past>(store: &S) {
    let friday = session("past-endless");
    let endless = run(&friday, 10, pos(20));
    save(store, &Changes { runs: vec![endless.clone()], ..flush(&friday, pos(20)) }).await;
    let over = past_evening(store, &friday, 500, 1_000).await.runs[0].clone();
    let on = run(&friday, 900, pos(900));
    save(store, &Changes { runs: vec![on], ..flush(&friday, pos(900)) }).await;
    assert_eq!(store.ended_before(friday.partition(), EVENING.plus(2_000), 9).await, Ok(vec![endless, over]));
}

pub async fn an_evening_that_was_let_go_is_nowhere<S: Live + Past>(store: &S) {
    let friday = session("past-and-gone");
    let kept = past_evening(store, &friday, 10, 1_000).await;
    let gone = past_evening(store, &friday, 500, 2_000).await;
    let before = store.totals().await.expect("totals");
    store.let_go(&gone.runs[0]).await.expect("let go");
    nowhere(store, &gone).await;
    assert_eq!(store.run(&friday).await, Ok(Some(kept.runs[0].clone())), "the latest is the one before");
    let after = store.totals().await.expect("totals");
    assert_eq!((before.sessions - after.sessions, before.tracks - after.tracks), (1, gone.runs[0].tracks));
    assert_eq!(store.leaving(friday.partition()).await, Ok(vec![note_of(&gone.runs[0])]));
}

pub async fn an_evening_leaves_nothing_behind<S: Live + Past>(store: &S) {
    let (friday, saturday) = (session("past-friday"), session("past-saturday"));
    let gone = past_evening(store, &friday, 10, 1_000).await;
    let same_session = past_evening(store, &friday, 500, 2_000).await;
    let other = past_evening(store, &saturday, 10, 3_000).await;
    let played = |title: &str, top: &[crate::TopTrack]| top.iter().any(|track| track.title == title);
    let of_gone = gone.plays[0].track.title.as_str();
    let of_other = other.plays[0].track.title.as_str();
    let top = store.top_tracks(1_000).await.expect("top tracks");
    assert!(gone.plays[0].likes > 0 && played(of_gone, &top) && played(of_other, &top));
    store.let_go(&gone.runs[0]).await.expect("let go");
    let steps = cleared(store, &note_of(&gone.runs[0]), 2).await;
    assert!(steps > 2, "{steps} steps of two rows cannot have removed them all");
    nowhere(store, &gone).await;
    assert_eq!(store.history(&friday, 10, 50).await, Ok(vec![]));
    let top = store.top_tracks(1_000).await.expect("top tracks");
    assert!(!played(of_gone, &top) && played(of_other, &top), "{top:?}");
    assert_eq!(store.leaving(friday.partition()).await, Ok(vec![]));

    assert_eq!(load(store, &friday).await, loaded(&same_session));
    assert_eq!(load(store, &saturday).await, loaded(&other));
    for who in [person(1), person(2)] {
        let (likes, count) = store.person_likes(who, 1_000).await.expect("a person's likes");
        assert_eq!((likes.len(), count), (6, 6), "those of the evenings that are kept");
    }
}

/// As when the process dies after any of the steps: whoever comes next finds the note and goes on.
pub async fn a_removal_that_was_cut_off_is_completed<S: Live + Past>(store: &S) {
    for done in 0..4 {
        let friday = session(&format!("past-cut-off-{done}"));
        let gone = past_evening(store, &friday, 10, 1_000).await;
        store.let_go(&gone.runs[0]).await.expect("let go");
        for step in 0..done {
            if store.clear(&note_of(&gone.runs[0]), 2).await.expect("a step") {
                assert!(step >= 2, "the evening has more than two steps' rows");
                return;
            }
        }
        nowhere(store, &gone).await;
        let found = store.leaving(friday.partition()).await.expect("what is leaving");
        assert_eq!(found, [note_of(&gone.runs[0])], "after {done} steps");
        // It may be taken for one that is still there.
        store.let_go(&gone.runs[0]).await.expect("let go again");
        cleared(store, &found[0], 500).await;
        assert_eq!(store.leaving(friday.partition()).await, Ok(vec![]));
        assert_eq!(store.clear(&found[0], 500).await, Ok(true), "done again it changes nothing");
        assert_eq!(store.load(&friday).await, Ok(None));
    }
}

pub async fn two_may_remove_the_same<S: Live + Past>(store: &S) {
    let friday = session("past-for-two");
    let gone = past_evening(store, &friday, 10, 1_000).await;
    let kept = past_evening(store, &friday, 500, 2_000).await;
    let remove = async || {
        store.let_go(&gone.runs[0]).await.expect("let go");
        cleared(store, &note_of(&gone.runs[0]), 3).await
    };
    futures_util::future::join(remove(), remove()).await;
    nowhere(store, &gone).await;
    assert_eq!(store.leaving(friday.partition()).await, Ok(vec![]));
    assert_eq!(load(store, &friday).await, loaded(&kept));
}

/// The id of a session is its DJ's for ever: a later evening under it is an evening like any other.
pub async fn a_session_may_begin_again_after_all_is_gone<S: Live + Past>(store: &S) {
    let friday = session("past-and-new");
    let gone = past_evening(store, &friday, 10, 1_000).await;
    store.let_go(&gone.runs[0]).await.expect("let go");
    cleared(store, &note_of(&gone.runs[0]), 500).await;
    let anew = evening(&friday, 5_000, Pos::new(2, 5_100));
    save(store, &anew).await;
    assert_eq!(store.load(&friday).await.expect("loaded").map(sorted), Some(loaded(&anew)));
    assert_eq!(store.open_runs(friday.partition()).await, Ok(vec![friday.clone()]));
    assert_eq!(store.ended_before(friday.partition(), EVENING.plus(2_000), 9).await, Ok(vec![]));
}
