//! The settings of the role.

use std::time::Duration;

use nats::lease::LeaseConfig;

#[derive(Clone, Debug)]
pub struct Config {
    /// How long a session whose DJ lost the connection stays open for the DJ's return.
    pub grace: Duration,
    /// A session in which nobody said anything for this long is abandoned.
    pub idle: Duration,
    /// No session lasts longer than this. Always shorter than the log keeps its messages.
    pub age: Duration,
    /// A dancer who left is counted for this long: a phone that sleeps between two songs has not gone home.
    pub stay: Duration,
    /// A node that reported nothing for this long has died, and its people have left. Nodes report at least every 15 s, so three
    /// reports may be lost. An owner that is new waits this long before it believes that a DJ's socket is nowhere.
    pub silence: Duration,
    /// After a DJ began or came back, how long the fact may run ahead of the report of the DJ's socket.
    pub settle: Duration,
    /// Shortest time between two tallies, or two tempo counts, of one session: at most 5 a second.
    pub tally_pace: Duration,
    /// Shortest time between two listener counts of one session.
    pub listeners_pace: Duration,
    /// How often a risen peak of listeners is written to the log.
    pub peak_pace: Duration,
    /// Facts and claims are gathered this long, or up to `flush_entries` of them, and saved together: one disk sync serves them all. After a
    /// flush they are gathered for `flush_pace`, unless somebody waits for them.
    pub flush_window: Duration,
    pub flush_entries: usize,
    /// From a flush to the next where nobody waits for it. A flush makes one note of each session's applause.
    pub flush_pace: Duration,
    /// Facts and claims that may be folded and not yet saved, before reading waits for the store. It bounds memory, and what is
    /// folded again after a crash.
    pub unsaved_entries: usize,
    /// How long after a poll's due time the owner asks for its close, if the broker's own timer did not.
    pub sweep_delay: Duration,
    /// An ended session is forgotten after it was quiet for this long; a later like loads it again.
    pub evict: Duration,
    /// How long after the end the derived states of a session stay readable.
    pub clear_delay: Duration,
    /// An evening that ended longer ago is removed. None: evenings are kept for ever.
    pub evenings: Option<Duration>,
    /// How often it is looked for such evenings.
    pub sweep: Duration,
    /// How long a graceful stop waits for the last flush of a partition.
    pub leave: Duration,
    pub lease: LeaseConfig,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            grace: Duration::from_secs(5 * 60),
            idle: Duration::from_secs(4 * 3600),
            age: Duration::from_secs(24 * 3600),
            stay: Duration::from_secs(5 * 60),
            silence: Duration::from_secs(45),
            settle: Duration::from_secs(5),
            tally_pace: Duration::from_millis(200),
            listeners_pace: Duration::from_millis(500),
            peak_pace: Duration::from_secs(60),
            flush_window: Duration::from_millis(20),
            flush_entries: 512,
            flush_pace: Duration::from_millis(200),
            unsaved_entries: 32 * 512,
            sweep_delay: Duration::from_millis(500),
            evict: Duration::from_secs(10 * 60),
            clear_delay: Duration::from_secs(10),
            evenings: None,
            sweep: Duration::from_secs(3600),
            leave: Duration::from_secs(5),
            lease: LeaseConfig::default(),
        }
    }
}
