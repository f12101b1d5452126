//! The counters of this room, by name.

use ::metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use crate::sizes::StreamSize;

/// What each means, and that none has happened yet: a rule that asks for an increase would not see the first one of a counter
/// that begins with it.
pub(crate) fn describe() {
    describe_counter!("pika_log_unreadable_total", "Stored messages that this version cannot read.");
    describe_counter!("pika_notes_undecodable_total", "Notes between processes that this version cannot read.");
    describe_counter!("pika_log_reader_reopened_total", "Readers of a stream whose consumer had to be made anew.");
    describe_counter!("pika_broker_connections_total", "Returns of a lost connection to the broker.");
    describe_counter!("pika_broker_server_deaths_total", "Deaths of the nats-server that is our child.");
    describe_counter!("pika_feed_gaps_total", "Gaps of the feed that were mended from the log.");
    describe_counter!("pika_feed_repairs_total", "Facts that only the watermark revealed.");
    describe_counter!("pika_log_in_doubt_total", "How often the log was found to be another one than was declared.");
    describe_counter!("pika_log_lost_sequences_total", "Sequences that were given out and are lost from the log.");
    describe_gauge!("pika_log_epoch", "The epoch of each stream of the log.");
    describe_gauge!("pika_stream_bytes", Unit::Bytes, "What each stream of the broker holds.");
    describe_gauge!("pika_stream_messages", "Messages that each stream of the broker holds.");
    describe_gauge!("pika_stream_replicas", "Copies that each stream should have.");
    describe_gauge!("pika_stream_replicas_current", "Copies of each stream that are there and not behind.");
    for counter in [
        counter!("pika_log_unreadable_total"),
        counter!("pika_notes_undecodable_total"),
        counter!("pika_log_reader_reopened_total"),
        counter!("pika_broker_connections_total"),
        counter!("pika_broker_server_deaths_total"),
        counter!("pika_feed_gaps_total"),
        counter!("pika_feed_repairs_total"),
        counter!("pika_log_in_doubt_total"),
        counter!("pika_log_lost_sequences_total"),
    ] {
        counter.increment(0);
    }
}

/// A stored message that this version cannot read was skipped.
pub(crate) fn unreadable() {
    counter!("pika_log_unreadable_total").increment(1);
}

/// A note that this version cannot read was dropped.
pub(crate) fn note_undecodable() {
    counter!("pika_notes_undecodable_total").increment(1);
}

/// A reader of a stream had to make its consumer anew.
pub(crate) fn reader_reopened() {
    counter!("pika_log_reader_reopened_total").increment(1);
}

/// The connection came back.
pub(crate) fn reconnected() {
    counter!("pika_broker_connections_total").increment(1);
}

/// nats-server, our child, died and is started again.
pub(crate) fn server_died() {
    counter!("pika_broker_server_deaths_total").increment(1);
}

/// A fact came whose predecessor was not the last one seen: the log was read from there.
pub(crate) fn feed_broken() {
    counter!("pika_feed_gaps_total").increment(1);
}

/// The log held a newer fact than the feed had brought, which only the watermark could tell.
pub(crate) fn watermark_ahead() {
    counter!("pika_feed_repairs_total").increment(1);
}

/// The log was found to be another one than was declared.
pub(crate) fn log_in_doubt() {
    counter!("pika_log_in_doubt_total").increment(1);
}

/// Sequences that were given out and are lost from the log.
pub(crate) fn lost(sequences: u64) {
    counter!("pika_log_lost_sequences_total").increment(sequences);
}

/// The epoch of one stream of the log.
pub(crate) fn epoch(stream: String, epoch: u32) {
    gauge!("pika_log_epoch", "stream" => stream).set(f64::from(epoch));
}

/// What one stream holds.
pub(crate) fn stream(size: &StreamSize) {
    gauge!("pika_stream_bytes", "stream" => size.stream.clone()).set(size.bytes as f64);
    gauge!("pika_stream_messages", "stream" => size.stream.clone()).set(size.messages as f64);
    gauge!("pika_stream_replicas", "stream" => size.stream.clone()).set(size.replicas as f64);
    gauge!("pika_stream_replicas_current", "stream" => size.stream.clone()).set(size.current as f64);
}
