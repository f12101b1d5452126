//! What is wrong is said in words that name the file, and nothing is stored by halves.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use rusqlite::Connection;
use store::contract::sample::{evening, load, loaded, pos, run, save, session};
use store::sqlite::{Config, Sqlite};
use store::{Changes, Live, RunRow, StoreError};

use crate::file::{fresh, fresh_with};

fn refusal(path: &Path) -> StoreError {
    Sqlite::open(path).map(drop).expect_err("the file must be refused")
}

#[track_caller]
fn assert_corrupt(error: &StoreError, words: &str) {
    assert!(matches!(error, StoreError::Corrupt(said) if said.contains(words) && said.contains("pika.db")), "{error}");
}

#[track_caller]
fn assert_unavailable(error: &StoreError, words: &str) {
    assert!(matches!(error, StoreError::Unavailable(said) if said.contains(words) && said.contains("pika.db")), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pika.db");
    let text = "Dear diary, ".repeat(1000);
    std::fs::write(&path, &text).unwrap();
    assert_corrupt(&refusal(&path), "is not a SQLite database");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_file_of_another_program_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pika.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_corrupt(&refusal(&path), "another program's database");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_kept() {
    let store = fresh();
    Connection::open(store.path()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert_corrupt(&refusal(&store.path()), "made by a newer version of this program: its schema is 99");
}

#[tokio::test]
async fn a_damaged_file_says_so() {
    let store = fresh();
    let friday = session("friday-night");
    save(&*store, &evening(&friday, 10, pos(100))).await;
    let (path, page) = (store.path(), 4096);
    let file = Connection::open(&path).unwrap();
    file.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let damaged: usize = file.query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'plays'", [], |row| row.get(0)).unwrap();
    drop(file);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[(damaged - 1) * page..damaged * page].fill(0x5a);
    let copy = path.with_file_name("copy-of-pika.db");
    std::fs::write(&copy, bytes).unwrap();

    let copy = Sqlite::open(&copy).unwrap();
    assert_corrupt(&copy.load(&friday).await.unwrap_err(), "is damaged");
    assert_corrupt(&copy.save(&evening(&friday, 10, pos(200))).await.unwrap_err(), "is damaged");
    assert!(copy.run(&friday).await.unwrap().is_some(), "what is whole can still be read");
}

#[tokio::test]
async fn a_value_that_somebody_changed_by_hand_is_not_guessed_at() {
    let store = fresh();
    let friday = session("friday-night");
    save(&*store, &evening(&friday, 10, pos(100))).await;
    Connection::open(store.path()).unwrap().execute("UPDATE wishes SET preference = 'louder'", []).unwrap();
    assert_corrupt(&store.load(&friday).await.unwrap_err(), r#"preference: no tempo wish is called "louder""#);
}

#[test]
fn a_path_that_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pika.db")).unwrap();
    assert_unavailable(&refusal(&folder.path().join("pika.db")), "is a folder");
    assert_unavailable(&refusal(&folder.path().join("nowhere/pika.db")), "there is no folder");
}

/// A folder in which not even root may make a file.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    assert_unavailable(&refusal(Path::new("/proc/self/pika.db")), "cannot be opened");
}

#[tokio::test]
async fn a_locked_file_fails_saves_and_answers_questions() {
    let store = fresh_with(Config { busy: Duration::from_millis(20), ..Config::default() });
    let friday = session("friday-night");
    let (first, second) = (evening(&friday, 10, pos(100)), evening(&friday, 10, pos(200)));
    save(&*store, &first).await;
    let other = Connection::open(store.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let failed = join_all((0..3).map(|_| store.save(&second))).await;
    assert!(failed.iter().all(|outcome| outcome.is_err()));
    assert_unavailable(failed[0].as_ref().unwrap_err(), "is locked");
    assert_unavailable(&store.ping().await.unwrap_err(), "is locked");
    assert_eq!(load(&*store, &friday).await, loaded(&first));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!((store.ping().await, store.save(&second).await), (Ok(()), Ok(())));
    assert_eq!(load(&*store, &friday).await, loaded(&second));
}

/// Runs these saves in one commit, or two: all wait behind a lock that goes away once the last of them is in the queue.
async fn together(store: &crate::file::Fresh, flushes: &[Changes]) -> Vec<Result<(), StoreError>> {
    let lock = Connection::open(store.path()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (outcomes, ()) = tokio::join!(join_all(flushes.iter().map(|changes| store.save(changes))), async move { drop(lock) });
    outcomes
}

#[tokio::test]
async fn a_failing_save_leaves_its_neighbours_alone() {
    let store = fresh();
    let flushes: Vec<Changes> = (0..9).map(|n| evening(&session(&format!("neighbour-{n}")), 10, pos(100))).collect();
    let mut spoiled = flushes.clone();
    // Larger than any integer of SQLite, in the flush's last row.
    spoiled[4].votes.last_mut().unwrap().begin = u64::MAX;
    let outcomes = together(&store, &spoiled).await;
    assert_corrupt(outcomes[4].as_ref().unwrap_err(), "cannot hold a value");
    for (n, (outcome, changes)) in outcomes.iter().zip(&flushes).enumerate() {
        let stored = store.load(&changes.runs[0].session).await.unwrap();
        assert_eq!((outcome.is_ok(), stored.is_some()), (n != 4, n != 4), "neighbour {n}");
    }
}

fn large(name: &str) -> Changes {
    let words = "x".repeat(100_000);
    let rows = (1..=10).map(|n| RunRow { dj_name: words.clone(), ..run(&session(name), n, pos(100 + n)) });
    Changes { runs: rows.collect(), ..evening(&session(name), 10, pos(100)) }
}

#[tokio::test]
async fn a_full_disk_stores_nothing_by_halves() {
    let store = fresh_with(Config { max_bytes: Some(1 << 19), ..Config::default() });
    let friday = session("friday-night");
    let small = evening(&friday, 10, pos(100));
    save(&*store, &small).await;

    let error = store.save(&large("too-large")).await.unwrap_err();
    assert_unavailable(&error, "cannot grow");
    assert_eq!(store.load(&session("too-large")).await, Ok(None));
    assert_eq!(store.position(large("too-large").partition).await, Ok(None));
    assert_eq!(load(&*store, &friday).await, loaded(&small), "what was stored before can be read");
    assert_eq!(store.totals().await.unwrap().sessions, 1);

    let neighbours = [evening(&friday, 10, pos(200)), large("also-too-large"), evening(&session("saturday"), 10, pos(100))];
    let outcomes = together(&store, &neighbours).await;
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true], "{outcomes:?}");

    let store = store.reopened();
    save(&*store, &large("too-large")).await;
    assert_eq!(store.totals().await.unwrap().sessions, 12, "with room again everything goes on");
}
