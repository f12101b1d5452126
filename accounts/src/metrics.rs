//! The only file of this room that knows a metric's name.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

pub fn describe() {
    describe_counter!("pika_sign_ins_total", "Attempts to sign in, by outcome.");
    describe_counter!("pika_registrations_total", "Accounts that were made.");
    describe_counter!("pika_letters_total", "Letters, by outcome: sent or failed.");
    describe_counter!("pika_refresh_reused_total", "Refresh tokens that were shown a second time: stolen, or a client's defect.");
    describe_histogram!("pika_password_seconds", Unit::Seconds, "Time to check or make a password's hash, waiting included.");
    describe_gauge!("pika_passwords_waiting", "Passwords that wait to be hashed.");
    // Nothing happened yet: a rule that asks for an increase would not see the first one of a counter that begins with it.
    for outcome in ["in", "wrong", "suspended", "busy"] {
        counter!("pika_sign_ins_total", "outcome" => outcome).increment(0);
    }
    for outcome in ["sent", "failed"] {
        counter!("pika_letters_total", "outcome" => outcome).increment(0);
    }
    counter!("pika_registrations_total").increment(0);
    counter!("pika_refresh_reused_total").increment(0);
    gauge!("pika_passwords_waiting").set(0.0);
    let _ = histogram!("pika_password_seconds");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    In,
    Wrong,
    Suspended,
    Busy,
}

pub(crate) fn sign_in(outcome: Outcome) {
    let outcome = match outcome {
        Outcome::In => "in",
        Outcome::Wrong => "wrong",
        Outcome::Suspended => "suspended",
        Outcome::Busy => "busy",
    };
    counter!("pika_sign_ins_total", "outcome" => outcome).increment(1);
}

pub(crate) fn registered() {
    counter!("pika_registrations_total").increment(1);
}

pub(crate) fn letter(sent: bool) {
    counter!("pika_letters_total", "outcome" => if sent { "sent" } else { "failed" }).increment(1);
}

pub(crate) fn refresh_reused() {
    counter!("pika_refresh_reused_total").increment(1);
}

pub(crate) fn password_took(elapsed: Duration) {
    histogram!("pika_password_seconds").record(elapsed.as_secs_f64());
}

pub(crate) fn passwords_waiting(count: usize) {
    gauge!("pika_passwords_waiting").set(count as f64);
}
