use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nats::Broker;
use nats::lease::{LeaseChange, LeaseConfig, share};
use schemas::Partition;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::*;

/// A worker that only notes what it owns.
struct Worker {
    owns: Arc<Mutex<BTreeSet<Partition>>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Worker {
    fn start(broker: Broker, name: &str) -> Worker {
        let owns: Arc<Mutex<BTreeSet<Partition>>> = Arc::default();
        let stop = CancellationToken::new();
        let (sender, mut changes) = mpsc::channel(4);
        let sharing = share(broker, name.to_owned(), LeaseConfig::default(), sender, stop.clone());
        let noted = owns.clone();
        let task = tokio::spawn(async move {
            let noting = async {
                while let Some(change) = changes.recv().await {
                    let news = match change {
                        LeaseChange::Gained(p) => noted.lock().unwrap().insert(p),
                        LeaseChange::Lost(p) => noted.lock().unwrap().remove(&p),
                    };
                    assert!(news, "told twice");
                }
            };
            let (shared, ()) = tokio::join!(sharing, noting);
            shared.unwrap();
        });
        Worker { owns, stop, task }
    }

    fn owns(&self) -> BTreeSet<Partition> {
        self.owns.lock().unwrap().clone()
    }

    /// As `kill -9`: no word of farewell.
    fn die(&self) {
        self.task.abort();
    }
}

/// Waits until the workers hold these many and together all of them, none twice; how long it took.
async fn shared_out(workers: &[&Worker], shares: &[usize]) -> Duration {
    let start = Instant::now();
    until(&format!("shares {shares:?}"), || async {
        let held: Vec<_> = workers.iter().map(|w| w.owns()).collect();
        let mut counts: Vec<_> = held.iter().map(BTreeSet::len).collect();
        counts.sort_unstable();
        (counts == shares && held.iter().flatten().collect::<BTreeSet<_>>().len() == 64).then_some(())
    })
    .await;
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_come_and_go_and_every_partition_is_served() {
    let world = World::new().await;
    let one = Worker::start(world.broker().await, "one");
    let took = shared_out(&[&one], &[64]).await;
    assert!(took < Duration::from_secs(1), "alone: {took:?}");
    let two = Worker::start(world.broker().await, "two");
    let took = shared_out(&[&one, &two], &[32, 32]).await;
    println!("a newcomer had its share after {took:?}");
    assert!(took < Duration::from_secs(2), "a newcomer: {took:?}");
    let three = Worker::start(world.broker().await, "three");
    shared_out(&[&one, &two, &three], &[21, 21, 22]).await;
    // One is killed.
    two.die();
    let took = shared_out(&[&one, &three], &[32, 32]).await;
    println!("a dead worker's share had moved after {took:?}");
    assert!(took < Duration::from_secs(3), "a death: {took:?}");
    // One leaves politely.
    three.stop.cancel();
    let took = shared_out(&[&one], &[64]).await;
    println!("a leaver's share had moved after {took:?}");
    assert!(took < Duration::from_millis(1_500), "a farewell: {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_start_together_do_not_share_a_partition() {
    let world = World::new().await;
    let brokers = [world.broker().await, world.broker().await, world.broker().await, world.broker().await];
    let workers: Vec<_> = brokers.into_iter().zip(["a", "b", "c", "d"]).map(|(broker, name)| Worker::start(broker, name)).collect();
    shared_out(&workers.iter().collect::<Vec<_>>(), &[16, 16, 16, 16]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_away_nobody_loses_or_gains() {
    let world = World::new().await;
    let broker = world.broker().await;
    let (one, two) = (Worker::start(broker.clone(), "one"), Worker::start(world.broker().await, "two"));
    shared_out(&[&one, &two], &[32, 32]).await;
    let before = (one.owns(), two.owns());
    let pid = world.server.pid().unwrap();
    // Stopped for longer than the expiry; the connections stay, the answers do not come.
    signal(pid, "-STOP");
    let frozen = Instant::now();
    until("the expiry to pass", || async { (frozen.elapsed() > Duration::from_secs(3)).then_some(()) }).await;
    assert_eq!((one.owns(), two.owns()), before);
    signal(pid, "-CONT");
    // Killed: the same, and afterwards the shares are as they were.
    world.kill();
    until("another server", || async { world.server.pid().filter(|p| *p != pid) }).await;
    until("the connection", || async { broker.available().then_some(()) }).await;
    let back = Instant::now();
    until("a few looks", || async { (back.elapsed() > Duration::from_secs(3)).then_some(()) }).await;
    assert_eq!((one.owns(), two.owns()), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_was_cut_off_hears_what_it_lost() {
    let world = World::new().await;
    let one = Worker::start(world.broker().await, "one");
    shared_out(&[&one], &[64]).await;
    // Somebody takes over while it did not look: as another worker does that thinks it dead.
    let kv = async_nats::jetstream::new(world.stranger().await).get_key_value("LEASES").await.unwrap();
    let entry = kv.entry("part.7").await.unwrap().unwrap();
    assert_eq!(entry.value, "one");
    kv.put("worker.other", "".into()).await.unwrap();
    kv.update("part.7", "other".into(), entry.revision).await.unwrap();
    until("the loss", || async { (!one.owns().contains(&Partition(7))).then_some(()) }).await;
    // The other never says another word, so it all comes back.
    shared_out(&[&one], &[64]).await;
}

#[tokio::test]
async fn a_name_that_would_change_a_subject_is_refused() {
    let world = World::new().await;
    let (changes, _receiver) = mpsc::channel(1);
    for bad in ["", "a.b", "x*", "white space"] {
        let refused = share(world.broker().await, bad.to_owned(), LeaseConfig::default(), changes.clone(), CancellationToken::new()).await;
        assert!(matches!(refused, Err(nats::BrokerError::Refused(_))), "{bad:?}");
    }
}
