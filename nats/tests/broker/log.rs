use futures_util::StreamExt;
use nats::{AppendError, BrokerError, Timer};
use schemas::claim::{Claim, ClaimRecord, Pack, Speaker};
use schemas::client::Preference;
use schemas::fact::{Fact, PollOpened};
use schemas::lobby::{Begin, LobbyStatus};
use schemas::{Millis, Partition, PersonId, PollId};

use crate::support::*;

fn pack(person: u8) -> Pack {
    let by = Speaker::Person { id: PersonId([person; 16]), known: true };
    Pack {
        node: None,
        claims: vec![ClaimRecord { at: Millis::now(), by, op: None, claim: Claim::Tempo { preference: Preference::Faster } }],
    }
}

fn opened(poll: PollId) -> schemas::fact::FactRecord {
    let options = vec!["a".to_owned(), "b".to_owned()];
    let opened = PollOpened { poll, question: "?".to_owned(), options, ends_at: None, allow_change: false, hide_results: false };
    record(Fact::PollOpened(opened))
}

#[tokio::test]
async fn facts_come_back_as_they_were_appended() {
    let world = World::new().await;
    let broker = world.broker().await;
    let s = session("friday-night");
    assert_eq!(broker.newest_fact(&s).await.unwrap(), None);
    assert_eq!(broker.facts_after(&s, 0, 10).await.unwrap(), []);
    assert_eq!(broker.lobby_record(&s).await.unwrap(), None);
    let first = broker.append(&s, 0, &[begun()], None, &[]).await.unwrap().seqs;
    let facts = [track("one"), track("two"), track("three")];
    let more = broker.append(&s, first[0], &facts, None, &[]).await.unwrap().seqs;
    assert_eq!(more, [first[0] + 1, first[0] + 2, first[0] + 3]);
    let read = broker.facts_after(&s, first[0], 10).await.unwrap();
    assert_eq!(read.iter().map(|f| f.seq).collect::<Vec<_>>(), more);
    assert_eq!(read.iter().map(|f| f.record.clone()).collect::<Vec<_>>(), facts);
    assert!(read.iter().all(|f| f.stamp.since(Millis::now()).abs() < 60_000));
    assert_eq!(broker.newest_fact(&s).await.unwrap().unwrap().seq, more[2]);
    assert_eq!(broker.facts_after(&s, first[0], 2).await.unwrap().len(), 2);
    assert_eq!(broker.log_range(Partition(0)).await.unwrap(), (1, more[2]));
    assert_eq!(broker.epoch(Partition(0)), 1);
}

#[tokio::test]
async fn a_long_evening_is_read_over_many_pages() {
    let world = World::new().await;
    let broker = world.broker().await;
    let (s, other) = (session("friday-night"), session("another-one"));
    let mut last = 0;
    for round in 0..12 {
        let facts: Vec<_> = (0..100).map(|i| track(&format!("{round}-{i}"))).collect();
        last = *broker.append(&s, last, &facts, None, &[]).await.unwrap().seqs.last().unwrap();
        broker.publish_packs(&[(other.clone(), pack(1)), (s.clone(), pack(2))]).await.unwrap();
    }
    let read = broker.facts_after(&s, 0, 2_000).await.unwrap();
    let titles: Vec<_> = read.iter().map(|f| title(&f.record)).collect();
    let all: Vec<_> = (0..12).flat_map(|round| (0..100).map(move |i| format!("{round}-{i}"))).collect();
    assert_eq!(titles, all);
    assert_eq!(broker.facts_after(&s, 0, 700).await.unwrap().len(), 700);
}

#[tokio::test]
async fn of_two_appends_that_race_one_learns_where_the_other_lies() {
    let world = World::new().await;
    let (one, two) = (world.broker().await, world.broker().await);
    let s = session("friday-night");
    for alone in [true, false] {
        let last = one.newest_fact(&s).await.unwrap().map_or(0, |f| f.seq);
        let facts = |name: &str| if alone { vec![track(name)] } else { vec![track(name), track("more")] };
        let (a, b) = (facts("a"), facts("b"));
        let (a, b) = tokio::join!(one.append(&s, last, &a, None, &[]), two.append(&s, last, &b, None, &[]));
        let (won, lost) = if a.is_ok() { (a, b) } else { (b, a) };
        let newest = *won.unwrap().seqs.last().unwrap();
        assert!(matches!(lost, Err(AppendError::Conflict { last }) if last == newest), "{lost:?} after {newest}");
    }
}

