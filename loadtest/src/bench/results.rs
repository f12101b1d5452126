//! What was measured: samples by row and peer, and their medians.

use std::collections::BTreeMap;
use std::fmt;

use crate::bench::peer::Peer;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// CPU seconds of the server for a million deliveries.
    Fanout {
        sockets: usize,
        under_way: usize,
    },
    /// The same where a message comes five times a second, and the server rests between.
    PacedFanout,
    /// A message of more than a kilobyte, to sockets that take it compressed and to others.
    Long {
        packed: bool,
    },
    LongBytes {
        packed: bool,
    },
    /// From publishing to each receipt.
    Receipt,
    Memory,
    /// Likes acknowledged a second; of Pika those that are synced. `spread`: over as many sessions as there are dancers.
    Likes {
        spread: bool,
    },
    LikesCost {
        spread: bool,
    },
    Ack {
        spread: bool,
    },
    AckIdle {
        spread: bool,
    },
    /// From the last ACK until every count is exact.
    Counted {
        spread: bool,
    },
    StormAck,
    StormTallies,
    StormQuiet,
    StormReceipt,
    Connects,
    /// From the kill of a node until its crowd has everything, at another one.
    Back,
    /// A question to the api: the slowest of a hundred.
    Answer {
        question: Question,
        kept: Kept,
    },
    /// From a role's start until it is ready, with broker and store there.
    Start {
        role: &'static str,
    },
    /// The program's size.
    Program,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    Recap,
    /// Evenings that ended last.
    Recent,
    /// Evenings that are on.
    On,
    TopTracks,
    Totals,
    /// The page of the DJ who played all of them.
    Dj,
}

/// What keeps the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    Sqlite,
    Cql,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Question::Recap => "recap of 500 tracks, 100,000 likes",
            Question::Recent => "evenings that ended last",
            Question::On => "evenings that are on",
            Question::TopTracks => "most liked tracks",
            Question::Totals => "sums over all evenings",
            Question::Dj => "a DJ's page",
        })
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kept::Sqlite => "SQLite",
            Kept::Cql => "CQL",
        })
    }
}

impl Row {
    pub fn unit(self) -> &'static str {
        match self {
            Row::Fanout { .. } | Row::PacedFanout | Row::Long { .. } | Row::LikesCost { .. } => "CPU-s/M",
            Row::Receipt | Row::Ack { .. } | Row::AckIdle { .. } | Row::StormQuiet | Row::StormReceipt | Row::Answer { .. } => "ms",
            Row::Memory | Row::LongBytes { .. } => "bytes",
            Row::Likes { .. } | Row::StormTallies => "1/s",
            Row::Counted { .. } | Row::StormAck | Row::Connects | Row::Back | Row::Start { .. } => "s",
            Row::Program => "MB",
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = |packed: bool| if packed { "compressed" } else { "plain" };
        let over = |spread: bool| if spread { "1000 sessions" } else { "one session" };
        match self {
            Row::Fanout { sockets, under_way } => write!(f, "fan-out to {sockets}, {under_way} under way"),
            Row::PacedFanout => f.write_str("fan-out to 1000, five a second"),
            Row::Long { packed } => write!(f, "a long message to 1000, {}", form(*packed)),
            Row::LongBytes { packed } => write!(f, "bytes of that delivery, {}", form(*packed)),
            Row::Receipt => f.write_str("p99 publish to receipt, 1000 sockets at 5/s"),
            Row::Memory => f.write_str("memory of an idle socket, among 10000"),
            Row::Likes { spread } => write!(f, "likes of 1000 dancers in {}", over(*spread)),
            Row::LikesCost { spread } => write!(f, "cost of likes in {}", over(*spread)),
            Row::Ack { spread } => write!(f, "p99 ACK at that load in {}", over(*spread)),
            Row::AckIdle { spread } => write!(f, "p99 ACK when idle in {}", over(*spread)),
            Row::Counted { spread } => write!(f, "every count exact after, in {}", over(*spread)),
            Row::StormAck => f.write_str("storm: last ACK"),
            Row::StormTallies => f.write_str("storm: tallies to one dancer"),
            Row::StormQuiet => f.write_str("storm: now-playing p99 before"),
            Row::StormReceipt => f.write_str("storm: now-playing p99 meanwhile"),
            Row::Connects => f.write_str("5000 connects and subscribes"),
            Row::Back => f.write_str("10000 back after a kill, exactly"),
            Row::Answer { question, kept } => write!(f, "{question}, {kept}"),
            Row::Start { role } => write!(f, "{role} ready after its start"),
            Row::Program => f.write_str("the program, with its pages and symbols"),
        }
    }
}

#[derive(Default)]
pub struct Results {
    samples: BTreeMap<Row, BTreeMap<Peer, Vec<f64>>>,
}

impl Results {
    pub fn add(&mut self, row: Row, peer: Peer, value: f64) {
        self.samples.entry(row).or_default().entry(peer).or_default().push(value);
    }

    pub fn median(&self, row: Row, peer: Peer) -> Option<f64> {
        self.samples.get(&row)?.get(&peer).and_then(|samples| median(samples))
    }

    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.samples.keys().copied()
    }

    /// Each row's samples, peer by peer.
    pub fn of(&self, row: Row) -> impl Iterator<Item = (Peer, &[f64])> {
        self.samples.get(&row).into_iter().flatten().map(|(peer, samples)| (*peer, samples.as_slice()))
    }
}

pub fn median(samples: &[f64]) -> Option<f64> {
    let mut samples = samples.to_vec();
    samples.sort_by(f64::total_cmp);
    let middle = samples.len() / 2;
    match samples.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(samples[middle]),
        _ => Some((samples[middle - 1] + samples[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!((median(&[]), median(&[3.0]), median(&[9.0, 1.0]), median(&[9.0, 1.0, 2.0])), (None, Some(3.0), Some(5.0), Some(2.0)));
    }
}
