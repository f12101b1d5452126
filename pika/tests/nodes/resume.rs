//! Dancers who move between nodes and lose nothing, and those who are told honestly that they start afresh.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use schemas::codec::Codec;
use serde_json::{Value, json};

use crate::cluster::{Cluster, own};
use crate::support::{Dj, Pika, Socket, types, until};

const BOTH: [Codec; 2] = [Codec::Json, Codec::MsgPack];
/// The announcement with which a story's evening is over.
const LAST: &str = "That was the last one";

/// What a DJ said, and where it stands in the log.
#[derive(Default)]
struct Said {
    places: HashMap<u64, String>,
    titles: Vec<String>,
    announcements: Vec<String>,
    corrections: usize,
    polls: Vec<Value>,
}

/// An evening in which something happens all the time: two tracks at once, so that one is superseded, a correction, a poll.
async fn evening(cluster: &Cluster, dj: &mut Dj, rounds: usize) -> Said {
    let mut said = Said::default();
    let mut ear = Socket::open(&cluster.nodes[0]).await;
    ear.subscribe(&dj.session).await;
    for round in 0..rounds {
        for part in ["opener", "closer"] {
            let title = format!("Round {round} {part}");
            said.places.insert(dj.play(&title).await, title.clone());
            said.titles.push(title);
        }
        announce(dj, &mut said, &format!("Round {round} begins")).await;
        let title = format!("Round {round} closer");
        dj.publish_ok(json!({"type": "METADATA_UPDATED", "track": {"title": title, "artist": "The Testers", "bpm": 90 + round}})).await;
        said.corrections += 1;
        dj.open_poll(None).await;
        let poll = ear.hear("POLL_STARTED").await["pollId"].clone();
        said.polls.push(poll.clone());
        dj.publish_ok(json!({"type": "END_POLL", "pollId": poll})).await;
        ear.hear("POLL_ENDED").await;
    }
    announce(dj, &mut said, LAST).await;
    said
}

async fn announce(dj: &mut Dj, said: &mut Said, message: &str) {
    let seq = dj.publish_ok(json!({"type": "SEND_ANNOUNCEMENT", "message": message})).await;
    said.places.insert(seq, message.to_owned());
    said.announcements.push(message.to_owned());
}

/// A dancer who keeps what must arrive and the place up to which it is complete.
struct Mover {
    heard: Vec<Value>,
    /// Messages of a fact whose last one, which carries the place, has not come yet.
    part: Vec<Value>,
    epoch: Value,
    seq: u64,
    moves: usize,
}

const LATEST_WINS: [&str; 6] = ["LISTENER_COUNT", "TEMPO_FEEDBACK", "POLL_UPDATE", "LIKE_RECEIVED", "REACTION_RECEIVED", "SESSIONS_LIST"];

impl Mover {
    /// Changes nodes after every few messages until the evening is over.
    async fn dance(cluster: &Cluster, session: &str, codec: Codec) -> Mover {
        let mut socket = Socket::open_in(&cluster.nodes[0], codec).await;
        let first = own(socket.resume(session, json!(true)).await, session);
        assert_eq!((&first[0]["type"], &first[0]["recovered"]), (&json!("SUBSCRIBED"), &json!(false)));
        let (epoch, seq) = (first[0]["epoch"].clone(), first[0]["seq"].as_u64().unwrap());
        let mut mover = Mover { heard: Vec::new(), part: Vec::new(), epoch, seq, moves: 0 };
        loop {
            for _ in 0..5 {
                if mover.listen(&mut socket, session).await {
                    return mover;
                }
            }
            socket.vanish();
            mover.moves += 1;
            // Half a fact is none: the place before it is told, so the whole of it comes again.
            mover.part.clear();
            socket = Socket::open_in(&cluster.nodes[mover.moves % 2], codec).await;
            let answer = own(socket.resume(session, json!({"epoch": mover.epoch, "seq": mover.seq})).await, session);
            assert_eq!(types(&answer), ["SUBSCRIBED", "SESSIONS_LIST", "LISTENER_COUNT"], "move {}: {answer:?}", mover.moves);
            let welcome = &answer[0];
            assert_eq!((&welcome["recovered"], &welcome["seq"], welcome.get("reason")), (&json!(true), &json!(mover.seq), None));
        }
    }

