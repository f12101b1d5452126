//! A log that is lost, rewound or put back from a backup, and what is declared then.

use std::path::{Path, PathBuf};

use nats::connection::BrokerEvent;
use nats::server::Server;
use nats::{Broker, BrokerError, Config, Decision, Known, Lobby, Sessions, Shard, Update};
use schemas::lobby::{Begin, LobbyStatus};
use schemas::{Millis, Partition, Pos, Seq};
use tokio_util::sync::CancellationToken;

use crate::support::*;

async fn connect(server: &Server) -> Broker {
    Broker::connect(Config { servers: vec![server.url()], ..Config::default() }, PATIENCE).await.unwrap()
}

fn known(epoch: u32, high: Seq) -> Known {
    Known { epoch, high, agreed: None }
}

/// Whatever a backup is, it is at least this.
fn copy(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

/// A log with a backup taken after `kept` tracks and `lost` more tracks after it; the server stands still.
struct Shelf {
    dir: tempfile::TempDir,
    begin: Seq,
    kept: Seq,
    lost: Seq,
}

impl Shelf {
    fn data(&self) -> PathBuf {
        self.dir.path().join("nats")
    }

    async fn new() -> Shelf {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("nats");
        let (friday, saturday) = (session("friday-night"), session("saturday-night"));
        let server = start(data.clone()).await;
        let broker = connect(&server).await;
        broker.declare(Shard::ONE, known(0, 0)).await.unwrap();
        let live = |code| lobby(LobbyStatus::Live, code, Begin::Before(1));
        let begin = broker.append(&friday, 0, &[begun()], Some(&live("C7X4KM")), &[]).await.unwrap().seqs[0];
        let kept = broker.append(&friday, begin, &[track("kept")], None, &[]).await.unwrap().seqs[0];
        drop(broker);
        server.stop().await;
        copy(&data, &dir.path().join("backup"));
        let server = start(data.clone()).await;
        let broker = connect(&server).await;
        broker.append(&saturday, 0, &[begun()], Some(&live("D7X4KM")), &[]).await.unwrap();
        let lost = broker.append(&friday, kept, &[track("lost"), track("lost too")], None, &[]).await.unwrap().seqs[1];
        drop(broker);
        server.stop().await;
        Shelf { dir, begin, kept, lost }
    }

    fn put_the_backup_back(&self) {
        std::fs::rename(self.data(), self.dir.path().join("lost")).unwrap();
        copy(&self.dir.path().join("backup"), &self.data());
    }
}

fn refused(outcome: Result<impl std::fmt::Debug, nats::AppendError>) {
    assert!(matches!(outcome, Err(nats::AppendError::Broker(BrokerError::Unavailable(_)))), "{outcome:?}");
}

#[tokio::test]
async fn a_log_that_lost_a_single_message_is_declared_though_asking_for_its_end_stores_one() {
    let world = World::new().await;
    let (worker, node) = (connect(&world.server).await, connect(&world.server).await);
    assert_eq!(worker.declare(Shard::ONE, known(0, 0)).await.unwrap(), 1);
    until("the node", || async { node.is_sound().then_some(()) }).await;
    let last = node.append(&session("friday-night"), 0, &[begun()], None, &[]).await.unwrap().seqs[0];
    assert_eq!(worker.declare(Shard::ONE, known(1, last)).await.unwrap(), 1);
    assert_eq!(worker.declare(Shard::ONE, known(1, last + 1)).await.unwrap(), 2);
}

#[tokio::test]
async fn nothing_is_admitted_to_a_log_that_nobody_compared_with_a_store() {
    let world = World::new().await;
    let broker = connect(&world.server).await;
    assert!(!broker.is_sound());
    refused(broker.append(&session("friday-night"), 0, &[begun()], None, &[]).await);
    let outcome = broker.publish_packs(&[]).await;
    assert!(matches!(outcome, Err(BrokerError::Unavailable(_))), "{outcome:?}");
    assert_eq!(connect(&world.server).await.declare(Shard::ONE, known(0, 0)).await.unwrap(), 1);
    soon("the declaration", broker.sound(Partition(0))).await;
    assert_eq!(broker.epoch(Partition(0)), 1);
    assert!(broker.append(&session("friday-night"), 0, &[begun()], None, &[]).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_workers_declare_one_epoch() {
    let world = World::new().await;
    let mut brokers = Vec::new();
    for _ in 0..8 {
        brokers.push(connect(&world.server).await);
    }
    let declared = brokers
        .iter()
        .map(|broker| async { until("a declaration", || async { broker.declare(Shard::ONE, known(3, 7_000)).await.ok() }).await });
    assert_eq!(futures_util::future::join_all(declared).await, [4; 8]);
    assert_eq!(brokers[0].eras(Partition(0)).0.iter().map(|era| era.epoch).collect::<Vec<_>>(), [4]);
}

#[tokio::test]
async fn of_two_that_declare_a_new_log_at_once_the_second_takes_nothing_for_lost() {
    let world = World::new().await;
    let broker = connect(&world.server).await;
    let kv = async_nats::jetstream::new(async_nats::connect(world.server.url()).await.unwrap()).get_key_value("PIKA").await.unwrap();
    let began = serde_json::json!([{ "epoch": 1, "first": 0, "agreed": 0, "lost": 0, "at": Millis(1), "stream": "", "declared": false }]);
    kv.put("epoch", began.to_string().into()).await.unwrap();
    assert_eq!(broker.declare(Shard::ONE, known(0, 0)).await.unwrap(), 1);
    let era = broker.eras(Partition(0)).current().unwrap().clone();
    assert_eq!((era.first, era.agreed, era.lost, era.declared), (1, 0, 0, true));
}

#[tokio::test]
async fn after_a_backup_was_put_back_a_new_epoch_begins_beyond_what_was_ever_given_out() {
    let shelf = Shelf::new().await;
    shelf.put_the_backup_back();
    let server = start(shelf.data()).await;
    // Who has seen nothing of the log cannot know; the store does.
    let (worker, node) = (connect(&server).await, connect(&server).await);
    assert!(node.is_sound());
    let mut events = node.events();
    assert_eq!(worker.declare(Shard::ONE, known(1, shelf.lost)).await.unwrap(), 2);
    assert_eq!(soon("the epoch", events.recv()).await.unwrap(), BrokerEvent::Epoch);
    assert_eq!((node.epoch(Partition(0)), node.is_sound()), (2, true));
    let eras = node.eras(Partition(0));
    let era = eras.current().unwrap();
    assert_eq!((era.agreed, era.lost), (shelf.kept, shelf.lost));
    assert!(era.first > shelf.lost);
    assert!(eras.lost(shelf.lost) && !eras.lost(shelf.kept) && !eras.lost(era.first));
    assert_eq!(eras.resume(Pos::new(1, shelf.lost)), Some(Pos::new(2, shelf.kept)));
    let next = node.append(&session("friday-night"), shelf.kept, &[track("next")], None, &[]).await.unwrap().seqs[0];
    assert!(next >= era.first, "{next} was given out before");
    assert_eq!(worker.declare(Shard::ONE, known(1, shelf.lost)).await.unwrap(), 2, "once is enough");

    // The end of the log is where it was declared to be, also after a crash.
    let pid = server.pid().unwrap();
    signal(pid, "-KILL");
    until("another process", || async { server.pid().filter(|p| *p != pid) }).await;
    let later = connect(&server).await;
    assert_eq!((later.epoch(Partition(0)), later.is_sound()), (2, true));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_workers_declare_a_log_that_went_back_once() {
    let shelf = Shelf::new().await;
    shelf.put_the_backup_back();
    let server = start(shelf.data()).await;
    let mut workers = Vec::new();
    for _ in 0..8 {
        workers.push(connect(&server).await);
    }
    let known = known(1, shelf.lost);
    // Behind the proofs of many a log that lost little looks whole for a moment, and what is stored then lies beyond what was lost.
    let declared = workers.iter().map(|worker| async {
        until("the epoch", || async { worker.declare(Shard::ONE, known).await.ok().filter(|epoch| *epoch > 1) }).await
    });
    assert_eq!(futures_util::future::join_all(declared).await, [2; 8]);
    for worker in &workers {
        assert_eq!(worker.declare(Shard::ONE, known).await.unwrap(), 2);
    }
    server.stop().await;
}

#[tokio::test]
async fn who_saw_more_than_the_log_holds_admits_nothing_until_a_new_epoch() {
    let shelf = Shelf::new().await;
    let server = start(shelf.data()).await;
    let (node, s) = (connect(&server).await, session("friday-night"));
    let stop = CancellationToken::new();
    let sessions = Sessions::new(node.clone(), stop.clone());
    let index = Lobby::follow(&node, stop.clone()).await.unwrap();
    assert_eq!(index.count_on(), 2);
    let followed = sessions.meet(&s).await.unwrap();
    let seen = node.append(&s, shelf.lost, &[track("lost as well")], None, &[]).await.unwrap().seqs[0];
    let seen_by_view = until("the view", || async { Some(followed.view().last).filter(|last| *last == seen) }).await;
    assert_eq!((followed.view().run.as_ref().unwrap().plays.len(), seen_by_view), (4, seen));
    let (mut updates, mut changes) = (followed.updates(), index.changes());

    server.stop().await;
    shelf.put_the_backup_back();
    let server = start(shelf.data()).await;
    until("the doubt", || async { (node.available() && !node.is_sound()).then_some(()) }).await;
    refused(node.append(&s, shelf.kept, &[track("too early")], None, &[]).await);

    assert_eq!(connect(&server).await.declare(Shard::ONE, known(1, shelf.lost)).await.unwrap(), 2);
    let anew = async { while !matches!(updates.recv().await.unwrap(), Update::Anew) {} };
    soon("the new beginning", anew).await;
    let view = followed.view();
    assert_eq!((view.last, view.run.as_ref().unwrap().plays.len(), followed.epoch()), (shelf.kept, 1, 2));
    assert_eq!(followed.kept().0, shelf.begin - 1);
    let gone = soon("the lobby", changes.recv()).await.unwrap();
    assert!(matches!(gone, nats::LobbyChange::Ended(entry) if entry.session == session("saturday-night")));
    assert_eq!((index.count_on(), index.by_code("D7X4KM")), (1, None));
    let after = followed.append(|_| Ok(Decision::Append { facts: vec![track("after")], timers: vec![] })).await.unwrap();
    assert!(after[0] > seen, "{} was given out before", after[0]);
    stop.cancel();
    server.stop().await;
}

#[tokio::test]
async fn a_deleted_stream_is_made_again_in_a_new_epoch_beyond_the_old_one() {
    let world = World::new().await;
    let broker = world.broker().await;
    let s = session("friday-night");
    let last = broker.append(&s, 0, &[begun(), track("a"), track("b")], None, &[]).await.unwrap().seqs[2];
    let stranger = async_nats::jetstream::new(world.stranger().await);
    stranger.delete_stream("LIVE").await.unwrap();
    until("the doubt", || async { (!broker.is_sound()).then_some(()) }).await;
    refused(broker.append(&s, last, &[track("nowhere")], None, &[]).await);

    assert_eq!(broker.declare(Shard::ONE, known(1, 2_000_000)).await.unwrap(), 2);
    let era = broker.eras(Partition(0)).current().unwrap().clone();
    assert_eq!((era.agreed, era.lost), (0, 2_000_000));
    let again = broker.append(&s, 0, &[begun()], None, &[]).await.unwrap().seqs[0];
    assert!(again >= era.first && era.first > 2_000_000, "{again} {era:?}");

    // Made again by somebody else, with nothing in it, it is another log all the same.
    stranger.delete_stream("LIVE").await.unwrap();
    let other = connect(&world.server).await;
    assert!(!other.is_sound());
    assert_eq!(other.declare(Shard::ONE, known(2, again)).await.unwrap(), 3);
    soon("the declaration", broker.sound(Partition(0))).await;
    until("the epoch", || async { (broker.epoch(Partition(0)) == 3).then_some(()) }).await;
}

#[tokio::test]
async fn a_declaration_that_was_cut_short_is_finished_by_the_next_worker() {
    let shelf = Shelf::new().await;
    shelf.put_the_backup_back();
    let server = start(shelf.data()).await;
    let broker = connect(&server).await;
    let kv = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap()).get_key_value("PIKA").await.unwrap();
    let mut list: Vec<serde_json::Value> = serde_json::from_slice(&kv.get("epoch").await.unwrap().unwrap()).unwrap();
    let mut begun = list[0].clone();
    for (field, value) in [("epoch", 2.into()), ("first", 0.into()), ("agreed", shelf.kept.into()), ("lost", shelf.lost.into())] {
        begun[field] = value;
    }
    begun["declared"] = false.into();
    list.push(begun);
    kv.put("epoch", serde_json::to_vec(&list).unwrap().into()).await.unwrap();
    until("the doubt", || async { (!broker.is_sound()).then_some(()) }).await;
    // The next worker knows less than the first did, and still nothing is given out twice.
    assert_eq!(broker.declare(Shard::ONE, known(1, shelf.kept)).await.unwrap(), 2);
    let era = broker.eras(Partition(0)).current().unwrap().clone();
    assert_eq!((era.agreed, era.declared), (shelf.kept, true));
    assert!(era.first > shelf.lost);
    server.stop().await;
}
