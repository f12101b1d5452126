//! What three brokers promise together, with one of them killed or held still.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chaos::brokers::Brokers;
use nats::{AppendError, Broker, BrokerError, Config, Known, Session, Sessions, Shard, Update};
use schemas::fact::{Begun, Fact, FactRecord, Owner};
use schemas::lobby::{Begin, LobbyRecord, LobbyStatus};
use schemas::{Millis, Partition, PersonId, Seq, SessionId};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(30);
/// How long a killed leader stays away.
const AWAY: Duration = Duration::from_secs(2);

struct World {
    brokers: Brokers,
    _dir: TempDir,
}

impl World {
    async fn new() -> World {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        World { brokers: Brokers::start(dir.path(), None).await.unwrap(), _dir: dir }
    }

    async fn broker(&self) -> Broker {
        self.broker_at(&self.brokers.urls()).await
    }

    async fn broker_at(&self, servers: &[String]) -> Broker {
        let config = Config { servers: servers.to_vec(), replicas: 3, ..Config::default() };
        let broker = Broker::connect(config, PATIENCE).await.unwrap();
        // The servers may still be choosing who leads them.
        until("the log", || async { broker.declare(Shard::ONE, Known::default()).await.ok() }).await;
        broker
    }

    async fn leader(&self, broker: &Broker) -> usize {
        let leader = until("a leader", || async { broker.log_leader(Partition(0)).await.ok().flatten() }).await;
        self.brokers.by_name(&leader).unwrap()
    }
}

async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let seen = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// First the session begins, then it plays.
fn fact(n: u64) -> FactRecord {
    let owner = Owner::Person { person: PersonId([7; 16]), address: None };
    let track = serde_json::json!({ "artist": "Somebody", "title": n.to_string() });
    let fact = match n {
        0 => Fact::Begun(Begun { dj_name: "Ana".to_owned(), owner, join_code: "C7X4KM".to_owned(), by_socket: true }),
        _ => Fact::Track { track: serde_json::from_value(track).unwrap(), played_at: Millis::now() },
    };
    FactRecord { at: Millis::now(), op: None, fact }
}

fn shown() -> LobbyRecord {
    LobbyRecord {
        dj_name: "Ana".to_owned(),
        join_code: "C7X4KM".to_owned(),
        began_at: Millis::now(),
        status: LobbyStatus::Live,
        begin: Begin::Before(1),
        track: None,
        announcement: None,
    }
}

/// Appends until it is acknowledged, as a client does that repeats. Gives its place.
async fn insist(broker: &Broker, session: &SessionId, last: &mut Seq, n: u64) -> Seq {
    let expected = std::cell::Cell::new(*last);
    let seq = until("an acknowledgement", || async {
        match broker.append(session, expected.get(), &[fact(n)], None, &[]).await {
            Ok(appended) => return Some(appended.seqs[0]),
            // What was not acknowledged may be stored: then it stands in the way, and the next goes behind it.
            Err(AppendError::Conflict { last }) => expected.set(last),
            Err(AppendError::Broker(BrokerError::Unavailable(_))) => {}
            Err(error) => panic!("{error}"),
        }
        None
    })
    .await;
    *last = seq;
    seq
}

