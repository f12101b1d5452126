//! Processes are killed, one after the other and again and again, while an evening goes on; what was acknowledged is counted once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{Crowd, Nats, Pika, Role, until};

const DANCERS: usize = 200;
/// How long the evening lasts, if `STORY_SECONDS` does not say so.
const SECONDS: u64 = 24;
/// Of that, the time at the end in which nobody dies any more: whoever died last is back before the crowd judges.
const PEACE: Duration = Duration::from_secs(4);
/// Between two deaths: time for people to come back, like and vote, and too little for a killed worker's leases to run out before
/// the next death.
const PACE: Duration = Duration::from_millis(500);

#[tokio::test]
async fn every_process_is_killed_under_load_and_nothing_acknowledged_is_missing_or_doubled() {
    let seconds = std::env::var("STORY_SECONDS").map_or(SECONDS, |seconds| seconds.parse().unwrap());
    let data = Arc::new(tempfile::tempdir().unwrap());
    let nats = Nats::start().await;
    let role = |role| Pika::role(role, &nats, &data, &[("PIKA_BUDGETS", "0")]);
    let mut workers = vec![role(Role::Workers).await];
    workers.push(role(Role::Workers).await);
    let mut ingests = vec![role(Role::Ingest).await, role(Role::Ingest).await];
    let mut fanouts = vec![role(Role::Fanout).await, role(Role::Fanout).await];
    let mut api = role(Role::Api).await;
    for part in workers.iter().chain(&ingests).chain(&fanouts).chain([&api]) {
        part.ready().await;
    }

    let addresses = |parts: &[Pika]| parts.iter().map(|part| part.url.clone()).collect::<Vec<_>>().join(",");
    let mut args: Vec<String> =
        ["evening", "--faults", "--tracks-every", "3", "--late-percent", "0", "--settle-seconds", "20"].map(Into::into).into();
    args.extend(["--dancers".into(), DANCERS.to_string(), "--seconds".into(), seconds.to_string()]);
    args.extend(["--url".into(), addresses(&fanouts), "--ingest".into(), addresses(&ingests), "--api".into(), api.url.clone()]);
    let mut crowd = Crowd::start(&args);
    let peace = Instant::now() + Duration::from_secs(seconds) - PEACE;
    until("everybody on the floor", async || {
        let sockets = fanouts[0].metric("pika_connections", "").await + fanouts[1].metric("pika_connections", "").await;
        (sockets >= DANCERS as f64).then_some(())
    })
    .await;

    let (mut deaths, mut pace) = (0, tokio::time::interval(PACE));
    for n in (0..2).cycle() {
        for part in [&mut fanouts[n], &mut ingests[n], &mut workers[n], &mut api] {
            pace.tick().await;
            part.kill().await;
            part.restart().await;
            part.ready().await;
            deaths += 1;
        }
        // Everyone has died at least once, or the evening is too short to say anything.
        if n == 1 && Instant::now() > peace {
            break;
        }
    }
    println!("{deaths} deaths");
    assert!(crowd.plays(), "the evening was over before all were killed");

    let account = crowd.account(Duration::from_secs(seconds + 60)).await;
    let report = &account.report;
    assert!(account.status.success(), "{:#}", report["violations"]);
    assert!(report["recovered"].as_u64().unwrap() >= DANCERS as u64, "everybody lost their node at least once: {report:#}");
    for what in ["likes", "votes"] {
        assert!(report[what].as_u64().unwrap() >= DANCERS as u64 / 2, "too little was said to say anything: {report:#}");
    }
}
