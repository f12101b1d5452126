//! Phones that stop reading among others that read: the others notice nothing, the node's memory is bounded, and whoever
//! begins to read again misses nothing.

use std::time::Duration;

use serde_json::json;

use crate::support::{Crowd, Dj, PATIENCE, Pika, Socket, until};

/// What the system may hold for one socket: its buffer of 64 KiB, which it takes twice for its own overhead, the reader's own,
/// and what was on the way in the process.
const SYSTEM_BYTES: u64 = 256 * 1024;

#[tokio::test]
async fn readers_that_stop_are_closed_and_lose_nothing_and_cost_the_others_nothing() {
    let pika = Pika::dev_with(&[("PIKA_STUCK_SECONDS", "2")]).await;
    let args = "slow --good 200 --stuck 50 --seconds 9 --closed-within 8 --kilobytes 60 --p99-ratio 4 --connect-rate 400 --url";
    let mut args: Vec<String> = args.split(' ').map(str::to_owned).collect();
    args.push(pika.url.clone());
    let account = Crowd::start(&args).account(Duration::from_secs(90)).await;
    let report = &account.report;
    assert!(account.status.success(), "{:#}", report["violations"]);
    assert!(report["closedAsSlow"].as_u64().unwrap() >= 35, "who never reads again is closed: {report:#}");
    let waiting = report["mostWaitingBytes"].as_u64().unwrap();
    assert!(waiting > 0 && waiting < SYSTEM_BYTES, "{waiting} bytes waited for one reader");
}

#[tokio::test]
async fn who_begins_to_read_as_it_is_closed_hears_that_it_may_come_back() {
    let pika = Pika::dev_with(&[("PIKA_STUCK_SECONDS", "1"), ("PIKA_BUDGETS", "0")]).await;
    let mut dj = Dj::live(&pika).await;
    // Four bytes each: a fact of almost four kilobytes.
    let long = "\u{1f3b5}".repeat(460);
    let mut track = json!({"title": long, "artist": long, "bpm": 90});
    dj.publish_ok(json!({"type": "BROADCAST_TRACK", "track": track})).await;
    let mut sleeper = Socket::open(&pika).await;
    sleeper.subscribe(&dj.session).await;
    let mut most = 0.0_f64;
    let closed = async {
        while pika.metric("pika_socket_closes_total", "slow").await == 0.0 {
            most = most.max(pika.metric("pika_unsent_bytes", "").await);
            track["bpm"] = json!(60 + (track["bpm"].as_u64().unwrap() + 1) % 100);
            dj.publish_ok(json!({"type": "METADATA_UPDATED", "track": track})).await;
        }
    };
    tokio::time::timeout(PATIENCE, closed).await.expect("nobody was closed");
    assert!(most > 0.0, "bytes that wait are counted");
    assert!(pika.metric("pika_fanout_seconds_count", "").await > 1.0);
    assert_eq!(sleeper.closing().await, Some(4508));
    until("nothing to wait", || async { (pika.metric("pika_unsent_bytes", "").await == 0.0).then_some(()) }).await;
}