/// Hears a session as a node does, until the fact at `end`.
async fn hear(session: Session, end: tokio::sync::watch::Receiver<Option<Seq>>) -> Vec<Seq> {
    let mut updates = session.updates();
    let mut heard: Vec<Seq> = session.kept().1.iter().map(|applied| applied.seq).collect();
    let hear = async {
        while end.borrow().is_none_or(|end| heard.last().is_none_or(|last| *last < end)) {
            match timeout(Duration::from_millis(500), updates.recv()).await {
                Ok(Ok(Update::Fact(applied))) if heard.last().is_none_or(|last| *last < applied.seq) => heard.push(applied.seq),
                Ok(Ok(Update::Fact(applied))) => panic!("{} was heard after {:?}", applied.seq, heard.last()),
                Ok(Ok(_)) | Err(_) => {}
                Ok(Err(error)) => panic!("{error}"),
            }
        }
    };
    timeout(PATIENCE * 4, hear).await.expect("the end is heard");
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_leader_costs_nothing_acknowledged_and_every_node_hears_all_of_it_in_order() {
    let mut world = World::new().await;
    let (broker, stop) = (world.broker().await, CancellationToken::new());
    let session = SessionId::parse("friday-night").unwrap();
    let (ended, end) = tokio::sync::watch::channel(None);
    let mut last = 0;
    insist(&broker, &session, &mut last, 0).await;
    let mut hearing = Vec::new();
    for _ in 0..2 {
        let sessions = Sessions::new(world.broker().await, stop.clone());
        hearing.push(tokio::spawn(hear(sessions.meet(&session).await.unwrap(), end.clone())));
    }
    let (mut acknowledged, mut longest) = (BTreeSet::new(), Duration::ZERO);
    let mut n = 1;
    for kill in 0..4 {
        let until_kill = n + 150;
        while n < until_kill {
            let asked = Instant::now();
            acknowledged.insert(insist(&broker, &session, &mut last, n).await);
            longest = longest.max(asked.elapsed());
            n += 1;
        }
        if kill == 3 {
            break;
        }
        let leader = world.leader(&broker).await;
        world.brokers.servers[leader].child.kill().await.unwrap();
        let killed = Instant::now();
        while killed.elapsed() < AWAY {
            let asked = Instant::now();
            acknowledged.insert(insist(&broker, &session, &mut last, n).await);
            longest = longest.max(asked.elapsed());
            n += 1;
        }
        world.brokers.servers[leader].child.start().unwrap();
        world.brokers.together().await.unwrap();
    }
    ended.send_replace(Some(last));
    let all: Vec<Seq> = broker.whole_facts_after(&session, 0).await.unwrap().iter().map(|fact| fact.seq).collect();
    assert!(acknowledged.iter().all(|seq| all.contains(seq)), "an acknowledged fact is not in the log");
    for hearing in hearing {
        assert_eq!(hearing.await.unwrap(), all, "a node heard something else than the log holds");
    }
    assert_eq!(broker.epoch(Partition(0)), 1);
    println!("{} acknowledged over 3 kills, {} stored, the longest wait {longest:?}", acknowledged.len(), all.len());
}

/// Both are guarded by the session's newest fact, and three servers refuse the second of them while the first is on its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fact_is_stored_though_the_lobby_is_written_in_the_same_moment() {
    let world = World::new().await;
    let (broker, worker) = (world.broker().await, world.broker().await);
    let session = SessionId::parse("friday-night").unwrap();
    let mut last = 0;
    for n in 0..200 {
        last = insist(&broker, &session, &mut last, 2 * n).await;
        let (facts, record) = ([fact(2 * n + 1)], shown());
        let showing = worker.show(&session, last, &record);
        let appending = broker.append(&session, last, &facts, Some(&record), &[]);
        let (shown, appended) = tokio::join!(showing, appending);
        assert!(matches!(shown, Ok(()) | Err(AppendError::Conflict { .. })), "{shown:?}");
        last = appended.unwrap().seqs[0];
    }
}

async fn compare(worker: &Broker, known: Known, time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        let _ = worker.declare(Shard::ONE, known).await;
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_held_still_is_no_lost_log() {
    let mut world = World::new().await;
    let broker = world.broker().await;
    let session = SessionId::parse("friday-night").unwrap();
    let mut last = 0;
    for round in 0..2 {
        let leader = world.leader(&broker).await;
        let beside = world.broker_at(&world.brokers.urls()[leader..=leader]).await;
        world.brokers.servers[leader].child.pause();
        let paused = Instant::now();
        let mut n = 0;
        while paused.elapsed() < Duration::from_secs(8) || n < 50 {
            insist(&broker, &session, &mut last, n).await;
            n += 1;
        }
        // The one that was held still takes itself for the leader until it hears of the other, and answers those who ask it so. It
        // goes on in fits and starts, which gives it more time to.
        // Workers that know what was folded compare again and again.
        let known = Known { epoch: 1, high: last, agreed: None };
        let [a, b] = [&broker, &beside].map(|worker| compare(worker, known, Duration::from_secs(5)));
        tokio::join!(world.brokers.servers[leader].child.stammer(Duration::from_secs(3)), a, b);
        until("the log is what it was", || async { broker.is_sound().then_some(()) }).await;
        assert_eq!(broker.eras(Partition(0)).0.len(), 1, "round {round}: a log that is whole was declared lost");
        world.brokers.together().await.unwrap();
    }
}
