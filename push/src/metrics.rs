//! What the room measures. No other file knows a metric's name.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

const PUSHES: &str = "pika_pushes_total";
const ANNOUNCEMENTS: &str = "pika_push_announcements_total";
const REQUEST: &str = "pika_push_request_seconds";
const LAG: &str = "pika_push_lag_seconds";
const BROWSERS: &str = "pika_push_subscriptions_total";

/// What became of one push to one browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Accepted,
    /// The service asked to wait.
    Waited,
    /// The service failed or did not answer; tried again.
    Failed,
    /// The service will not have it, and trying again would change nothing.
    Refused,
    /// The browser is gone.
    Gone,
    /// Its time was over before the service took it.
    Late,
    /// Given up after all tries.
    GivenUp,
}

impl Pushed {
    pub(crate) const ALL: [Pushed; 7] =
        [Pushed::Accepted, Pushed::Waited, Pushed::Failed, Pushed::Refused, Pushed::Gone, Pushed::Late, Pushed::GivenUp];

    const fn label(self) -> &'static str {
        match self {
            Pushed::Accepted => "accepted",
            Pushed::Waited => "waited",
            Pushed::Failed => "failed",
            Pushed::Refused => "refused",
            Pushed::Gone => "gone",
            Pushed::Late => "late",
            Pushed::GivenUp => "given_up",
        }
    }
}

/// What became of an announcement in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announced {
    Pushed,
    /// Another process has it, or had it.
    Elsewhere,
    TooOld,
    /// It does not stand any more.
    Withdrawn,
    /// This process stops; another one goes on.
    LeftToOthers,
    /// Its session's announcements are too many.
    TooMany,
    /// By a defect of ours.
    Failed,
}

impl Announced {
    const fn label(self) -> &'static str {
        match self {
            Announced::Pushed => "pushed",
            Announced::Elsewhere => "elsewhere",
            Announced::TooOld => "too_old",
            Announced::Withdrawn => "withdrawn",
            Announced::LeftToOthers => "left_to_others",
            Announced::TooMany => "too_many",
            Announced::Failed => "failed",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Browser {
    Subscribed,
    Unsubscribed,
    /// One too many of its person.
    Replaced,
}

impl Browser {
    const fn label(self) -> &'static str {
        match self {
            Browser::Subscribed => "subscribed",
            Browser::Unsubscribed => "unsubscribed",
            Browser::Replaced => "replaced",
        }
    }
}

pub(crate) fn describe() {
    describe_counter!(PUSHES, "Pushes to browsers, by outcome");
    describe_counter!(ANNOUNCEMENTS, "Announcements that were to be pushed, by what became of them in this process");
    describe_histogram!(REQUEST, Unit::Seconds, "Time that a push service took to answer");
    describe_histogram!(LAG, Unit::Seconds, "Time from an announcement to a push service taking it for a browser");
    describe_counter!(BROWSERS, "Browsers that subscribed to Web Push and left it");
    for pushed in Pushed::ALL {
        counter!(PUSHES, "outcome" => pushed.label()).increment(0);
    }
}

pub(crate) fn pushed(what: Pushed) {
    counter!(PUSHES, "outcome" => what.label()).increment(1);
}

pub(crate) fn announced(what: Announced) {
    counter!(ANNOUNCEMENTS, "outcome" => what.label()).increment(1);
}

pub(crate) fn asked(elapsed: Duration) {
    histogram!(REQUEST).record(elapsed.as_secs_f64());
}

/// A browser's push was taken so many milliseconds after the announcement.
pub(crate) fn lagged(millis: i64) {
    histogram!(LAG).record(millis.max(0) as f64 / 1_000.0);
}

pub(crate) fn browser(what: Browser) {
    counter!(BROWSERS, "what" => what.label()).increment(1);
}
