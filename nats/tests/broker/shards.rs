//! A log that is spread over four streams.

use futures_util::StreamExt;
use nats::connection::BrokerEvent;
use nats::{Broker, BrokerError, Config, Known, Lobby, Sessions};
use schemas::claim::{Claim, ClaimRecord, Pack, Speaker};
use schemas::lobby::{Begin, LobbyStatus};
use schemas::{Millis, SessionId};
use tokio_util::sync::CancellationToken;

use crate::support::*;

fn pack(listeners: u64) -> Pack {
    Pack { node: None, claims: vec![ClaimRecord { at: Millis::now(), by: Speaker::System, op: None, claim: Claim::Peak { listeners } }] }
}

fn four(world: &World) -> Config {
    Config { servers: vec![world.server.url()], shards: 4, ..Config::default() }
}

async fn broker(world: &World) -> Broker {
    let broker = Broker::connect(four(world), PATIENCE).await.unwrap();
    for shard in broker.shards() {
        broker.declare(shard, Known::default()).await.unwrap();
    }
    broker
}

/// A session on each of the four streams.
fn one_of_each() -> Vec<SessionId> {
    let on = |n: u8| (0..).map(|i| session(&format!("session-{i}"))).find(|s| s.partition().0 % 4 == n).unwrap();
    (0..4).map(on).collect()
}

#[tokio::test]
async fn each_session_lies_on_its_stream_and_everything_finds_it_there() {
    let world = World::new().await;
    let broker = broker(&world).await;
    let sessions = one_of_each();
    let stop = CancellationToken::new();
    let lobby_index = Lobby::follow(&broker, stop.clone()).await.unwrap();
    let followed = Sessions::new(broker.clone(), stop.clone());
    for s in &sessions {
        // Four logs that each begin with their own first sequence.
        let begun = [begun(), track("one")];
        let placed = broker.append(s, 0, &begun, Some(&lobby(LobbyStatus::Live, "C7X4KM", Begin::Before(2))), &[]).await.unwrap();
        assert_eq!(placed.seqs, [1, 2], "{s}");
        let met = followed.meet(s).await.unwrap();
        assert_eq!((met.view().last, met.epoch()), (2, 1));
        until("the lobby", || async { lobby_index.get(s).filter(|entry| entry.record.status == LobbyStatus::Live) }).await;
    }
    assert_eq!(lobby_index.count_on(), 4);
    // One group for all four: each pack's own sequence is told, in the order of the packs.
    let packs: Vec<(SessionId, Pack)> = sessions.iter().chain(sessions.iter().rev()).map(|s| (s.clone(), pack(1))).collect();
    assert_eq!(broker.publish_packs(&packs).await.unwrap(), [4, 4, 4, 4, 5, 5, 5, 5]);
    for s in &sessions {
        let entries = broker.read_partition(s.partition(), 0).await.unwrap();
        let read: Vec<_> = soon("the partition", entries.take(4).map(|entry| entry.unwrap().seq()).collect()).await;
        assert_eq!(read, [1, 2, 4, 5], "{s}");
        assert_eq!(broker.log_range(s.partition()).await.unwrap(), (1, 5));
        assert_eq!(broker.sessions_on(s.partition()).await.unwrap(), std::slice::from_ref(s));
    }
}

#[tokio::test]
async fn one_stream_is_lost_and_the_sessions_of_the_others_go_on_in_their_epoch() {
    let world = World::new().await;
    let broker = broker(&world).await;
    let sessions = one_of_each();
    let index = Lobby::follow(&broker, CancellationToken::new()).await.unwrap();
    for s in &sessions {
        broker.append(s, 0, &[begun()], Some(&lobby(LobbyStatus::Live, "C7X4KM", Begin::Before(1))), &[]).await.unwrap();
        until("the lobby", || async { index.get(s) }).await;
    }
    let (lost, kept) = (&sessions[2], &sessions[1]);
    let mut events = broker.events();
    async_nats::jetstream::new(world.stranger().await).delete_stream("LIVE_2").await.unwrap();
    until("the doubt", || async { (!broker.is_sound()).then_some(()) }).await;
    assert!((broker.admits(kept.partition()), broker.admits(lost.partition())) == (true, false));
    broker.append(kept, 1, &[track("goes on")], None, &[]).await.unwrap();
    assert!(matches!(broker.publish_packs(&[(lost.clone(), pack(1))]).await, Err(BrokerError::Unavailable(_))));
    let shard = broker.shards().find(|shard| shard.holds(lost.partition())).unwrap();
    assert_eq!(broker.declare(shard, Known { epoch: 1, high: 3, agreed: None }).await.unwrap(), 2);
    assert_eq!(soon("the epoch", events.recv()).await.unwrap(), BrokerEvent::Epoch);
    assert_eq!(sessions.iter().map(|s| broker.epoch(s.partition())).collect::<Vec<_>>(), [1, 1, 2, 1]);
    until("the lobby without it", || async { (index.count_on() == 3 && index.get(lost).is_none()).then_some(()) }).await;
    let (_, last) = broker.log_range(lost.partition()).await.unwrap();
    assert!(last >= 3, "the new stream begins behind what was given out: {last}");
    broker.append(lost, 0, &[begun()], None, &[]).await.unwrap();
}

#[tokio::test]
async fn a_process_that_believes_in_another_number_of_streams_does_not_start() {
    for (made, believed) in [(4, 1), (1, 4), (4, 8), (8, 4), (4, 2)] {
        let world = World::new().await;
        Broker::connect(Config { shards: made, ..four(&world) }, PATIENCE).await.unwrap();
        let Err(error) = Broker::connect(Config { shards: believed, ..four(&world) }, PATIENCE).await else {
            panic!("{believed} streams over a log of {made}");
        };
        assert!(error.to_string().contains("log_streams"), "{made} made, {believed} believed: {error}");
        Broker::connect(Config { shards: made, ..four(&world) }, PATIENCE).await.unwrap();
    }
}
