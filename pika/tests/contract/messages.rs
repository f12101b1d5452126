//! The contract, message by message, as clients in the field rely on it; in both forms.

use schemas::codec::Codec;
use serde_json::{Value, json};

use crate::support::{Dj, Pika, Socket, track, types};

const BOTH: [Codec; 2] = [Codec::Json, Codec::MsgPack];

/// A DJ on a socket, as today's desktop app: no subprotocol, no token.
async fn dj_on_a_socket(pika: &Pika, session: &str) -> Socket {
    let mut dj = Socket::open(pika).await;
    dj.ask_ok(json!({"type": "REGISTER_SESSION", "sessionId": session, "djName": "DJ Test"})).await;
    dj
}

#[tokio::test]
async fn going_live_is_answered_and_heard_by_every_socket() {
    let pika = Pika::dev().await;
    for codec in BOTH {
        let session = format!("going-live-{codec:?}");
        let mut stranger = Socket::open_in(&pika, codec).await;
        stranger.subscribe("some-other-session").await;
        let mut dj = Socket::open_in(&pika, codec).await;
        dj.ask_ok(json!({"type": "REGISTER_SESSION", "sessionId": session, "djName": "DJ Test"})).await;
        let registered = dj.hear("SESSION_REGISTERED").await;
        assert_eq!(registered, json!({"type": "SESSION_REGISTERED", "sessionId": session, "djName": "DJ Test", "authenticated": false}));
        for socket in [&mut dj, &mut stranger] {
            let started = socket.hear("SESSION_STARTED").await;
            assert_eq!((&started["sessionId"], &started["djName"]), (&json!(session), &json!("DJ Test")));
            assert!(started["startTime"].as_str().unwrap().ends_with('Z'));
        }
        dj.ask_ok(json!({"type": "END_SESSION", "sessionId": session})).await;
        for socket in [&mut dj, &mut stranger] {
            assert_eq!(socket.hear("SESSION_ENDED").await["sessionId"], json!(session));
        }
        let valid = async |socket: &mut Socket| {
            socket.say(json!({"type": "VALIDATE_SESSION", "sessionId": session})).await;
            socket.hear("SESSION_VALID").await["isValid"].clone()
        };
        assert_eq!(valid(&mut dj).await, json!(false));
    }
}

#[tokio::test]
async fn a_subscriber_gets_the_state_in_the_contracts_order() {
    let pika = Pika::dev().await;
    let mut dj = Dj::live(&pika).await;
    dj.play("First").await;
    let poll = dj.open_poll(Some(300)).await;
    dj.publish_ok(json!({"type": "SEND_ANNOUNCEMENT", "message": "Social at ten", "durationSeconds": 600})).await;
    assert!(poll > 0);
    for codec in BOTH {
        let mut dancer = Socket::open_in(&pika, codec).await;
        let heard = dancer.subscribe(&dj.session).await;
        assert_eq!(types(&heard), ["SESSIONS_LIST", "LISTENER_COUNT", "NOW_PLAYING", "POLL_STARTED", "ANNOUNCEMENT_RECEIVED"]);
        let entry = &heard[0]["sessions"][0];
        assert_eq!((&entry["sessionId"], &entry["currentTrack"]["title"]), (&json!(dj.session), &json!("First")));
        assert!(heard[1]["count"].as_u64().unwrap() >= 1);
        assert_eq!(
            heard[2],
            json!({"type": "NOW_PLAYING", "sessionId": dj.session, "djName": "DJ Test", "track": {"title": "First", "artist": "The Testers", "bpm": 104.0}})
        );
        assert_eq!((&heard[3]["options"], &heard[3]["votes"], &heard[3]["totalVotes"]), (&json!(["yes", "no"]), &json!([0, 0]), &json!(0)));
        assert!(heard[3]["pollId"].as_u64().unwrap() < 1 << 53 && heard[3]["endsAt"].is_string());
        assert_eq!((&heard[4]["message"], &heard[4]["djName"]), (&json!("Social at ten"), &json!("DJ Test")));
        assert!(heard.iter().all(|m| m.get("seq").is_none()), "positions only on request");
    }
}

