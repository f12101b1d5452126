//! Promises about what the api asks.

use schemas::track::Analysis;
use schemas::{Seq, SessionId, TrackKey};

use super::sample::{EVENING, ended, flush, like, load, of_track, person, play, poll, pos, run, save, session};
use crate::Live;
use crate::rows::{Changes, Fingerprint, LikeRow, PlayRow, RunRow};

pub async fn recent_runs_newest_end_first(store: &dyn Live) {
    let runs = [("recent-one", 10, 3000), ("recent-two", 20, 1000), ("recent-three", 30, 2000)];
    for (id, begin, minutes) in runs {
        let id = session(id);
        let over = ended(run(&id, begin, pos(begin + 5)), EVENING.plus_seconds(minutes * 60));
        save(store, &Changes { runs: vec![over], ..flush(&id, pos(begin + 5)) }).await;
    }
    let open = session("recent-open");
    save(store, &Changes { runs: vec![run(&open, 40, pos(40))], ..flush(&open, pos(40)) }).await;

    let names = async |limit| {
        let runs = store.recent_runs(limit).await.expect("recent runs");
        runs.into_iter().map(|run| run.session.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(10).await, ["recent-one", "recent-three", "recent-two"]);
    assert_eq!(names(2).await, ["recent-one", "recent-three"]);
}

/// A run of four tracks, the third queued by the DJ's device and played before the others.
async fn with_four_tracks(store: &dyn Live, session: &SessionId) -> [PlayRow; 4] {
    let mut plays = [11, 12, 13, 14].map(|seq| play(session, 10, seq, pos(seq)));
    plays[2].played_at = EVENING.plus(-5000);
    let run = run(session, 10, pos(14));
    save(store, &Changes { runs: vec![run], plays: plays.to_vec(), ..flush(session, pos(14)) }).await;
    plays
}

fn order(plays: &[PlayRow]) -> Vec<Seq> {
    plays.iter().map(|play| play.play).collect()
}

pub async fn history_newest_first(store: &dyn Live) {
    let friday = session("newest-first");
    with_four_tracks(store, &friday).await;
    assert_eq!(order(&store.history(&friday, 10, 50).await.expect("history")), [14, 12, 11, 13]);
    assert_eq!(order(&store.history(&friday, 10, 2).await.expect("history")), [14, 12]);
    assert_eq!(order(&store.history(&friday, 9, 50).await.expect("history")), Vec::<Seq>::new(), "of another run");
}

pub async fn recap_in_play_order(store: &dyn Live) {
    let friday = session("in-play-order");
    with_four_tracks(store, &friday).await;
    let polls = [poll(&friday, 10, 1, pos(30)), poll(&friday, 10, 2, pos(31))];
    let run = ended(run(&friday, 10, pos(40)), EVENING);
    save(store, &Changes { polls: polls.to_vec(), runs: vec![run.clone()], ..flush(&friday, pos(40)) }).await;
    let recap = store.recap(&friday).await.expect("a recap").expect("the session has a run");
    assert_eq!(order(&recap.plays), [13, 11, 12, 14]);
    assert_eq!((recap.run, recap.polls.as_slice()), (run, polls.as_slice()));
}

fn print(key: TrackKey, analysis: Analysis) -> Fingerprint {
    Fingerprint { key, analysis }
}

pub async fn fingerprints_fill_only_gaps(store: &dyn Live) {
    let friday = session("only-gaps");
    let [first, second, ..] = with_four_tracks(store, &friday).await;
    let found = Analysis { bpm: Some(1.0), key: Some("Z".to_owned()), energy: Some(70.0), danceability: Some(80.0), ..Analysis::default() };
    let unknown = TrackKey::of("Nobody", "Played this");
    let prints = [
        print(first.key, found),
        print(second.key, Analysis::default()),
        print(first.key, Analysis::default()),
        print(unknown, Analysis::default()),
    ];
    let matched = store.save_fingerprints(&friday, 10, &prints).await;
    assert_eq!(matched, Ok(2), "distinct tracks that were played");
    // What a second analysis did not find stays from the first; what it found replaces it.
    let again = Analysis { energy: Some(71.0), brightness: Some(30.0), ..Analysis::default() };
    assert_eq!(store.save_fingerprints(&friday, 10, &[print(first.key, again)]).await, Ok(1));

    let sent = first.track.analysis.clone();
    let filled = Analysis { energy: Some(71.0), danceability: Some(80.0), brightness: Some(30.0), ..sent.clone() };
    let recap = store.recap(&friday).await.expect("a recap").expect("the session has a run");
    assert_eq!(recap.plays[1].track.analysis, filled, "bpm, key and groove are the DJ's");
    assert_eq!(recap.plays[2], second);
    assert_eq!(store.history(&friday, 10, 50).await.expect("history")[2].track.analysis, filled);
    assert_eq!(load(store, &friday).await.plays[0].track.analysis, sent, "the fold goes on from what the log says");
}

pub async fn fingerprints_belong_to_their_run(store: &dyn Live) {
    let (mine, other) = (session("prints-mine"), session("prints-other"));
    for id in [&mine, &other] {
        let song = of_track(play(id, 10, 11, pos(11)), "Same", "Song");
        save(store, &Changes { runs: vec![run(id, 10, pos(11))], plays: vec![song], ..flush(id, pos(11)) }).await;
    }
    let found = Analysis { bpm: Some(120.0), ..Analysis::default() };
    assert_eq!(store.save_fingerprints(&mine, 10, &[print(TrackKey::of("same", "song"), found)]).await, Ok(1));
    let bpm = async |id| store.history(id, 10, 1).await.expect("history")[0].track.analysis.bpm;
    assert_eq!((bpm(&mine).await, bpm(&other).await), (Some(120.0), None));
}

pub async fn fingerprints_may_come_before_the_play(store: &dyn Live) {
    let friday = session("before-play");
    let song = of_track(play(&friday, 10, 11, pos(11)), "Early", "Bird");
    let found = Analysis { bpm: Some(99.0), ..Analysis::default() };
    assert_eq!(store.save_fingerprints(&friday, 10, &[print(song.key, found.clone())]).await, Ok(0));
    save(store, &Changes { runs: vec![run(&friday, 10, pos(11))], plays: vec![song], ..flush(&friday, pos(11)) }).await;
    assert_eq!(store.history(&friday, 10, 1).await.expect("history")[0].track.analysis, found);
}

pub async fn top_tracks_add_up_over_runs(store: &dyn Live) {
    let (one, other) = (session("top-tracks-1"), session("top-tracks-2"));
    let song = |id, seq, title, likes| PlayRow { likes, ..of_track(play(id, 10, seq, pos(seq)), "Top", title) };
    let first = vec![song(&one, 11, "Gold", 4_000_000), song(&one, 12, "Bronze", 2_000_000), song(&one, 13, "Never liked", 0)];
    let second = vec![song(&other, 21, "Silver", 5_000_000), song(&other, 22, "GOLD", 3_000_000)];
    save(store, &Changes { plays: first, ..flush(&one, pos(13)) }).await;
    save(store, &Changes { plays: second, ..flush(&other, pos(22)) }).await;
    let top = async |limit| {
        let tracks = store.top_tracks(limit).await.expect("top tracks");
        tracks.into_iter().map(|track| (track.title, track.likes)).collect::<Vec<_>>()
    };
    let likes = |title: &str, likes: u64| (title.to_owned(), likes);
    assert_eq!(top(10).await, [likes("GOLD", 7_000_000), likes("Silver", 5_000_000), likes("Bronze", 2_000_000)]);
    assert_eq!(top(1).await, [likes("GOLD", 7_000_000)], "as the latest play spelled it");
}

pub async fn totals_count_everything(store: &dyn Live) {
    let before = store.totals().await.expect("totals");
    for (id, begin, over) in [("totals-one", 10, true), ("totals-one", 20, false), ("totals-two", 30, true)] {
        let id = session(id);
        let row = RunRow { tracks: 3, likes: 5, ..run(&id, begin, pos(begin)) };
        let row = if over { ended(row, EVENING) } else { row };
        save(store, &Changes { runs: vec![row], ..flush(&id, pos(begin)) }).await;
    }
    let after = store.totals().await.expect("totals");
    assert_eq!((after.sessions - before.sessions, after.tracks - before.tracks, after.likes - before.likes), (3, 9, 15));
}

pub async fn dj_runs_by_slug(store: &dyn Live) {
    let row = |id: &str, begin, slug: &str| RunRow { slug: slug.to_owned(), tracks: begin, ..run(&session(id), begin, pos(begin)) };
    let over = |row: RunRow| {
        let at = EVENING.plus(row.begin as i64);
        ended(row, at)
    };
    let rows = [
        over(row("by-slug-1", 10, "dj-slug")),
        over(row("by-slug-1", 30, "dj-slug")),
        over(row("by-slug-2", 20, "dj-slug")),
        row("by-slug-3", 40, "dj-slug"),
        over(row("by-slug-4", 50, "dj-slug-2")),
    ];
    for row in &rows {
        save(store, &Changes { runs: vec![row.clone()], ..flush(&row.session, row.pos) }).await;
    }
    let newest_first = vec![rows[1].clone(), rows[2].clone(), rows[0].clone()];
    assert_eq!(store.dj_runs("dj-slug", 20).await, Ok((newest_first.clone(), 3, 60)));
    assert_eq!(store.dj_runs("dj-slug", 1).await, Ok((newest_first[..1].to_vec(), 3, 60)), "the totals are over all of them");
}

pub async fn person_likes_only_own(store: &dyn Live) {
    let (friday, me, other) = (session("only-own"), person(71), person(72));
    let [first, second, third, _] = with_four_tracks(store, &friday).await;
    let likes = vec![like(&second, me, pos(50)), like(&first, me, pos(51)), like(&third, other, pos(52)), like(&third, me, pos(49))];
    save(store, &Changes { likes, ..flush(&friday, pos(52)) }).await;

    let (mine, count) = store.person_likes(me, 2).await.expect("likes");
    assert_eq!(count, 3, "how many there are in all");
    let newest = &mine[0];
    assert_eq!((newest.play, newest.title.as_str(), newest.artist.as_str()), (11, "Title 11 of only-own", "Artist 11"));
    assert_eq!((&newest.session, newest.begin, newest.liked_at), (&friday, 10, EVENING.plus(51)));
    assert_eq!((newest.dj_name.as_str(), newest.began_at), ("DJ Żółć", EVENING.plus(10)));
    assert_eq!(mine.iter().map(|like| like.play).collect::<Vec<_>>(), [11, 12]);
    assert_eq!(store.person_likes(person(73), 50).await, Ok((vec![], 0)));
}

pub async fn taken_back_likes_do_not_count(store: &dyn Live) {
    let (friday, me) = (session("taken-back"), person(81));
    let [first, second, ..] = with_four_tracks(store, &friday).await;
    let (stays, goes) = (like(&first, me, pos(50)), like(&second, me, pos(51)));
    save(store, &Changes { likes: vec![stays, goes.clone()], ..flush(&friday, pos(51)) }).await;
    let taken_back = LikeRow { on: false, pos: pos(52), ..goes.clone() };
    save(store, &Changes { likes: vec![taken_back], ..flush(&friday, pos(52)) }).await;
    let plays = async || {
        let (likes, count) = store.person_likes(me, 50).await.expect("likes");
        (likes.iter().map(|like| like.play).collect::<Vec<_>>(), count)
    };
    assert_eq!(plays().await, (vec![11], 1));

    let liked_again = LikeRow { pos: pos(53), liked_at: EVENING.plus(53), ..goes };
    save(store, &Changes { likes: vec![liked_again], ..flush(&friday, pos(53)) }).await;
    assert_eq!(plays().await, (vec![12, 11], 2));
}

pub async fn a_store_in_order_answers_a_ping(store: &dyn Live) {
    assert_eq!(store.ping().await, Ok(()));
}
