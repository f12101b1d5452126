//! Leaving gently. The sockets of a node that stops are asked to move to other nodes, evenly over a window and in random
//! order, so that they do not all knock at the others' doors at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use rand::RngExt;
use rand::seq::SliceRandom;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::crowd::Crowd;

/// Who was told when to move opens the next socket before this one closes, and has this long for it.
const OVERLAP: Duration = Duration::from_secs(5);
/// How long a socket that is to close may wait for the answers to what it has said: longer than a publish waits for the
/// broker, and than a DJ's return waits for a silent socket.
pub const ANSWERS: Duration = Duration::from_secs(5);
/// How long a socket's peer may take to read the reason of its close.
pub const LAST_WORDS: Duration = Duration::from_secs(2);

/// When a node lets go of its sockets. Both are given from outside.
#[derive(Clone, Default)]
pub struct Leave {
    /// Nobody new is taken from now on, and those who are here are asked to move.
    pub gently: CancellationToken,
    /// Everybody is sent away now.
    pub at_once: CancellationToken,
}

/// What a node that stops asks of its sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Stay,
    Move,
    Go,
}

pub struct Drain {
    pub leave: Leave,
    /// An [`Asked`], as a number that a socket reads each time that it wakes.
    asked: AtomicU8,
    window: Duration,
    turns: OnceLock<Turns>,
}

struct Turns {
    from: Instant,
    /// Each socket takes one of these: its place in the window.
    places: Vec<usize>,
    taken: AtomicUsize,
}

/// When a socket's turn has come.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    pub at: Instant,
    /// When it closes, if its peer was told of the turn before and moves by itself.
    pub latest: Instant,
}

impl Drain {
    pub fn new(leave: Leave, window: Duration) -> Self {
        Drain { leave, asked: AtomicU8::new(Asked::Stay as u8), window, turns: OnceLock::new() }
    }

    pub fn asked(&self) -> Asked {
        match self.asked.load(Ordering::Acquire) {
            0 => Asked::Stay,
            1 => Asked::Move,
            _ => Asked::Go,
        }
    }

    /// Asks everyone, when the node is asked. Who comes later sees for themselves.
    pub async fn ask(&self, everyone: &Crowd) {
        let Leave { gently, at_once } = &self.leave;
        for (token, asked) in [(gently, Asked::Move), (at_once, Asked::Go)] {
            tokio::select! {
                () = token.cancelled() => {}
                () = at_once.cancelled() => {}
            }
            self.asked.fetch_max(asked as u8, Ordering::AcqRel);
            everyone.each(|line| line.ring()).await;
        }
    }

    fn overlap(&self) -> Duration {
        OVERLAP.min(self.window / 4)
    }

    /// One socket's turn. `sockets`: how many there are when the first one asks. One that comes later has a turn by chance.
    pub fn turn(&self, sockets: usize) -> Turn {
        let turns = self.turns.get_or_init(|| {
            let mut places: Vec<usize> = (0..sockets).collect();
            places.shuffle(&mut rand::rng());
            Turns { from: Instant::now(), places, taken: AtomicUsize::new(0) }
        });
        let share = match turns.places.get(turns.taken.fetch_add(1, Ordering::Relaxed)) {
            Some(place) => (*place as f64 + 0.5) / turns.places.len() as f64,
            None => rand::rng().random_range(0.0..1.0),
        };
        let at = turns.from + self.window.mul_f64(share);
        Turn { at, latest: at + self.overlap() }
    }

    /// The longest that all of it may take: the last turn, the answers that it waits for, the close.
    pub fn longest(&self) -> Duration {
        self.window + self.overlap() + ANSWERS + LAST_WORDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_lie_evenly_over_the_window_in_random_order() {
        let drain = Drain::new(Leave::default(), Duration::from_secs(30));
        let from = Instant::now();
        let mut turns: Vec<Duration> = (0..300).map(|_| drain.turn(300).at - from).collect();
        assert!(!turns.is_sorted(), "who came first leaves first");
        turns.sort();
        for (i, at) in turns.iter().enumerate() {
            let ideal = Duration::from_millis(50 + 100 * i as u64);
            assert!(at.abs_diff(ideal) < Duration::from_millis(1), "turn {i} at {at:?}");
        }
        let late = drain.turn(300).at - from;
        assert!(late <= Duration::from_secs(30), "who comes late has a turn in the window too: {late:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_of_nothing_is_now() {
        let drain = Drain::new(Leave::default(), Duration::ZERO);
        let now = Instant::now();
        for _ in 0..3 {
            let turn = drain.turn(2);
            assert_eq!((turn.at, turn.latest), (now, now));
        }
    }
}
