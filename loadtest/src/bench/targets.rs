//! What Pika should reach, each limit measured in the same run where it is another server's figure.

use serde::Serialize;

use crate::bench::peer::Peer;
use crate::bench::results::{Question, Results, Row};

/// What Pika may cost where Bun costs one.
const LIKE_BUN: f64 = 1.1;
const IDLE_BYTES: f64 = 4000.0;
/// Of what the bare server acknowledges and does not store.
const OF_BARE: f64 = 0.5;
/// Of what a nats-server alone syncs message by message.
const OF_JETSTREAM: f64 = 8.0;
const ACK_MS: f64 = 100.0;
const ACK_IDLE_MS: f64 = 15.0;
const COUNTED_S: f64 = 1.0;
const STORM_ACK_S: f64 = 5.0;
const STORM_TALLIES: f64 = 5.0;
const STORM_OF_QUIET: f64 = 2.0;
const CONNECTS_OF_BUN: f64 = 2.5;
const BACK_S: f64 = 10.0;
const RECAP_MS: f64 = 50.0;
/// What a page of lists and sums waits for, beside others.
const LIST_MS: f64 = 20.0;
const START_S: f64 = 1.0;
const PROGRAM_MB: f64 = 40.0;

#[derive(Debug, Serialize, PartialEq)]
pub struct Judged {
    pub row: String,
    pub unit: &'static str,
    pub value: f64,
    /// In words, as in "at most 1.1 × Bun".
    pub limit: String,
    pub bound: f64,
    pub holds: bool,
}

enum Bound {
    AtMost(f64, String),
    AtLeast(f64, String),
}

/// Every target that this run can judge.
pub fn judge(results: &Results) -> Vec<Judged> {
    results.rows().filter_map(|row| judge_row(results, row)).collect()
}

fn judge_row(results: &Results, row: Row) -> Option<Judged> {
    let value = results.median(row, Peer::Pika)?;
    let (bound, limit, holds) = match bound(results, row)? {
        Bound::AtMost(bound, limit) => (bound, format!("at most {limit}"), value <= bound),
        Bound::AtLeast(bound, limit) => (bound, format!("at least {limit}"), value >= bound),
    };
    Some(Judged { row: row.to_string(), unit: row.unit(), value, limit, bound, holds })
}

fn bound(results: &Results, row: Row) -> Option<Bound> {
    let of = |peer, row| results.median(row, peer);
    let times = |factor: f64, name: &str| format!("{factor} × {name}");
    let fixed = |most: f64| Bound::AtMost(most, most.to_string());
    Some(match row {
        Row::Fanout { .. } | Row::Receipt => Bound::AtMost(LIKE_BUN * of(Peer::Bun, row)?, times(LIKE_BUN, "Bun")),
        Row::Memory => fixed(IDLE_BYTES),
        Row::Likes { .. } => {
            let one = Row::Likes { spread: false };
            let (bare, raw) = (OF_BARE * of(Peer::Bare, one)?, OF_JETSTREAM * of(Peer::JetStream, one)?);
            if bare < raw {
                Bound::AtLeast(bare, times(OF_BARE, "bare, which stores nothing"))
            } else {
                Bound::AtLeast(raw, times(OF_JETSTREAM, "JetStream message by message"))
            }
        }
        Row::Ack { .. } => fixed(ACK_MS),
        Row::AckIdle { .. } => fixed(ACK_IDLE_MS),
        Row::Counted { .. } => fixed(COUNTED_S),
        Row::StormAck => fixed(STORM_ACK_S),
        Row::StormTallies => fixed(STORM_TALLIES),
        Row::StormReceipt => Bound::AtMost(STORM_OF_QUIET * of(Peer::Pika, Row::StormQuiet)?, times(STORM_OF_QUIET, "when quiet")),
        Row::Connects => Bound::AtMost(CONNECTS_OF_BUN * of(Peer::Bun, row)?, times(CONNECTS_OF_BUN, "Bun")),
        Row::Back => fixed(BACK_S),
        Row::Answer { question: Question::Recap, .. } => fixed(RECAP_MS),
        Row::Answer { .. } => fixed(LIST_MS),
        Row::Start { .. } => fixed(START_S),
        Row::Program => fixed(PROGRAM_MB),
        Row::PacedFanout | Row::Long { .. } | Row::LongBytes { .. } | Row::LikesCost { .. } | Row::StormQuiet => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(of: &[(Row, Peer, f64)]) -> Results {
        let mut results = Results::default();
        of.iter().for_each(|(row, peer, value)| results.add(*row, *peer, *value));
        results
    }

    #[test]
    fn a_figure_is_judged_against_the_same_run() {
        let row = Row::Fanout { sockets: 1000, under_way: 1 };
        let judged = |pika| judge(&results(&[(row, Peer::Bun, 2.0), (row, Peer::Pika, pika)]))[0].holds;
        assert!(judged(2.2) && !judged(2.3));
        assert!(judge(&results(&[(row, Peer::Pika, 1.0)])).is_empty());
    }

    #[test]
    fn likes_are_judged_against_the_lower_of_two() {
        let row = |spread| Row::Likes { spread };
        let judged = |bare, raw, pika| {
            let results = results(&[(row(false), Peer::Bare, bare), (row(false), Peer::JetStream, raw), (row(true), Peer::Pika, pika)]);
            let judged = judge(&results);
            (judged[0].bound, judged[0].holds)
        };
        assert_eq!(judged(40_000.0, 1000.0, 8000.0), (8000.0, true));
        assert_eq!(judged(14_000.0, 1000.0, 6999.0), (7000.0, false));
    }
}
