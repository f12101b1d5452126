//! The drill: a backup is taken of an evening that is on, everything is lost, and the backup is put back.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::support::{Dj, PIKA, Pika, Socket, http, track, until};

/// A tool of an operator in this data directory.
async fn tool(data: &Path, args: &[&str]) -> Output {
    tool_with(data, args, &[]).await
}

pub async fn tool_with(data: &Path, args: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new(PIKA);
    command.args(args).current_dir(data).env("PIKA_DATA", data).envs(settings.iter().copied()).kill_on_drop(true).output().await.unwrap()
}

/// The same, going on.
pub fn begun(data: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(PIKA);
    command.args(args).current_dir(data).env("PIKA_DATA", data).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true).spawn().unwrap()
}

/// Asks it to stop, and gives what it said.
pub async fn stopped(child: Child, signal: Signal) -> Output {
    kill_process(Pid::from_raw(child.id().unwrap() as i32).unwrap(), signal).unwrap();
    child.wait_with_output().await.unwrap()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

pub async fn told(data: &Path, args: &[&str]) -> String {
    let output = tool(data, args).await;
    assert!(output.status.success(), "pika {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Rows and log are lost, as with a disk.
pub fn lose(data: &Path) {
    for path in
        entries(data).into_iter().filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pika.sqlite")))
    {
        std::fs::remove_file(path).unwrap();
    }
    std::fs::remove_dir_all(data.join("nats")).unwrap();
}

pub async fn likes(pika: &Pika, dj: &Dj) -> Value {
    let url = format!("{}/api/sessions/{}/recap", pika.url, dj.session);
    let recap: Value = http().get(url).bearer_auth(&dj.owner_token).send().await.unwrap().json().await.unwrap();
    recap["totalLikes"].clone()
}

#[tokio::test]
async fn a_backup_is_taken_beside_an_evening_verified_and_put_back_into_a_new_epoch() {
    let mut pika = Pika::dev().await;
    let data = pika.data.path().to_owned();
    let place = tempfile::tempdir().unwrap();
    let to = place.path().to_str().unwrap().to_owned();
    let mut dj = Dj::live(&pika).await;
    dj.play("Kept").await;
    let mut dancer = Socket::open(&pika).await;
    let heard = dancer.resume(&dj.session, json!(true)).await;
    let epoch = heard.iter().find(|m| m["type"] == "SUBSCRIBED").unwrap()["epoch"].as_u64().unwrap();
    dancer.ask_ok(json!({"type": "SEND_LIKE", "payload": {"track": track("Kept")}})).await;
    until("the like's row", async || (likes(&pika, &dj).await == 1).then_some(())).await;

    let said = told(&data, &["backup", "--to", &to]).await;
    assert!(said.starts_with("pika-"), "{said}");
    assert_eq!(pika.metric("pika_backup_ok", "").await, 1.0);
    assert!(pika.metric("pika_backup_success_timestamp_seconds", "").await > 1e9);
    assert!(told(&data, &["backup", "list", "--to", &to]).await.lines().count() == 1);
    let whole = told(&data, &["backup", "verify", "--to", &to]).await;
    assert!(whole.contains("is whole"), "{whole}");

    // What the backup does not have. Then rows and log are lost, as with a disk; the key lies elsewhere too.
    let lost = dj.play("Lost").await;
    assert!(pika.terminate().await);
    let refused = tool(&data, &["restore", "--from", &to]).await;
    assert!(!refused.status.success(), "it would have overwritten");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("move it away"), "{refused:?}");
    lose(&data);
    let said = told(&data, &["restore", "--from", &to]).await;
    for place in [data.join("pika.sqlite"), data.join("nats/jetstream")] {
        assert!(said.contains(place.to_str().unwrap()), "{said}");
    }
    assert!(said.contains("Start Pika"), "{said}");
    pika.restart().await;
    pika.ready().await;
    assert_eq!(pika.metric("pika_log_epoch", "").await, (epoch + 1) as f64, "a log that was put back begins an epoch");
    let mut back = Socket::open(&pika).await;
    let heard = back.resume(&dj.session, json!({"epoch": epoch, "seq": lost})).await;
    let placed = heard.iter().find(|m| m["type"] == "SUBSCRIBED").unwrap();
    assert_eq!((&placed["recovered"], &placed["reason"]), (&json!(false), &json!("unknown_epoch")), "who heard what is lost is told so");
    let playing = heard.iter().find(|m| m["type"] == "NOW_PLAYING").unwrap();
    assert_eq!(playing["track"]["title"], "Kept");
    assert_eq!(likes(&pika, &dj).await, 1);
    // The evening goes on, and no sequence is given out twice.
    let next = dj.play("Next").await;
    assert!(next > lost + 99_000, "{next} may have been given out before ({lost} was)");
    back.wait("the next track", |m| m["type"] == "NOW_PLAYING" && m["track"]["title"] == "Next").await;
}

#[tokio::test]
async fn a_damaged_backup_is_found_out_old_ones_go_and_a_failure_is_said() {
    let pika = Pika::dev().await;
    let data = pika.data.path().to_owned();
    let mut dj = Dj::live(&pika).await;
    dj.play("Kept").await;
    for _ in 0..3 {
        let said = told(&data, &["backup", "--keep", "2"]).await;
        let name = said.split(' ').next().unwrap().to_owned();
        // Names are moments, and a second has one.
        let second = || schemas::Millis::now().0 / 1000;
        let taken = second();
        until("the next second", async || (second() > taken).then_some(())).await;
        assert!(data.join("backups").join(&name).join("manifest.json").is_file());
    }
    let kept: Vec<String> =
        told(&data, &["backup", "list"]).await.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect();
    assert_eq!(kept.len(), 2, "{kept:?}");

    let part = data.join("backups").join(&kept[1]).join("LIVE.tar.s2");
    let mut bytes = std::fs::read(&part).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    let verified = tool(&data, &["backup", "verify"]).await;
    assert!(!verified.status.success());
    assert!(String::from_utf8_lossy(&verified.stderr).contains("LIVE.tar.s2 is damaged"), "{verified:?}");
    assert!(told(&data, &["backup", "verify", &kept[0]]).await.contains("is whole"));

    // Rows that are not there: the running process says that the last try failed, and still knows the good one.
    let failed = tool(&data, &["backup", "--store", "sqlite:away.sqlite"]).await;
    assert!(!failed.status.success());
    assert_eq!(pika.metric("pika_backup_ok", "").await, 0.0);
    assert!(pika.metric("pika_backup_success_timestamp_seconds", "").await > 1e9);
}

#[tokio::test]
async fn what_is_unpacked_to_be_verified_is_nobody_elses_and_goes_also_when_it_is_stopped_or_fails() {
    let pika = Pika::dev().await;
    let data = pika.data.path().to_owned();
    let mut dj = Dj::live(&pika).await;
    dj.play("Kept").await;
    let name = told(&data, &["backup"]).await.split(' ').next().unwrap().to_owned();
    let place = tempfile::tempdir().unwrap();
    let scratch = place.path().to_str().unwrap();
    let verify = ["backup", "verify", "--scratch", scratch];
    for signal in [Signal::TERM, Signal::INT] {
        let running = begun(&data, &verify);
        let folder = until("a scratch folder", async || entries(place.path()).pop()).await;
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let output = stopped(running, signal).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains("was not compared to its end"), "{output:?}");
        assert!(entries(place.path()).is_empty(), "{signal:?}");
    }
    let part = data.join("backups").join(&name).join("rows.sqlite.gz");
    let bytes = std::fs::read(&part).unwrap();
    std::fs::write(&part, &bytes[..bytes.len() / 2]).unwrap();
    assert!(!tool(&data, &verify).await.status.success());
    assert!(entries(place.path()).is_empty());

    // Where rows, log and data lie can be said behind the command too.
    std::fs::write(&part, &bytes).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let behind = ["backup", "verify", "--data", data.to_str().unwrap(), "--nats", "nats://127.0.0.1:1", "--store", "sqlite:x.sqlite"];
    let output = Command::new(PIKA).args(behind).current_dir(elsewhere.path()).output().await.unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("is whole"), "{output:?}");
}

