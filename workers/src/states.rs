//! Derived states on their way out: only what changed, and no faster than the paces. Pure: time is a parameter.

use std::time::Instant;

use schemas::server::TempoCount;
use schemas::state::{State, StateKind};
use schemas::{Millis, PollId, Seq};

use crate::config::Config;
use crate::fold::Fold;

/// What was said last of one kind, and when.
struct Said<T> {
    value: Option<T>,
    at: Option<Instant>,
    /// The broker may not have it.
    again: bool,
}

impl<T> Default for Said<T> {
    fn default() -> Self {
        Said { value: None, at: None, again: false }
    }
}

impl<T: PartialEq> Said<T> {
    /// Whether `value` is to be said now; it counts as said from here on.
    fn say(&mut self, value: T, pace: std::time::Duration, now: Instant) -> Turn {
        if self.value.as_ref() == Some(&value) && !self.again {
            return Turn::Same;
        }
        if self.at.is_some_and(|at| now.duration_since(at) < pace) {
            return Turn::Later;
        }
        (self.value, self.at, self.again) = (Some(value), Some(now), false);
        Turn::Now
    }
}

enum Turn {
    Same,
    Later,
    Now,
}

/// One session's states.
#[derive(Default)]
pub struct Outlet {
    tally: Said<(PollId, Vec<u64>)>,
    tempo: Said<(Seq, TempoCount)>,
    /// Listeners, and momentum in percent: finer steps are not worth a message.
    listeners: Said<(u64, u8)>,
}

/// What the fold does not know.
pub struct Floor {
    pub listeners: u64,
    pub momentum: f64,
    pub clock: Millis,
    pub now: Instant,
}

impl Outlet {
    /// The states to be said now, and whether others wait for their pace.
    pub fn due(&mut self, fold: &Fold, floor: &Floor, config: &Config) -> (Vec<State>, bool) {
        let mut states = Vec::new();
        let mut waits = false;
        let mut take = |verdict: Turn, state: State| match verdict {
            Turn::Same => {}
            Turn::Later => waits = true,
            Turn::Now => states.push(state),
        };
        if fold.view.live().is_none() {
            return (states, waits);
        }
        let of = fold.applied;
        // A poll nobody voted in has nothing to say: its opening said the zeros.
        if let Some((poll, votes)) = fold.open_tally()
            && (votes.iter().any(|count| *count > 0) || self.tally.value.as_ref().is_some_and(|(said, _)| *said == poll))
        {
            let votes = votes.to_vec();
            take(self.tally.say((poll, votes.clone()), config.tally_pace, floor.now), State::Tally { of, poll, votes });
        }
        if let Some((play, count)) = fold.tempo()
            && (count.total() > 0 || self.tempo.value.is_some_and(|(said, _)| said == play))
        {
            take(self.tempo.say((play, count), config.tally_pace, floor.now), State::Tempo { of, play, count });
        }
        let count = floor.listeners;
        let momentum = (floor.momentum.clamp(0.0, 1.0) * 100.0).round() as u8;
        let state = State::Listeners { of: floor.clock.0.max(0) as u64, count, momentum: f64::from(momentum) / 100.0 };
        take(self.listeners.say((count, momentum), config.listeners_pace, floor.now), state);
        (states, waits)
    }

    /// The broker may not have it: say it again.
    pub fn forget(&mut self, kind: StateKind) {
        match kind {
            StateKind::Tally => self.tally.again = true,
            StateKind::Tempo => self.tempo.again = true,
            StateKind::Listeners => self.listeners.again = true,
        }
    }
}
