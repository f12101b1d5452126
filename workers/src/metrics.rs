//! The only file that knows the names of this role's metrics. Labels come from enums, never from ids.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use nats::Entry;
use schemas::fact::EndReason;

use crate::effects::{LikeResult, VoteResult};

/// What each means, and that nothing has happened yet: a rule that asks for an increase would not see the first one of a counter
/// that begins with it.
pub(crate) fn describe() {
    describe_counter!("pika_fold_entries_total", "Entries of the log that were folded, by kind.");
    describe_gauge!("pika_fold_lag_seconds", Unit::Seconds, "Age of the entry that was folded last.");
    describe_histogram!("pika_fold_flush_seconds", Unit::Seconds, "Time to save what was folded.");
    describe_counter!("pika_fold_errors_total", "What went wrong in the fold, by what it was.");
    describe_counter!("pika_votes_total", "Votes that were judged, by result. What is folded again counts again.");
    describe_counter!("pika_likes_total", "Likes that were judged, by result. What is folded again counts again.");
    describe_histogram!("pika_poll_close_drift_seconds", Unit::Seconds, "From a poll's due time to its result.");
    describe_gauge!("pika_partitions_owned", "Partitions that this process folds, of 64.");
    describe_gauge!("pika_fold_sessions", "Sessions that are on, this process's share by its partitions.");
    describe_gauge!("pika_fold_listeners", "Distinct listeners, this process's share by its partitions.");
    describe_counter!("pika_sessions_ended_total", "Sessions that ended, by reason.");
    // Registered, a histogram is there before its first value, and that one counts in a rate.
    let _ = (histogram!("pika_fold_flush_seconds"), histogram!("pika_poll_close_drift_seconds"));
    for what in Trouble::ALL {
        counter!("pika_fold_errors_total", "what" => what.token()).increment(0);
    }
    for result in ["counted", "changed", "repeated"] {
        counter!("pika_votes_total", "result" => result).increment(0);
    }
    for result in ["counted", "taken_back", "repeated", "refused"] {
        counter!("pika_likes_total", "result" => result).increment(0);
    }
    for reason in ["ended", "grace", "idle", "age", "lost"] {
        counter!("pika_sessions_ended_total", "reason" => reason).increment(0);
    }
    for kind in ["fact", "pack", "unreadable"] {
        counter!("pika_fold_entries_total", "kind" => kind).increment(0);
    }
}

/// What went wrong, for `pika_fold_errors_total`.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    Reader,
    Unreadable,
    Load,
    Save,
    Append,
    Publish,
    State,
    Note,
    /// A result was said that the rows contradict.
    Disagreement,
    /// The log ends before what is saved of it.
    Rewound,
    Panic,
}

impl Trouble {
    const ALL: [Trouble; 11] = [
        Trouble::Reader,
        Trouble::Unreadable,
        Trouble::Load,
        Trouble::Save,
        Trouble::Append,
        Trouble::Publish,
        Trouble::State,
        Trouble::Note,
        Trouble::Disagreement,
        Trouble::Rewound,
        Trouble::Panic,
    ];

    const fn token(self) -> &'static str {
        match self {
            Trouble::Reader => "reader",
            Trouble::Unreadable => "unreadable",
            Trouble::Load => "load",
            Trouble::Save => "save",
            Trouble::Append => "append",
            Trouble::Publish => "publish",
            Trouble::State => "state",
            Trouble::Note => "note",
            Trouble::Disagreement => "disagreement",
            Trouble::Rewound => "rewound",
            Trouble::Panic => "panic",
        }
    }
}

pub fn entry_folded(entry: &Entry) {
    let kind = match entry {
        Entry::Fact(_) => "fact",
        Entry::Pack(_) => "pack",
        Entry::Unreadable { .. } => "unreadable",
    };
    counter!("pika_fold_entries_total", "kind" => kind).increment(1);
}

pub fn votes_judged(votes: &[VoteResult]) {
    for vote in votes {
        let result = match vote {
            VoteResult::Counted => "counted",
            VoteResult::Changed => "changed",
            VoteResult::Repeated => "repeated",
            VoteResult::Rejected(why) => why.token(),
        };
        counter!("pika_votes_total", "result" => result).increment(1);
    }
}

pub fn likes_judged(likes: &[LikeResult]) {
    for like in likes {
        let result = match like {
            LikeResult::Counted => "counted",
            LikeResult::TakenBack => "taken_back",
            LikeResult::Repeated => "repeated",
            LikeResult::Refused => "refused",
        };
        counter!("pika_likes_total", "result" => result).increment(1);
    }
}

pub fn fold_lags(milliseconds: i64) {
    gauge!("pika_fold_lag_seconds").set(milliseconds.max(0) as f64 / 1000.0);
}

pub fn flushed(took: Duration) {
    histogram!("pika_fold_flush_seconds").record(took.as_secs_f64());
}

pub fn poll_closed_late_by(milliseconds: i64) {
    histogram!("pika_poll_close_drift_seconds").record(milliseconds as f64 / 1000.0);
}

pub fn session_ended(reason: EndReason) {
    let reason = match reason {
        EndReason::Ended => "ended",
        EndReason::Grace => "grace",
        EndReason::Idle => "idle",
        EndReason::Age => "age",
        EndReason::Lost => "lost",
    };
    counter!("pika_sessions_ended_total", "reason" => reason).increment(1);
}

pub fn trouble(what: Trouble) {
    counter!("pika_fold_errors_total", "what" => what.token()).increment(1);
}

/// One owned partition's share of the gauges that all partitions of a process add up to. Dropped, it takes its share back.
pub struct Gauges {
    sessions: u64,
    listeners: u64,
}

impl Gauges {
    pub fn taken() -> Self {
        gauge!("pika_partitions_owned").increment(1.0);
        Gauges { sessions: 0, listeners: 0 }
    }

    pub fn set(&mut self, sessions: u64, listeners: u64) {
        gauge!("pika_fold_sessions").increment(sessions as f64 - self.sessions as f64);
        gauge!("pika_fold_listeners").increment(listeners as f64 - self.listeners as f64);
        (self.sessions, self.listeners) = (sessions, listeners);
    }
}

impl Drop for Gauges {
    fn drop(&mut self) {
        self.set(0, 0);
        gauge!("pika_partitions_owned").decrement(1.0);
    }
}