#[tokio::test]
async fn an_unknown_session_answers_ended_and_comes_alive_when_a_dj_registers() {
    let pika = Pika::dev().await;
    let mut dancer = Socket::open(&pika).await;
    let heard = dancer.subscribe("not-there-yet").await;
    assert_eq!(types(&heard), ["SESSIONS_LIST", "LISTENER_COUNT", "SESSION_ENDED"]);
    let mut dj = dj_on_a_socket(&pika, "not-there-yet").await;
    dancer.hear("SESSION_STARTED").await;
    dj.ask_ok(json!({"type": "BROADCAST_TRACK", "sessionId": "not-there-yet", "track": track("Alive")})).await;
    assert_eq!(dancer.hear("NOW_PLAYING").await["track"]["title"], "Alive");
}

#[tokio::test]
async fn a_track_its_correction_and_its_stop_reach_the_sessions_own_and_nobody_else() {
    let pika = Pika::dev().await;
    let mut dj = dj_on_a_socket(&pika, "session-one").await;
    let (mut dancer, mut stranger) = (Socket::open(&pika).await, Socket::open(&pika).await);
    dancer.subscribe("session-one").await;
    stranger.subscribe("session-two").await;
    dj.ask_ok(json!({"type": "BROADCAST_TRACK", "sessionId": "session-one", "track": {"title": "Song", "artist": "Band", "energy": 0.5}}))
        .await;
    for socket in [&mut dj, &mut dancer] {
        assert_eq!(socket.hear("NOW_PLAYING").await["track"], json!({"title": "Song", "artist": "Band", "energy": 50.0}));
        socket.hear("TEMPO_RESET").await;
    }
    dj.ask_ok(json!({"type": "METADATA_UPDATED", "sessionId": "session-one", "track": {"title": "Another", "artist": "Band"}})).await;
    dj.ask_ok(json!({"type": "METADATA_UPDATED", "sessionId": "session-one", "track": {"title": "Song", "artist": "Band", "bpm": 99}}))
        .await;
    assert_eq!(dancer.hear("METADATA_UPDATED").await["track"]["bpm"], json!(99.0), "a correction of a track that does not play is ignored");
    dj.ask_ok(json!({"type": "TRACK_STOPPED", "sessionId": "session-one"})).await;
    dancer.hear("TRACK_STOPPED").await;
    assert_eq!(types(&stranger.drain().await), [] as [&str; 0]);
}

#[tokio::test]
async fn a_like_is_counted_once_and_heard_by_the_dj() {
    let pika = Pika::dev().await;
    for codec in BOTH {
        let session = format!("likes-{codec:?}");
        let mut dj = dj_on_a_socket(&pika, &session).await;
        dj.ask_ok(json!({"type": "BROADCAST_TRACK", "sessionId": session, "track": track("Liked")})).await;
        let mut dancer = Socket::open_in(&pika, codec).await;
        dancer.subscribe(&session).await;
        let like = |title: &str| json!({"type": "SEND_LIKE", "payload": {"track": track(title)}});
        dancer.ask_ok(like("Liked")).await;
        assert_eq!(dj.hear("LIKE_RECEIVED").await["payload"]["track"]["title"], "Liked");
        assert_eq!(dancer.ask(like("Liked")).await["error"], "Already liked this track");
        assert_eq!(dancer.ask(like("Never played")).await["error"], "Track not found");
        dancer.ask_ok(json!({"type": "REMOVE_LIKE", "sessionId": session, "payload": {"track": track("Liked")}})).await;
        dancer.ask_ok(like("Liked")).await;
        let bulk = json!({"type": "SEND_BULK_LIKE", "sessionId": session, "payload": {"tracks": [track("Liked"), track("Liked")]}});
        dancer.ask_ok(bulk).await;
        let likes = async || pika.get(&format!("/api/sessions/{session}/recap")).await.1["totalLikes"].as_u64().filter(|likes| *likes == 1);
        crate::support::until("one like in the recap", likes).await;
    }
}

