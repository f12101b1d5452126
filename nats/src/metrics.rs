//! The counters of this room, by name.

/// A stored message that this version cannot read was skipped.
pub(crate) fn unreadable() {
    ::metrics::counter!("pika_log_unreadable_total").increment(1);
}

/// A note that this version cannot read was dropped.
pub(crate) fn note_undecodable() {
    ::metrics::counter!("pika_notes_undecodable_total").increment(1);
}

/// A reader of a stream had to make its consumer anew.
pub(crate) fn reader_reopened() {
    ::metrics::counter!("pika_log_reader_reopened_total").increment(1);
}

/// The connection came back.
pub(crate) fn reconnected() {
    ::metrics::counter!("pika_broker_connections_total").increment(1);
}

/// nats-server, our child, died and is started again.
pub(crate) fn server_died() {
    ::metrics::counter!("pika_broker_server_deaths_total").increment(1);
}

/// A fact came whose predecessor was not the last one seen: the log was read from there.
pub(crate) fn feed_broken() {
    ::metrics::counter!("pika_feed_gaps_total").increment(1);
}

/// The log held a newer fact than the feed had brought, which only the watermark could tell.
pub(crate) fn watermark_ahead() {
    ::metrics::counter!("pika_feed_repairs_total").increment(1);
}

/// The log was found to be another one than was declared.
pub(crate) fn log_in_doubt() {
    ::metrics::counter!("pika_log_in_doubt_total").increment(1);
}

/// Sequences that were given out and are lost from the log.
pub(crate) fn lost(sequences: u64) {
    ::metrics::counter!("pika_log_lost_sequences_total").increment(sequences);
}

/// The log's epoch.
pub(crate) fn epoch(epoch: u32) {
    ::metrics::gauge!("pika_log_epoch").set(f64::from(epoch));
}
