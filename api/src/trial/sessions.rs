use axum::http::header;
use schemas::lobby::LobbyStatus;
use schemas::state::State;
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_home_page_with_nothing_on_hears_so_in_the_old_words() {
    let world = World::new();
    assert_eq!(world.get("/api/sessions/active").await.json(), json!({"live": false, "sessions": []}));
    for path in ["/sessions", "/api/sessions", "/api/sessions/recent", "/api/sessions/nobody-knows-me/history"] {
        let answer = world.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!([])), "{path}");
    }
}

#[tokio::test]
async fn the_first_entry_is_the_newest_whose_dj_is_there() {
    let world = World::new();
    let mut playing = record("DJ One", 0, LobbyStatus::Live);
    playing.track = Some(Track { analysis: Analysis { bpm: Some(98.5), ..Analysis::default() }, ..track("Etta James", "At Last") });
    world.stage.put("session-one", playing);
    world.stage.put("session-two", record("DJ Two", 5, LobbyStatus::Away));
    world.stage.put("session-three", record("DJ Three", 3, LobbyStatus::Live));
    world.stage.put("session-four", record("DJ Four", 9, LobbyStatus::Ended));
    world.listeners.hear(session("session-one"), &State::Listeners { of: 1, count: 42, momentum: 0.75 });
    let expected = json!({"live": true, "count": 2, "sessions": [
        {"sessionId": "session-three", "djName": "DJ Three", "startedAt": "2026-01-24T20:03:00.000Z", "currentTrack": null, "listenerCount": 0, "momentum": 0.0},
        {"sessionId": "session-one", "djName": "DJ One", "startedAt": "2026-01-24T20:00:00.000Z",
         "currentTrack": {"title": "At Last", "artist": "Etta James", "bpm": 98.5}, "listenerCount": 42, "momentum": 0.75},
    ]});
    assert_eq!(world.get("/api/sessions/active").await.json(), expected);
}

#[tokio::test]
async fn a_dj_who_steps_away_leaves_the_home_page_but_not_the_list() {
    let world = World::new();
    world.stage.put("session-one", record("DJ One", 0, LobbyStatus::Live));
    world.stage.put("session-one", record("DJ One", 0, LobbyStatus::Away));
    assert_eq!(world.get("/api/sessions/active").await.json(), json!({"live": false, "sessions": []}));
    assert_eq!(
        world.get("/sessions").await.json(),
        json!([{"sessionId": "session-one", "djName": "DJ One", "startedAt": "2026-01-24T20:00:00.000Z"}])
    );
}