#[tokio::test]
async fn the_eleventh_like_of_a_minute_is_refused_with_the_contracts_words() {
    let pika = Pika::dev().await;
    let mut dj = Dj::live(&pika).await;
    dj.play("Liked").await;
    let mut dancer = Socket::open(&pika).await;
    dancer.subscribe(&dj.session).await;
    let mut errors = Vec::new();
    for _ in 0..12 {
        errors.push(dancer.ask(json!({"type": "SEND_LIKE", "payload": {"track": track("Liked")}})).await["error"].clone());
    }
    assert!(errors.contains(&json!("Rate limit exceeded (max 10/min)")), "{errors:?}");
    // Limits do not close the socket: it still answers.
    dancer.drain().await;
}

#[tokio::test]
async fn tempo_wishes_are_counted_taken_back_and_reset_by_the_next_track() {
    let pika = Pika::dev().await;
    let mut dj = dj_on_a_socket(&pika, "tempo-session").await;
    dj.ask_ok(json!({"type": "BROADCAST_TRACK", "sessionId": "tempo-session", "track": track("One")})).await;
    let mut dancers = [Socket::open(&pika).await, Socket::open_in(&pika, Codec::MsgPack).await];
    for (dancer, wish) in dancers.iter_mut().zip(["faster", "slower"]) {
        dancer.subscribe("tempo-session").await;
        dancer.ask_ok(json!({"type": "SEND_TEMPO_REQUEST", "sessionId": "tempo-session", "preference": wish})).await;
    }
    let feedback = |faster: u64, slower: u64| {
        move |m: &Value| m["type"] == "TEMPO_FEEDBACK" && m["faster"] == faster && m["slower"] == slower && m["total"] == faster + slower
    };
    dj.wait("both wishes", feedback(1, 1)).await;
    dancers[0].ask_ok(json!({"type": "SEND_TEMPO_REQUEST", "sessionId": "tempo-session", "preference": "clear"})).await;
    dancers[1].wait("one wish", feedback(0, 1)).await;
    dj.ask_ok(json!({"type": "BROADCAST_TRACK", "sessionId": "tempo-session", "track": track("Two")})).await;
    dancers[1].wait("the next track", |m| m["type"] == "NOW_PLAYING" && m["track"]["title"] == "Two").await;
    dancers[1].hear("TEMPO_RESET").await;
}

#[tokio::test]
async fn a_poll_counts_each_person_once_and_ends_with_its_result() {
    let pika = Pika::dev().await;
    for codec in BOTH {
        let session = format!("poll-{codec:?}");
        let mut dj = dj_on_a_socket(&pika, &session).await;
        let (mut one, mut two) = (Socket::open_in(&pika, codec).await, Socket::open_in(&pika, codec).await);
        one.subscribe(&session).await;
        two.subscribe(&session).await;
        let start = json!({"type": "START_POLL", "sessionId": session, "question": "Faster?", "options": ["yes", "no"]});
        dj.ask_ok(start.clone()).await;
        assert_eq!(dj.ask(start).await["error"], "A poll is already active");
        let poll = one.hear("POLL_STARTED").await["pollId"].clone();
        let vote = |option: i64| json!({"type": "VOTE_ON_POLL", "pollId": poll, "optionIndex": option, "clientId": "somebody-else"});
        assert_eq!(one.ask(vote(2)).await["error"], "Invalid option index");
        assert_eq!(one.ask(vote(-1)).await["error"], "Invalid option index");
        one.ask_ok(vote(0)).await;
        let confirmed = one.hear("VOTE_CONFIRMED").await;
        assert_eq!((&confirmed["optionIndex"], &confirmed["totalVotes"]), (&json!(0), &json!(1)));
        one.ask_ok(vote(1)).await;
        assert_eq!(one.hear("VOTE_REJECTED").await["reason"], "Already voted");
        two.ask_ok(vote(0)).await;
        dj.wait("two votes", |m| m["type"] == "POLL_UPDATE" && m["votes"] == json!([2, 0])).await;
        assert_eq!(one.ask(json!({"type": "END_POLL", "pollId": poll})).await["error"], "Not authorized for this session");
        dj.ask_ok(json!({"type": "END_POLL", "pollId": poll})).await;
        for socket in [&mut dj, &mut one, &mut two] {
            let ended = socket.hear("POLL_ENDED").await;
            assert_eq!((&ended["results"], &ended["totalVotes"], &ended["winnerIndex"]), (&json!([2, 0]), &json!(2), &json!(0)));
        }
        assert_eq!(two.ask(vote(0)).await["error"], "Poll not found or already ended");
    }
}

