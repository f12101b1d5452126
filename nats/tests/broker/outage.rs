use std::time::{Duration, Instant};

use nats::connection::BrokerEvent;
use nats::{AppendError, Broker, BrokerError, Config};
use schemas::claim::Pack;
use schemas::note::Verdicts;
use schemas::{NodeId, PollId};

use crate::support::*;

/// "At once": no time-out of any kind lies below this.
const AT_ONCE: Duration = Duration::from_millis(100);

async fn at_once<T: std::fmt::Debug>(what: &str, call: impl Future<Output = Result<T, BrokerError>>) {
    let start = Instant::now();
    let outcome = call.await;
    assert!(matches!(outcome, Err(BrokerError::Unavailable(_))), "{what}: {outcome:?}");
    assert!(start.elapsed() < AT_ONCE, "{what} took {:?}", start.elapsed());
}

#[tokio::test]
async fn while_the_broker_is_away_everything_says_so_at_once_and_nothing_is_stored_later() {
    let world = World::new().await;
    let broker = world.broker().await;
    let s = session("friday-night");
    let begin = broker.append(&s, 0, &[begun()], None, &[]).await.unwrap().seqs[0];
    let mut events = broker.events();
    assert!(broker.available());
    let dir = world.dir;
    world.server.stop().await;
    until("the loss of the connection", || async { (!broker.available()).then_some(()) }).await;
    assert_eq!(soon("the news", events.recv()).await.unwrap(), BrokerEvent::Disconnected);
    let pack = Pack { node: None, claims: vec![] };
    for _ in 0..20 {
        at_once("a pack", broker.publish_packs(&[(s.clone(), pack.clone())])).await;
        at_once("packs", broker.publish_packs(&[(s.clone(), pack.clone()), (s.clone(), pack.clone())])).await;
        at_once("a fact", async {
            broker.append(&s, begin, &[track("lost")], None, &[]).await.map_err(|e| match e {
                AppendError::Broker(error) => error,
                AppendError::Conflict { last } => panic!("a conflict at {last}"),
            })
        })
        .await;
        at_once("a read", broker.facts_after(&s, 0, 10)).await;
        at_once("a timer", broker.cancel_timer(&s, PollId::new(1).unwrap())).await;
        at_once("a code", broker.reserve_code(&s)).await;
        let verdicts = Verdicts { session: s.clone(), list: vec![], tallies: vec![] };
        at_once("a note", broker.send_verdicts(&NodeId::random(), &verdicts)).await;
        at_once("a probe", broker.probe_dj(&s)).await;
        at_once("a token", broker.ask_token(&schemas::note::AskToken::by_hash(String::new()))).await;
    }
    let server = start(dir.path().into()).await;
    let returned = Instant::now();
    until("the connection", || async { broker.available().then_some(()) }).await;
    println!("rejoined {:?} after the server's return", returned.elapsed());
    assert!(returned.elapsed() < Duration::from_secs(1), "{:?}", returned.elapsed());
    assert_eq!(soon("the news", events.recv()).await.unwrap(), BrokerEvent::Connected);
    // The connection keeps its order: what had been queued would lie before this.
    let next = broker.append(&s, begin, &[track("kept")], None, &[]).await.unwrap().seqs[0];
    assert_eq!(next, begin + 1, "something was stored after its refusal");
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_answering_is_noticed() {
    let world = World::new().await;
    let broker = world.broker_with(Config { ack_deadline: Duration::from_millis(500), ..Config::default() }).await;
    let s = session("friday-night");
    let pid = world.server.pid().unwrap();
    signal(pid, "-STOP");
    let start = Instant::now();
    let outcome = broker.publish_packs(&[(s.clone(), Pack { node: None, claims: vec![] })]).await;
    assert!(matches!(outcome, Err(BrokerError::Unavailable(_))), "{outcome:?}");
    assert!(start.elapsed() < Duration::from_millis(1_500), "{:?}", start.elapsed());
    until("the silence to be noticed", || async { (!broker.available()).then_some(()) }).await;
    println!("a silent server was noticed after {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
    signal(pid, "-CONT");
    until("the connection", || async { broker.available().then_some(()) }).await;
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_said_within_the_patience() {
    let start = Instant::now();
    let nobody = Config { servers: vec!["nats://127.0.0.1:1".to_owned()], ..Config::default() };
    let outcome = Broker::connect(nobody, Duration::from_millis(500)).await;
    assert!(matches!(outcome.err(), Some(BrokerError::Unavailable(_))));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_together_make_the_streams_once() {
    let world = World::new().await;
    let url = world.server.url();
    let starts = (0..8).map(|_| {
        let config = Config { servers: vec![url.clone()], ..Config::default() };
        tokio::spawn(Broker::connect(config, PATIENCE))
    });
    for started in futures_util::future::join_all(starts).await {
        started.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_does_not_read_is_told_that_it_lagged() {
    let world = World::new().await;
    let broker = world.broker().await;
    let node = NodeId::random();
    let mut events = broker.events();
    let _unread = broker.verdicts(&node).await.unwrap();
    let stranger = world.stranger().await;
    for _ in 0..70_000 {
        stranger.publish(format!("verdict.{node}"), "x".into()).await.unwrap();
    }
    assert_eq!(soon("the news", events.recv()).await.unwrap(), BrokerEvent::Lagged);
    assert!(broker.available());
}