#[tokio::test]
async fn pages_of_sessions_follow_each_other_without_gap_or_repeat() {
    let world = World::new();
    for minute in 0..7 {
        let status = if minute % 3 == 0 { LobbyStatus::Away } else { LobbyStatus::Live };
        world.stage.put(&format!("session-{minute}"), record("DJ", minute, status));
    }
    let whole: Vec<String> = ids(&world.get("/api/sessions").await);
    assert_eq!(whole, ["session-5", "session-4", "session-2", "session-1", "session-6", "session-3", "session-0"]);
    let (mut seen, mut path) = (Vec::new(), "/api/sessions?limit=2".to_owned());
    for _ in 0..10 {
        let page = world.get(&path).await;
        seen.extend(ids(&page));
        match page.header(header::LINK).strip_prefix('<').and_then(|link| link.split_once('>')) {
            Some((next, _)) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, whole);
}

fn ids(answer: &Answer) -> Vec<String> {
    answer.json().as_array().unwrap().iter().map(|entry| entry["sessionId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_page_goes_on_after_a_session_that_ended_meanwhile() {
    let world = World::new();
    for minute in 0..4 {
        world.stage.put(&format!("session-{minute}"), record("DJ", minute, LobbyStatus::Live));
    }
    assert_eq!(ids(&world.get("/api/sessions?limit=2").await), ["session-3", "session-2"]);
    world.stage.put("session-2", record("DJ", 2, LobbyStatus::Ended));
    assert_eq!(ids(&world.get("/api/sessions?limit=2&after=session-2").await), ["session-1", "session-0"]);
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused_with_a_reason() {
    let world = World::new();
    let wrong = [
        "/api/sessions?limit=0",
        "/api/sessions?limit=501",
        "/api/sessions?limit=many",
        "/api/sessions?after=x",
        "/api/sessions/recent?limit=51",
    ];
    for path in wrong {
        assert_eq!(world.get(path).await.failure(), (400, "invalid_message".to_owned()), "{path}");
    }
    assert_eq!(world.get("/api/sessions?after=nobody-knows-me").await.failure(), (404, "session_not_found".to_owned()));
}

#[tokio::test]
async fn ended_evenings_are_listed_newest_end_first() {
    let world = World::new();
    world
        .save(|changes| changes.runs = vec![over(run("thursday-night", 5), 30), over(run("friday-night", 50), 90), run("still-going", 70)])
        .await;
    let expected = json!([
        {"id": "friday-night", "djName": "DJ Kryspin", "startedAt": "2026-01-24T20:00:00.000Z", "endedAt": "2026-01-24T21:30:00.000Z"},
        {"id": "thursday-night", "djName": "DJ Kryspin", "startedAt": "2026-01-24T20:00:00.000Z", "endedAt": "2026-01-24T20:30:00.000Z"},
    ]);
    assert_eq!(world.get("/api/sessions/recent").await.json(), expected);
    assert_eq!(world.get("/api/sessions/recent?limit=1").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn history_is_the_latest_evenings_and_its_newest_track_comes_first() {
    let world = World::new();
    let (before, now) = (over(run("friday-night", 5), 30), run("friday-night", 100));
    world
        .save(|changes| {
            changes.plays = vec![
                play(&before, 6, "Old", "Song"),
                play(&now, 101, "Etta James", "At Last"),
                play(&now, 102, "Nina Simone", "Sinnerman"),
            ];
            changes.runs = vec![before, now];
        })
        .await;
    let expected = json!([
        {"id": 102, "artist": "Nina Simone", "title": "Sinnerman", "playedAt": "2026-01-24T20:01:42.000Z"},
        {"id": 101, "artist": "Etta James", "title": "At Last", "playedAt": "2026-01-24T20:01:41.000Z"},
    ]);
    assert_eq!(world.get("/api/sessions/friday-night/history").await.json(), expected);
}

#[tokio::test]
async fn history_is_cut_at_fifty() {
    let world = World::new();
    let now = run("friday-night", 100);
    world
        .save(|changes| {
            changes.plays = (0..60).map(|i| play(&now, 101 + i, "Artist", &format!("Title {i}"))).collect();
            changes.runs = vec![now];
        })
        .await;
    let history = world.get("/api/sessions/friday-night/history").await.json();
    assert_eq!((history.as_array().unwrap().len(), &history[0]["title"]), (50, &json!("Title 59")));
}

#[tokio::test]
async fn yesterdays_tracks_do_not_stand_in_for_an_evening_that_just_began() {
    let world = World::new();
    let before = over(run("friday-night", 5), 30);
    world
        .save(|changes| {
            changes.plays = vec![play(&before, 6, "Old", "Song")];
            changes.runs = vec![before];
        })
        .await;
    world.stage.put("friday-night", LobbyRecord { begin: Begin::At(100), ..record("DJ New", 0, LobbyStatus::Live) });
    assert_eq!(world.get("/api/sessions/friday-night/history").await.json(), json!([]));
    let recap = world.get("/api/sessions/friday-night/recap").await.json();
    assert_eq!((&recap["djName"], &recap["trackCount"], &recap["endedAt"]), (&json!("DJ New"), &json!(0), &json!(null)));
}

#[tokio::test]
async fn an_invitation_says_how_to_join_and_whether_the_dj_is_there() {
    let world = World::new();
    world.stage.put("session-one", record("DJ One", 0, LobbyStatus::Live));
    let expected = |away: bool| json!({"sessionId": "session-one", "djName": "DJ One", "joinCode": "K7WQ2M", "joinUrl": "http://127.0.0.1:3001/j/K7WQ2M", "djAway": away});
    assert_eq!(world.get("/api/sessions/session-one/invitation").await.json(), expected(false));
    world.stage.put("session-one", record("DJ One", 0, LobbyStatus::Away));
    assert_eq!(world.get("/api/sessions/session-one/invitation").await.json(), expected(true));
    world.stage.put("session-one", record("DJ One", 0, LobbyStatus::Ended));
    for nobody in ["session-one", "session-two", "no"] {
        assert_eq!(world.get(&format!("/api/sessions/{nobody}/invitation")).await.failure(), (404, "session_not_found".to_owned()));
    }
}

#[tokio::test]
async fn a_code_leads_to_its_session_while_that_is_on() {
    let world = World::new();
    world.stage.put("session-one", record("DJ One", 0, LobbyStatus::Live));
    for typed in ["K7WQ2M", "k7w-q2m", "k7w%20q2m"] {
        assert_eq!(world.get(&format!("/api/join/{typed}")).await.json(), json!({"sessionId": "session-one"}), "{typed}");
    }
    for wrong in ["K7WQ2N", "short", "..%2F..%2Fetc"] {
        assert_eq!(world.get(&format!("/api/join/{wrong}")).await.failure(), (404, "session_not_found".to_owned()), "{wrong}");
    }
    world.stage.put("session-one", record("DJ One", 0, LobbyStatus::Ended));
    assert_eq!(world.get("/api/join/K7WQ2M").await.status, 404);
}
