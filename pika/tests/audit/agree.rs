//! What the audit says of evenings that were counted right, that go on, and that somebody changed.

use serde_json::{Value, json};

use crate::evening::{audit, counted, evening, like, say, stage, tool, vote};
use crate::support::{Dj, Pika, Socket, until};

/// Changes rows behind everybody's back.
fn tamper(pika: &Pika, sql: &str) {
    let file = rusqlite::Connection::open(pika.file("pika.sqlite")).unwrap();
    file.busy_timeout(crate::support::PATIENCE).unwrap();
    assert_eq!(file.execute(sql, []).unwrap(), 1, "{sql} must change one row");
}

/// Which values differ: table and field.
fn named(report: &Value) -> Vec<(&str, &str)> {
    let differences = report["differences"]["store"].as_array().unwrap();
    differences.iter().map(|d| (d["table"].as_str().unwrap(), d["field"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn an_evening_agrees_and_a_changed_row_is_named() {
    let pika = stage().await;
    let dj = evening(&pika).await;
    counted(&pika, &dj.session, 4).await;
    let (code, report) = audit(&pika, &dj.session).await;
    assert_eq!((code, &report["agrees"]), (Some(0), &json!(true)), "{report:#}");
    assert_eq!(report["plays"], 4);
    assert_eq!((&report["likes"]["standing"], &report["likes"]["takenBack"]), (&json!(4), &json!(2)));
    assert_eq!((&report["wishes"]["standing"], &report["wishes"]["takenBack"]), (&json!(2), &json!(1)));
    let [first, second] = report["polls"].as_array().unwrap().as_slice() else { panic!("two polls: {report:#}") };
    assert_eq!((&first["votes"], &first["rejected"], &first["repeats"]), (&json!([1, 2]), &json!({"already_voted": 1}), &json!(1)));
    assert_eq!((&second["votes"], &second["counted"], &second["changes"]), (&json!([0, 0, 0]), &json!(2), &json!(1)));
    assert!(second["status"].as_str().unwrap().starts_with("cancelled"), "{second}");

    let words = tool(&pika, &["audit", &dj.session]).await;
    assert_eq!(words.code, Some(0));
    for expected in ["DJ Żółć & Co.", "3 votes counted (yes 1, no 2)", "1 rejected (1 Already voted)", "\nagrees\n"] {
        assert!(words.stdout.contains(expected), "{expected:?} is not said:\n{}", words.stdout);
    }

    tamper(&pika, "UPDATE votes SET option = 1 WHERE option = 0");
    tamper(&pika, "DELETE FROM likes WHERE liked_at = (SELECT max(liked_at) FROM likes)");
    tamper(&pika, "UPDATE runs SET likes = 40");
    let (code, report) = audit(&pika, &dj.session).await;
    assert_eq!(code, Some(1));
    assert_eq!(named(&report), [("runs", "likes"), ("likes", "row"), ("votes", "option")], "{report:#}");
    let [run, like, vote] = report["differences"]["store"].as_array().unwrap().as_slice() else { panic!("three") };
    assert_eq!((&run["found"], &run["log"]), (&json!("40"), &json!("4")));
    assert_eq!((&like["found"], like["row"].as_str().unwrap().starts_with("The Testers – Three, person ")), (&Value::Null, true));
    assert_eq!((&vote["found"], &vote["log"]), (&json!("1"), &json!("0")));
    // The sequence leads to the claim itself.
    let at = vote["sequence"].to_string();
    let claim = tool(&pika, &["replay", &dj.session, "--from", &at, "--to", &at]).await;
    assert!(claim.stdout.contains("yes in poll"), "{claim:?}");
    let words = tool(&pika, &["audit", &dj.session]).await;
    assert!(words.stdout.contains("option is 1 in the store, and 0 by the log") && words.stdout.contains("3 differences"), "{words:?}");
    assert!(words.stdout.contains("the fold agrees with the log"), "{words:?}");
}

#[tokio::test]
async fn a_running_evening_is_audited_while_people_speak() {
    let pika = stage().await;
    let mut dj = Dj::live(&pika).await;
    let titles: Vec<String> = (0..40).map(|n| format!("Song {n}")).collect();
    for title in &titles {
        dj.play(title).await;
    }
    dj.publish_ok(json!({"type": "START_POLL", "question": "?", "options": ["a", "b"], "allowChange": true})).await;
    let mut dancer = Socket::open(&pika).await;
    let state = dancer.subscribe(&dj.session).await;
    let poll = state.iter().find(|m| m["type"] == "POLL_STARTED").unwrap()["pollId"].clone();
    let talk = async {
        for (n, title) in titles.iter().enumerate() {
            say(&mut dancer, like(title)).await;
            say(&mut dancer, vote(&poll, n as u32 % 2)).await;
        }
    };
    let look = async {
        let mut seen = Vec::new();
        for _ in 0..4 {
            let (code, report) = audit(&pika, &dj.session).await;
            assert_eq!(code, Some(0), "{report:#}");
            seen.push(report["claims"].as_u64().unwrap());
        }
        seen
    };
    let (seen, ()) = tokio::join!(look, talk);
    let all = async || audit(&pika, &dj.session).await.1["likes"]["standing"].as_u64().filter(|n| *n == 40);
    until("all likes", all).await;
    assert!(seen.is_sorted(), "{seen:?}");
}

#[tokio::test]
async fn each_run_of_a_session_is_audited_by_its_begin() {
    let pika = stage().await;
    let mut first = Dj::live(&pika).await;
    first.play("Before").await;
    first.publish_ok(json!({"type": "END_SESSION"})).await;
    let session = first.session.clone();
    counted(&pika, &session, 0).await;
    let before = audit(&pika, &session).await.1;
    let body = json!({"sessionId": session, "djName": "DJ Test"});
    let again = crate::support::http().post(format!("{}/api/sessions", pika.url)).bearer_auth(&first.owner_token).json(&body);
    let status = again.send().await.unwrap().status();
    assert_eq!(status, 201);
    let begun = async || {
        let report = audit(&pika, &session).await.1;
        (report["run"] != before["run"] && report["behind"] == false).then_some(report)
    };
    let now = until("the second run", begun).await;
    assert_eq!((&now["agrees"], &now["plays"]), (&json!(true), &json!(0)));
    let begin = before["run"].to_string();
    let earlier = tool(&pika, &["audit", &session, "--run", &begin, "--json"]).await;
    let earlier: Value = serde_json::from_str(&earlier.stdout).unwrap();
    assert_eq!((&earlier["run"], &earlier["plays"], &earlier["agrees"]), (&before["run"], &json!(1), &json!(true)));
}
