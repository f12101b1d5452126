//! A DJ's socket is lost. Who may come back, for how long, and what their dancers hear of it: nothing.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cluster::{Cluster, own};
use crate::support::{PATIENCE, Pika, Socket, track, types, until};

const TAKEN: &str = "Session belongs to another DJ";

fn register(session: &str, name: &str) -> Value {
    json!({"type": "REGISTER_SESSION", "sessionId": session, "djName": name})
}

fn play(session: &str, title: &str) -> Value {
    json!({"type": "BROADCAST_TRACK", "sessionId": session, "track": track(title)})
}

/// A DJ on a socket, as today's desktop app: no subprotocol, no token, no cookie.
async fn dj_at(node: &Pika, session: &str) -> Socket {
    let mut dj = Socket::open(node).await;
    dj.ask_ok(register(session, "DJ Test")).await;
    dj.ask_ok(play(session, "First")).await;
    dj
}

async fn ended(socket: &mut Socket, session: &str) -> Value {
    socket.wait("the end", |m| m["type"] == "SESSION_ENDED" && m["sessionId"] == *session).await
}

#[tokio::test]
async fn a_dj_who_is_back_within_the_grace_period_was_never_away_for_the_dancers() {
    let cluster = Cluster::shared().await;
    let session = "back-in-time";
    let dj = dj_at(&cluster.nodes[0], session).await;
    let cookie = dj.cookie.clone();
    let mut dancers = [Socket::open(&cluster.nodes[0]).await, Socket::open(&cluster.nodes[1]).await];
    for dancer in &mut dancers {
        dancer.subscribe(session).await;
    }
    cluster.until_active(session, true).await;
    dj.vanish();
    cluster.until_active(session, false).await;
    let mut late = Socket::open(&cluster.nodes[1]).await;
    let state = own(late.subscribe(session).await, session);
    assert_eq!(types(&state), ["SESSIONS_LIST", "LISTENER_COUNT", "NOW_PLAYING"], "for its own people the session goes on");
    let mut dj = Socket::open_as(&cluster.nodes[1], cookie.as_deref()).await;
    dj.ask_ok(register(session, "DJ Test")).await;
    assert_eq!(dj.hear("SESSION_REGISTERED").await["djName"], "DJ Test");
    cluster.until_active(session, true).await;
    dj.ask_ok(play(session, "Second")).await;
    for dancer in &mut dancers {
        dancer.wait("the next track", |m| m["type"] == "NOW_PLAYING" && m["track"]["title"] == "Second").await;
        let heard = own(dancer.drain().await, session);
        assert!(!types(&heard).iter().any(|kind| kind.starts_with("SESSION_")), "{heard:?}");
    }
    let others = own(dj.drain().await, session);
    assert!(!types(&others).contains(&"SESSION_STARTED"), "{others:?}");
}

#[tokio::test]
async fn a_dj_who_stays_away_ends_the_session_after_the_grace_period() {
    let cluster = Cluster::shared().await;
    let session = "never-back";
    let dj = dj_at(&cluster.nodes[0], session).await;
    let mut dancers = [Socket::open(&cluster.nodes[0]).await, Socket::open(&cluster.nodes[1]).await];
    for dancer in &mut dancers {
        dancer.subscribe(session).await;
    }
    dj.vanish();
    let left = Instant::now();
    for dancer in &mut dancers {
        ended(dancer, session).await;
    }
    assert!(left.elapsed() >= Duration::from_secs(8), "ended after {:?}", left.elapsed());
    cluster.until_active(session, false).await;
    let recap = until("the recap", async || {
        Some(cluster.api.get(&format!("/api/sessions/{session}/recap")).await).filter(|(s, r)| *s == 200 && !r["endedAt"].is_null())
    });
    assert_eq!(recap.await.1["trackCount"], 1);
    let mut stranger = Socket::open(&cluster.nodes[1]).await;
    assert_eq!(stranger.ask(register(session, "DJ Test")).await["error"], TAKEN, "an ended id begins again for its owner only");
}

#[tokio::test]
async fn a_session_that_everybody_forgot_expires_and_the_dj_is_told_why() {
    let pika = Pika::dev_with(&[("PIKA_IDLE_SECONDS", "2")]).await;
    let mut dj = dj_at(&pika, "forgotten").await;
    let mut dancer = Socket::open(&pika).await;
    dancer.subscribe("forgotten").await;
    let expired = dj.hear("SESSION_EXPIRED").await;
    assert_eq!((&expired["sessionId"], &expired["reason"]), (&json!("forgotten"), &json!("Session was idle too long")));
    ended(&mut dj, "forgotten").await;
    ended(&mut dancer, "forgotten").await;
    assert!(!types(&dancer.drain().await).contains(&"SESSION_EXPIRED"), "only the DJ is told why");
}

#[tokio::test]
async fn todays_client_comes_back_by_name_and_address_once_its_socket_is_gone() {
    let cluster = Cluster::shared().await;
    let session = "only-a-name";
    let mut dj = dj_at(&cluster.nodes[0], session).await;
    let mut again = Socket::open(&cluster.nodes[1]).await;
    let refused = dj.attend(again.ask(register(session, "DJ Test"))).await;
    assert_eq!(refused["error"], TAKEN, "never while the owner is connected");
    dj.vanish();
    let mut stranger = Socket::open(&cluster.nodes[1]).await;
    assert_eq!(stranger.ask(register(session, "DJ Thief")).await["error"], TAKEN, "another name");
    let mut elsewhere = Socket::open_from(&cluster.nodes[1], "127.0.0.2").await;
    assert_eq!(elsewhere.ask(register(session, "DJ Test")).await["error"], TAKEN, "another address");
    again.ask_ok(register(session, "DJ Test")).await;
    again.ask_ok(play(session, "Second")).await;
    assert_eq!(stranger.ask(play(session, "Stolen")).await["error"], "Not authorized for this session");
    cluster.until_active(session, true).await;
}