#[tokio::test]
async fn a_batch_is_whole_or_absent() {
    let world = World::new().await;
    let broker = world.broker().await;
    let s = session("friday-night");
    let begin = broker.append(&s, 0, &[begun()], Some(&lobby(LobbyStatus::Live, "C7X4KM", Begin::Before(1))), &[]).await.unwrap().seqs[0];
    let (_, before) = broker.log_range(Partition(0)).await.unwrap();
    let poll = PollId::new(1).unwrap();
    let timer = Timer { poll, at: Millis::now().plus(3_600_000) };
    let ended_lobby = lobby(LobbyStatus::Ended, "C7X4KM", Begin::At(begin));
    // Guarded by a position that is not the newest.
    let refused = broker.append(&s, begin + 40, &[track("a"), opened(poll)], Some(&ended_lobby), std::slice::from_ref(&timer)).await;
    assert!(matches!(refused, Err(AppendError::Conflict { last }) if last == begin), "{refused:?}");
    // A member that the broker cannot take: too large for one message.
    let huge = record(Fact::Announced { message: "x".repeat(3_000_000), ends_at: None, push: false });
    let refused = broker.append(&s, begin, &[track("a"), huge, track("b")], Some(&ended_lobby), &[timer]).await;
    assert!(matches!(refused, Err(AppendError::Broker(BrokerError::Refused(_)))), "{refused:?}");
    assert_eq!(broker.log_range(Partition(0)).await.unwrap().1, before, "something of a refused batch was stored");
    assert_eq!(broker.lobby_record(&s).await.unwrap().unwrap().1.status, LobbyStatus::Live);
    // And the session goes on.
    broker.append(&s, begin, &[track("a"), track("b")], None, &[]).await.unwrap();
}

#[tokio::test]
async fn the_lobby_knows_where_its_run_began_whatever_travels_with_it() {
    let world = World::new().await;
    let broker = world.broker().await;
    let poll = |n| Timer { poll: PollId::new(n).unwrap(), at: Millis::now().plus(3_600_000) };
    let cases: [(&str, Vec<_>, usize, Vec<Timer>); 4] = [
        ("only-begun", vec![begun()], 0, vec![]),
        ("with-timers", vec![begun(), opened(PollId::new(1).unwrap())], 0, vec![poll(1), poll(2)]),
        ("with-tracks", vec![begun(), track("a"), track("b")], 0, vec![]),
        ("ended-first", vec![ended(1), begun(), track("a")], 1, vec![poll(3)]),
    ];
    for (name, facts, at, timers) in cases {
        let s = session(name);
        let record = lobby(LobbyStatus::Live, "C7X4KM", Begin::Before((facts.len() - at) as u64));
        let appended = broker.append(&s, 0, &facts, Some(&record), &timers).await.unwrap();
        let (own, record) = broker.lobby_record(&s).await.unwrap().unwrap();
        let begin = record.begin(own);
        assert_eq!(begin, appended.seqs[at], "{name}");
        let fact = &broker.facts_after(&s, begin - 1, 1).await.unwrap()[0];
        assert!(fact.seq == begin && matches!(fact.record.fact, Fact::Begun(_)), "{name}: {fact:?}");
    }
}

