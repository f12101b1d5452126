//! A log that was put back from a backup, or deleted under everybody's feet. Nothing crashes, nothing old overwrites anything new,
//! what was counted stays counted, and every client is told honestly that it starts again.

use std::path::Path;

use serde_json::{Value, json};

use crate::floor::{Dancer, recap, recap_agrees};
use crate::support::{Dj, Pika, Socket, until};

fn copy(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

/// The SUBSCRIBED among what was heard.
fn placed(heard: &[Value]) -> &Value {
    heard.iter().find(|m| m["type"] == "SUBSCRIBED").unwrap()
}

async fn floor(pika: &Pika, session: &str, options: &[usize]) -> Vec<Dancer> {
    let mut dancers = Vec::new();
    for option in options {
        dancers.push(Dancer::at(pika, session, *option).await);
    }
    dancers
}

#[tokio::test]
async fn an_older_backup_of_the_log_begins_an_epoch_and_takes_back_nothing_that_was_counted() {
    let mut pika = Pika::dev().await;
    let mut dj = Dj::live(&pika).await;
    dj.play("Kept").await;
    assert!(pika.terminate().await);
    let (log, backup) = (pika.file("nats"), pika.file("backup"));
    copy(&log, &backup);

    // What the backup does not have: a poll with its result, its votes and likes, a track, another session.
    pika.restart().await;
    let mut reader = Socket::open(&pika).await;
    let heard = reader.resume(&dj.session, json!(true)).await;
    let epoch = placed(&heard)["epoch"].as_u64().unwrap();
    dj.open_poll(None).await;
    let poll = reader.hear("POLL_STARTED").await["pollId"].clone();
    for dancer in &mut floor(&pika, &dj.session, &[0, 0, 1]).await {
        dancer.vote_and_like(&dj.session, &poll, "Kept").await;
        dancer.hear_answers().await;
        assert!(dancer.has_all());
    }
    dj.publish_ok(json!({"type": "END_POLL", "pollId": poll})).await;
    reader.hear("POLL_ENDED").await;
    let seq = dj.play("Lost").await;
    let lost = Dj::live_as(&pika, "DJ Lost").await;
    recap_agrees(&pika, &dj, 3, &[2, 1]).await;
    until("the row of the lost session", async || recap(&pika, &lost).await["djName"].is_string().then_some(())).await;
    assert!(pika.terminate().await);
    std::fs::rename(&log, pika.file("lost")).unwrap();
    std::fs::rename(&backup, &log).unwrap();

    pika.restart().await;
    pika.ready().await;
    let mut back = Socket::open(&pika).await;
    let heard = back.resume(&dj.session, json!({"epoch": epoch, "seq": seq})).await;
    let answer = placed(&heard);
    assert_eq!((&answer["recovered"], &answer["reason"]), (&json!(false), &json!("unknown_epoch")));
    assert_eq!(answer["epoch"], epoch + 1);
    let playing = heard.iter().find(|m| m["type"] == "NOW_PLAYING").unwrap();
    assert_eq!(playing["track"]["title"], "Kept", "what the log holds is what plays");
    assert!(pika.metric("pika_log_lost_sequences_total", "").await > 0.0);
    assert_eq!(pika.metric("pika_log_epoch", "").await, (epoch + 1) as f64);

    // A session whose beginning is lost is over, and its recap stays.
    let ended = until("its end", async || Some(recap(&pika, &lost).await).filter(|recap| recap["endedAt"].is_string())).await;
    assert_eq!(ended["djName"], "DJ Lost");
    let mut stranger = Socket::open(&pika).await;
    stranger.subscribe(&lost.session).await.iter().find(|m| m["type"] == "SESSION_ENDED").expect("it is over");

    // The evening goes on, on top of all that was counted.
    let next = dj.play("Next").await;
    assert!(next > seq, "{next} was given out before");
    let next = back.wait("the next track", |m| m["type"] == "NOW_PLAYING" && m["track"]["title"] == "Next").await;
    assert!(next.get("seq").is_none() || next["seq"].as_u64() > Some(seq));
    for dancer in &mut floor(&pika, &dj.session, &[0, 0]).await {
        dancer.like(&dj.session, "Next").await;
    }
    let recap = recap_agrees(&pika, &dj, 5, &[2, 1]).await;
    let titles: Vec<&str> = recap["tracks"].as_array().unwrap().iter().filter_map(|track| track["title"].as_str()).collect();
    assert_eq!(titles, ["Kept", "Lost", "Next"]);

    // Once declared it stays declared.
    assert!(pika.terminate().await);
    pika.restart().await;
    pika.ready().await;
    assert_eq!(pika.metric("pika_log_epoch", "").await, (epoch + 1) as f64);
    recap_agrees(&pika, &dj, 5, &[2, 1]).await;
}

#[tokio::test]
async fn a_log_that_is_deleted_under_open_sockets_is_made_again_and_everybody_is_told() {
    let pika = Pika::dev().await;
    let mut dj = Dj::live(&pika).await;
    dj.play("Before").await;
    let mut dancer = Dancer::at(&pika, &dj.session, 0).await;
    dancer.like(&dj.session, "Before").await;
    let (mut reader, mut old) = (Socket::open(&pika).await, Socket::open(&pika).await);
    let heard = reader.resume(&dj.session, json!(true)).await;
    let epoch = placed(&heard)["epoch"].as_u64().unwrap();
    old.subscribe(&dj.session).await;
    until("the like in its row", async || (recap(&pika, &dj).await["totalLikes"] == 1).then_some(())).await;

    let broker = async_nats::jetstream::new(async_nats::connect(pika.nats_url()).await.unwrap());
    broker.delete_stream("LIVE").await.unwrap();
    let answer = reader.hear("SUBSCRIBED").await;
    assert_eq!((&answer["recovered"], &answer["reason"]), (&json!(false), &json!("unknown_epoch")));
    assert_eq!(answer["epoch"], epoch + 1);
    for socket in [&mut reader, &mut old] {
        socket.wait("the end", |m| m["type"] == "SESSION_ENDED" && m["sessionId"] == *dj.session).await;
    }
    pika.ready().await;
    let gone = until("its end", async || Some(recap(&pika, &dj).await).filter(|recap| recap["endedAt"].is_string())).await;
    assert_eq!((&gone["totalLikes"], &gone["trackCount"]), (&json!(1), &json!(1)));

    // Another evening begins, and old sockets hear of it.
    let mut next = Dj::live_as(&pika, "DJ Next").await;
    old.wait("the next session", |m| m["type"] == "SESSION_STARTED" && m["sessionId"] == *next.session).await;
    next.play("After").await;
    let mut dancer = Dancer::at(&pika, &next.session, 0).await;
    dancer.like(&next.session, "After").await;
    until("the like in its row", async || (recap(&pika, &next).await["totalLikes"] == 1).then_some(())).await;
}
