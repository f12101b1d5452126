use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use nats::{Broker, BrokerError, Entry};
use schemas::claim::{Claim, ClaimRecord, Pack, Speaker};
use schemas::{Millis, Partition, SessionId};

use crate::support::*;

fn peak(listeners: u64) -> Pack {
    Pack { node: None, claims: vec![ClaimRecord { at: Millis::now(), by: Speaker::System, op: None, claim: Claim::Peak { listeners } }] }
}

fn number(pack: &Pack) -> u64 {
    match pack.claims[0].claim {
        Claim::Peak { listeners } => listeners,
        other => panic!("{other:?}"),
    }
}

/// Publishes until it is stored, as a client does that repeats. What was stored for certain is one of the tries.
async fn insist(broker: &Broker, session: &SessionId, n: u64) -> u64 {
    until("a stored pack", || async {
        match broker.publish_packs(&[(session.clone(), peak(n))]).await {
            Ok(seqs) => Some(seqs[0]),
            Err(BrokerError::Unavailable(_)) => None,
            Err(error) => panic!("{error}"),
        }
    })
    .await
}

#[tokio::test]
async fn a_reader_gets_its_partition_and_nothing_else_in_order() {
    let world = World::new().await;
    let broker = world.broker().await;
    // Two sessions of one partition and one of another.
    let all: Vec<SessionId> = (0..400).map(|i| session(&format!("session-{i}"))).collect();
    let one = all[0].clone();
    let same = all[1..].iter().find(|s| s.partition() == one.partition()).unwrap().clone();
    let other = all.iter().find(|s| s.partition() != one.partition()).unwrap().clone();
    let mut expected = Vec::new();
    let mut last = 0;
    for n in 0..50 {
        last = broker.append(&one, last, &[track(&n.to_string())], None, &[]).await.unwrap().seqs[0];
        expected.push(last);
        let seqs = broker.publish_packs(&[(same.clone(), peak(n)), (other.clone(), peak(n)), (one.clone(), peak(n))]).await.unwrap();
        expected.extend([seqs[0], seqs[2]]);
    }
    for after in [0, expected[0], expected[70], expected[148]] {
        let wanted: Vec<_> = expected.iter().copied().filter(|seq| *seq > after).collect();
        let entries = broker.read_partition(one.partition(), after).await.unwrap();
        let read: Vec<_> = soon("the partition", entries.take(wanted.len()).map(|e| e.unwrap().seq()).collect()).await;
        assert_eq!(read, wanted, "after {after}");
    }
}

#[tokio::test]
async fn an_entry_is_delivered_within_milliseconds() {
    let world = World::new().await;
    let broker = world.broker().await;
    let s = session("friday-night");
    let mut entries = broker.read_partition(s.partition(), 0).await.unwrap();
    let mut waits = Vec::new();
    for n in 0..400 {
        let start = Instant::now();
        let seq = broker.publish_packs(&[(s.clone(), peak(n))]).await.unwrap()[0];
        assert_eq!(soon("the entry", entries.next()).await.unwrap().unwrap().seq(), seq);
        waits.push(start.elapsed());
    }
    waits.sort_unstable();
    let (median, p99) = (waits[200], waits[396]);
    println!("publish to delivery: median {median:?}, 99 of 100 within {p99:?}");
    assert!(median < Duration::from_millis(20), "{median:?}");
}

/// The server is killed again and again under a publisher and a reader of one partition.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_the_reader_goes_on_exactly() {
    let world = World::new().await;
    let broker = world.broker().await;
    let reading = world.broker().await;
    let s = session("friday-night");
    let (partition, total, kills) = (s.partition(), 600_u64, [100_u64, 250, 400]);
    let publisher = tokio::spawn({
        let (broker, s) = (broker.clone(), s.clone());
        let (progress, seen) = tokio::sync::watch::channel(0);
        let work = async move {
            let mut stored = Vec::new();
            for n in 0..total {
                stored.push((insist(&broker, &s, n).await, n));
                progress.send_replace(n);
            }
            stored
        };
        let mut seen = seen;
        let pids = async move {
            for at in kills {
                seen.wait_for(|n| *n >= at).await.unwrap();
                let pid = until("a server", || async { world.server.pid() }).await;
                signal(pid, "-KILL");
            }
            world
        };
        async move { tokio::join!(work, pids) }
    });
    let mut entries = reading.read_partition(partition, 0).await.unwrap();
    let mut read: Vec<(u64, u64)> = Vec::new();
    while read.last().is_none_or(|(_, n)| *n < total - 1) {
        match tokio::time::timeout(Duration::from_secs(60), entries.next()).await.expect("the reader goes on").unwrap().unwrap() {
            Entry::Pack(pack) => read.push((pack.seq, number(&pack.pack))),
            other => panic!("{other:?}"),
        }
    }
    let (stored, world) = publisher.await.unwrap();
    assert!(read.windows(2).all(|pair| pair[0].0 < pair[1].0), "out of order or repeated");
    assert!(read.windows(2).all(|pair| pair[0].1 <= pair[1].1), "one publisher's packs changed places");
    let set: HashSet<_> = read.iter().copied().collect();
    let lost: Vec<_> = stored.iter().filter(|pair| !set.contains(pair)).collect();
    assert!(lost.is_empty(), "acknowledged but not read: {lost:?}");
    // The reader saw the whole log of the partition, unacknowledged tries included.
    let fresh = world.broker().await.read_partition(partition, 0).await.unwrap();
    let again: Vec<_> = soon("the log again", fresh.take(read.len()).map(|e| e.unwrap().seq()).collect()).await;
    assert_eq!(read.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), again);
    println!("{} stored for {total} acknowledged, over {} kills", read.len(), kills.len());
}

#[tokio::test]
async fn a_reader_whose_consumer_is_deleted_makes_another() {
    let world = World::new().await;
    let broker = world.broker().await;
    let s = session("friday-night");
    let mut entries = broker.read_partition(s.partition(), 0).await.unwrap();
    let live = async_nats::jetstream::new(world.stranger().await).get_stream("LIVE").await.unwrap();
    for n in 0..5 {
        let seq = broker.publish_packs(&[(s.clone(), peak(n))]).await.unwrap()[0];
        assert_eq!(soon("the entry", entries.next()).await.unwrap().unwrap().seq(), seq);
        let names: Vec<String> = live.consumer_names().map(Result::unwrap).collect().await;
        for name in names {
            live.delete_consumer(&name).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_readers_share_a_process() {
    let world = World::new().await;
    let broker = world.broker().await;
    let packs: Vec<_> = (0..500).map(|i| (session(&format!("session-{i}")), peak(i))).collect();
    let start = Instant::now();
    let mut readers = Vec::new();
    for partition in Partition::all() {
        readers.push((partition, broker.read_partition(partition, 0).await.unwrap()));
    }
    println!("64 readers opened in {:?}", start.elapsed());
    let seqs = broker.publish_packs(&packs).await.unwrap();
    for (partition, entries) in readers {
        let mine: Vec<_> = packs.iter().zip(&seqs).filter(|((s, _), _)| s.partition() == partition).map(|(_, seq)| *seq).collect();
        let read: Vec<_> = soon("a partition", entries.take(mine.len()).map(|e| e.unwrap().seq()).collect()).await;
        assert_eq!(read, mine, "partition {partition}");
    }
}