    /// Hears up to the next place; gives whether the evening is over.
    async fn listen(&mut self, socket: &mut Socket, session: &str) -> bool {
        loop {
            let message = socket.next().await;
            let kind = message["type"].as_str().unwrap();
            let of_others = kind.starts_with("SESSION_") && message["sessionId"] != session;
            if of_others || LATEST_WINS.contains(&kind) {
                assert!(of_others || message.get("seq").is_none(), "only what must arrive has a place: {message}");
                continue;
            }
            let seq = message["seq"].as_u64();
            self.part.push(message);
            if let Some(seq) = seq {
                assert!(seq > self.seq, "{seq} after {}: {:?}", self.seq, self.part);
                self.seq = seq;
                self.heard.append(&mut self.part);
                return self.heard.last().is_some_and(|m| m["message"] == LAST);
            }
        }
    }

    fn of(&self, kind: &str, read: impl Fn(&Value) -> Value) -> Vec<Value> {
        self.heard.iter().filter(|m| m["type"] == kind).map(read).collect()
    }

    fn check(&self, said: &Said) {
        let texts = |list: &[String]| list.iter().map(|text| json!(text)).collect::<Vec<_>>();
        assert_eq!(self.of("ANNOUNCEMENT_RECEIVED", |m| m["message"].clone()), texts(&said.announcements));
        assert_eq!(self.of("POLL_STARTED", |m| m["pollId"].clone()), said.polls);
        assert_eq!(self.of("POLL_ENDED", |m| m["pollId"].clone()), said.polls);
        assert_eq!(self.of("METADATA_UPDATED", |m| m["track"]["title"].clone()).len(), said.corrections);
        let titles = self.of("NOW_PLAYING", |m| m["track"]["title"].clone());
        let mut played = said.titles.iter();
        assert!(titles.iter().all(|title| played.any(|p| *title == **p)), "{titles:?} of {:?}", said.titles);
        assert_eq!(titles.last().unwrap().as_str(), said.titles.last().map(String::as_str));
        for message in self.heard.iter().filter(|m| m["type"] == "ANNOUNCEMENT_RECEIVED") {
            assert_eq!(message["message"].as_str(), said.places.get(&message["seq"].as_u64().unwrap()).map(String::as_str));
        }
    }
}

