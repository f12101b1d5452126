//! The disk is full. Nothing is acknowledged that is not stored, the log says why, and nothing acknowledged is missing once there is room.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::floor::{Dancer, UNAVAILABLE, publish_until_acknowledged, recap_agrees, say_until_acknowledged};
use crate::support::{Attempt, Disk, Dj, Pika, Socket, track, until};

const MIB: u64 = 1024 * 1024;

/// Seconds of processor time that a process has used.
fn used(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // Clock ticks are hundredths of a second on every Linux that we run on.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

#[tokio::test]
async fn a_full_disk_refuses_says_why_and_loses_nothing() {
    let disk = Disk::of(32 * MIB).await;
    let mut pika = Pika::dev_on(&disk, &[("PIKA_BUDGETS", "0")]).await;
    let mut dj = Dj::live(&pika).await;
    dj.play("Track 0").await;
    let mut dancer = Dancer::at(&pika, &dj.session, 0).await;
    let mut late = Dancer::at(&pika, &dj.session, 1).await;
    dj.open_poll(None).await;
    let poll = dancer.socket.hear("POLL_STARTED").await["pollId"].clone();
    dancer.vote_and_like(&dj.session, &poll, "Track 0").await;
    dancer.hear_answers().await;
    assert!(dancer.has_all());

    // The disk fills under the DJ's feet: each track is either refused or still there at the end.
    disk.fill_but(MIB / 8);
    let mut acknowledged = vec!["Track 0".to_owned()];
    let refused = loop {
        let title = format!("Track {}", acknowledged.len());
        let (status, body) = dj.post(&json!({"type": "BROADCAST_TRACK", "messageId": title, "track": track(&title)})).await;
        if status != 200 {
            assert_eq!((status, &body["error"]), (503, &json!(UNAVAILABLE)));
            break title;
        }
        assert_eq!(body["results"][0]["status"], "ok");
        acknowledged.push(title);
        assert!(acknowledged.len() < 2_000, "the disk does not fill");
    };
    println!("{} tracks fitted", acknowledged.len());
    disk.fill_but(0);
    // A claim is small and a file's last block may take a few; in the end they are refused like the DJ's words.
    let mut thanks = 0;
    loop {
        let answer = dancer.socket.ask(json!({"type": "SEND_REACTION", "sessionId": dj.session, "reaction": "thank_you"})).await;
        if answer["type"] == "NACK" {
            assert_eq!(answer["error"], UNAVAILABLE);
            break;
        }
        thanks += 1;
        assert!(thanks < 2_000, "the disk is not full");
    }
    println!("{thanks} claims fitted");
    late.vote_and_like(&dj.session, &poll, "Track 0").await;
    late.hear_answers().await;
    until("the reason in the log", async || pika.log.says("is full: publishing is refused").then_some(())).await;

    // What a program that spins would use in a second is a second.
    let (before, lines, since) = (used(pika.pid()), pika.log.len(), Instant::now());
    while since.elapsed() < Duration::from_secs(2) {
        let (status, body) = dj.post(&json!({"type": "BROADCAST_TRACK", "messageId": refused, "track": track(&refused)})).await;
        // A few bytes may have become free again; what is acknowledged counts.
        assert!(status == 503 && body["error"] == UNAVAILABLE || status == 200, "{status} {body}");
        dancer.socket.drain().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let share = (used(pika.pid()) - before) / since.elapsed().as_secs_f64();
    println!("processor {share:.2}, {} lines in the log", pika.log.len() - lines);
    assert!(share < 0.5, "it spins");
    assert!(pika.log.len() - lines < 200, "it floods its log");
    assert!(pika.lives());

    disk.make_room();
    let room = Instant::now();
    publish_until_acknowledged(&dj, &json!({"type": "BROADCAST_TRACK", "messageId": refused, "track": track(&refused)})).await;
    acknowledged.push(refused);
    // A word of its own, because the refused one may have been stored all the same.
    let after = json!({"type": "BROADCAST_TRACK", "messageId": "After", "track": track("After")});
    publish_until_acknowledged(&dj, &after).await;
    acknowledged.push("After".to_owned());
    println!("it goes on by itself {:?} after there is room", room.elapsed());
    late.repeat(false).await;
    say_until_acknowledged(
        &mut dancer.socket,
        &json!({"type": "SEND_REACTION", "messageId": "thanks", "sessionId": dj.session, "reaction": "thank_you"}),
    )
    .await;
    publish_until_acknowledged(&dj, &json!({"type": "END_POLL", "messageId": "end", "pollId": poll})).await;
    let played = async |pika: &Pika| {
        let recap = recap_agrees(pika, &dj, 2, &[1, 1]).await;
        recap["tracks"].as_array().unwrap().iter().map(|t| t["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(played(&pika).await, acknowledged);
    let mut newcomer = Socket::open(&pika).await;
    let heard = newcomer.subscribe(&dj.session).await;
    assert_eq!(heard.iter().find(|m| m["type"] == "NOW_PLAYING").unwrap()["track"]["title"], "After");

    assert!(pika.terminate().await);
    pika.restart().await;
    assert_eq!(played(&pika).await, acknowledged, "the same after a restart");
}

#[tokio::test]
async fn a_start_on_a_full_disk_says_so() {
    let disk = Disk::of(8 * MIB).await;
    disk.fill_but(0);
    let attempt = Attempt::on(&disk, &["dev"], &[("PIKA_DATA", OsStr::new(disk.place().path()))]).await;
    println!("{attempt:?}");
    assert_eq!(attempt.code, Some(1), "{attempt:?}");
    assert!(attempt.took < Duration::from_secs(5), "{attempt:?}");
    assert!(attempt.stderr.contains("No space left on device") || attempt.stderr.contains("is full"), "{attempt:?}");
}
