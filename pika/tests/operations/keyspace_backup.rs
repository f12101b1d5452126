//! The drill where rows are in a CQL keyspace: an evening, its backup, the keyspace dropped and the log lost, both put back.

use std::path::Path;
use std::sync::Arc;

use reqwest::StatusCode;
use rustix::process::Signal;
use scylla::client::session_builder::SessionBuilder;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::backup::{begun, likes, stopped, told, tool_with};
use crate::cassandra::Cassandra;
use crate::support::{Dj, Pika, Socket, http, track, until};

const PASSWORD: &str = "blue suede shoes 7";
const ADDRESS: &str = "ada@example.org";

async fn post(pika: &Pika, path: &str, body: Value) -> (StatusCode, Value) {
    let request = http().post(format!("{}{path}", pika.url)).header("x-pika-client", "pika-desktop").json(&body);
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// What people see of an evening: its recap, and its audit without the epoch, which a restore raises.
async fn seen(pika: &Pika, dj: &Dj) -> (Value, Value) {
    let url = format!("{}/api/sessions/{}/recap", pika.url, dj.session);
    let recap = http().get(url).bearer_auth(&dj.owner_token).send().await.unwrap().json().await.unwrap();
    let audit = told(pika.data.path(), &["audit", &dj.session, "--json"]).await;
    let mut audit: Value = serde_json::from_str(&audit).unwrap();
    audit.as_object_mut().unwrap().remove("epoch");
    (recap, audit)
}

async fn cql(cassandra: &Cassandra, statement: &str) {
    let session = SessionBuilder::new().known_node(&cassandra.place).build().await.unwrap();
    session.query_unpaged(statement, ()).await.unwrap();
}

fn flip(part: &Path) {
    let mut bytes = std::fs::read(part).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(part, bytes).unwrap();
}

#[tokio::test]
async fn a_keyspace_and_its_log_are_put_back_and_the_evening_is_what_it_was() {
    let cassandra = Arc::new(tokio::task::spawn_blocking(Cassandra::boot).await.unwrap());
    let store = format!("cql:{}/evenings", cassandra.place);
    let place = tempfile::tempdir().unwrap();
    let to = place.path().to_str().unwrap().to_owned();
    told(place.path(), &["migrate", "--store", &store]).await;
    let settings = [("PIKA_STORE", store.as_str()), ("PIKA_SIGN_IN_LIMITS", "0"), ("PIKA_PASSWORD_PASSES", "2")];
    let mut pika = Pika::dev_with(&settings).await;
    pika.ready().await;
    let data = pika.data.path().to_owned();
    // Where the tools of an operator find the store: a file of settings beside the data.
    std::fs::write(data.join("pika.toml"), format!("store = \"{store}\"\n")).unwrap();

    let (status, made) = post(&pika, "/api/auth/register", json!({"email": ADDRESS, "password": PASSWORD, "displayName": "DJ Ada"})).await;
    assert_eq!(status, 201, "{made}");
    let mut dj = Dj::live(&pika).await;
    dj.play("Kept").await;
    dj.open_poll(None).await;
    let mut watcher = Socket::open(&pika).await;
    let heard = watcher.resume(&dj.session, json!(true)).await;
    let epoch = heard.iter().find(|m| m["type"] == "SUBSCRIBED").unwrap()["epoch"].as_u64().unwrap();
    let poll = heard.iter().find(|m| m["type"] == "POLL_STARTED").unwrap()["pollId"].clone();
    for n in 0..4 {
        let mut dancer = Socket::open(&pika).await;
        dancer.subscribe(&dj.session).await;
        dancer.ask_ok(json!({"type": "VOTE_ON_POLL", "pollId": poll, "optionIndex": n % 2, "clientId": "x"})).await;
        dancer.ask_ok(json!({"type": "SEND_LIKE", "payload": {"track": track("Kept")}})).await;
    }
    dj.publish_ok(json!({"type": "END_POLL", "pollId": poll})).await;
    watcher.hear("POLL_ENDED").await;
    until("the rows of the dancers", async || (likes(&pika, &dj).await == 4).then_some(())).await;
    let before = seen(&pika, &dj).await;
    assert_eq!(before.1["agrees"], true, "{:#}", before.1);

    cql(&cassandra, "INSERT INTO evenings.secrets (sha256, kind, label) VALUES ('short', 'session', '') USING TTL 5").await;
    let said = told(&data, &["backup", "--to", &to]).await;
    println!("{said}");
    let name = said.split(' ').next().unwrap().to_owned();
    let whole = told(&data, &["backup", "verify", "--to", &to]).await;
    println!("{whole}");
    assert!(whole.contains("is whole"), "{whole}");

    // What had its time and ended since is missed by nobody. Told to stop, it takes its keyspace away.
    until("the end of a secret", async || {
        let session = SessionBuilder::new().known_node(&cassandra.place).build().await.unwrap();
        let left = session.query_unpaged("SELECT sha256 FROM evenings.secrets WHERE sha256 = 'short'", ()).await.unwrap();
        (left.into_rows_result().unwrap().rows_num() == 0).then_some(())
    })
    .await;
    let whole = told(&data, &["backup", "verify", "--to", &to]).await;
    assert!(whole.contains("is whole"), "{whole}");
    let mut running = begun(&data, &["backup", "verify", "--to", &to, "--store", &store]);
    let mut lines = BufReader::new(running.stderr.take().unwrap()).lines();
    let named = loop {
        let line = lines.next_line().await.unwrap().expect("a word of the scratch keyspace");
        if line.contains("DROP KEYSPACE evenings_verify_") {
            break line;
        }
    };
    assert!(!stopped(running, Signal::TERM).await.status.success(), "{named}");

    // A byte that changed is found by the part it is in, and nothing of the scratch place is left.
    let part = place.path().join(&name).join("accounts.rows.gz");
    flip(&part);
    let damaged = tool_with(&data, &["backup", "verify", "--to", &to], &[]).await;
    assert!(!damaged.status.success());
    assert!(String::from_utf8_lossy(&damaged.stderr).contains("accounts.rows.gz is damaged"), "{damaged:?}");
    flip(&part);
    let session = SessionBuilder::new().known_node(&cassandra.place).build().await.unwrap();
    let answer = session.query_unpaged("SELECT keyspace_name FROM system_schema.keyspaces", ()).await.unwrap();
    let keyspaces: Vec<(String,)> = answer.into_rows_result().unwrap().rows().unwrap().map(Result::unwrap).collect();
    assert!(!keyspaces.iter().any(|(name,)| name.contains("verify")), "{keyspaces:?}");

    // Where rows are, nothing is put back, and nothing has changed.
    let empty = tempfile::tempdir().unwrap();
    let refused = tool_with(empty.path(), &["restore", "--from", &to, "--store", &store], &[]).await;
    assert!(!refused.status.success(), "it would have overwritten");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("holds tables already"), "{refused:?}");
    assert!(!empty.path().join("nats/jetstream").exists(), "it would be in the way of the next try");
    assert_eq!(seen(&pika, &dj).await, before);

    let lost = dj.play("Lost").await;
    assert!(pika.terminate().await);
    std::fs::remove_dir_all(data.join("nats")).unwrap();
    cql(&cassandra, "DROP KEYSPACE evenings").await;
    let said = told(&data, &["restore", "--from", &to]).await;
    assert!(said.contains(&format!("keyspace evenings on {}", cassandra.place)) && said.contains("nats/jetstream"), "{said}");
    pika.restart().await;
    pika.ready().await;
    assert_eq!(pika.metric("pika_log_epoch", "").await, (epoch + 1) as f64, "a log that was put back begins an epoch");
    until("the partitions are folded again", async || (likes(&pika, &dj).await == 4).then_some(())).await;
    assert_eq!(seen(&pika, &dj).await, before);
    let (status, pair) = post(&pika, "/api/auth/token", json!({"email": ADDRESS, "password": PASSWORD})).await;
    assert_eq!(status, 200, "{pair}");

    // The evening goes on over its rows.
    let next = dj.play("Next").await;
    assert!(next > lost, "{next} was given out before ({lost})");
    let mut dancer = Socket::open(&pika).await;
    dancer.subscribe(&dj.session).await;
    dancer.ask_ok(json!({"type": "SEND_LIKE", "payload": {"track": track("Kept")}})).await;
    until("a like upon those that were put back", async || (likes(&pika, &dj).await == 5).then_some(())).await;
}