/// Someone who stays, on today's protocol: when each track came, and that nothing of ours ever does.
async fn stay(node: &Pika, session: &str) -> Vec<Instant> {
    let mut socket = Socket::open(node).await;
    socket.subscribe(session).await;
    let mut tracks = Vec::new();
    loop {
        let message = socket.next().await;
        assert!(message.get("seq").is_none() && message["type"] != "SUBSCRIBED", "{message}");
        match message["type"].as_str().unwrap() {
            "NOW_PLAYING" => tracks.push(Instant::now()),
            "ANNOUNCEMENT_RECEIVED" if message["message"] == LAST => return tracks,
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_dancer_who_moves_between_nodes_hears_everything_once_and_in_order() {
    let cluster = Cluster::shared().await;
    let mut dj = Dj::live(&cluster.ingest).await;
    let session = dj.session.clone();
    let evening = async {
        until("everybody in place", async || (cluster.active(&session).await?["listenerCount"] == 3).then_some(())).await;
        evening(&cluster, &mut dj, 8).await
    };
    let (said, text, packed, tracks) = tokio::join!(
        evening,
        Mover::dance(&cluster, &session, Codec::Json),
        Mover::dance(&cluster, &session, Codec::MsgPack),
        stay(&cluster.nodes[1], &session)
    );
    for mover in [text, packed] {
        mover.check(&said);
        assert!(mover.moves >= 5, "{} moves", mover.moves);
    }
    // Written with a second between them; what the way to us adds to one and not to the next is allowed for.
    let close = tracks.windows(2).map(|two| two[1] - two[0]).min().unwrap();
    assert!(close > Duration::from_millis(800), "two tracks within {close:?}");
}

/// A session with a track, a poll and an announcement, and what its state looks like.
async fn furnished(cluster: &Cluster) -> Dj {
    let mut dj = Dj::live(&cluster.ingest).await;
    dj.play("Still playing").await;
    dj.open_poll(Some(300)).await;
    dj.publish_ok(json!({"type": "SEND_ANNOUNCEMENT", "message": "Social at ten"})).await;
    dj
}

const FRESH: [&str; 6] = ["SUBSCRIBED", "SESSIONS_LIST", "LISTENER_COUNT", "NOW_PLAYING", "POLL_STARTED", "ANNOUNCEMENT_RECEIVED"];

fn place(subscribed: &Value) -> (Value, u64) {
    (subscribed["epoch"].clone(), subscribed["seq"].as_u64().unwrap())
}

async fn fresh_start(node: &Pika, codec: Codec, session: &str, resume: Value, reason: &str) -> u64 {
    let mut socket = Socket::open_in(node, codec).await;
    let answer = own(socket.resume(session, resume.clone()).await, session);
    assert_eq!(types(&answer), FRESH, "{resume}");
    assert_eq!((&answer[0]["recovered"], &answer[0]["reason"]), (&json!(false), &json!(reason)), "{resume}");
    assert!(answer[1..].iter().all(|m| m.get("seq").is_none()), "the state has no places: {answer:?}");
    answer[0]["seq"].as_u64().unwrap()
}

#[tokio::test]
async fn a_place_in_another_log_or_another_run_is_a_fresh_start_with_its_reason() {
    let cluster = Cluster::shared().await;
    let mut dj = furnished(&cluster).await;
    let session = dj.session.clone();
    // One listens at each node, and so the story knows how far the node is.
    let mut reader = Socket::open(&cluster.nodes[0]).await;
    let (epoch, seq) = place(&own(reader.resume(&session, json!(true)).await, &session)[0]);
    let mut other = Socket::open(&cluster.nodes[1]).await;
    other.resume(&session, json!(true)).await;
    for codec in BOTH {
        for node in &cluster.nodes {
            let other = json!({"epoch": epoch.as_u64().unwrap() + 7, "seq": seq});
            assert_eq!(fresh_start(node, codec, &session, other, "unknown_epoch").await, seq);
            let future = json!({"epoch": epoch, "seq": seq + 1_000_000});
            assert_eq!(fresh_start(node, codec, &session, future, "unknown_epoch").await, seq);
            assert_eq!(fresh_start(node, codec, &session, json!({"epoch": epoch, "seq": 0}), "too_old").await, seq);
        }
    }
    dj.publish_ok(json!({"type": "END_SESSION"})).await;
    let ended = reader.wait("the end", |m| m["type"] == "SESSION_ENDED" && m["sessionId"] == *session).await;
    let again = json!({"djName": "DJ Test", "sessionId": session});
    let response = crate::support::http().post(format!("{}/api/sessions", cluster.ingest.url)).bearer_auth(&dj.owner_token).json(&again);
    let begun: Value = response.send().await.unwrap().json().await.unwrap();
    dj.owner_token = begun["ownerToken"].as_str().unwrap().to_owned();
    let started = reader.wait("the next run", |m| m["type"] == "SESSION_STARTED" && m["sessionId"] == *session).await;
    assert!(started["seq"].as_u64() > ended["seq"].as_u64());
    dj.play("Another evening").await;
    dj.open_poll(Some(300)).await;
    let last = dj.publish_ok(json!({"type": "SEND_ANNOUNCEMENT", "message": "Social at eleven"})).await;
    for reader in [&mut reader, &mut other] {
        reader.wait("the last of it", |m| m["message"] == "Social at eleven").await;
    }
    for codec in BOTH {
        for node in &cluster.nodes {
            for before in [seq, ended["seq"].as_u64().unwrap()] {
                let at = fresh_start(node, codec, &session, json!({"epoch": epoch, "seq": before}), "too_old").await;
                assert_eq!(at, last);
            }
        }
    }
}

#[tokio::test]
async fn what_follows_a_fresh_start_has_places_behind_it() {
    let cluster = Cluster::shared().await;
    let mut dj = furnished(&cluster).await;
    for codec in BOTH {
        let mut socket = Socket::open_in(&cluster.nodes[1], codec).await;
        let answer = own(socket.resume(&dj.session, json!(true)).await, &dj.session);
        assert_eq!(types(&answer), FRESH);
        let (_, seq) = place(&answer[0]);
        let next = dj.publish_ok(json!({"type": "SEND_ANNOUNCEMENT", "message": "Next"})).await;
        assert!(next > seq);
        assert_eq!(socket.hear("ANNOUNCEMENT_RECEIVED").await["seq"], json!(next));
    }
}

#[tokio::test]
async fn an_end_that_came_while_a_dancer_was_away_is_heard_on_return() {
    let cluster = Cluster::shared().await;
    let mut dj = furnished(&cluster).await;
    let session = dj.session.clone();
    let mut before = Socket::open(&cluster.nodes[0]).await;
    let (epoch, seq) = place(&own(before.resume(&session, json!(true)).await, &session)[0]);
    before.vanish();
    dj.publish_ok(json!({"type": "END_SESSION"})).await;
    for codec in BOTH {
        let mut after = Socket::open_in(&cluster.nodes[1], codec).await;
        let answer = own(after.resume(&session, json!({"epoch": epoch, "seq": seq})).await, &session);
        assert_eq!((&answer[0]["type"], &answer[0]["recovered"]), (&json!("SUBSCRIBED"), &json!(true)));
        let ended = after.wait("the end", |m| m["type"] == "SESSION_ENDED" && m["sessionId"] == *session).await;
        assert!(ended["seq"].as_u64().unwrap() > seq);
    }
}

fn bpm(n: usize) -> f64 {
    (50 + n % 200) as f64
}

/// Corrections are facts like others, and the cheapest to make many of.
async fn correct(dj: &Dj, title: &str, from: usize, to: usize) -> u64 {
    let mut last = 0;
    let numbers: Vec<usize> = (from..to).collect();
    for some in numbers.chunks(100) {
        let correction = |n: &usize| json!({"type": "METADATA_UPDATED", "messageId": format!("c-{n}"), "track": {"title": title, "artist": "The Testers", "bpm": bpm(*n)}});
        let (status, body) = dj.post(&json!(some.iter().map(correction).collect::<Vec<_>>())).await;
        assert_eq!(status, 200, "{body}");
        let results = body["results"].as_array().unwrap();
        assert!(results.iter().all(|r| r["status"] == "ok"), "{body}");
        last = results.last().unwrap()["seq"].as_u64().unwrap();
    }
    last
}

#[tokio::test]
async fn more_than_a_thousand_behind_is_too_far_and_a_thousand_is_not() {
    let cluster = Cluster::shared().await;
    let mut dj = Dj::live(&cluster.ingest).await;
    let session = dj.session.clone();
    let begin = dj.play("Corrected").await;
    // The first node follows all of it, the second meets the session when it is all there.
    let mut reader = Socket::open(&cluster.nodes[0]).await;
    let epoch = place(&own(reader.resume(&session, json!(true)).await, &session)[0]).0;
    let early = correct(&dj, "Corrected", 0, 1_100).await;
    let last = reader.attend(correct(&dj, "Corrected", 1_100, 2_050)).await;
    reader.wait("the last correction", |m| m["seq"] == last).await;
    for node in &cluster.nodes {
        for codec in BOTH {
            let resume = |seq: u64| json!({"epoch": epoch, "seq": seq});
            let mut far = Socket::open_in(node, codec).await;
            let answer = own(far.resume(&session, resume(begin)).await, &session);
            assert_eq!(types(&answer), ["SUBSCRIBED", "SESSIONS_LIST", "LISTENER_COUNT", "NOW_PLAYING"]);
            assert_eq!(
                (&answer[0]["recovered"], &answer[0]["reason"], &answer[0]["seq"]),
                (&json!(false), &json!("too_far"), &json!(last))
            );
            assert_eq!(answer[3]["track"]["bpm"], json!(bpm(2_049)), "the state is the newest");
            let mut near = Socket::open_in(node, codec).await;
            let answer = own(near.resume(&session, resume(early)).await, &session);
            assert_eq!((&answer[0]["recovered"], answer[0].get("reason")), (&json!(true), None), "950 behind");
            for n in 1_100..2_050 {
                assert_eq!(near.hear("METADATA_UPDATED").await["track"]["bpm"], json!(bpm(n)));
            }
        }
    }
}

#[tokio::test]
async fn only_who_asked_for_ours_is_told_that_a_node_leaves() {
    let cluster = Cluster::shared().await;
    let dj = Dj::live(&cluster.ingest).await;
    let mut leaving = cluster.node(&[("PIKA_DRAIN_SECONDS", "0.3")]).await;
    let mut today = Socket::open(&leaving).await;
    today.subscribe(&dj.session).await;
    let mut packed = Socket::open_in(&leaving, Codec::MsgPack).await;
    packed.subscribe(&dj.session).await;
    let mut asked = Socket::open(&leaving).await;
    asked.resume(&dj.session, json!(true)).await;
    let (clean, (), (), ()) = tokio::join!(
        leaving.terminate(),
        async {
            assert_eq!(today.closing().await, Some(1012));
            let heard = today.heard();
            assert!(!types(&heard).contains(&"GOAWAY"), "{heard:?}");
        },
        async {
            assert!(packed.hear("GOAWAY").await["reconnectInMs"].as_u64().unwrap() <= 300);
            assert_eq!(packed.closing().await, Some(1012));
        },
        async {
            asked.hear("GOAWAY").await;
            assert_eq!(asked.closing().await, Some(1012));
        }
    );
    assert!(clean);
}
