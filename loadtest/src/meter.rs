//! What is counted and timed while the evening runs. One per process; the tasks share it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// Microseconds from 1 to 2 minutes at three digits: more than any deadline here.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 120_000_000, 3).expect("the bounds are constants that fit")
}

pub struct Timer(Mutex<Histogram<u64>>);

impl Default for Timer {
    fn default() -> Self {
        Timer(Mutex::new(histogram()))
    }
}

impl Timer {
    pub fn record(&self, took: Duration) {
        held(&self.0).saturating_record((took.as_micros() as u64).max(1));
    }

    pub fn snapshot(&self) -> Histogram<u64> {
        held(&self.0).clone()
    }

    /// What was recorded since the last call.
    pub fn take(&self) -> Histogram<u64> {
        std::mem::replace(&mut *held(&self.0), histogram())
    }
}

#[derive(Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

#[derive(Default)]
pub struct Meter {
    /// From just before the POST of a track to its NOW_PLAYING, at each dancer that was connected all the time.
    pub now_playing: Timer,
    pub like_ack: Timer,
    pub vote_ack: Timer,
    pub tempo_ack: Timer,
    pub publish: Timer,
    pub seat: Timer,
    pub likes: Count,
    pub votes: Count,
    pub tempo: Count,
    /// Messages of any kind that reached a dancer.
    pub deliveries: Count,
    pub seated: Count,
    pub drops: Count,
    /// Sockets left for another node because the server asked.
    pub moved: Count,
    pub lost_sockets: Count,
    pub recovered: Count,
    pub failed_connects: Count,
    pub repeats: Count,
    pub echoes: Count,
    nacks: Mutex<BTreeMap<String, u64>>,
    not_recovered: Mutex<BTreeMap<String, u64>>,
    closes: Mutex<BTreeMap<String, u64>>,
}

impl Meter {
    pub fn nack(&self, words: &str) {
        bump(&self.nacks, words);
    }

    pub fn not_recovered(&self, reason: &str) {
        bump(&self.not_recovered, reason);
    }

    pub fn closed(&self, how: &str) {
        self.lost_sockets.add();
        bump(&self.closes, how);
    }

    pub fn nacks(&self) -> BTreeMap<String, u64> {
        held(&self.nacks).clone()
    }

    pub fn fresh_seats(&self) -> BTreeMap<String, u64> {
        held(&self.not_recovered).clone()
    }

    pub fn closes(&self) -> BTreeMap<String, u64> {
        held(&self.closes).clone()
    }
}

fn bump(map: &Mutex<BTreeMap<String, u64>>, key: &str) {
    let mut map = held(map);
    match map.get_mut(key) {
        Some(n) => *n += 1,
        None => drop(map.insert(key.to_owned(), 1)),
    }
}

/// A lock whose value stays usable when a task died holding it: the judge reports the death by what is missing.
pub fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
