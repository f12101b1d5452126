//! The only file here that knows a metric's name.

use std::sync::OnceLock;

use metrics::{Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use schemas::Millis;
use schemas::codec::Codec;
use schemas::error::Close;

pub fn describe() {
    describe_gauge!("pika_connections", "Open sockets by form.");
    describe_counter!("pika_frames_sent_total", "Frames written to sockets.");
    describe_counter!("pika_frames_received_total", "Frames read from sockets.");
    describe_counter!("pika_bad_frames_total", "Frames that are no message of the contract.");
    describe_counter!("pika_socket_closes_total", "Sockets closed by the server, by reason.");
    describe_counter!("pika_sockets_moved_total", "Sockets that left because the node stops: by themselves, closed, or cut off.");
    describe_counter!("pika_connects_refused_total", "Upgrades refused, by reason.");
    describe_counter!("pika_subscribes_total", "Answers to SUBSCRIBE: state, recovered, or the reason why not.");
    describe_counter!("pika_applause_dropped_total", "LIKE_RECEIVED that a DJ's socket had no room for.");
    describe_histogram!("pika_fact_delay_seconds", Unit::Seconds, "From the broker's stamp of a fact to this node's board.");
    describe_histogram!(
        "pika_fanout_seconds",
        Unit::Seconds,
        "From the broker's stamp of a fact to the last socket of this node that is written to, the wait for its turn included."
    );
    describe_gauge!("pika_unsent_bytes", Unit::Bytes, "What waits for sockets whose peer does not read.");
    // Nothing happened yet: a rule that asks for an increase would not see the first one of a counter that begins with it.
    let _ = (histogram!("pika_fact_delay_seconds"), histogram!("pika_fanout_seconds"));
    unsent(0, 0);
    for codec in [Codec::Json, Codec::MsgPack] {
        connected(codec, 0.0);
    }
    for why in ["draining", "origin", "protocol", "address", "credential"] {
        counter!("pika_connects_refused_total", "reason" => why).increment(0);
    }
    for why in [Close::Slow, Close::BadMessages, Close::GoingAway, Close::Unavailable] {
        counter!("pika_socket_closes_total", "reason" => why.words()).increment(0);
    }
    for how in ["by_itself", "closed", "cut_off"] {
        counter!("pika_sockets_moved_total", "how" => how).increment(0);
    }
    for outcome in ["state", "recovered", "refused", "restarted"] {
        counter!("pika_subscribes_total", "outcome" => outcome).increment(0);
    }
    for counter in [
        counter!("pika_frames_sent_total"),
        counter!("pika_frames_received_total"),
        counter!("pika_bad_frames_total"),
        counter!("pika_applause_dropped_total"),
    ] {
        counter.increment(0);
    }
}

pub fn connected(codec: Codec, by: f64) {
    gauge!("pika_connections", "form" => form(codec)).increment(by);
}

fn form(codec: Codec) -> &'static str {
    match codec {
        Codec::Json => "json",
        Codec::MsgPack => "msgpack",
    }
}

pub fn sent(frames: usize) {
    // Looked up once: this is called for every write.
    static SENT: OnceLock<Counter> = OnceLock::new();
    if frames > 0 {
        SENT.get_or_init(|| counter!("pika_frames_sent_total")).increment(frames as u64);
    }
}

pub fn received() {
    static RECEIVED: OnceLock<Counter> = OnceLock::new();
    RECEIVED.get_or_init(|| counter!("pika_frames_received_total")).increment(1);
}

pub fn bad_frame() {
    counter!("pika_bad_frames_total").increment(1);
}

pub fn closed(why: Close) {
    counter!("pika_socket_closes_total", "reason" => why.words()).increment(1);
}

/// A socket left a node that stops: by itself after the hint, or closed by us.
pub fn moved(by_itself: bool) {
    counter!("pika_sockets_moved_total", "how" => if by_itself { "by_itself" } else { "closed" }).increment(1);
}

/// These did not leave in time.
pub fn cut_off(sockets: usize) {
    counter!("pika_sockets_moved_total", "how" => "cut_off").increment(sockets as u64);
}

pub fn refused(why: &'static str) {
    counter!("pika_connects_refused_total", "reason" => why).increment(1);
}

pub fn subscribed(outcome: &'static str) {
    counter!("pika_subscribes_total", "outcome" => outcome).increment(1);
}

pub fn applause_dropped(pieces: usize) {
    counter!("pika_applause_dropped_total").increment(pieces as u64);
}

pub fn fact_heard(stamp: Millis) {
    histogram!("pika_fact_delay_seconds").record(Millis::now().since(stamp).max(0) as f64 / 1000.0);
}

/// A fact has been written to everybody here.
pub fn fanned_out(stamp: Millis) {
    static SECONDS: OnceLock<Histogram> = OnceLock::new();
    let seconds = SECONDS.get_or_init(|| histogram!("pika_fanout_seconds"));
    seconds.record(Millis::now().since(stamp).max(0) as f64 / 1000.0);
}

/// So many bytes waited for a socket, and now so many do.
pub fn unsent(before: usize, now: usize) {
    static UNSENT: OnceLock<Gauge> = OnceLock::new();
    UNSENT.get_or_init(|| gauge!("pika_unsent_bytes")).increment(now as f64 - before as f64);
}
