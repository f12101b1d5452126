//! The broker is gone, or there and silent. People are told at once, nothing is done behind their backs, and when it is back
//! everything goes on by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::floor::{UNAVAILABLE, publish_until_acknowledged, say_until_acknowledged};
use crate::support::{Dj, Nats, Pika, Role, Socket, http, signal, track, until};

/// "At once": far below the 2 s that a publish may wait for the broker, and enough for a busy machine.
const AT_ONCE: Duration = Duration::from_millis(500);

/// A refusal says that the outcome is unknown, in these words, at once.
async fn refused_at_once(socket: &mut Socket, message: Value) {
    let asked = Instant::now();
    let answer = socket.ask(message.clone()).await;
    assert_eq!((&answer["type"], &answer["error"]), (&json!("NACK"), &json!(UNAVAILABLE)), "{message}");
    assert!(asked.elapsed() < AT_ONCE, "{message} was answered after {:?}", asked.elapsed());
}

async fn publish_refused_at_once(dj: &Dj, body: Value) {
    let asked = Instant::now();
    let (status, answer) = dj.post(&body).await;
    assert_eq!((status, &answer["error"]), (503, &json!(UNAVAILABLE)), "{body}");
    assert!(asked.elapsed() < AT_ONCE, "{body} was answered after {:?}", asked.elapsed());
}

async fn unready(pika: &Pika) {
    until("unready", async || (pika.get("/readyz").await.0 == 503).then_some(())).await;
}

async fn titles(api: &Pika, session: &str) -> Vec<String> {
    let history = api.get(&format!("/api/sessions/{session}/history")).await.1;
    let of = |track: &Value| track["title"].as_str().map(str::to_owned);
    history.as_array().into_iter().flatten().filter_map(of).collect()
}

fn broadcast(session: &str, title: &str) -> Value {
    json!({"type": "BROADCAST_TRACK", "sessionId": session, "messageId": title, "track": track(title)})
}

#[tokio::test]
async fn a_killed_broker_is_said_at_once_nothing_is_queued_and_all_goes_on_when_it_is_back() {
    let (mut nats, data) = (Nats::start().await, Arc::new(TempDir::new().unwrap()));
    let role = async |role| Pika::role(role, &nats, &data, &[]).await;
    let (ingest, fanout, workers, api) =
        (role(Role::Ingest).await, role(Role::Fanout).await, role(Role::Workers).await, role(Role::Api).await);
    for part in [&ingest, &fanout] {
        part.ready().await;
    }
    let dj = Dj::live(&ingest).await;
    let s = dj.session.clone();
    publish_until_acknowledged(&dj, &broadcast(&s, "Before")).await;
    let mut on_socket = Socket::open(&fanout).await;
    on_socket.ask_ok(json!({"type": "REGISTER_SESSION", "sessionId": "on-a-socket", "djName": "DJ Socket"})).await;
    let mut people = Vec::new();
    for _ in 0..3 {
        let mut socket = Socket::open(&fanout).await;
        socket.subscribe(&s).await;
        people.push(socket);
    }
    let [mut before, mut again, mut never] = <[Socket; 3]>::try_from(people).ok().unwrap();
    publish_until_acknowledged(&dj, &json!({"type": "START_POLL", "messageId": "poll", "question": "?", "options": ["a", "b"]})).await;
    let poll = before.hear("POLL_STARTED").await["pollId"].clone();
    let vote = |option: u32| json!({"type": "VOTE_ON_POLL", "messageId": "vote", "pollId": poll, "optionIndex": option, "clientId": "x"});
    before.ask_ok(vote(0)).await;

    nats.kill().await;
    unready(&ingest).await;
    unready(&fanout).await;
    let like = json!({"type": "SEND_LIKE", "messageId": "like", "sessionId": s, "payload": {"track": track("Before")}});
    // Many times, as impatient people do: a queue behind their backs would grow with each.
    for n in 0..10 {
        refused_at_once(&mut again, vote(1)).await;
        refused_at_once(&mut again, like.clone()).await;
        refused_at_once(&mut never, vote(1)).await;
        refused_at_once(&mut never, json!({"type": "SEND_TEMPO_REQUEST", "sessionId": s, "preference": "faster"})).await;
        refused_at_once(&mut on_socket, broadcast("on-a-socket", &format!("Never {n}"))).await;
        refused_at_once(&mut on_socket, json!({"type": "REGISTER_SESSION", "sessionId": "never-begun", "djName": "DJ Socket"})).await;
        publish_refused_at_once(&dj, broadcast(&s, "Again")).await;
        publish_refused_at_once(&dj, json!([broadcast(&s, &format!("Never {n}")), {"type": "TRACK_STOPPED"}])).await;
    }
    let begin = http().post(format!("{}/api/sessions", ingest.url)).json(&json!({"djName": "DJ New"})).send().await.unwrap();
    assert_eq!((begin.status().as_u16(), begin.headers().contains_key("retry-after")), (503, true));
    assert_eq!(begin.json::<Value>().await.unwrap()["error"], UNAVAILABLE);
    for role in [&ingest, &fanout, &workers, &api] {
        assert_eq!(role.get("/health").await.0, 503);
        assert_eq!(role.get("/livez").await.0, 200, "a role whose broker is away is not to be restarted");
    }
    for socket in [&mut before, &mut again, &mut never, &mut on_socket] {
        socket.drain().await;
    }

    nats.start_again().await;
    let returned = Instant::now();
    for role in [&ingest, &fanout, &workers, &api] {
        role.ready().await;
    }
    for _ in 0..2 {
        say_until_acknowledged(&mut again, &vote(1)).await;
        publish_until_acknowledged(&dj, &broadcast(&s, "Again")).await;
    }
    before.wait("a new track on an old socket", |m| m["type"] == "NOW_PLAYING" && m["track"]["title"] == "Again").await;
    println!("a new track reached an old socket {:?} after the broker's return", returned.elapsed());
    assert!(returned.elapsed() < Duration::from_secs(5), "{:?}", returned.elapsed());
    say_until_acknowledged(&mut again, &like).await;
    on_socket.ask_ok(broadcast("on-a-socket", "Socket")).await;
    publish_until_acknowledged(&dj, &json!({"type": "END_POLL", "messageId": "end", "pollId": poll})).await;
    for socket in [&mut before, &mut never] {
        let ended = socket.hear("POLL_ENDED").await;
        assert_eq!(
            (&ended["results"], &ended["totalVotes"]),
            (&json!([1, 1]), &json!(2)),
            "the refused vote that nobody repeated is not there"
        );
    }
    until("both tracks and no more", async || (titles(&api, &s).await == ["Again", "Before"]).then_some(())).await;
    until("one track and no more", async || (titles(&api, "on-a-socket").await == ["Socket"]).then_some(())).await;
    let recap = async || {
        let recap = api.get(&format!("/api/sessions/{s}/recap")).await.1;
        (recap["totalLikes"] == 1 && recap["tracks"][0]["tempo"].is_null()).then_some(())
    };
    until("one like, and no wish that was refused", recap).await;
    let sessions = api.get("/api/sessions").await.1;
    assert!(!sessions.to_string().contains("never-begun") && !sessions.to_string().contains("DJ New"), "{sessions}");
}

