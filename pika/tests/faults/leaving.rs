//! SIGTERM: gentle to sockets, clean, and nothing is missing afterwards.

use std::time::{Duration, Instant};

use schemas::codec::Codec;
use serde_json::json;

use crate::floor::{Dancer, recap_agrees};
use crate::support::{Dj, Pika, Socket, types};

#[tokio::test]
async fn asked_to_stop_pika_sends_its_sockets_away_leaves_cleanly_and_comes_back_with_everything() {
    let mut pika = Pika::dev().await;
    let mut dj = Dj::live(&pika).await;
    dj.play("Before").await;
    let mut dancer = Dancer::at(&pika, &dj.session, 0).await;
    dj.open_poll(None).await;
    let poll = dancer.socket.hear("POLL_STARTED").await["pollId"].clone();
    dancer.vote_and_like(&dj.session, &poll, "Before").await;
    dancer.hear_answers().await;
    assert!(dancer.has_all());
    let (mut json_form, mut packed) = (Socket::open_in(&pika, Codec::Json).await, Socket::open_in(&pika, Codec::MsgPack).await);
    for socket in [&mut json_form, &mut packed] {
        socket.subscribe(&dj.session).await;
    }
    let nats = pika.nats_pid();

    let asked = Instant::now();
    let (clean, plain, one, two) = tokio::join!(pika.terminate(), dancer.socket.hear_out(), json_form.hear_out(), packed.hear_out());
    assert!(clean, "the exit code is not 0");
    assert!(asked.elapsed() < Duration::from_secs(6), "{:?}", asked.elapsed());
    assert!(!types(&plain).contains(&"GOAWAY"), "a 0.3.0 client does not know the word");
    for heard in [one, two] {
        let goaway = heard.iter().find(|m| m["type"] == "GOAWAY").expect("GOAWAY before the close");
        assert!(goaway["reconnectInMs"].as_u64().unwrap() <= 2_000);
    }
    for socket in [&dancer.socket, &json_form, &packed] {
        assert_eq!(socket.closed, Some(1012));
    }
    assert!(!pika.log.says("the broker is away"), "a broker that leaves when it is asked to is no trouble");
    assert!(std::fs::read(format!("/proc/{nats}/cmdline")).unwrap_or_default().is_empty(), "nats-server outlived pika");

    pika.restart().await;
    dancer.come_back(&pika, &dj.session).await;
    let mut late = Socket::open(&pika).await;
    let heard = late.subscribe(&dj.session).await;
    assert_eq!(types(&heard), ["SESSIONS_LIST", "LISTENER_COUNT", "NOW_PLAYING", "POLL_STARTED"]);
    assert_eq!((&heard[2]["track"]["title"], &heard[3]["pollId"]), (&json!("Before"), &poll));
    dancer.repeat(true).await;
    dj.publish_ok(json!({"type": "END_POLL", "pollId": poll})).await;
    assert_eq!(late.hear("POLL_ENDED").await["results"], json!([1, 0]));
    recap_agrees(&pika, &dj, 1, &[1, 0]).await;
}
