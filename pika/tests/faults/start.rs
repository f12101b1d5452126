//! Starts that cannot be: each ends at once with words that say what to do, never half-started.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{Attempt, Pika, attempt};

/// Long before an operator wonders.
const PROMPT: Duration = Duration::from_secs(5);

fn says(attempt: &Attempt, words: &[&str]) {
    assert_eq!(attempt.code, Some(1), "{attempt:?}");
    assert!(attempt.took < PROMPT, "{attempt:?}");
    assert!(attempt.stderr.starts_with("pika: "), "{attempt:?}");
    assert!(!attempt.stdout.contains("http://"), "{attempt:?}");
    for words in words {
        assert!(attempt.stderr.contains(words), "`{words}` is not said: {attempt:?}");
    }
}

async fn dev(dir: &TempDir, data: &Path, settings: &[(&str, &str)]) -> Attempt {
    let mut all = vec![("PIKA_DATA", data.as_os_str())];
    all.extend(settings.iter().map(|(name, value)| (*name, OsStr::new(value))));
    attempt(dir.path(), &["dev"], &all).await
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn a_file_in_the_place_of_the_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::write(&data, "not a directory").unwrap();
    says(&dev(&dir, &data, &[]).await, &["data directory", shown(&data), "not a directory"]);
    assert_eq!(std::fs::read_to_string(&data).unwrap(), "not a directory");
}

#[tokio::test]
async fn a_data_directory_that_may_not_be_read_or_written() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for mode in [0o000, 0o500] {
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(mode)).unwrap();
        let attempt = Attempt::without_privileges(dir.path(), &["dev"], &[("PIKA_DATA", data.as_os_str())]).await;
        says(&attempt, &["data directory", shown(&data), "cannot be written", "Permission denied"]);
    }
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn a_second_pika_on_the_same_data() {
    let first = Pika::dev().await;
    let data = first.data.path();
    says(&dev(&first.data, data, &[]).await, &["another pika uses the data directory", shown(data), "PIKA_DATA"]);
    first.ready().await;
}

#[tokio::test]
async fn a_port_that_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    says(&dev(&dir, dir.path(), &[("PIKA_LISTEN", &address)]).await, &[&address, "in use"]);
    let port = taken.local_addr().unwrap().port().to_string();
    says(&dev(&dir, dir.path(), &[("PIKA_NATS_PORT", &port)]).await, &["nats-server", &port, "in use"]);
}

#[tokio::test]
async fn no_nats_server_or_one_that_is_none() {
    let dir = tempfile::tempdir().unwrap();
    says(&dev(&dir, dir.path(), &[("PIKA_NATS_SERVER", "/nonexistent")]).await, &["/nonexistent does not run", "No such file"]);
    says(&dev(&dir, dir.path(), &[("PIKA_NATS_SERVER", "/bin/true")]).await, &["/bin/true does not say its version"]);
}

#[tokio::test]
async fn garbage_in_the_settings() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let file = dir.path().join("pika.toml");
    for (text, words) in [("listen = [garbage", "line 1"), ("listne = \"127.0.0.1:1\"", "listne"), ("grace_seconds = \"soon\"", "soon")] {
        std::fs::write(&file, text).unwrap();
        says(&dev(&dir, &data, &[]).await, &["settings", "pika.toml", words]);
    }
    std::fs::write(&file, [0xff, 0xfe, 0, 7]).unwrap();
    says(&dev(&dir, &data, &[]).await, &["settings", "pika.toml", "UTF-8"]);
    std::fs::remove_file(&file).unwrap();
    says(&dev(&dir, &data, &[("PIKA_GRACE_SECONDS", "soon")]).await, &["settings", "GRACE_SECONDS", "soon"]);
    says(&attempt(dir.path(), &["dev", "--config", "absent.toml"], &[]).await, &["absent.toml does not exist"]);
    assert!(!data.exists(), "nothing is made before the settings are understood");
}

#[tokio::test]
async fn files_of_ours_that_are_not_ours() {
    let dir = tempfile::tempdir().unwrap();
    let (rows, key) = (dir.path().join("pika.sqlite"), dir.path().join("cluster.key"));
    std::fs::write(&rows, [7; 5_000]).unwrap();
    says(&dev(&dir, dir.path(), &[]).await, &[shown(&rows), "not a SQLite database"]);
    std::fs::write(&key, "short").unwrap();
    says(&dev(&dir, dir.path(), &[]).await, &[shown(&key), "too short"]);
}
