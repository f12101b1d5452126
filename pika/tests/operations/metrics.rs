//! What a role says on `/metrics` is what Prometheus wants of metrics.

use std::process::Stdio;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::{Dj, Nats, Pika, Role, Socket, http};

/// What promtool finds wrong with the metrics of a process.
async fn lint(role: &str, pika: &Pika) {
    let text = http().get(format!("{}/metrics", pika.url)).send().await.unwrap().text().await.unwrap();
    let mut promtool = Command::new("promtool");
    let mut promtool = promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    promtool = promtool.kill_on_drop(true);
    let mut promtool = promtool.spawn().expect("promtool is needed: `deploy/tools.sh prometheus` installs it");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).await.unwrap();
    let found = promtool.wait_with_output().await.unwrap();
    let words = String::from_utf8_lossy(&found.stdout).into_owned() + &String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success() && words.trim().is_empty(), "{role}:\n{words}");
}

#[tokio::test]
async fn each_role_says_its_numbers_as_prometheus_wants_them() {
    let data = Arc::new(tempfile::tempdir().unwrap());
    let nats = Nats::start().await;
    let role = |role| Pika::role(role, &nats, &data, &[]);
    let workers = role(Role::Workers).await;
    let (ingest, fanout, api) = tokio::join!(role(Role::Ingest), role(Role::Fanout), role(Role::Api));
    for part in [&workers, &ingest, &fanout, &api] {
        part.ready().await;
    }
    let mut dj = Dj::live(&ingest).await;
    dj.play("Measured").await;
    let mut dancer = Socket::open(&fanout).await;
    dancer.subscribe(&dj.session).await;
    api.get("/api/sessions").await;
    for (name, part) in [("workers", &workers), ("ingest", &ingest), ("fanout", &fanout), ("api", &api)] {
        lint(name, part).await;
    }
}
