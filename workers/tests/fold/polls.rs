//! Polls close once, in time, with the right count, whoever was there.

use std::time::Duration;

use schemas::Millis;
use schemas::claim::Claim;
use schemas::fact::Fact;
use workers::Config;

use super::support::*;

fn votes(range: std::ops::Range<u32>) -> Vec<(u32, Claim)> {
    range.map(|who| (who, Claim::Vote { poll: poll(1), option: who % 3 })).collect()
}

#[tokio::test]
async fn a_worker_stopped_and_started_mid_poll_loses_no_vote() {
    let world = World::new().await;
    let mut evening = Evening::begin(&world).await;
    let worker = world.worker(&evening.session, Config::default()).await;
    evening.open(1, Duration::from_secs(60), true).await;
    let seq = evening.claims(votes(0..30)).await;
    evening.folded(&world, seq).await;
    worker.stop().await;
    evening.claims(votes(20..60)).await;
    evening.owner_claims(Claim::ClosePoll { poll: poll(1) }).await;
    evening.claims(votes(60..90)).await;
    let worker = world.worker(&evening.session, Config::default()).await;
    let closed = evening.hear("poll_closed").await;
    assert!(matches!(closed.record.fact, Fact::PollClosed { votes, .. } if votes == [20, 20, 20]));
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_killed_again_and_again_counts_each_vote_once() {
    let world = World::new().await;
    let mut evening = Evening::begin(&world).await;
    evening.open(1, Duration::from_secs(60), true).await;
    let mut worker = world.worker(&evening.session, Config::default()).await;
    for round in 0..6 {
        for who in 0..20 {
            evening.claims(votes(round * 10 + who..round * 10 + who + 1)).await;
        }
        worker.kill().await;
        worker = world.worker(&evening.session, Config::default()).await;
    }
    evening.owner_claims(Claim::ClosePoll { poll: poll(1) }).await;
    let closed = evening.hear("poll_closed").await;
    assert!(matches!(closed.record.fact, Fact::PollClosed { votes, .. } if votes.iter().sum::<u64>() == 70));
    worker.stop().await;
}

#[tokio::test]
async fn the_broker_closes_a_poll_in_time() {
    let world = World::new().await;
    let mut evening = Evening::begin(&world).await;
    let worker = world.worker(&evening.session, Config::default()).await;
    let due = evening.open(1, Duration::from_secs(2), true).await;
    evening.claims(votes(0..9)).await;
    let closed = evening.hear("poll_closed").await;
    let late = closed.stamp.since(due);
    assert!((-50..1000).contains(&late), "closed {late} ms after it was due");
    worker.stop().await;
}

#[tokio::test]
async fn the_owner_closes_a_poll_whose_timer_is_lost() {
    let world = World::new().await;
    let mut evening = Evening::begin(&world).await;
    let due = evening.open(1, Duration::from_secs(1), true).await;
    evening.broker.cancel_timer(&evening.session, poll(1)).await.unwrap();
    evening.claims(votes(0..3)).await;
    let worker = world.worker(&evening.session, Config::default()).await;
    let closed = evening.hear("poll_closed").await;
    assert!(closed.stamp >= due && matches!(closed.record.fact, Fact::PollClosed { votes, .. } if votes == [1, 1, 1]));
    worker.stop().await;
}

#[tokio::test]
async fn a_poll_that_was_due_while_nobody_folded_is_closed_when_somebody_does() {
    let world = World::new().await;
    let mut evening = Evening::begin(&world).await;
    let worker = world.worker(&evening.session, Config::default()).await;
    evening.open(1, Duration::from_millis(1500), true).await;
    let seq = evening.claims(votes(0..3)).await;
    evening.folded(&world, seq).await;
    worker.stop().await;
    let broker = evening.broker.clone();
    until("the timer", || async { broker.session_end(&evening.session).await.ok().flatten().filter(|last| *last > seq) }).await;
    let began = Millis::now();
    let worker = world.worker(&evening.session, Config::default()).await;
    let closed = evening.hear("poll_closed").await;
    assert!(closed.stamp.since(began) < 1000, "closed {} ms after an owner came", closed.stamp.since(began));
    worker.stop().await;
}

#[tokio::test]
async fn a_cancelled_poll_says_nothing_of_its_votes() {
    let world = World::new().await;
    let mut evening = Evening::begin(&world).await;
    let worker = world.worker(&evening.session, Config::default()).await;
    evening.open(1, Duration::from_secs(60), true).await;
    evening.claims(votes(0..3)).await;
    let close = evening.owner_claims(Claim::CancelPoll { poll: poll(1) }).await;
    let cancelled = evening.hear("poll_cancelled").await;
    assert!(matches!(cancelled.record.fact, Fact::PollCancelled { close: at, .. } if at == close));
    worker.stop().await;
}