#[tokio::test]
async fn a_try_that_fails_leaves_nothing_and_one_that_was_killed_goes_after_a_day() {
    let pika = Pika::dev().await;
    let data = pika.data.path().to_owned();
    let mut dj = Dj::live(&pika).await;
    dj.play("Kept").await;
    let backups = data.join("backups");
    // Tries that were killed: one long ago, one that may still go on; and a folder that is none of ours.
    let yesterday = SystemTime::now() - Duration::from_secs(25 * 3600);
    let [old, young, others] = ["pika-20260101T000000Z", "pika-20260102T000000Z", "pika-config"].map(|name| backups.join(name));
    for folder in [&old, &young, &others] {
        std::fs::create_dir_all(folder).unwrap();
        for part in ["rows.sqlite.gz", "LIVE.tar.s2#1"] {
            let file = File::create(folder.join(part)).unwrap();
            file.set_modified(yesterday).unwrap();
        }
        File::open(folder).unwrap().set_modified(yesterday).unwrap();
    }
    File::create(young.join("rows.sqlite.gz")).unwrap();
    let said = told(&data, &["backup"]).await;
    assert!(said.contains("1 earlier tries that broke off were removed"), "{said}");
    assert!(!old.exists() && young.exists() && others.exists());
    let before = entries(&backups).len();

    // The rows are copied, and then a stream is missing.
    let second = schemas::Millis::now().0 / 1000;
    until("the next second", async || (schemas::Millis::now().0 / 1000 > second).then_some(())).await;
    let broker = async_nats::jetstream::new(async_nats::connect(pika.nats_url()).await.unwrap());
    broker.delete_stream("REVOKED").await.unwrap();
    let failed = tool(&data, &["backup"]).await;
    assert!(String::from_utf8_lossy(&failed.stderr).contains("copying the stream REVOKED"), "{failed:?}");
    assert_eq!(entries(&backups).len(), before, "{:?}", entries(&backups));
}
