use nats::{AppendError, Broker, Lobby, LobbyChange};
use schemas::claim::{Claim, ClaimRecord, Pack, Speaker};
use schemas::fact::Fact;
use schemas::lobby::{Begin, LobbyStatus};
use schemas::{Millis, PollId, SessionId};
use tokio_util::sync::CancellationToken;

use crate::support::*;

async fn begin(broker: &Broker, s: &SessionId, code: &str) -> u64 {
    let last = broker.newest_fact(s).await.unwrap().map_or(0, |f| f.seq);
    broker.append(s, last, &[begun()], Some(&lobby(LobbyStatus::Live, code, Begin::Before(1))), &[]).await.unwrap().seqs[0]
}

async fn change(broker: &Broker, s: &SessionId, fact: Fact, status: LobbyStatus, code: &str, begin: u64) {
    let last = broker.newest_fact(s).await.unwrap().unwrap().seq;
    broker.append(s, last, &[record(fact)], Some(&lobby(status, code, Begin::At(begin))), &[]).await.unwrap();
}

fn ids(lobby: &Lobby) -> Vec<String> {
    lobby.on().iter().map(|entry| entry.session.to_string()).collect()
}

#[tokio::test]
async fn an_empty_lobby_is_read_at_once_and_then_follows() {
    let world = World::new().await;
    let broker = world.broker().await;
    let stop = CancellationToken::new();
    let index = soon("an empty lobby", Lobby::follow(&broker, stop.clone())).await.unwrap();
    assert_eq!((index.count_on(), ids(&index).len()), (0, 0));
    let mut changes = index.changes();
    let s = session("friday-night");
    let first = begin(&broker, &s, "C7X4KM").await;
    let LobbyChange::Began(entry) = soon("the begin", changes.recv()).await.unwrap() else { panic!("no begin") };
    assert_eq!((entry.session.clone(), entry.begin()), (s.clone(), first));
    assert_eq!(index.by_code(" c7x4km"), Some(s.clone()));
    change(&broker, &s, Fact::Away { since: Millis::now() }, LobbyStatus::Away, "C7X4KM", first).await;
    assert!(matches!(soon("the absence", changes.recv()).await.unwrap(), LobbyChange::Other(e) if e.session == s));
    change(&broker, &s, ended(first).fact, LobbyStatus::Ended, "C7X4KM", first).await;
    assert!(matches!(soon("the end", changes.recv()).await.unwrap(), LobbyChange::Ended(e) if e.session == s));
    assert_eq!((index.count_on(), index.by_code("C7X4KM")), (0, None));
    assert_eq!(index.get(&s).unwrap().record.status, LobbyStatus::Ended);
    begin(&broker, &s, "D7X4KM").await;
    assert!(matches!(soon("the second begin", changes.recv()).await.unwrap(), LobbyChange::Began(e) if e.begin() > first));
    assert_eq!((index.by_code("C7X4KM"), index.by_code("D7X4KM")), (None, Some(s)));
    stop.cancel();
}

#[tokio::test]
async fn what_plays_is_shown_unless_another_fact_has_come() {
    let world = World::new().await;
    let broker = world.broker().await;
    let stop = CancellationToken::new();
    let index = Lobby::follow(&broker, stop.clone()).await.unwrap();
    let s = session("friday-night");
    let at = begin(&broker, &s, "AAAAA2").await;
    let seq = broker.append(&s, at, &[track("One")], None, &[]).await.unwrap().seqs[0];
    let shows = |title: &str| {
        let schemas::fact::Fact::Track { track, .. } = track(title).fact else { unreachable!() };
        schemas::lobby::LobbyRecord { track: Some(track), ..lobby(LobbyStatus::Live, "AAAAA2", Begin::At(at)) }
    };
    broker.show(&s, seq, &shows("One")).await.unwrap();
    let shown = async || index.get(&s).and_then(|entry| Some((entry.begin(), entry.record.track.clone()?.title.into_string())));
    assert_eq!(until("the track", shown).await, (at, "One".to_owned()));
    let newest = broker.append(&s, seq, &[track("Two")], None, &[]).await.unwrap().seqs[0];
    let late = broker.show(&s, seq, &shows("One")).await;
    assert!(matches!(late, Err(AppendError::Conflict { last }) if last == newest), "{late:?}");
    // A claim is no fact: the guard is on what the DJ said.
    let by = Speaker::Owner;
    let close = ClaimRecord { at: Millis::now(), by, op: None, claim: Claim::ClosePoll { poll: PollId::new(1).unwrap() } };
    broker.publish_packs(&[(s.clone(), Pack { node: None, claims: vec![close] })]).await.unwrap();
    broker.show(&s, newest, &shows("Two")).await.unwrap();
    until("the second track", async || shown().await.filter(|(_, title)| title == "Two")).await;
    stop.cancel();
}

#[tokio::test]
async fn who_comes_later_sees_the_same_lobby_also_after_a_restart() {
    let world = World::new().await;
    let broker = world.broker().await;
    for (name, code) in [("session-one", "AAAAA2"), ("session-two", "AAAAA3"), ("session-three", "AAAAA4"), ("session-four", "AAAAA5")] {
        let s = session(name);
        let at = begin(&broker, &s, code).await;
        match name {
            "session-two" => change(&broker, &s, Fact::Away { since: Millis::now() }, LobbyStatus::Away, code, at).await,
            "session-three" => change(&broker, &s, ended(at).fact, LobbyStatus::Ended, code, at).await,
            _ => {}
        }
    }
    let stop = CancellationToken::new();
    let index = soon("the lobby", Lobby::follow(&world.broker().await, stop.clone())).await.unwrap();
    let order = ["session-four", "session-one", "session-two"];
    assert_eq!(ids(&index), order);
    assert_eq!(index.first_on(1)[0].session.as_str(), "session-four");
    let pid = world.server.pid();
    world.kill();
    until("another server", || async { world.server.pid().filter(|p| Some(*p) != pid) }).await;
    until("the connection", || async { broker.available().then_some(()) }).await;
    let s = session("session-five");
    begin(&broker, &s, "AAAAA6").await;
    until("the fifth", || async { index.get(&s) }).await;
    assert_eq!(ids(&index), ["session-five", "session-four", "session-one", "session-two"]);
    stop.cancel();
}
