//! An evening that spans a declared loss: what is lost is told, rows that only it justified are told apart, and a row that somebody
//! changed is found all the same.

use std::path::Path;

use serde_json::{Value, json};

use crate::evening::{audit, counted, like, say, stage, tool, vote};
use crate::support::{Dj, Pika, Socket, until};

fn copy(from: &Path, to: &Path) {
    assert!(std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

fn change(pika: &Pika, sql: &str) {
    let file = rusqlite::Connection::open(pika.file("pika.sqlite")).unwrap();
    file.busy_timeout(crate::support::PATIENCE).unwrap();
    assert_eq!(file.execute(sql, []).unwrap(), 1, "{sql} must change one row");
}

/// Differences with the store: table, field, and whether the loss explains it.
fn told(report: &Value) -> Vec<(&str, &str, bool)> {
    let all = report["differences"]["store"].as_array().unwrap();
    all.iter().map(|d| (d["table"].as_str().unwrap(), d["field"].as_str().unwrap(), d["lost"].as_bool().unwrap())).collect()
}

async fn dancer(pika: &Pika, session: &str) -> Socket {
    let mut dancer = Socket::open(pika).await;
    dancer.subscribe(session).await;
    dancer
}

#[tokio::test]
async fn what_the_log_lost_is_told_and_is_nobodys_mistake() {
    let mut pika = stage().await;
    let mut dj = Dj::live(&pika).await;
    dj.play("Kept").await;
    say(&mut dancer(&pika, &dj.session).await, like("Kept")).await;
    dj.open_poll(None).await;
    until("the like in its row", async || (audit(&pika, &dj.session).await.1["likes"]["standing"] == 1).then_some(())).await;
    assert!(pika.terminate().await);
    let (log, backup) = (pika.file("nats"), pika.file("backup"));
    copy(&log, &backup);

    pika.restart().await;
    let mut voter = Socket::open(&pika).await;
    let state = voter.subscribe(&dj.session).await;
    let poll = state.iter().find(|m| m["type"] == "POLL_STARTED").unwrap()["pollId"].clone();
    say(&mut voter, vote(&poll, 1)).await;
    say(&mut voter, like("Kept")).await;
    dj.publish_ok(json!({"type": "END_POLL", "pollId": poll})).await;
    voter.hear("POLL_ENDED").await;
    dj.play("Lost").await;
    let gone = Dj::live_as(&pika, "DJ Lost").await;
    let folded = async || {
        let report = audit(&pika, &dj.session).await.1;
        let gone = pika.get(&format!("/api/sessions/{}/recap", gone.session)).await.1["djName"].is_string();
        (gone && report["plays"] == 2 && report["likes"]["standing"] == 2).then_some(())
    };
    until("what will be lost in its rows", folded).await;
    assert!(pika.terminate().await);
    std::fs::rename(&log, pika.file("lost")).unwrap();
    std::fs::rename(&backup, &log).unwrap();

    pika.restart().await;
    pika.ready().await;
    let settled = async || {
        let (code, report) = audit(&pika, &dj.session).await;
        (code != Some(2) && report["behind"] == false && report["polls"][0]["status"].as_str()?.starts_with("closed"))
            .then_some((code, report))
    };
    let (code, report) = until("the poll's result said again", settled).await;
    assert_eq!((code, &report["agrees"]), (Some(0), &json!(true)), "{report:#}");
    assert_eq!((&report["plays"], &report["likes"]["standing"]), (&json!(1), &json!(1)), "what the log has: {report:#}");
    let lost = &report["lost"][0];
    assert!(lost["from"].as_u64() <= lost["to"].as_u64() && lost["to"].as_u64() < lost["first"].as_u64(), "{lost}");
    let rows = told(&report);
    for row in [("runs", "tracks", true), ("runs", "likes", true), ("plays", "row", true), ("likes", "row", true), ("votes", "row", true)] {
        assert!(rows.contains(&row), "{row:?} is not told: {report:#}");
    }
    let words = tool(&pika, &["audit", &dj.session]).await;
    let range =
        format!("sequences {} to {} of the log are lost; epoch {} goes on at {}", lost["from"], lost["to"], lost["epoch"], lost["first"]);
    for expected in [range.as_str(), "of what the log lost: plays: ", "\nagrees, apart from "] {
        assert!(words.stdout.contains(expected), "{expected:?} is not said:\n{}", words.stdout);
    }
    let orphan = tool(&pika, &["audit", &gone.session]).await;
    assert_eq!(orphan.code, Some(2));
    assert!(orphan.stderr.contains("began in what the log lost: sequences"), "{orphan:?}");
    let told_again = tool(&pika, &["replay", &dj.session]).await;
    assert!(told_again.stdout.contains("Kept") && !told_again.stdout.contains("Lost"), "{told_again:?}");

    // The evening goes on over the gap, and what is changed by hand is found beside what is lost.
    dj.play("Next").await;
    say(&mut dancer(&pika, &dj.session).await, like("Next")).await;
    dj.publish_ok(json!({"type": "END_SESSION"})).await;
    counted(&pika, &dj.session, 3).await;
    let (code, report) = audit(&pika, &dj.session).await;
    assert_eq!((code, &report["plays"]), (Some(0), &json!(2)), "{report:#}");
    change(&pika, "UPDATE runs SET likes = 40 WHERE likes = 3");
    change(&pika, "UPDATE likes SET liked_at = 5 WHERE liked_at = (SELECT min(liked_at) FROM likes)");
    let (code, report) = audit(&pika, &dj.session).await;
    assert_eq!(code, Some(1));
    let mistakes: Vec<_> = told(&report).into_iter().filter(|(.., lost)| !lost).map(|(table, field, _)| (table, field)).collect();
    assert_eq!(mistakes, [("runs", "likes"), ("likes", "liked_at")], "{report:#}");
}
