//! What goes wrong on one evening, and how often. Drawn from the seed: some evenings have one kind of trouble, some have all, some none.

use rand::RngExt;
use rand::rngs::StdRng;

/// Shares are of one; times are milliseconds.
#[derive(Clone, Debug)]
pub struct Weather {
    /// The longest a message is under way.
    pub delay: i64,
    pub feed_lost: f64,
    pub feed_twice: f64,
    /// Requests to the broker that never arrive, and answers that get lost although it stored them.
    pub request_lost: f64,
    pub answer_lost: f64,
    /// What was sent while the broker was away is delivered when it is back: the library queues.
    pub sent_later: f64,
    pub timer_lost: f64,
    /// Between two of each.
    pub node_crash: Option<i64>,
    pub worker_crash: Option<i64>,
    pub two_owners: Option<i64>,
    pub outage: Option<i64>,
    pub clock_jump: Option<i64>,
    pub socket_break: Option<i64>,
    /// A crash cuts a flush short: some of its rows are stored, and its place is not.
    pub torn_flush: bool,
    /// A DJ's program runs wild and says more than a board holds.
    pub flood: bool,
    /// How long a slow phone leaves what it hears in the pipe.
    pub slow: i64,
}

impl Weather {
    pub fn of(rng: &mut StdRng) -> Weather {
        fn share(rng: &mut StdRng, most: f64) -> f64 {
            if rng.random_bool(0.5) { rng.random::<f64>() * most } else { 0.0 }
        }
        fn every(rng: &mut StdRng, least: i64, most: i64) -> Option<i64> {
            rng.random_bool(0.5).then(|| rng.random_range(least..most))
        }
        Weather {
            delay: [5, 40, 400][rng.random_range(0..3)],
            feed_lost: share(rng, 0.5),
            feed_twice: share(rng, 0.3),
            request_lost: share(rng, 0.1),
            answer_lost: share(rng, 0.2),
            sent_later: share(rng, 1.0),
            timer_lost: share(rng, 1.0),
            node_crash: every(rng, 5_000, 30_000),
            worker_crash: every(rng, 2_000, 20_000),
            two_owners: every(rng, 3_000, 20_000),
            outage: every(rng, 8_000, 40_000),
            clock_jump: every(rng, 3_000, 20_000),
            socket_break: every(rng, 500, 5_000),
            torn_flush: rng.random_bool(0.5),
            flood: rng.random_bool(0.03),
            slow: if rng.random_bool(0.3) { rng.random_range(100..4_000) } else { 0 },
        }
    }

    /// After the evening: everything works, so that everything can come to its end.
    pub fn calm() -> Weather {
        Weather {
            delay: 5,
            feed_lost: 0.0,
            feed_twice: 0.0,
            request_lost: 0.0,
            answer_lost: 0.0,
            sent_later: 0.0,
            timer_lost: 0.0,
            node_crash: None,
            worker_crash: None,
            two_owners: None,
            outage: None,
            clock_jump: None,
            socket_break: None,
            torn_flush: false,
            flood: false,
            slow: 0,
        }
    }
}
