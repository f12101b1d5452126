//! A node that is asked to stop: what its front sees, what its sockets hear, and how soon it goes.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

use crate::cluster::Cluster;
use crate::support::{Dj, Pika, Socket, http, signal, track, types, until};

/// A status, the words, and a header.
async fn asked(node: &Pika, path: &str, header: &str) -> (u16, String, Option<String>) {
    let response = http().get(format!("{}{path}", node.url)).send().await.unwrap();
    let header = response.headers().get(header).map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), response.text().await.unwrap(), header)
}

async fn refused(node: &Pika) -> Option<(u16, bool)> {
    match Socket::connect(&node.ws_url(), None, None).await.map_err(|error| *error) {
        Err(Error::Http(response)) => Some((response.status().as_u16(), response.headers().contains_key("retry-after"))),
        Err(error) => panic!("{error}"),
        Ok(_) => None,
    }
}

#[tokio::test]
async fn it_is_unready_at_once_serves_on_while_that_is_noticed_and_then_refuses() {
    let cluster = Cluster::shared().await;
    let mut dj = Dj::live(&cluster.ingest).await;
    let mut node = cluster.node(&[("PIKA_NOTICE_SECONDS", "3"), ("PIKA_DRAIN_SECONDS", "2")]).await;
    let mut stays = Socket::open(&node).await;
    stays.subscribe(&dj.session).await;
    assert_eq!(node.metric("pika_draining", "").await, 0.0);

    signal(node.pid(), "TERM").await;
    let told = Instant::now();
    until("unready", async || {
        let (status, words, connection) = asked(&node, "/readyz", "connection").await;
        (status == 503).then(|| assert_eq!((words.as_str(), connection.as_deref()), ("draining\n", Some("close"))))
    })
    .await;
    assert!(told.elapsed() < Duration::from_secs(1), "unready after {:?}", told.elapsed());
    assert_eq!(asked(&node, "/livez", "connection").await.0, 200, "nobody should kill it");
    assert_eq!(node.metric("pika_draining", "").await, 1.0);
    let mut late = Socket::open(&node).await;
    late.subscribe(&dj.session).await;
    // What happens meanwhile is heard by those who are still here.
    dj.play("In the meantime").await;
    for socket in [&mut stays, &mut late] {
        socket.wait("the track", |m| m["type"] == "NOW_PLAYING" && m["track"]["title"] == "In the meantime").await;
    }
    assert_eq!(until("a refused socket", async || refused(&node).await).await, (503, true));
    let noticed = told.elapsed();
    assert!(noticed >= Duration::from_millis(2_900), "refused after {noticed:?}");
    for socket in [&mut stays, &mut late] {
        assert_eq!(socket.closing().await, Some(1012));
    }
    assert!(node.left().await);
    // The notice, the window, and not the time that is only for those who do not go.
    assert!(told.elapsed() < Duration::from_secs(11), "left after {:?}", told.elapsed());
}

#[tokio::test]
async fn an_answer_that_was_owed_is_waited_for_and_heard_before_the_close() {
    let cluster = Cluster::start().await;
    let mut dj = Dj::live(&cluster.ingest).await;
    dj.play("Liked").await;
    let mut node = cluster.node(&[("PIKA_DRAIN_SECONDS", "0"), ("PIKA_ACK_MILLISECONDS", "4000")]).await;
    let (mut dancer, mut idle) = (Socket::open(&node).await, Socket::open(&node).await);
    for socket in [&mut dancer, &mut idle] {
        socket.subscribe(&dj.session).await;
    }
    let broker = cluster.nats.server.as_ref().unwrap().pid().unwrap();
    let read = node.metric("pika_frames_received_total", "").await;
    signal(broker, "STOP").await;
    dancer.say(json!({"type": "SEND_LIKE", "messageId": "owed", "payload": {"track": track("Liked")}})).await;
    until("read", async || (node.metric("pika_frames_received_total", "").await > read).then_some(())).await;
    signal(node.pid(), "TERM").await;
    // With a window of nothing all turns come at once, and one who is owed nothing is closed in that moment.
    assert_eq!(idle.closing().await, Some(1012));
    signal(broker, "CONT").await;
    assert_eq!(dancer.closing().await, Some(1012));
    let heard = dancer.heard();
    assert!(heard.iter().any(|m| m["type"] == "ACK" && m["messageId"] == "owed"), "{heard:?}");
    assert!(node.left().await);
}

#[tokio::test]
async fn asked_twice_it_leaves_at_once_and_still_says_why() {
    let cluster = Cluster::shared().await;
    let dj = Dj::live(&cluster.ingest).await;
    let mut node = cluster.node(&[("PIKA_NOTICE_SECONDS", "600"), ("PIKA_DRAIN_SECONDS", "600")]).await;
    let mut dancer = Socket::open(&node).await;
    dancer.subscribe(&dj.session).await;
    signal(node.pid(), "TERM").await;
    until("unready", async || (asked(&node, "/readyz", "connection").await.0 == 503).then_some(())).await;
    signal(node.pid(), "INT").await;
    let told = Instant::now();
    assert_eq!(dancer.closing().await, Some(1012));
    assert!(node.left().await);
    assert!(told.elapsed() < Duration::from_secs(4), "left after {:?}", told.elapsed());
}

#[tokio::test]
async fn a_dj_who_has_to_move_is_away_no_longer_than_the_move_and_the_count_does_not_fall() {
    let cluster = Cluster::shared().await;
    let session = "dj-on-the-move";
    let mut node = cluster.node(&[("PIKA_DRAIN_SECONDS", "1")]).await;
    let register = json!({"type": "REGISTER_SESSION", "sessionId": session, "djName": "DJ Test"});
    let mut dj = Socket::open(&node).await;
    dj.ask_ok(register.clone()).await;
    let mut stays = Socket::open(&cluster.nodes[1]).await;
    stays.subscribe(session).await;
    let mut moves = Socket::open(&node).await;
    moves.subscribe(session).await;
    stays.wait("two", |m| m["type"] == "LISTENER_COUNT" && m["count"] == 2).await;
    stays.heard();

    signal(node.pid(), "TERM").await;
    let (as_dj, as_dancer) = (dj.cookie.clone(), moves.cookie.clone());
    let (dj_closed, dancer_closed) = tokio::join!(
        async {
            assert_eq!(dj.closing().await, Some(1012));
            let mut dj = Socket::open_as(&cluster.nodes[0], as_dj.as_deref()).await;
            dj.ask_ok(register).await;
            dj
        },
        async {
            assert_eq!(moves.closing().await, Some(1012));
            let mut moves = Socket::open_as(&cluster.nodes[0], as_dancer.as_deref()).await;
            moves.subscribe(session).await;
            moves
        }
    );
    assert!(node.left().await);
    cluster.until_active(session, true).await;
    // A third person comes: the count that follows has heard of everything before.
    let mut third = Socket::open(&cluster.nodes[0]).await;
    third.subscribe(session).await;
    stays.wait("three", |m| m["type"] == "LISTENER_COUNT" && m["count"] == 3).await;
    let heard = stays.heard();
    assert!(heard.iter().all(|m| m["type"] != "LISTENER_COUNT" || m["count"].as_u64() >= Some(2)), "{heard:?}");
    assert!(!types(&heard).contains(&"SESSION_ENDED"), "{heard:?}");
    drop((dj_closed, dancer_closed));
}
