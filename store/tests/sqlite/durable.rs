//! What was saved outlives its process, and several processes may save at once.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use futures_util::future::join_all;
use store::contract::sample::{evening, flush, load, loaded, pos, save, session};
use store::sqlite::Sqlite;
use store::{Changes, Live, Tokens};

use crate::file::fresh;

#[tokio::test]
async fn rows_outlive_the_process() {
    let store = fresh();
    let friday = session("friday-night");
    let changes = evening(&friday, 10, pos(100));
    save(&*store, &changes).await;
    store.add_token("DJ", "hash", schemas::Millis(1)).await.unwrap();
    let store = store.reopened();
    assert_eq!(load(&*store, &friday).await, loaded(&changes));
    assert_eq!(store.position(changes.partition).await.unwrap(), Some(changes.upto));
    assert_eq!(store.list_tokens().await.unwrap().len(), 1);
}

/// Two handles of one file take turns as two processes do: each has a writer thread and connections of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_write_side_by_side() {
    let store = fresh();
    let other = Sqlite::open(&store.path()).unwrap();
    let shared = session("shared-session");
    let shared = |n: u64| evening(&shared, 10, pos(n * 100));
    let own = |who: &str, n: u64| evening(&session(&format!("{who}-{n:05}")), 10, pos(100));
    let one = join_all((1..=50).map(|n| {
        let (store, changes) = (&*store, [own("mine", n), shared(n)]);
        async move { join_all(changes.iter().map(|c| save(store, c))).await }
    }));
    let two = join_all((1..=50).rev().map(|n| {
        let (store, changes) = (&other, [own("theirs", n), shared(n)]);
        async move { join_all(changes.iter().map(|c| save(store, c))).await }
    }));
    tokio::join!(one, two);
    for n in 1..=50 {
        for changes in [own("mine", n), own("theirs", n)] {
            assert_eq!(load(&*store, &changes.runs[0].session).await, loaded(&changes));
            assert_eq!(load(&other, &changes.runs[0].session).await, loaded(&changes));
        }
    }
    assert_eq!(load(&other, &shared(1).runs[0].session).await, loaded(&shared(50)));
    assert_eq!(store.totals().await.unwrap().sessions, 101);
}

#[test]
fn many_processes_may_open_a_new_file_at_once() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pika.db");
        let opened = std::thread::scope(|threads| {
            let opening: Vec<_> = (0..8).map(|_| threads.spawn(|| Sqlite::open(&path).map(drop))).collect();
            opening.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(opened, vec![Ok(()); 8]);
    }
}

fn nth_evening(n: u64) -> Changes {
    evening(&session("until-killed"), 10, pos(n * 100))
}

/// Not a test by itself: the process that the next one kills. It is told its file as one more argument.
#[tokio::test]
async fn writes_until_killed() {
    let Some(path) = std::env::args().find(|argument| argument.ends_with("/pika.db")) else { return };
    let store = Sqlite::open(Path::new(&path)).unwrap();
    for n in 1..1_000_000 {
        save(&store, &nth_evening(n)).await;
        println!("saved {n}");
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_answered() {
    let store = fresh();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "durable::writes_until_killed", "--nocapture"])
        .arg(store.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let saved = |line: String| line.strip_prefix("saved ").and_then(|n| n.parse::<u64>().ok());
    let before = lines.by_ref().filter_map(saved).nth(50).expect("the process saves");
    child.kill().unwrap();
    child.wait().unwrap();
    let answered = lines.filter_map(saved).last().unwrap_or(before);

    let upto = store.position(nth_evening(1).partition).await.unwrap().unwrap();
    let stored = upto.seq() / 100;
    assert!(stored >= answered, "{answered} flushes were answered and {stored} are stored");
    let newest = nth_evening(stored);
    assert_eq!((load(&*store, &newest.runs[0].session).await, upto), (loaded(&newest), newest.upto), "a flush is stored in part");
    save(&*store, &flush(&newest.runs[0].session, pos(u64::from(u32::MAX)))).await;
}
