//! `kill -9` in mid-poll: of pika, of its nats-server, of both. Nothing acknowledged is lost, nothing is counted twice.

use std::time::{Duration, Instant};

use schemas::Millis;
use serde_json::json;

use crate::floor::{Dancer, publish_until_acknowledged, recap_agrees};
use crate::support::{Dj, Pika, Socket, signal, types, until};

/// The promise is one second. What a busy machine takes until the test has heard of it comes on top.
const ON_TIME: Duration = Duration::from_millis(1_000 + 500);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Killed {
    Pika,
    Nats,
    Both,
}

#[tokio::test]
async fn pika_is_killed_in_mid_poll_and_every_acknowledged_vote_and_like_counts_once() {
    killed_in_mid_poll(Killed::Pika).await;
}

#[tokio::test]
async fn nats_server_is_killed_in_mid_poll_and_every_acknowledged_vote_and_like_counts_once() {
    killed_in_mid_poll(Killed::Nats).await;
}

#[tokio::test]
async fn both_are_killed_in_mid_poll_and_every_acknowledged_vote_and_like_counts_once() {
    killed_in_mid_poll(Killed::Both).await;
}

async fn killed_in_mid_poll(killed: Killed) {
    let mut pika = Pika::dev().await;
    let mut dj = Dj::live(&pika).await;
    dj.play("Before").await;
    let mut witness = Socket::open(&pika).await;
    witness.subscribe(&dj.session).await;
    dj.open_poll(None).await;
    let started = witness.hear("POLL_STARTED").await;
    let poll = started["pollId"].clone();
    let mut dancers = Vec::new();
    for n in 0..12 {
        dancers.push(Dancer::at(&pika, &dj.session, usize::from(n % 3 == 0)).await);
    }
    let (certain, open) = dancers.split_at_mut(6);
    for dancer in certain.iter_mut() {
        dancer.vote_and_like(&dj.session, &poll, "Before").await;
        dancer.hear_answers().await;
        assert!(dancer.has_all());
    }
    for dancer in open.iter_mut() {
        dancer.vote_and_like(&dj.session, &poll, "Before").await;
    }

    let nats = pika.nats_pid();
    if killed != Killed::Pika {
        signal(nats, "KILL").await;
    }
    if killed != Killed::Nats {
        pika.kill().await;
    }
    for dancer in open.iter_mut() {
        if killed == Killed::Nats { dancer.hear_answers().await } else { dancer.hear_the_last().await }
    }
    if killed == Killed::Nats {
        assert!(pika.lives());
    } else {
        pika.restart().await;
    }
    pika.ready().await;
    until("a nats-server of this life", async || (pika.nats_pid() != nats).then_some(())).await;
    assert!(std::fs::read(format!("/proc/{nats}/cmdline")).unwrap_or_default().is_empty(), "the old nats-server still runs");

    let mut late = Socket::open(&pika).await;
    let heard = late.subscribe(&dj.session).await;
    assert_eq!(types(&heard), ["SESSIONS_LIST", "LISTENER_COUNT", "NOW_PLAYING", "POLL_STARTED"]);
    assert_eq!(heard[2]["track"]["title"], "Before");
    assert_eq!((&heard[3]["pollId"], &heard[3]["options"]), (&poll, &started["options"]));

    if killed != Killed::Nats {
        for dancer in &mut dancers {
            dancer.come_back(&pika, &dj.session).await;
        }
    }
    // Two people repeat also what was acknowledged, as a phone does that never saw the ACK.
    for (n, dancer) in dancers.iter_mut().enumerate() {
        dancer.repeat(n % 6 == 0).await;
    }
    let mut votes = [0, 0];
    dancers.iter().for_each(|dancer| votes[dancer.option] += 1);
    assert_eq!(votes, [8, 4]);
    // Votes that were stored and not acknowledged may all have been folded before this one came: then the state had them.
    if heard[3]["votes"] != json!(votes) {
        late.wait("the tally of all", |m| m["type"] == "POLL_UPDATE" && m["votes"] == json!(votes)).await;
    }

    // A tally was said, so an owner of the partition accepts writes: the close is due from here.
    publish_until_acknowledged(&dj, &json!({"type": "END_POLL", "messageId": "the-end", "pollId": poll})).await;
    let due = Instant::now();
    let ended = late.hear("POLL_ENDED").await;
    assert!(due.elapsed() < ON_TIME, "the poll ended {:?} after it was due", due.elapsed());
    assert_eq!((&ended["results"], &ended["totalVotes"], &ended["winnerIndex"]), (&json!(votes), &json!(12), &json!(0)));
    if killed == Killed::Nats {
        let ended = witness.hear("POLL_ENDED").await;
        assert_eq!(ended["results"], json!(votes), "a socket from before hears it too");
    }
    let recap = recap_agrees(&pika, &dj, 12, &votes).await;
    assert_eq!((&recap["trackCount"], &recap["tracks"][0]["likes"]), (&json!(1), &json!(12)));
    dj.play("After").await;
    late.wait("the next track", |m| m["type"] == "NOW_PLAYING" && m["track"]["title"] == "After").await;
}

