//! Limits and paces: an address that is no venue, a floor that likes all at once.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

use crate::cluster::Cluster;
use crate::support::{Pika, Socket, track};

async fn refused(node: &Pika) -> u16 {
    let Err(error) = Socket::connect(&node.ws_url(), None, None).await else { return 101 };
    let Error::Http(response) = *error else { panic!("{error}") };
    response.status().as_u16()
}

#[tokio::test]
async fn an_address_that_is_no_venue_has_ten_sockets_and_others_have_theirs() {
    let cluster = Cluster::shared().await;
    let node = cluster.node(&[("PIKA_VENUES", "[]"), ("PIKA_MAX_CONNECTS_PER_MINUTE", "1000")]).await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(Socket::open(&node).await);
    }
    assert_eq!(refused(&node).await, 429);
    Socket::open_from(&node, "127.0.0.2").await.drain().await;
    sockets.pop().unwrap().vanish();
    crate::support::until("a place is given back", async || (refused(&node).await == 101).then_some(())).await;
    assert!(node.metric("pika_connects_refused_total", "address").await >= 1.0);
}

#[tokio::test]
async fn an_address_that_is_no_venue_comes_ten_times_a_minute() {
    let cluster = Cluster::shared().await;
    let node = cluster.node(&[("PIKA_VENUES", "[]")]).await;
    for _ in 0..10 {
        Socket::open(&node).await.vanish();
    }
    assert_eq!(refused(&node).await, 429);
    Socket::open_from(&node, "127.0.0.2").await.drain().await;
}

#[tokio::test]
async fn dancers_hear_a_few_of_many_likes_and_the_dj_hears_each() {
    let cluster = Cluster::shared().await;
    let session = "everybody-likes";
    let mut dj = Socket::open(&cluster.nodes[0]).await;
    dj.ask_ok(json!({"type": "REGISTER_SESSION", "sessionId": session, "djName": "DJ Liked"})).await;
    dj.ask_ok(json!({"type": "BROADCAST_TRACK", "sessionId": session, "track": track("Loved")})).await;
    let mut dancers = Vec::new();
    for n in 0..50 {
        let mut dancer = Socket::open(&cluster.nodes[n % 2]).await;
        dancer.subscribe(session).await;
        dancers.push(dancer);
    }
    let mut ears = [Socket::open(&cluster.nodes[0]).await, Socket::open(&cluster.nodes[1]).await];
    for ear in &mut ears {
        ear.subscribe(session).await;
    }
    let like = json!({"type": "SEND_LIKE", "sessionId": session, "payload": {"track": track("Loved")}});
    let began = Instant::now();
    // In five waves: more than one note of applause comes, and dancers hear the newest of each, paced.
    for wave in dancers.chunks_mut(10) {
        join_all(wave.iter_mut().map(|dancer| dancer.ask_ok(like.clone()))).await;
    }
    for n in 0..50 {
        let heard = dj.wait(&format!("like {n}"), |m| m["type"] == "LIKE_RECEIVED").await;
        assert_eq!(heard["payload"]["track"]["title"], "Loved");
    }
    for ear in &mut ears {
        ear.hear("LIKE_RECEIVED").await;
        let heard = ear.drain().await.iter().filter(|m| m["type"] == "LIKE_RECEIVED").count() + 1;
        let most = began.elapsed().div_duration_f64(Duration::from_millis(200)).ceil() as usize + 1;
        assert!(heard <= most && heard < 50, "{heard} in {:?}", began.elapsed());
    }
    let heard = dj.drain().await;
    assert!(heard.iter().all(|m| m["type"] != "LIKE_RECEIVED"), "each once");
}
