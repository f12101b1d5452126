//! What a dancer intends to do and when: the habits of a crowd, drawn from a seeded generator.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use schemas::client::Preference;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plan {
    Like(u32),
    TakeBack(u32),
    /// An index into [`WISHES`].
    Wish(usize),
    /// `stubborn`: also after the poll ended, which must be refused.
    Vote {
        poll: u64,
        options: u32,
        stubborn: bool,
    },
    VoteAgain {
        poll: u64,
        options: u32,
    },
    /// Says again what is not answered.
    Repeat(u64),
    /// Says again what has long been answered, as a network does that delivers twice.
    Echo(u64),
    Ping,
    /// Drops the socket without a word, as a phone in a pocket does.
    Drop,
    /// Leaves the socket of this number for another node, as the server asked.
    Move(u64),
    /// Stops reading for so long and keeps the socket, as a phone does that lost its network and does not know.
    Sleep(Duration),
}

/// `clear` is rarer than the others, as in life.
pub const WISHES: [Preference; 7] = [
    Preference::Faster,
    Preference::Slower,
    Preference::Perfect,
    Preference::Faster,
    Preference::Slower,
    Preference::Perfect,
    Preference::Clear,
];

const PING_EVERY: Duration = Duration::from_secs(10);
/// The contract allows ten a minute; one fewer leaves room for a repeat.
const LIKES_A_MINUTE: usize = 9;

pub struct Plans {
    pub rng: SmallRng,
    /// Whether this dancer says anything at all.
    pub lively: bool,
    queue: BinaryHeap<Reverse<(Instant, Plan)>>,
    likes: VecDeque<Instant>,
}

impl Plans {
    pub fn new(seed: u64) -> Self {
        Plans { rng: SmallRng::seed_from_u64(seed), lively: true, queue: BinaryHeap::new(), likes: VecDeque::new() }
    }

    pub fn at(&mut self, when: Instant, plan: Plan) {
        self.queue.push(Reverse((when, plan)));
    }

    fn within(&mut self, now: Instant, milliseconds: std::ops::Range<u64>, plan: Plan) {
        let after = Duration::from_millis(self.rng.random_range(milliseconds));
        self.at(now + after, plan);
    }

    fn chance(&mut self, p: f64) -> bool {
        self.lively && self.rng.random_bool(p)
    }

    pub fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((when, _))| *when)
    }

    pub fn due(&mut self, now: Instant) -> Option<Plan> {
        if self.next()? > now {
            return None;
        }
        self.queue.pop().map(|Reverse((_, plan))| plan)
    }

    pub fn on_seat(&mut self, now: Instant) {
        self.within(now, 1_000..10_000, Plan::Ping);
    }

    pub fn on_ping(&mut self, now: Instant) {
        self.at(now + PING_EVERY, Plan::Ping);
    }

    pub fn on_track(&mut self, now: Instant, number: u32) {
        if self.chance(0.4) {
            self.within(now, 50..5_000, Plan::Like(number));
        }
        for p in [0.3, 0.1] {
            if self.chance(p) {
                let wish = self.rng.random_range(0..WISHES.len());
                self.within(now, 50..4_000, Plan::Wish(wish));
            }
        }
    }

    /// A like older than two seconds may be taken back: by then its count was announced.
    pub fn on_liked(&mut self, now: Instant, number: u32) {
        if self.chance(0.08) {
            self.within(now, 2_000..5_000, Plan::TakeBack(number));
        }
    }

    /// Most vote at once, some late, a few after the end.
    pub fn on_poll(&mut self, now: Instant, poll: u64, options: u32) {
        if self.chance(0.85) {
            let late: f64 = self.rng.random_range(0.0..1.0);
            let stubborn = self.chance(0.3);
            self.at(now + Duration::from_secs_f64(0.05 + late * late * 12.0), Plan::Vote { poll, options, stubborn });
        }
    }

    pub fn on_confirmed(&mut self, now: Instant, poll: u64, options: u32) {
        if self.chance(0.05) {
            self.within(now, 100..2_000, Plan::VoteAgain { poll, options });
        }
    }

    pub fn on_stored(&mut self, now: Instant, message: u64) -> bool {
        let echoes = self.chance(0.05);
        if echoes {
            self.within(now, 100..4_000, Plan::Echo(message));
        }
        echoes
    }

    pub fn may_like(&mut self, now: Instant) -> bool {
        while self.likes.front().is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(60)) {
            self.likes.pop_front();
        }
        if self.likes.len() >= LIKES_A_MINUTE {
            return false;
        }
        self.likes.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_come_due_in_order_of_time() {
        let (mut plans, now) = (Plans::new(1), Instant::now());
        plans.at(now + Duration::from_secs(2), Plan::Like(2));
        plans.at(now + Duration::from_secs(1), Plan::Like(1));
        assert_eq!(plans.due(now), None);
        let later = now + Duration::from_secs(3);
        assert_eq!((plans.due(later), plans.due(later), plans.due(later)), (Some(Plan::Like(1)), Some(Plan::Like(2)), None));
    }

    #[test]
    fn nobody_likes_ten_times_a_minute() {
        let (mut plans, now) = (Plans::new(1), Instant::now());
        let given = (0..120).filter(|s| plans.may_like(now + Duration::from_millis(500 * s))).count();
        assert_eq!(given, LIKES_A_MINUTE);
        assert!(plans.may_like(now + Duration::from_secs(61)));
    }
}