#[tokio::test]
async fn a_cancelled_poll_ends_with_zeros() {
    let pika = Pika::dev().await;
    let mut dj = dj_on_a_socket(&pika, "cancelled-poll").await;
    let mut dancer = Socket::open(&pika).await;
    dancer.subscribe("cancelled-poll").await;
    dj.ask_ok(json!({"type": "START_POLL", "sessionId": "cancelled-poll", "question": "?", "options": ["a", "b", "c"]})).await;
    let poll = dancer.hear("POLL_STARTED").await["pollId"].clone();
    dancer.ask_ok(json!({"type": "VOTE_ON_POLL", "pollId": poll, "optionIndex": 1, "clientId": "x"})).await;
    dj.ask_ok(json!({"type": "CANCEL_POLL", "pollId": poll})).await;
    let ended = dancer.hear("POLL_ENDED").await;
    assert_eq!((&ended["results"], &ended["totalVotes"], &ended["winnerIndex"]), (&json!([0, 0, 0]), &json!(0), &json!(-1)));
}

#[tokio::test]
async fn an_own_vote_is_shown_after_a_reload() {
    let pika = Pika::dev().await;
    let mut dj = Dj::live(&pika).await;
    let mut before = Socket::open(&pika).await;
    before.subscribe(&dj.session).await;
    dj.open_poll(None).await;
    let poll = before.hear("POLL_STARTED").await["pollId"].clone();
    before.ask_ok(json!({"type": "VOTE_ON_POLL", "pollId": poll, "optionIndex": 1, "clientId": "x"})).await;
    before.hear("VOTE_CONFIRMED").await;
    let mut after = Socket::open_as(&pika, before.cookie.as_deref()).await;
    let heard = after.subscribe(&dj.session).await;
    let started = heard.iter().find(|m| m["type"] == "POLL_STARTED").unwrap();
    assert_eq!((&started["hasVoted"], &started["votedOptionIndex"]), (&json!(true), &json!(1)));
}

#[tokio::test]
async fn thanks_and_announcements_reach_everyone_of_the_session() {
    let pika = Pika::dev().await;
    let mut dj = dj_on_a_socket(&pika, "announcements").await;
    let mut dancer = Socket::open(&pika).await;
    dancer.subscribe("announcements").await;
    dancer.ask_ok(json!({"type": "SEND_REACTION", "sessionId": "announcements", "reaction": "thank_you"})).await;
    assert_eq!(dj.hear("REACTION_RECEIVED").await["reaction"], "thank_you");
    dancer.hear("REACTION_RECEIVED").await;
    dj.ask_ok(json!({"type": "SEND_ANNOUNCEMENT", "sessionId": "announcements", "message": "Last song"})).await;
    let announced = dancer.hear("ANNOUNCEMENT_RECEIVED").await;
    assert_eq!(announced["message"], "Last song");
    assert!(announced.get("endsAt").is_none());
    dj.ask_ok(json!({"type": "CANCEL_ANNOUNCEMENT", "sessionId": "announcements"})).await;
    dancer.hear("ANNOUNCEMENT_CANCELLED").await;
    let mut late = Socket::open(&pika).await;
    assert!(!types(&late.subscribe("announcements").await).contains(&"ANNOUNCEMENT_RECEIVED"));
}

