//! Every process is restarted, one after the other, while an evening goes on; nobody misses anything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{Crowd, Nats, Pika, Role, until};

const DANCERS: usize = 300;
/// How long the evening lasts: longer than all restarts take, also on a machine that does other things too.
const SECONDS: u64 = 32;
const SETTINGS: [(&str, &str); 3] = [("PIKA_BUDGETS", "0"), ("PIKA_NOTICE_SECONDS", "0.5"), ("PIKA_DRAIN_SECONDS", "2")];

async fn owned(workers: &[Pika]) -> Vec<f64> {
    let mut owned = Vec::new();
    for worker in workers {
        owned.push(worker.metric("pika_partitions_owned", "").await);
    }
    owned
}

#[tokio::test]
async fn every_process_is_restarted_under_load_and_nothing_is_missing_or_doubled() {
    let data = Arc::new(tempfile::tempdir().unwrap());
    let nats = Nats::start().await;
    let role = |role| Pika::role(role, &nats, &data, &SETTINGS);
    // The first makes the streams and the file; the others find them.
    let mut workers = vec![role(Role::Workers).await];
    workers.push(role(Role::Workers).await);
    let mut ingests = vec![role(Role::Ingest).await, role(Role::Ingest).await];
    let mut fanouts = vec![role(Role::Fanout).await, role(Role::Fanout).await];
    let mut apis = vec![role(Role::Api).await, role(Role::Api).await];
    for part in workers.iter().chain(&ingests).chain(&fanouts).chain(&apis) {
        part.ready().await;
    }
    until("half of the partitions each", async || (owned(&workers).await == [32.0, 32.0]).then_some(())).await;

    let mut args: Vec<String> = vec!["evening".into(), "--tracks-every".into(), "1.5".into(), "--late-percent".into(), "0".into()];
    args.extend(["--dancers".into(), DANCERS.to_string(), "--seconds".into(), SECONDS.to_string()]);
    for (option, parts) in [("--url", &fanouts), ("--ingest", &ingests), ("--api", &apis)] {
        parts.iter().for_each(|part| args.extend([option.to_owned(), part.url.clone()]));
    }
    let mut crowd = Crowd::start(&args);
    until("everybody on the floor", async || {
        let sockets = fanouts[0].metric("pika_connections", "").await + fanouts[1].metric("pika_connections", "").await;
        (sockets >= DANCERS as f64).then_some(())
    })
    .await;

    let began = Instant::now();
    for list in [&mut fanouts, &mut ingests, &mut apis] {
        for part in list {
            assert!(part.terminate().await, "{} did not leave cleanly", part.url);
            part.restart().await;
            part.ready().await;
        }
    }
    for n in 0..2 {
        assert!(workers[n].terminate().await, "a worker did not leave cleanly");
        let other = 1 - n;
        until("the other worker has all", async || (owned(&workers[other..=other]).await == [64.0]).then_some(())).await;
        workers[n].restart().await;
        until("half of the partitions each", async || (owned(&workers).await == [32.0, 32.0]).then_some(())).await;
    }
    println!("all eight were restarted after {:?}", began.elapsed());
    assert!(crowd.plays(), "the evening was over before all were restarted: {:?}", began.elapsed());

    for part in fanouts.iter().chain(&ingests).chain(&apis).chain(&workers) {
        assert!(!part.log.says("the broker is away"), "{} missed a broker that was there", part.url);
    }

    let account = crowd.account(Duration::from_secs(SECONDS + 60)).await;
    let report = &account.report;
    assert!(account.status.success(), "{:#}", report["violations"]);
    assert!(report["recovered"].as_u64().unwrap() >= DANCERS as u64, "everybody moved at least once: {report:#}");
    assert!(report["moved"].as_u64().unwrap() >= DANCERS as u64 / 2, "who was told when to move moved by themselves: {report:#}");
    assert_eq!(report["freshSeats"], serde_json::json!({}), "nobody had to start afresh");
    // The DJ's own socket is told apart, and says its close frame in other words.
    let lost = report["lostSockets"].as_object().unwrap();
    assert!(lost.keys().all(|how| how.starts_with("close 1012") || how.starts_with("DJ: ")), "nobody was cut off: {lost:?}");
}