#[tokio::test]
async fn a_silent_old_socket_does_not_keep_its_dj_out() {
    let cluster = Cluster::shared().await;
    let session = "phone-in-a-tunnel";
    // Nobody reads this socket any more, so no ping is answered, while the connection looks as if it were there.
    let mut silent = dj_at(&cluster.nodes[0], session).await;
    let mut dancer = Socket::open(&cluster.nodes[0]).await;
    dancer.subscribe(session).await;
    let asked = Instant::now();
    let mut again = Socket::open(&cluster.nodes[1]).await;
    again.ask_ok(register(session, "DJ Test")).await;
    let waited = asked.elapsed();
    assert!(waited >= Duration::from_secs(3) && waited < Duration::from_secs(5), "{waited:?}");
    again.ask_ok(play(session, "Second")).await;
    dancer.wait("the next track", |m| m["type"] == "NOW_PLAYING" && m["track"]["title"] == "Second").await;
    assert_eq!(silent.closing().await, Some(4409), "its place is taken, so it does not come back as it is");
    cluster.until_active(session, true).await;
    let heard = own(dancer.drain().await, session);
    assert!(!types(&heard).iter().any(|kind| kind.starts_with("SESSION_")), "{heard:?}");
}

#[tokio::test]
async fn a_signed_in_djs_session_is_theirs_alone_from_wherever_they_come() {
    let cluster = Cluster::shared().await;
    let session = "signed-in";
    let token = Pika::tool(&["token", "add", "Ada"], &cluster.nats, &cluster.data).await;
    let other = Pika::tool(&["token", "add", "Grace"], &cluster.nats, &cluster.data).await;
    let with = |token: &str, name: &str| json!({"type": "REGISTER_SESSION", "sessionId": session, "djName": name, "token": token});
    let mut dj = Socket::open(&cluster.nodes[0]).await;
    dj.ask_ok(with(&token, "Somebody")).await;
    let registered = dj.hear("SESSION_REGISTERED").await;
    assert_eq!((&registered["djName"], &registered["authenticated"]), (&json!("Ada"), &json!(true)), "the registered name wins");
    let cookie = dj.cookie.clone();
    dj.vanish();
    let mut stranger = Socket::open(&cluster.nodes[1]).await;
    assert_eq!(stranger.ask(register(session, "Ada")).await["error"], TAKEN, "the same name and address are not enough");
    assert_eq!(stranger.ask(with(&other, "Ada")).await["error"], TAKEN, "another DJ");
    assert_eq!(stranger.ask(with("pk_dj_made-up-by-somebody", "Ada")).await["error"], "Invalid or missing token");
    let mut browser = Socket::open_as(&cluster.nodes[1], cookie.as_deref()).await;
    assert_eq!(browser.ask(register(session, "Ada")).await["error"], TAKEN, "a signed-in DJ is known by the token, not by the browser");
    let mut elsewhere = Socket::open_from(&cluster.nodes[1], "127.0.0.3").await;
    elsewhere.ask_ok(with(&token, "Ada")).await;
    elsewhere.ask_ok(play(session, "From elsewhere")).await;
    let mut second = Socket::open(&cluster.nodes[0]).await;
    second.ask_ok(with(&token, "Ada")).await;
    second.ask_ok(play(session, "On two devices")).await;
}

#[tokio::test]
async fn a_revoked_token_is_dead_on_nodes_that_knew_it() {
    let cluster = Cluster::shared().await;
    let token = Pika::tool(&["token", "add", "Edsger"], &cluster.nats, &cluster.data).await;
    let message = |session: &str| json!({"type": "REGISTER_SESSION", "sessionId": session, "token": token});
    let http = crate::support::http();
    let publish = async || {
        let post = http.post(format!("{}/api/sessions/revoked-one/messages", cluster.ingest.url)).bearer_auth(&token);
        post.json(&json!({"type": "TRACK_STOPPED"})).send().await.unwrap().status().as_u16()
    };
    let mut sockets = [Socket::open(&cluster.nodes[0]).await, Socket::open(&cluster.nodes[1]).await];
    for (socket, session) in sockets.iter_mut().zip(["revoked-one", "revoked-two"]) {
        socket.ask_ok(message(session)).await;
    }
    assert_eq!(publish().await, 200);
    Pika::tool(&["token", "revoke", "Edsger"], &cluster.nats, &cluster.data).await;
    let told = Instant::now();
    for node in &cluster.nodes {
        let mut socket = Socket::open(node).await;
        for n in 1.. {
            let answer = socket.ask(message(&format!("revoked-{n}"))).await;
            if answer["error"] == "Invalid or missing token" {
                break;
            }
            assert!(told.elapsed() < PATIENCE, "the token lives: {answer}");
        }
    }
    until("the token is dead at the publish API", async || (publish().await == 401).then_some(())).await;
}