#[tokio::test]
async fn only_the_owner_speaks_as_the_dj() {
    let pika = Pika::dev().await;
    let mut dj = dj_on_a_socket(&pika, "my-session").await;
    let mut thief = Socket::open(&pika).await;
    let stolen = thief.ask(json!({"type": "REGISTER_SESSION", "sessionId": "my-session", "djName": "DJ Thief"})).await;
    assert_eq!(stolen["error"], "Session belongs to another DJ");
    let claim = thief.ask(json!({"type": "REGISTER_SESSION", "sessionId": "my-session", "djName": "DJ Test"}));
    let same_name = dj.attend(claim).await;
    assert_eq!(same_name["error"], "Session belongs to another DJ", "never while the owner is connected");
    for message in [
        json!({"type": "BROADCAST_TRACK", "sessionId": "my-session", "track": track("Stolen")}),
        json!({"type": "END_SESSION", "sessionId": "my-session"}),
        json!({"type": "START_POLL", "sessionId": "my-session", "question": "?", "options": ["a", "b"]}),
        json!({"type": "SEND_ANNOUNCEMENT", "sessionId": "my-session", "message": "hi"}),
    ] {
        assert_eq!(thief.ask(message).await["error"], "Not authorized for this session");
    }
    dj.ask_ok(json!({"type": "TRACK_STOPPED", "sessionId": "my-session"})).await;
}

#[tokio::test]
async fn the_same_message_twice_is_acknowledged_twice_and_applied_once() {
    let pika = Pika::dev().await;
    let mut dj = Dj::live(&pika).await;
    let message = json!({"type": "BROADCAST_TRACK", "track": track("Once"), "messageId": "the-one"});
    let (first, second) = (dj.publish(message.clone()).await, dj.publish(message).await);
    assert_eq!((&first["status"], &first["seq"]), (&json!("ok"), &second["seq"]));
    dj.play("Then").await;
    let titles = crate::support::until("two tracks", async || {
        let history = pika.get(&format!("/api/sessions/{}/history", dj.session)).await.1;
        let titles: Vec<String> = history.as_array()?.iter().filter_map(|t| Some(t["title"].as_str()?.to_owned())).collect();
        (titles.first()? == "Then").then_some(titles)
    });
    assert_eq!(titles.await, ["Then", "Once"]);
}

#[tokio::test]
async fn messages_of_one_request_are_judged_one_after_the_other_and_stored_together() {
    let pika = Pika::dev().await;
    let dj = Dj::live(&pika).await;
    let mut dancer = Socket::open(&pika).await;
    dancer.subscribe(&dj.session).await;
    let play = |title: &str| json!({"type": "BROADCAST_TRACK", "track": track(title), "messageId": title});
    let poll = |id: &str| json!({"type": "START_POLL", "question": "Faster?", "options": ["yes", "no"], "messageId": id});
    let list = json!([
        play("One"),
        play("One"),
        poll("first"),
        poll("second"),
        {"type": "METADATA_UPDATED", "track": track("Another"), "messageId": "void"},
        {"type": "DANCE", "messageId": "none"},
        play("Two"),
        {"type": "END_SESSION", "messageId": "end"},
        play("Three"),
    ]);
    let (status, body) = dj.post(&list).await;
    assert_eq!(status, 200, "{body}");
    let results = body["results"].as_array().unwrap();
    let errors: Vec<&str> = results.iter().map(|result| result["error"].as_str().unwrap_or("ok")).collect();
    let (active, over) = ("A poll is already active", "Session has ended");
    assert_eq!(errors, ["ok", "ok", "ok", active, "ok", "Unknown message type", "ok", "ok", over]);
    let seq = |n: usize| results[n]["seq"].as_u64();
    assert_eq!((seq(0), seq(4)), (seq(1), None), "a repeat stands where the first copy does, and what is void stands nowhere");
    assert_eq!(seq(2), seq(0).map(|seq| seq + 1), "stored together");
    let mut heard = Vec::new();
    while heard.last().is_none_or(|kind| kind != "SESSION_ENDED") {
        heard.push(dancer.next().await["type"].as_str().unwrap().to_owned());
    }
    heard.retain(|kind| ["NOW_PLAYING", "POLL_STARTED", "SESSION_ENDED"].contains(&kind.as_str()));
    assert_eq!(heard.first().map(String::as_str), Some("NOW_PLAYING"));
    assert_eq!(heard.iter().filter(|kind| *kind == "POLL_STARTED").count(), 1);
    let again = dj.post(&list).await.1;
    let seqs = |body: &Value| body["results"].as_array().unwrap().iter().map(|result| result["seq"].clone()).collect::<Vec<_>>();
    assert_eq!(seqs(&again), seqs(&body), "the whole list said again stands where it stood");
}

