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
