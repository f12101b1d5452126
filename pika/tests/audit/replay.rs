//! An evening that is told, exported, and happens again elsewhere.

use serde_json::{Value, json};

use crate::evening::{counted, evening, stage, tool};
use crate::support::{Pika, attempt};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// What the DJ played, in order, as the recap has it.
fn played(recap: &Value) -> Vec<Value> {
    let tracks = recap["tracks"].as_array().unwrap();
    tracks.iter().map(|t| json!([t["position"], t["artist"], t["title"], t["bpm"]])).collect()
}

/// Polls as the owner sees them: everything but the votes.
async fn polls(pika: &Pika, session: &str, token: &str) -> Vec<Value> {
    let url = format!("{}/api/sessions/{session}/recap", pika.url);
    let recap: Value = crate::support::http().get(url).bearer_auth(token).send().await.unwrap().json().await.unwrap();
    recap["polls"].as_array().unwrap().iter().map(|p| json!([p["question"], p["options"], p["currentTrack"]["title"]])).collect()
}

#[tokio::test]
async fn an_exported_evening_happens_again_on_another_server() {
    let (here, there) = (stage().await, stage().await);
    let dj = evening(&here).await;
    let original = counted(&here, &dj.session, 4).await;

    let told = tool(&here, &["replay", &dj.session]).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    for expected in ["DJ Żółć & Co. is live", "The Testers – One (104 bpm)", "yes in poll", "“Social at ten”", "the evening is over"]
    {
        assert!(told.stdout.contains(expected), "{expected:?} is not told:\n{}", told.stdout);
    }
    let facts = tool(&here, &["replay", &dj.session, "--facts"]).await;
    assert!(facts.stdout.contains("The Testers – Two") && !facts.stdout.contains("yes in poll"), "{facts:?}");

    let exported = tool(&here, &["replay", &dj.session, "--json"]).await;
    let all = lines(&exported.stdout);
    assert_eq!((&all[0]["kind"], &all[0]["session"]), (&json!("evening"), &json!(dj.session)));
    let of = |kind: &str| all.iter().filter(|line| line["kind"] == kind).count();
    let audited: Value = serde_json::from_str(&tool(&here, &["audit", &dj.session, "--json"]).await.stdout).unwrap();
    assert_eq!((json!(of("fact")), json!(of("claim"))), (audited["facts"].clone(), audited["claims"].clone()));
    let places: Vec<(u64, u64)> = all[1..].iter().map(|l| (l["sequence"].as_u64().unwrap(), l["index"].as_u64().unwrap_or(0))).collect();
    assert!(places.is_sorted() && places.windows(2).all(|two| two[0] != two[1]), "{places:?}");
    let from = places[3].0.to_string();
    let part = lines(&tool(&here, &["replay", &dj.session, "--json", "--from", &from, "--to", &from]).await.stdout);
    assert!(part[1..].iter().all(|line| line["sequence"] == places[3].0) && part.len() > 1, "{part:?}");
    assert!(!exported.stdout.contains("\"address\":\""), "the hash of an address left the cluster");

    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("friday.jsonl"), &exported.stdout).unwrap();
    let state = [("XDG_STATE_HOME", place.path().as_os_str())];
    let args = ["replay", "friday.jsonl", "--into", &there.url, "--speed", "20", "--as", "friday-again"];
    let again = attempt(place.path(), &args, &state).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    let recap = counted(&there, "friday-again", 0).await;
    assert_eq!((&recap["djName"], played(&recap)), (&original["djName"], played(&original)));

    // The log itself may be played too; at its own pace the short evening takes no longer than it did.
    let args = ["replay", &dj.session, "--into", &there.url, "--as", "from-the-log", "--name", "DJ Other"];
    let settings = [("XDG_STATE_HOME", place.path().as_os_str()), ("PIKA_DATA", here.data.path().as_os_str())];
    let again = attempt(place.path(), &args, &settings).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    let recap = counted(&there, "from-the-log", 0).await;
    assert_eq!((&recap["djName"], played(&recap)), (&json!("DJ Other"), played(&original)));
    // Played again and exported again, the polls are those of the evening, and the cancelled one is cancelled.
    let there_again = lines(&tool(&there, &["replay", "from-the-log", "--json", "--facts"]).await.stdout);
    let asked = |lines: &[Value]| {
        let polls = lines.iter().filter_map(|line| line["fact"]["poll_opened"].as_object());
        let cancelled = lines.iter().filter(|line| line["fact"]["poll_cancelled"].is_object()).count();
        let closed = lines.iter().filter(|line| line["fact"]["poll_closed"].is_object()).count();
        (polls.map(|p| json!([p["question"], p["options"], p["allow_change"]])).collect::<Vec<_>>(), closed, cancelled)
    };
    assert_eq!(asked(&there_again), asked(&all));
    assert_eq!(polls(&here, &dj.session, &dj.owner_token).await, [json!(["Faster?", ["yes", "no"], "One"])]);
}

#[tokio::test]
async fn a_strangers_file_is_told_without_its_tricks_or_refused() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(place.path().join(name), text).unwrap();
    let header = r#"{"kind":"evening","format":1,"session":"friday-night","begin":3}"#;
    let begun = r#"{"kind":"fact","sequence":3,"time":"2026-01-24T20:00:00Z","at":"2026-01-24T20:00:00Z","op":null,"fact":{"begun":{"dj_name":"\u001b]0;owned\u0007\u009b2J\u202eDJ","owner":{"dj":{"id":"x"}},"join_code":"A","by_socket":false}}}"#;
    file("tricks.jsonl", &format!("{header}\n{begun}\n"));
    for args in [&["replay", "tricks.jsonl"][..], &["replay", "tricks.jsonl", "--json"]] {
        let told = attempt(place.path(), args, &[]).await;
        assert_eq!(told.code, Some(0), "{told:?}");
        assert!(told.stdout.contains("DJ"), "{told:?}");
        let raw = told.stdout.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(raw, None, "{told:?}");
    }
    file("newer.jsonl", &header.replace("\"format\":1", "\"format\":2"));
    file("cut.jsonl", &format!("{header}\n{}", &begun[..60]));
    file("headless.jsonl", begun);
    file("empty.jsonl", "");
    for (name, words) in [
        ("newer.jsonl", "has format 2; this program knows up to 1"),
        ("cut.jsonl", "line 2"),
        ("headless.jsonl", "the first line"),
        ("empty.jsonl", "is no evening"),
        ("missing.jsonl", "cannot read missing.jsonl"),
    ] {
        let refused = attempt(place.path(), &["replay", name], &[]).await;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
}
