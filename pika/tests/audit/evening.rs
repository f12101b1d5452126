//! An evening with everything in it that can be counted, and the tools that look back at it.

use std::ffi::OsStr;

use serde_json::{Value, json};

use crate::support::{Attempt, Dj, Pika, Socket, attempt, track, until};

/// Budgets are lifted, so that an evening may be over in a second.
pub async fn stage() -> Pika {
    Pika::dev_with(&[("PIKA_BUDGETS", "0")]).await
}

/// The tool beside this Pika, as an operator runs it.
pub async fn tool(pika: &Pika, args: &[&str]) -> Attempt {
    attempt(pika.data.path(), args, &[("PIKA_DATA", pika.data.path().as_os_str()), ("TZ", OsStr::new("UTC"))]).await
}

/// Its JSON, and its exit code.
pub async fn audit(pika: &Pika, session: &str) -> (Option<i32>, Value) {
    let audited = tool(pika, &["audit", session, "--json"]).await;
    let report = serde_json::from_str(&audited.stdout).unwrap_or_else(|_| panic!("{audited:?}"));
    (audited.code, report)
}

pub async fn say(dancer: &mut Socket, message: Value) {
    dancer.ask_ok(message).await;
}

pub fn like(title: &str) -> Value {
    json!({"type": "SEND_LIKE", "payload": {"track": track(title)}})
}

pub fn unlike(title: &str) -> Value {
    json!({"type": "REMOVE_LIKE", "payload": {"track": track(title)}})
}

pub fn vote(poll: &Value, option: u32) -> Value {
    json!({"type": "VOTE_ON_POLL", "pollId": poll, "optionIndex": option, "clientId": "somebody"})
}

fn wish(session: &str, preference: &str) -> Value {
    json!({"type": "SEND_TEMPO_REQUEST", "sessionId": session, "preference": preference})
}

fn under(id: &str, mut message: Value) -> Value {
    message["messageId"] = id.into();
    message
}

/// Three people, four plays, likes and undos and double sends, wishes, two polls, from the first fact to the last.
pub async fn evening(pika: &Pika) -> Dj {
    let mut dj = Dj::live_as(pika, "DJ Żółć & Co.").await;
    let session = dj.session.clone();
    dj.play("One").await;
    let mut dancers = [Socket::open(pika).await, Socket::open(pika).await, Socket::open(pika).await];
    for dancer in &mut dancers {
        dancer.subscribe(&session).await;
    }
    let [a, b, c] = &mut dancers;
    say(a, like("One")).await;
    say(b, under("like-b", like("One"))).await;
    say(b, unlike("One")).await;
    // A copy that was under way for long: it must not bring the like back.
    b.ask(under("like-b", like("One"))).await;
    say(c, under("like-c", like("One"))).await;
    c.ask(under("like-c", like("One"))).await;
    say(a, wish(&session, "faster")).await;
    say(b, wish(&session, "slower")).await;
    say(b, wish(&session, "clear")).await;

    dj.open_poll(Some(300)).await;
    let poll = a.hear("POLL_STARTED").await["pollId"].clone();
    say(a, vote(&poll, 0)).await;
    say(a, vote(&poll, 1)).await;
    say(b, under("vote-b", vote(&poll, 1))).await;
    say(b, under("vote-b", vote(&poll, 1))).await;
    say(c, vote(&poll, 1)).await;
    dj.publish_ok(json!({"type": "END_POLL", "pollId": poll})).await;
    assert_eq!(c.hear("POLL_ENDED").await["results"], json!([1, 2]));

    dj.play("Two").await;
    dj.publish_ok(json!({"type": "METADATA_UPDATED", "track": {"title": "Two", "artist": "The Testers", "bpm": 99}})).await;
    say(a, unlike("One")).await;
    say(b, like("Two")).await;
    say(c, wish(&session, "perfect")).await;
    let changeable = json!({"type": "START_POLL", "question": "Which?", "options": ["x", "y", "z"], "allowChange": true});
    dj.publish_ok(changeable).await;
    let poll = a.wait("the second poll", |m| m["type"] == "POLL_STARTED" && m["question"] == "Which?").await["pollId"].clone();
    say(a, vote(&poll, 0)).await;
    say(a, vote(&poll, 2)).await;
    say(b, vote(&poll, 1)).await;
    dj.publish_ok(json!({"type": "CANCEL_POLL", "pollId": poll})).await;
    a.wait("its end", |m| m["type"] == "POLL_ENDED" && m["pollId"] == poll).await;

    dj.publish_ok(json!({"type": "SEND_ANNOUNCEMENT", "message": "Social at ten", "durationSeconds": 600})).await;
    dj.publish_ok(json!({"type": "TRACK_STOPPED"})).await;
    dj.play("One").await;
    say(a, like("One")).await;
    say(c, json!({"type": "SEND_REACTION", "sessionId": session, "reaction": "thank_you"})).await;
    dj.play("Three").await;
    dj.publish_ok(json!({"type": "END_SESSION"})).await;
    // A like for a while after the end still counts.
    say(a, like("Three")).await;
    dj
}

/// Waits until the recap counts so many likes.
pub async fn counted(pika: &Pika, session: &str, likes: u64) -> Value {
    let recap = async || {
        let recap = pika.get(&format!("/api/sessions/{session}/recap")).await.1;
        (recap["totalLikes"] == likes && !recap["endedAt"].is_null()).then_some(recap)
    };
    until("the recap", recap).await
}