#[tokio::test]
async fn a_lobby_holds_one_record_a_session_and_lets_ended_ones_go() {
    let world = World::new().await;
    let broker = world.broker().await;
    let s = session("friday-night");
    let begin = broker.append(&s, 0, &[begun()], Some(&lobby(LobbyStatus::Live, "C7X4KM", Begin::Before(1))), &[]).await.unwrap().seqs[0];
    let away = lobby(LobbyStatus::Away, "C7X4KM", Begin::At(begin));
    let last = broker.append(&s, begin, &[record(Fact::Away { since: Millis::now() })], Some(&away), &[]).await.unwrap().seqs[0];
    let over = lobby(LobbyStatus::Ended, "C7X4KM", Begin::At(begin));
    broker.append(&s, last, &[ended(begin)], Some(&over), &[]).await.unwrap();
    let (own, record) = broker.lobby_record(&s).await.unwrap().unwrap();
    assert_eq!((record.status, record.begin(own)), (LobbyStatus::Ended, begin));
    let js = async_nats::jetstream::new(world.stranger().await);
    let live = js.get_stream("LIVE").await.unwrap();
    let subject = format!("live.{}.{s}.lobby", s.partition());
    let stored = live.direct_get_last_for_subject(&subject).await.unwrap();
    assert_eq!(stored.headers.get("Nats-TTL").map(|v| v.as_str()), Some("1h"));
    let mut counts = live.info_with_subjects(&subject).await.unwrap();
    assert_eq!(counts.next().await.unwrap().unwrap(), (subject, 1));
}

#[tokio::test]
async fn the_broker_itself_asks_for_the_close_of_a_poll() {
    let world = World::new().await;
    let broker = world.broker().await;
    let s = session("friday-night");
    let (due, cancelled, far) = (PollId::new(11).unwrap(), PollId::new(12).unwrap(), PollId::new(13).unwrap());
    let begin = broker.append(&s, 0, &[begun()], None, &[]).await.unwrap().seqs[0];
    let mut entries = broker.read_partition(s.partition(), begin).await.unwrap();
    let soon_at = Millis::now().plus(700);
    let timers =
        [Timer { poll: due, at: soon_at }, Timer { poll: cancelled, at: soon_at }, Timer { poll: far, at: Millis::now().plus(3_600_000) }];
    broker.append(&s, begin, &[opened(due)], None, &timers).await.unwrap();
    broker.cancel_timer(&s, cancelled).await.unwrap();
    let mut closes = Vec::new();
    let pack = soon("the close request", async {
        loop {
            match entries.next().await.unwrap().unwrap() {
                nats::Entry::Fact(_) => {}
                nats::Entry::Pack(pack) => return pack,
                unreadable @ nats::Entry::Unreadable { .. } => panic!("{unreadable:?}"),
            }
        }
    })
    .await;
    closes.extend(pack.pack.claims.iter().map(|c| (c.by, c.claim)));
    assert_eq!(closes, [(Speaker::System, Claim::ClosePoll { poll: due })]);
    assert_eq!((pack.session, pack.pack.node), (s.clone(), None));
    let late = pack.stamp.since(soon_at);
    assert!((0..5_000).contains(&late), "the broker stamped it {late} ms after the due time");
    // The cancelled one was due at the same moment; what comes next is not its request.
    let next = broker.publish_packs(&[(s.clone(), self::pack(9))]).await.unwrap()[0];
    assert_eq!(soon("the next pack", entries.next()).await.unwrap().unwrap().seq(), next);
}