#[tokio::test]
async fn a_silent_broker_is_said_within_the_deadline_then_at_once_and_repeats_count_once() {
    let deadline = Duration::from_millis(600);
    let pika = Pika::dev_with(&[("PIKA_ACK_MILLISECONDS", "600")]).await;
    let mut dj = Dj::live(&pika).await;
    let s = dj.session.clone();
    dj.play("Before").await;
    let mut dancer = Socket::open(&pika).await;
    dancer.subscribe(&s).await;
    dj.open_poll(None).await;
    let poll = dancer.hear("POLL_STARTED").await["pollId"].clone();
    let vote = json!({"type": "VOTE_ON_POLL", "messageId": "vote", "pollId": poll, "optionIndex": 1, "clientId": "x"});
    let nats = pika.nats_pid();

    signal(nats, "STOP").await;
    let frozen = Instant::now();
    let answer = dancer.ask(vote.clone()).await;
    assert_eq!((&answer["type"], &answer["error"]), (&json!("NACK"), &json!(UNAVAILABLE)));
    assert!(frozen.elapsed() < deadline + AT_ONCE, "{:?}", frozen.elapsed());
    let asked = Instant::now();
    let (status, body) = dj.post(&broadcast(&s, "Unknown")).await;
    assert_eq!((status, &body["error"]), (503, &json!(UNAVAILABLE)));
    assert!(asked.elapsed() < deadline * 2 + AT_ONCE, "{:?}", asked.elapsed());
    dancer.attend(unready(&pika)).await;
    println!("silence was noticed after {:?}", frozen.elapsed());
    assert!(frozen.elapsed() < Duration::from_secs(9), "{:?}", frozen.elapsed());
    for n in 0..5 {
        refused_at_once(&mut dancer, vote.clone()).await;
        refused_at_once(&mut dancer, json!({"type": "SEND_LIKE", "sessionId": s, "payload": {"track": track("Before")}})).await;
        publish_refused_at_once(&dj, broadcast(&s, &format!("Never {n}"))).await;
    }
    dancer.drain().await;

    signal(nats, "CONT").await;
    pika.ready().await;
    assert_eq!(pika.nats_pid(), nats, "it was silent, not dead");
    for _ in 0..2 {
        say_until_acknowledged(&mut dancer, &vote).await;
        publish_until_acknowledged(&dj, &broadcast(&s, "Unknown")).await;
    }
    dancer.wait("a new track on an old socket", |m| m["type"] == "NOW_PLAYING" && m["track"]["title"] == "Unknown").await;
    publish_until_acknowledged(&dj, &json!({"type": "END_POLL", "messageId": "end", "pollId": poll})).await;
    assert_eq!(dancer.hear("POLL_ENDED").await["results"], json!([0, 1]));
    until("both tracks and no more", async || (titles(&pika, &s).await == ["Unknown", "Before"]).then_some(())).await;
    assert_eq!(pika.get(&format!("/api/sessions/{s}/recap")).await.1["totalLikes"], 0, "refused at once and never repeated");
}
