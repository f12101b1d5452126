//! The lobby: everyone hears which sessions begin and end, wherever, and nothing else of them.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::cluster::Cluster;
use crate::support::{Dj, PATIENCE, Socket, types};

#[tokio::test]
async fn a_dancer_hears_another_session_begin_and_end_on_another_node_and_nothing_else_of_it() {
    let cluster = Cluster::shared().await;
    let mine = Dj::live(&cluster.ingest).await;
    let mut dancer = Socket::open(&cluster.nodes[0]).await;
    dancer.subscribe(&mine.session).await;
    let theirs = "the-other-floor";
    let mut dj = Socket::open(&cluster.nodes[1]).await;
    let say = |kind: &str| json!({"type": kind, "sessionId": theirs});
    dj.ask_ok(json!({"type": "REGISTER_SESSION", "sessionId": theirs, "djName": "DJ Other"})).await;
    let mut crowd = Socket::open(&cluster.nodes[0]).await;
    crowd.subscribe(theirs).await;
    dj.ask_ok(json!({"type": "BROADCAST_TRACK", "sessionId": theirs, "track": {"title": "Elsewhere", "artist": "Others"}})).await;
    dj.ask_ok(json!({"type": "SEND_ANNOUNCEMENT", "sessionId": theirs, "message": "Only here"})).await;
    dj.ask_ok(json!({"type": "START_POLL", "sessionId": theirs, "question": "?", "options": ["a", "b"]})).await;
    crowd.hear("NOW_PLAYING").await;
    crowd.hear("ANNOUNCEMENT_RECEIVED").await;
    let poll = crowd.hear("POLL_STARTED").await["pollId"].clone();
    crowd.ask_ok(json!({"type": "VOTE_ON_POLL", "pollId": poll, "optionIndex": 0, "clientId": "x"})).await;
    crowd.ask_ok(json!({"type": "SEND_LIKE", "payload": {"track": {"title": "Elsewhere", "artist": "Others"}}})).await;
    crowd.ask_ok(json!({"type": "SEND_REACTION", "sessionId": theirs, "reaction": "thank_you"})).await;
    crowd.hear("VOTE_CONFIRMED").await;
    dj.hear("LIKE_RECEIVED").await;
    dj.ask_ok(say("END_SESSION")).await;
    let ended = dancer.wait("their end", |m| m["type"] == "SESSION_ENDED" && m["sessionId"] == theirs).await;
    assert!(ended.get("seq").is_none());
    let mut heard = dancer.drain().await;
    heard.retain(|m| {
        m["sessionId"] == theirs || !matches!(m["type"].as_str(), Some("SESSION_STARTED" | "SESSION_ENDED" | "LISTENER_COUNT"))
    });
    assert_eq!(types(&heard), ["SESSION_STARTED"], "{heard:?}");
    assert_eq!(heard[0]["djName"], "DJ Other");
}

#[tokio::test]
async fn a_list_asked_on_any_node_shows_what_is_on_anywhere() {
    let cluster = Cluster::shared().await;
    let mut dj = Dj::live_as(&cluster.ingest, "DJ Everywhere").await;
    dj.play("Listed").await;
    for node in &cluster.nodes {
        let mut visitor = Socket::open(node).await;
        let asked = Instant::now();
        // Each node follows the lobby by itself, so one may know a moment after the other; the pace stays within a
        // person's budget.
        let entry = loop {
            visitor.say(json!({"type": "GET_SESSIONS"})).await;
            let list = visitor.hear("SESSIONS_LIST").await;
            let mut entries = list["sessions"].as_array().unwrap().iter();
            if let Some(entry) = entries.find(|entry| entry["sessionId"] == dj.session && entry["currentTrack"].is_object()) {
                break entry.clone();
            }
            assert!(asked.elapsed() < PATIENCE, "not in the list: {list}");
            tokio::time::sleep(Duration::from_millis(250)).await;
        };
        assert_eq!((&entry["djName"], &entry["currentTrack"]["title"]), (&json!("DJ Everywhere"), &json!("Listed")));
    }
}
