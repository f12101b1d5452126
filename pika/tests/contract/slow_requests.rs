//! Whoever says a request too slowly does not hold a connection for it: on every listener that there is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Nats, PATIENCE, Pika, Role};

const SHORT: [(&str, &str); 2] = [("PIKA_HEAD_SECONDS", "1"), ("PIKA_REQUEST_SECONDS", "1")];
/// A byte every so often would be heard for hours, were nobody to count.
const DRIBBLE: Duration = Duration::from_millis(50);

/// Says this, then a byte at a time of that, over and over; what was answered, and how long it took until the connection ended.
async fn says_slowly(pika: &Pika, first: &str, then: &str) -> (String, Duration) {
    let mut tcp = TcpStream::connect(pika.url.trim_start_matches("http://")).await.unwrap();
    let began = Instant::now();
    tcp.write_all(first.as_bytes()).await.unwrap();
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    let mut bytes = then.bytes().cycle();
    let mut dribble = tokio::time::interval(DRIBBLE);
    let ended = async {
        loop {
            tokio::select! {
                read = tcp.read(&mut part) => match read {
                    Ok(0) | Err(_) => break,
                    Ok(count) => answer.extend_from_slice(&part[..count]),
                },
                // What cannot be said any more is found out by reading.
                _ = dribble.tick() => if let Some(byte) = bytes.next() { let _ = tcp.write_all(&[byte]).await; },
            }
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap_or_else(|_| panic!("{first:?} holds a connection of {}", pika.url));
    (String::from_utf8_lossy(&answer).into_owned(), began.elapsed())
}

async fn holds_nothing(pika: &Pika, post: &str) {
    let body = format!(
        "POST {post} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-pika-client: pika-web\r\nauthorization: Bearer pk_own_x\r\ncontent-length: 5000\r\n\r\n"
    );
    let slow = [
        ("", ""),
        ("GET /livez HTTP/1.1\r\nhost: x\r\n", "x-slow: and so on\r\n"),
        ("", "GET /livez-and-much-more-of-it"),
        ("PRI * HTTP/2.0\r\n", ""),
        ("GET /ws HTTP/1.1\r\nupgrade: websocket\r\n", "x"),
        (body.as_str(), "{\"x\": 1, "),
    ];
    let said = slow.iter().map(|(first, then)| says_slowly(pika, first, then));
    let (answers, alive) = tokio::join!(futures_util::future::join_all(said), async { pika.get("/livez").await.0 });
    assert_eq!(alive, 200, "others are served meanwhile");
    for ((first, _), (answer, took)) in slow.iter().zip(&answers) {
        // An end at once is as good, where what was said so far is no request.
        assert!(*took < Duration::from_secs(4), "{first:?} held a connection for {took:?}");
        assert!(!answer.starts_with("HTTP/1.1 2"), "{first:?} was answered {answer}");
    }
    // A kept connection that nobody uses ends too.
    let (answer, took) = says_slowly(pika, "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n", "").await;
    assert!(answer.starts_with("HTTP/1.1 200") && took < Duration::from_secs(4), "{took:?} {answer}");
}

#[tokio::test]
async fn a_slow_request_holds_nothing_of_pika_dev() {
    let pika = Pika::dev_with(&SHORT).await;
    pika.ready().await;
    holds_nothing(&pika, "/api/auth/login").await;
    let (answer, _) = says_slowly(&pika, "POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-pika-client: pika-web\r\ncontent-length: 500\r\n\r\n", "{").await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("The request did not come in time"), "{answer}");
}

#[tokio::test]
async fn nor_of_any_role() {
    let (nats, data) = (Nats::start().await, Arc::new(tempfile::tempdir().unwrap()));
    for (role, post) in [
        (Role::Workers, "/readyz"),
        (Role::Api, "/api/auth/login"),
        (Role::Ingest, "/api/sessions/an-evening/messages"),
        (Role::Fanout, "/ws"),
    ] {
        let pika = Pika::role(role, &nats, &data, &SHORT).await;
        pika.ready().await;
        holds_nothing(&pika, post).await;
    }
}
