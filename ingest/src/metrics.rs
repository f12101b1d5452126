//! The only file here that knows a metric's name.

use std::time::{Duration, Instant};

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use schemas::Code;
use schemas::caller::Admitted;
use schemas::error::Refusal;
use schemas::rules::Kind;

pub fn describe() {
    describe_counter!("pika_ingest_messages_total", "Messages by kind and outcome: ok, or the code of the refusal.");
    describe_histogram!("pika_ingest_seconds", Unit::Seconds, "From decoded message to stored (or refused), by kind.");
    describe_histogram!("pika_ingest_group_claims", "Claims that shared one group commit.");
    describe_histogram!("pika_ingest_commit_seconds", Unit::Seconds, "From sending a group to its PubAck under fsync.");
    describe_counter!("pika_ingest_groups_total", "Groups by outcome.");
    describe_counter!("pika_undecodable_total", "Frames and bodies that are no message of the contract, by code.");
    // Nothing failed yet: a rule that asks for an increase would not see the first failure of a counter that begins with it.
    for kind in Kind::ALL {
        for outcome in ["ok", Code::Unavailable.code(), Code::Internal.code()] {
            counter!("pika_ingest_messages_total", "kind" => kind.wire(), "outcome" => outcome).increment(0);
        }
    }
    let _ = (histogram!("pika_ingest_group_claims"), histogram!("pika_ingest_commit_seconds"));
    for outcome in ["stored", "unknown"] {
        counter!("pika_ingest_groups_total", "outcome" => outcome).increment(0);
    }
    counter!("pika_undecodable_total", "code" => Code::InvalidMessage.code()).increment(0);
}

pub struct Watch {
    kind: Kind,
    started: Instant,
}

pub fn watch(kind: Kind) -> Watch {
    Watch { kind, started: Instant::now() }
}

impl Watch {
    pub fn done(self, result: &Result<Admitted, Refusal>) {
        counter!("pika_ingest_messages_total", "kind" => self.kind.wire(), "outcome" => outcome(result)).increment(1);
        histogram!("pika_ingest_seconds", "kind" => self.kind.wire()).record(self.started.elapsed().as_secs_f64());
    }
}

/// "ok", or the code of the refusal.
pub fn outcome(result: &Result<Admitted, Refusal>) -> &'static str {
    result.as_ref().map_or_else(|refusal| refusal.code.code(), |_| "ok")
}

pub fn group_committed(claims: usize, packs: usize, took: Duration, stored: bool) {
    counter!("pika_ingest_groups_total", "outcome" => if stored { "stored" } else { "unknown" }).increment(packs as u64);
    histogram!("pika_ingest_group_claims").record(claims as f64);
    histogram!("pika_ingest_commit_seconds").record(took.as_secs_f64());
}

pub fn undecodable(refusal: &Refusal) {
    counter!("pika_undecodable_total", "code" => refusal.code.code()).increment(1);
}
