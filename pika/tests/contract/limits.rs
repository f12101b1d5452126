//! What one address may: tries, which two processes count together, and sockets, which each node counts.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{Nats, Pika, Role, Socket, http, until};

#[tokio::test]
async fn a_guesser_gains_nothing_by_going_from_one_process_to_the_other() {
    let (nats, data) = (Nats::start().await, Arc::new(tempfile::tempdir().unwrap()));
    // Nobody's address is a venue's here, so that this one counts.
    let settings = [("PIKA_VENUES", "[]"), ("PIKA_PASSWORD_PASSES", "2")];
    // Somebody has to say that the log is a new one, before anybody is ready.
    let worker = Pika::role(Role::Workers, &nats, &data, &settings).await;
    worker.ready().await;
    let (one, other) = (Pika::role(Role::Api, &nats, &data, &settings).await, Pika::role(Role::Api, &nats, &data, &settings).await);
    one.ready().await;
    other.ready().await;
    let mut answers = Vec::new();
    for (nth, pika) in [&one, &other].into_iter().cycle().take(12).enumerate() {
        let login = http().post(format!("{}/api/auth/login", pika.url)).header("x-pika-client", "pika-web");
        let body = json!({"email": format!("nobody-{nth}@example.org"), "password": "not it, not it"});
        answers.push(login.json(&body).send().await.unwrap().status().as_u16());
    }
    assert_eq!(answers, [401, 401, 401, 401, 401, 429, 429, 429, 429, 429, 429, 429]);
}

/// Loopback is no venue here, and these are strangers.
async fn stranger_upgrades(pika: &Pika) -> (u16, Option<u64>, Value) {
    let request = http().get(format!("{}/ws", pika.url)).header("connection", "upgrade").header("upgrade", "websocket");
    let request = request.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let response = request.send().await.unwrap();
    let wait = response.headers().get("retry-after").map(|value| value.to_str().unwrap().parse().unwrap());
    let status = response.status().as_u16();
    (status, wait, if status == 101 { Value::Null } else { response.json().await.unwrap() })
}

fn is_refused((status, wait, body): &(u16, Option<u64>, Value)) {
    assert_eq!((*status, body["code"].as_str()), (429, Some("too_many_connections")), "{body}");
    assert_eq!(body["error"], "Too many connections from this address");
    assert!(wait.is_some_and(|seconds| (1..=10).contains(&seconds)), "{wait:?}");
}

#[tokio::test]
async fn one_address_has_ten_open_sockets_and_the_eleventh_is_refused() {
    let pika = Pika::dev_with(&[("PIKA_VENUES", "[]"), ("PIKA_MAX_CONNECTS_PER_MINUTE", "1000")]).await;
    pika.ready().await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(Socket::open(&pika).await);
    }
    for _ in 0..3 {
        is_refused(&stranger_upgrades(&pika).await);
    }
    assert_eq!(pika.metric("pika_connects_refused_total", "address").await, 3.0);
    for socket in &mut sockets {
        socket.drain().await;
    }
    Socket::open_from(&pika, "127.0.0.2").await.drain().await;
    // Whoever leaves makes room for one, and for no more.
    sockets.pop().unwrap().vanish();
    let again = until("room for one more", || async { Socket::connect(&pika.ws_url(), None, None).await.ok() }).await;
    sockets.push(again);
    is_refused(&stranger_upgrades(&pika).await);
}

#[tokio::test]
async fn one_address_connects_ten_times_a_minute_and_is_then_refused_though_none_is_open() {
    let pika = Pika::dev_with(&[("PIKA_VENUES", "[]")]).await;
    pika.ready().await;
    for _ in 0..10 {
        let mut socket = Socket::open(&pika).await;
        socket.drain().await;
        socket.vanish();
    }
    until("all are gone", || async { (pika.metric("pika_connections", "").await == 0.0).then_some(()) }).await;
    is_refused(&stranger_upgrades(&pika).await);
    Socket::open_from(&pika, "127.0.0.2").await.drain().await;
}
