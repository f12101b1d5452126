//! The feed is heard at most once, and may lose a message. What it lost is read from the log, and nobody notices but the clock.

use std::time::{Duration, Instant};

use async_nats::jetstream::{self, stream::Republish};
use serde_json::{Value, json};

use crate::cluster::{Cluster, own};
use crate::support::{Dj, Nats, Socket, until};

/// The broker's hand: facts are stored either way, and republished only while it is open.
struct Feed {
    context: jetstream::Context,
    republish: Republish,
}

impl Feed {
    async fn of(nats: &Nats) -> Feed {
        let context = jetstream::new(async_nats::connect(&nats.url).await.unwrap());
        let republish = context.get_stream("LIVE").await.unwrap().cached_info().config.republish.clone().unwrap();
        Feed { context, republish }
    }

    async fn republish(&self, open: bool) {
        let mut config = self.context.get_stream("LIVE").await.unwrap().cached_info().config.clone();
        config.republish = open.then(|| self.republish.clone());
        self.context.update_stream(config).await.unwrap();
    }

    /// Neither heard nor read, or both.
    async fn readable(&self, readable: bool) {
        let mut config = self.context.get_stream("LIVE").await.unwrap().cached_info().config.clone();
        config.allow_direct = readable;
        config.republish = readable.then(|| self.republish.clone());
        self.context.update_stream(config).await.unwrap();
    }
}

async fn announce(dj: &mut Dj, message: &str) -> u64 {
    dj.publish_ok(json!({"type": "SEND_ANNOUNCEMENT", "message": message})).await
}

async fn subscribed(cluster: &Cluster, session: &str) -> ([Socket; 2], Value) {
    let mut dancers = [Socket::open(&cluster.nodes[0]).await, Socket::open(&cluster.nodes[1]).await];
    let mut epoch = Value::Null;
    for dancer in &mut dancers {
        epoch = own(dancer.resume(session, json!(true)).await, session)[0]["epoch"].clone();
    }
    (dancers, epoch)
}

#[tokio::test]
async fn what_the_feed_lost_is_heard_within_three_seconds_in_order_and_once() {
    let cluster = Cluster::start().await;
    let feed = Feed::of(&cluster.nats).await;
    let mut dj = Dj::live(&cluster.ingest).await;
    let session = dj.session.clone();
    let (mut dancers, epoch) = subscribed(&cluster, &session).await;

    // The last fact before a lull: nothing comes after it whose position would show the gap.
    feed.republish(false).await;
    let said = Instant::now();
    let lost = dj.play("Lost on the way").await;
    for dancer in &mut dancers {
        assert_eq!(dancer.hear("NOW_PLAYING").await["track"]["title"], "Lost on the way");
        assert!(said.elapsed() < Duration::from_secs(3), "heard after {:?}", said.elapsed());
        assert_eq!(dancer.hear("TEMPO_RESET").await["seq"], json!(lost));
    }

    // One of the middle: the next one shows that something is missing, and waits for it.
    feed.republish(false).await;
    let (first, second) = (announce(&mut dj, "First").await, announce(&mut dj, "Second").await);
    feed.republish(true).await;
    let third = announce(&mut dj, "Third").await;
    for dancer in &mut dancers {
        let mut heard = Vec::new();
        for _ in 0..3 {
            let message = dancer.hear("ANNOUNCEMENT_RECEIVED").await;
            heard.push((message["message"].as_str().unwrap().to_owned(), message["seq"].as_u64().unwrap()));
        }
        assert_eq!(heard, [("First".to_owned(), first), ("Second".to_owned(), second), ("Third".to_owned(), third)]);
    }
    announce(&mut dj, "Fourth").await;
    for dancer in &mut dancers {
        assert_eq!(dancer.hear("ANNOUNCEMENT_RECEIVED").await["message"], "Fourth");
        let rest = dancer.drain().await;
        assert!(rest.iter().all(|m| m.get("seq").is_none()), "nothing twice: {rest:?}");
    }
    for node in &cluster.nodes {
        assert!(node.metric("pika_feed_gaps_total", "").await + node.metric("pika_feed_repairs_total", "").await >= 2.0);
    }

    // Who heard it on a node that has mended itself, and moves to one that has not yet, is not told of another log.
    feed.republish(false).await;
    for round in 0..3 {
        let seq = announce(&mut dj, &format!("Ahead {round}")).await;
        let [one, other] = &mut dancers;
        let ahead = tokio::select! {
            _ = one.hear("ANNOUNCEMENT_RECEIVED") => 0,
            _ = other.hear("ANNOUNCEMENT_RECEIVED") => 1,
        };
        let mut moved = Socket::open(&cluster.nodes[1 - ahead]).await;
        let answer = own(moved.resume(&session, json!({"epoch": epoch, "seq": seq})).await, &session);
        assert_eq!((&answer[0]["recovered"], answer[0].get("reason")), (&json!(true), None), "round {round}");
        dancers[1 - ahead].hear("ANNOUNCEMENT_RECEIVED").await;
        let twice = moved.drain().await;
        assert!(twice.iter().all(|m| m["type"] != "ANNOUNCEMENT_RECEIVED"), "{twice:?}");
    }
    feed.republish(true).await;
}

#[tokio::test]
async fn who_moves_to_a_node_that_cannot_read_what_they_heard_is_sent_away_and_not_back_in_time() {
    let cluster = Cluster::start().await;
    let feed = Feed::of(&cluster.nats).await;
    let mut dj = Dj::live(&cluster.ingest).await;
    let session = dj.session.clone();
    let ([first, second], epoch) = subscribed(&cluster, &session).await;
    // A broker that lags behind its leader neither republishes nor gives a fact that the log has.
    feed.readable(false).await;
    let heard_elsewhere = announce(&mut dj, "News").await;
    let subscribe = json!({"type": "SUBSCRIBE", "sessionId": session, "resume": {"epoch": epoch, "seq": heard_elsewhere}});
    let mut moved = Socket::open(&cluster.nodes[1]).await;
    assert_eq!(moved.ask(subscribe.clone()).await["type"], "NACK");
    assert_eq!(moved.closing().await, Some(4503));
    assert_eq!(own(moved.heard(), &session), [] as [Value; 0]);

    feed.readable(true).await;
    let seated = until("the place to be known", async || {
        let mut again = Socket::open(&cluster.nodes[1]).await;
        (again.ask(subscribe.clone()).await["type"] == "ACK").then(|| own(again.heard(), &session))
    });
    let answer = seated.await;
    assert_eq!((&answer[0]["recovered"], &answer[0]["seq"]), (&json!(true), &json!(heard_elsewhere)));
    first.vanish();
    second.vanish();
}
