//! The fault drill: a node, the broker and the store break in turn, the right alert rings by the shipped rules, and what its runbook says ends it.
//! Only time is shortened: windows of minutes are ten seconds. A run of all tests breaks a node; `make drill` breaks all of them.

use std::time::Duration;

use serde_json::json;

use crate::cluster::Cluster;
use crate::prometheus::Prometheus;
use crate::support::{Dj, Pika, Socket, signal, track};

/// Everything of a drill happens within this.
const PATIENCE: Duration = Duration::from_secs(60);

/// The rules with every window of minutes or more made ten seconds long, and every wait one.
fn shortened(rules: &str) -> String {
    let mut lines = Vec::new();
    for line in rules.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if line.trim_start().starts_with("for: ") {
            lines.push(format!("{indent}for: 1s"));
            continue;
        }
        let mut short = String::new();
        for (n, piece) in line.split('[').enumerate() {
            let window =
                piece.split_once(']').filter(|(window, _)| window.ends_with(['m', 'h', 'd']) && window.as_bytes()[0].is_ascii_digit());
            match window {
                Some((_, rest)) => short += &format!("[10s]{rest}"),
                None if n == 0 => short += piece,
                None => short += &format!("[{piece}"),
            }
        }
        lines.push(short);
    }
    lines.join("\n") + "\n"
}

#[test]
fn only_times_are_shortened() {
    let rule = "- alert: A\n  expr: rate(a_total{b=~\"[xy]m\"}[5m]) > 14.4 * 0.001\n  for: 30m\n";
    assert_eq!(shortened(rule), "- alert: A\n  expr: rate(a_total{b=~\"[xy]m\"}[10s]) > 14.4 * 0.001\n  for: 1s\n");
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn rings(prometheus: &Prometheus, alert: &str) {
    eventually(&format!("{alert} rings"), async || prometheus.rings(alert).await).await;
}

async fn ended(prometheus: &Prometheus, alert: &str) {
    eventually(&format!("{alert} has ended"), async || !prometheus.rings(alert).await).await;
}

fn target(role: &str, pika: &Pika) -> String {
    format!("- targets: [\"{}\"]\n  labels: {{ role: {role} }}\n", pika.url.trim_start_matches("http://"))
}

#[tokio::test]
async fn what_breaks_rings_the_right_alert_and_mending_it_ends_it() {
    let mut cluster = Cluster::start().await;
    let roles = [
        ("ingest", &cluster.ingest),
        ("fanout", &cluster.nodes[0]),
        ("fanout", &cluster.nodes[1]),
        ("workers", &cluster.workers[0]),
        ("workers", &cluster.workers[1]),
        ("api", &cluster.api),
    ];
    let targets: String = roles.iter().map(|(role, pika)| target(role, pika)).collect();
    let prometheus = Prometheus::beside(&targets, shortened).await;
    let mut djs = Vec::new();
    for _ in 0..4 {
        djs.push(Dj::live(&cluster.ingest).await);
    }
    let mut dancer = Socket::open(&cluster.nodes[1]).await;
    dancer.subscribe(&djs[0].session).await;
    djs[0].play("Before").await;
    eventually("six processes are watched", async || prometheus.ask("up{job=\"pika\"} == 1").await == Ok(6)).await;
    for alert in ["PikaDown", "PikaBrokerUnknownCommits", "PikaStoreFailing", "PikaPartitionsUnowned"] {
        assert!(!prometheus.rings(alert).await, "{alert} rings before anything broke");
    }

    // A node dies. docs/runbooks/process-down.md: start it.
    cluster.nodes[0].kill().await;
    rings(&prometheus, "PikaDown").await;
    cluster.nodes[0].restart().await;
    ended(&prometheus, "PikaDown").await;
    if std::env::var_os("DRILL").is_none() {
        return;
    }

    // The broker hangs. docs/runbooks/broker.md: bring it back; what was said meanwhile is said again and counts once.
    let broker = cluster.nats.server.as_ref().unwrap().pid().unwrap();
    let like = json!({"type": "SEND_LIKE", "messageId": "during-the-outage", "payload": {"track": track("Before")}});
    signal(broker, "STOP").await;
    assert_eq!(dancer.ask(like.clone()).await["type"], "NACK");
    rings(&prometheus, "PikaBrokerUnknownCommits").await;
    signal(broker, "CONT").await;
    eventually("the like is stored", async || dancer.ask(like.clone()).await["type"] == "ACK").await;
    ended(&prometheus, "PikaBrokerUnknownCommits").await;

    // Another program holds the file of rows. docs/runbooks/store.md: end it.
    let file = cluster.data.path().join("pika.sqlite");
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for dj in &mut djs {
        dj.play("While the rows are locked").await;
    }
    rings(&prometheus, "PikaStoreFailing").await;
    drop(other);
    ended(&prometheus, "PikaStoreFailing").await;

    // All workers die. docs/runbooks/fold.md: start workers.
    for worker in &mut cluster.workers {
        worker.kill().await;
    }
    rings(&prometheus, "PikaDown").await;
    rings(&prometheus, "PikaPartitionsUnowned").await;
    for worker in &mut cluster.workers {
        worker.restart().await;
    }
    ended(&prometheus, "PikaPartitionsUnowned").await;
    ended(&prometheus, "PikaDown").await;
}