/// One poll's time comes while nobody is there, the other's after the return. 30 s is the shortest time of a poll, so
/// this story takes that long; the moments in it are the polls' own, not pauses.
#[tokio::test]
async fn polls_close_on_time_though_pika_and_nats_server_are_killed() {
    let mut pika = Pika::dev().await;
    let (mut missed, mut met) = (Dj::live(&pika).await, Dj::live_as(&pika, "DJ Later").await);
    let mut ends = Vec::new();
    for (dj, seconds) in [(&mut missed, 30), (&mut met, 36)] {
        dj.play("Before").await;
        let mut dancer = Dancer::at(&pika, &dj.session, 1).await;
        dj.open_poll(Some(seconds)).await;
        let started = dancer.socket.hear("POLL_STARTED").await;
        ends.push(Millis::parse(started["endsAt"].as_str().unwrap()).unwrap());
        dancer.vote_and_like(&dj.session, &started["pollId"], "Before").await;
        dancer.hear_answers().await;
        assert!(dancer.has_all());
    }
    signal(pika.nats_pid(), "KILL").await;
    pika.kill().await;
    by_the_clock(ends[0].plus(200)).await;

    pika.restart().await;
    let mut sockets = [Socket::open(&pika).await, Socket::open(&pika).await];
    let heard = sockets[0].subscribe(&missed.session).await;
    sockets[1].subscribe(&met.session).await;
    let owned = async {
        until("an owner of every partition", async || (pika.metric("pika_partitions_owned", "").await >= 64.0).then_some(())).await;
        Millis::now()
    };
    let owned = sockets[0].attend(owned).await;
    println!("an owner accepted writes {} ms after the first poll's time", owned.since(ends[0]));
    assert!(owned < ends[1], "the machine is too slow for this story: the second poll's time came before anybody was back");
    for (i, dj) in [missed, met].into_iter().enumerate() {
        // The first may have ended before the socket asked; then it was not told of a poll at all.
        let ended_before = i == 0 && !types(&heard).contains(&"POLL_STARTED");
        if !ended_before {
            let remaining = Duration::from_millis(u64::try_from(ends[i].since(Millis::now())).unwrap_or(0)) + ON_TIME;
            let ended =
                tokio::time::timeout(remaining.max(ON_TIME), sockets[i].hear("POLL_ENDED")).await.expect("the poll did not end on time");
            let now = Millis::now();
            println!("poll {i} ended {} ms after its time", now.since(ends[i]));
            assert!(now >= ends[i], "too early");
            assert!(now.since(ends[i].max(owned)) <= ON_TIME.as_millis() as i64, "{} ms late", now.since(ends[i].max(owned)));
            assert_eq!((&ended["results"], &ended["winnerIndex"]), (&json!([0, 1]), &json!(1)));
        }
        recap_agrees(&pika, &dj, 1, &[0, 1]).await;
    }
}

/// Lets the clock reach a moment.
async fn by_the_clock(moment: Millis) {
    let left = moment.since(Millis::now());
    tokio::time::sleep(Duration::from_millis(u64::try_from(left).unwrap_or(0))).await;
}