#[tokio::test]
async fn packs_of_a_window_lie_side_by_side_and_their_order_is_kept() {
    let world = World::new().await;
    let broker = world.broker().await;
    assert!(broker.publish_packs(&[]).await.unwrap().is_empty());
    let one = broker.publish_packs(&[(session("session-1"), pack(1))]).await.unwrap();
    assert_eq!(one.len(), 1);
    let packs: Vec<_> = (0..500_u32).map(|i| (session(&format!("session-{}", i % 250)), pack((i % 250) as u8))).collect();
    let seqs = broker.publish_packs(&packs).await.unwrap();
    let messages: std::collections::BTreeSet<_> = seqs.iter().copied().collect();
    assert_eq!(messages.iter().copied().collect::<Vec<_>>(), (one[0] + 1..=one[0] + messages.len() as u64).collect::<Vec<_>>());
    assert!(messages.len() < 500, "sessions of a partition share messages");
    let mut entries = broker.read_partition(session("session-1").partition(), 0).await.unwrap();
    let mut mine: Vec<_> = packs.iter().zip(&seqs).filter(|((s, _), _)| s.partition() == session("session-1").partition()).collect();
    mine.sort_by_key(|(_, seq)| **seq);
    assert!(mine.iter().any(|((s, _), _)| *s != session("session-1")), "another session lies in the same partition");
    assert_eq!(soon("the first pack", entries.next()).await.unwrap().unwrap().seq(), one[0]);
    for ((s, pack), seq) in mine {
        match soon("a pack", entries.next()).await.unwrap().unwrap() {
            nats::Entry::Pack(read) => assert_eq!((&read.session, read.seq, &read.pack), (s, *seq, pack)),
            other => panic!("{other:?}"),
        }
    }
    let many: Vec<_> = (0..1_001).map(|_| (session("session-1"), pack(1))).collect();
    assert!(matches!(broker.publish_packs(&many).await, Err(BrokerError::Refused(_))));
}

#[tokio::test]
async fn facts_reach_the_feed_as_one_chain() {
    let world = World::new().await;
    let broker = world.broker().await;
    let s = session("friday-night");
    let mut feed = world.overhear(format!("feed.{s}")).await;
    let mut seqs = vec![0];
    for name in ["a", "b", "c"] {
        let last = *seqs.last().unwrap();
        seqs.extend(
            broker
                .append(&s, last, &[track(name), track("also")], Some(&lobby(LobbyStatus::Live, "C7X4KM", Begin::At(1))), &[])
                .await
                .unwrap()
                .seqs,
        );
        broker.publish_packs(&[(s.clone(), pack(1))]).await.unwrap();
    }
    for link in seqs.windows(2) {
        let message = soon("a fact", feed.next()).await.unwrap();
        let headers = message.headers.unwrap();
        let number = |name: &str| headers.get(name).unwrap().as_str().parse::<u64>().unwrap();
        assert_eq!([number("Nats-Last-Sequence"), number("Nats-Sequence")], link);
        assert_eq!((headers.get("Pika-Kind").unwrap().as_str(), headers.get("Pika-Version").unwrap().as_str()), ("track", "1"));
    }
}

#[tokio::test]
async fn what_another_version_wrote_is_skipped_and_said() {
    let world = World::new().await;
    let broker = world.broker().await;
    let s = session("friday-night");
    let begin = broker.append(&s, 0, &[begun()], None, &[]).await.unwrap().seqs[0];
    let out = format!("live.{}.{s}.out", s.partition());
    let js = async_nats::jetstream::new(world.stranger().await);
    let mut seqs = Vec::new();
    for (version, body) in [(Some("99"), schemas::codec::to_log(&track("future"))), (None, vec![]), (Some("1"), b"nonsense".to_vec())] {
        let mut headers = async_nats::HeaderMap::new();
        if let Some(version) = version {
            headers.insert("Pika-Version", version);
        }
        seqs.push(js.publish_with_headers(out.clone(), headers, body.into()).await.unwrap().await.unwrap().sequence);
    }
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Pika-Version", "0");
    let older =
        js.publish_with_headers(out, headers, schemas::codec::to_log(&track("older")).into()).await.unwrap().await.unwrap().sequence;
    assert!(broker.newest_fact(&s).await.unwrap().is_some_and(|f| f.seq == older));
    let read = broker.facts_after(&s, begin, 10).await.unwrap();
    assert_eq!(read.iter().map(|f| f.seq).collect::<Vec<_>>(), [older]);
    let mut entries = broker.read_partition(s.partition(), begin).await.unwrap();
    for seq in seqs {
        let entry = soon("an unreadable entry", entries.next()).await.unwrap().unwrap();
        assert!(matches!(&entry, nats::Entry::Unreadable { seq: at, .. } if *at == seq), "{entry:?}");
    }
    assert!(matches!(soon("the older one", entries.next()).await, Some(Ok(nats::Entry::Fact(f))) if f.seq == older));
}