#[tokio::test]
async fn a_burst_of_tracks_is_logged_whole_and_dancers_hear_the_newest() {
    let pika = Pika::dev().await;
    let mut dj = Dj::live(&pika).await;
    let mut dancer = Socket::open(&pika).await;
    dancer.subscribe(&dj.session).await;
    for n in 1..=5 {
        dj.play(&format!("Track {n}")).await;
    }
    let mut heard = Vec::new();
    while heard.last().is_none_or(|title| title != "Track 5") {
        heard.push(dancer.hear("NOW_PLAYING").await["track"]["title"].as_str().unwrap().to_owned());
    }
    assert_eq!(heard, ["Track 1", "Track 5"]);
    let tracks = async || pika.get(&format!("/api/sessions/{}/recap", dj.session)).await.1["trackCount"].as_u64().filter(|n| *n == 5);
    crate::support::until("five tracks in the recap", tracks).await;
    let mut errors = Vec::new();
    for n in 6..=14 {
        errors.push(dj.publish(json!({"type": "BROADCAST_TRACK", "track": track(&format!("Track {n}"))})).await["error"].clone());
    }
    assert!(errors.contains(&json!("Rate limit exceeded (wait 5s)")), "{errors:?}");
}

#[tokio::test]
async fn messages_that_are_none_are_answered_counted_and_end_the_socket_after_a_few() {
    let pika = Pika::dev().await;
    let mut socket = Socket::open(&pika).await;
    assert_eq!(socket.ask(json!({"type": "DANCE"})).await["error"], "Unknown message type");
    let invalid = socket.ask(json!({"type": "SUBSCRIBE", "sessionId": "a.b.c.d.e.f"})).await;
    assert_eq!(invalid["type"], "NACK");
    for _ in 0..10 {
        socket.say_raw("{not json").await;
    }
    assert_eq!(socket.closing().await, Some(1008));
    let mut large = Socket::open(&pika).await;
    large.say_raw(&json!({"type": "PING", "pad": "x".repeat(11 * 1024)}).to_string()).await;
    assert_eq!(large.closing().await, Some(1009));
    let mut larger = Socket::open(&pika).await;
    larger.say_raw(&json!({"type": "SEND_BULK_LIKE", "pad": "x".repeat(200 * 1024)}).to_string()).await;
    assert_eq!(larger.closing().await, Some(1009));
    assert!(pika.metric("pika_bad_frames_total", "").await >= 7.0);
    assert!(Socket::connect(&pika.ws_url(), Some("soap"), None).await.is_err());
}

#[tokio::test]
async fn a_begin_whose_answer_was_lost_is_said_again_and_is_the_same_session() {
    let pika = Pika::dev().await;
    let begin = async |message_id: &str| {
        let body = json!({"djName": "DJ Test", "messageId": message_id});
        let response = crate::support::http().post(format!("{}/api/sessions", pika.url)).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let secret = "a-secret-of-the-sender-1";
    let (first, again) = (begin(secret).await, begin(secret).await);
    assert_eq!((first.0, again.0), (201, 201));
    assert_eq!(first.1, again.1);
    assert_ne!(begin("a-secret-of-the-sender-2").await.1["sessionId"], first.1["sessionId"]);
    assert_ne!(begin("m1").await.1["sessionId"], begin("m1").await.1["sessionId"], "a short id proves nothing");
}
