//! Two thousand evenings, on which every promise is kept; planted bugs, which are found; and traces, which are always the same.
#![allow(clippy::unwrap_used)]

mod sqlite;

use sim::{Plant, Season, evening, evening_on, season};

/// Evenings of a normal run.
const EVENINGS: u64 = 2_000;
/// Evenings within which each planted bug must show.
const SEARCHED: u64 = 400;

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn told(season: &Season) -> String {
    let each = season.failed.iter().map(|outcome| {
        format!("seed {} (`pika-sim --seed {} --trace` shows it):\n  {}\n", outcome.seed, outcome.seed, outcome.wrong.join("\n  "))
    });
    each.collect()
}

#[test]
fn every_promise_is_kept_whatever_goes_wrong() {
    let season = season(0..EVENINGS, Plant::Nothing, threads());
    assert!(season.failed.is_empty(), "{}", told(&season));
    assert_eq!(season.evenings, EVENINGS);
    // What was not met was not tried.
    for met in [
        "acknowledged",
        "boards overrun",
        "clock jumps",
        "errands",
        "feed messages lost",
        "flushes saved by the dead",
        "flushes torn",
        "fresh starts",
        "gaps mended",
        "nodes crashed",
        "outages",
        "outcomes unknown",
        "refused",
        "requests sent later",
        "resumes recovered",
        "resumes refused",
        "timers lost",
        "two owners",
        "verdicts counted",
        "verdicts rejected",
        "watermarks ahead",
        "words decided again",
        "workers crashed",
    ] {
        assert!(season.counts.get(met).is_some_and(|count| *count >= EVENINGS / 100), "{met} is hardly met: {:?}", season.counts);
    }
}

#[test]
fn every_planted_bug_is_found() {
    for plant in Plant::ALL {
        let season = season(0..SEARCHED, plant, threads());
        assert!(!season.failed.is_empty(), "{plant:?} breaks a promise, and {SEARCHED} evenings did not show it");
    }
}

#[test]
fn the_same_seed_is_the_same_evening_and_another_is_another() {
    let mut hashes = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let (one, two) = (evening(seed, Plant::Nothing, true), evening(seed, Plant::Nothing, true));
        assert_eq!(one.trace, two.trace, "seed {seed}");
        assert_eq!(one.hash, two.hash);
        assert_eq!(one.hash, evening(seed, Plant::Nothing, false).hash, "to be watched changes nothing");
        hashes.insert(one.hash);
    }
    assert_eq!(hashes.len(), 50);
}

#[test]
fn rows_in_memory_are_as_good_as_rows_in_sqlite() {
    for seed in 0..8 {
        let folder = tempfile::tempdir().unwrap();
        let file = evening_on(seed, Plant::Nothing, Box::new(sqlite::File::open(folder.path())), true);
        let memory = evening(seed, Plant::Nothing, true);
        assert_eq!(file.trace, memory.trace, "seed {seed}");
        assert_eq!(file.wrong, Vec::<String>::new());
    }
}
