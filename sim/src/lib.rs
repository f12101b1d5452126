//! Seeded simulation: whole evenings with the real steps and nothing else real.
//!
//! What decides is the product's: the codecs, admission ([`ingest::steps`]), the following of sessions ([`nats::sessions::steps`]), boards and
//! resume ([`fanout`]), the fold, its duties and its flushes ([`workers::steps`]). What lies between is made here: a broker that loses requests and
//! answers, a feed that loses, repeats and reorders, processes that die between any two steps, two owners at once, clocks that jump,
//! and people who say again what was not answered. There is no socket, no thread, no file and no real time in it: one agenda and one
//! generator, so the same seed is the same evening, to the letter of its trace.
//!
//! It promises that an evening's judge ([`oracle`]) has seen the whole log. It does not know HTTP, WebSocket, NATS or SQLite, nor budgets and
//! tokens; those have tests against real parts.

mod agenda;
mod broker;
mod door;
mod log;
mod node;
mod oracle;
mod people;
mod plant;
mod recounted;
pub mod shelf;
mod trouble;
mod weather;
mod worker;
mod world;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

pub use plant::Plant;

use crate::shelf::{Rows, Shelf};
use crate::world::World;

/// How an evening ended.
#[derive(Debug)]
pub struct Outcome {
    pub seed: u64,
    /// A number that stands for the whole trace.
    pub hash: u64,
    /// Promises that were broken.
    pub wrong: Vec<String>,
    /// How often what happened.
    pub counts: BTreeMap<&'static str, u64>,
    pub trace: Option<String>,
}

/// One evening.
pub fn evening(seed: u64, plant: Plant, trace: bool) -> Outcome {
    evening_on(seed, plant, Box::new(Shelf::new(plant == Plant::RowsGoBack)), trace)
}

/// One evening, with rows somewhere else than in memory.
pub fn evening_on(seed: u64, plant: Plant, rows: Box<dyn Rows>, trace: bool) -> Outcome {
    let mut world = World::new(seed, plant, rows, trace);
    world.run();
    world.judge();
    let (hash, wrong) = (world.hash(), std::mem::take(&mut world.wrong));
    Outcome { seed, hash, wrong, counts: std::mem::take(&mut world.counts), trace: world.take_trace() }
}

/// What came of many evenings.
#[derive(Debug, Default)]
pub struct Season {
    pub evenings: u64,
    pub counts: BTreeMap<&'static str, u64>,
    /// Evenings with broken promises, by their seeds.
    pub failed: Vec<Outcome>,
}

/// Evenings side by side on so many threads, until all are done or some have failed.
pub fn season(seeds: Range<u64>, plant: Plant, threads: usize) -> Season {
    let next = AtomicU64::new(seeds.start);
    let season = Mutex::new(Season::default());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || season.lock().is_ok_and(|season| season.failed.len() >= 3) {
                return;
            }
            let mut outcome = evening(seed, plant, false);
            let Ok(mut season) = season.lock() else { return };
            season.evenings += 1;
            for (what, count) in std::mem::take(&mut outcome.counts) {
                *season.counts.entry(what).or_default() += count;
            }
            if !outcome.wrong.is_empty() {
                season.failed.push(outcome);
            }
        }
    };
    std::thread::scope(|scope| (0..threads.max(1)).for_each(|_| drop(scope.spawn(work))));
    let mut season = season.into_inner().unwrap_or_else(|held| held.into_inner());
    season.failed.sort_by_key(|outcome| outcome.seed);
    season
}
