//! What was measured, for people, for programs, and beside what was measured before.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::bench::peer::Peer;
use crate::bench::results::{Results, Row, median};
use crate::bench::targets::Judged;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub at: String,
    pub command: String,
    pub machine: Machine,
    pub measured: Vec<Measured>,
    pub targets: Vec<Judged>,
}

/// Where it was measured: figures of two machines are not compared.
#[derive(Serialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub kernel: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Measured {
    pub row: String,
    pub unit: String,
    pub peer: String,
    pub samples: Vec<f64>,
}

/// What is read of a report that was saved.
#[derive(Deserialize)]
pub struct Saved {
    pub at: String,
    pub measured: Vec<Measured>,
}

impl Machine {
    pub fn this() -> Machine {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let info = read("/proc/cpuinfo");
        let processor = info.lines().find_map(|line| line.strip_prefix("model name")).map(|rest| rest.trim_matches([' ', '\t', ':']));
        Machine {
            processor: processor.unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

impl Report {
    pub fn new(results: &Results, targets: Vec<Judged>) -> Report {
        let measured = results.rows().flat_map(|row| {
            results.of(row).map(move |(peer, samples)| Measured {
                row: row.to_string(),
                unit: row.unit().to_owned(),
                peer: peer.name().to_owned(),
                samples: samples.to_vec(),
            })
        });
        Report {
            at: jiff::Timestamp::now().to_string(),
            command: std::env::args().collect::<Vec<_>>().join(" "),
            machine: Machine::this(),
            measured: measured.collect(),
            targets,
        }
    }

    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        std::fs::write(path, serde_json::to_string_pretty(self)?).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The judgement, a line a target.
    pub fn judgement(&self) -> String {
        self.targets.iter().fold(String::new(), |mut text, judged| {
            let word = if judged.holds { "holds " } else { "MISSED" };
            let Judged { row, value, unit, limit, bound, .. } = judged;
            let _ = writeln!(text, "{word} {row}: {} {unit}, {limit} ({})", short(*value), short(*bound));
            text
        })
    }
}

/// A row a line, a column a peer, with what Pika costs of Bun and of the bare server.
pub fn table(results: &Results) -> String {
    let rows: Vec<Row> = results.rows().collect();
    let met = |peer: &Peer| rows.iter().any(|row| results.median(*row, *peer).is_some());
    let peers: Vec<Peer> = Peer::ALL.into_iter().chain([Peer::JetStream]).filter(met).collect();
    let mut text = format!("{:<45} {:>8}", "medians", "");
    for peer in &peers {
        let _ = write!(text, "{:>10}", peer.name());
    }
    text.push_str("   Pika/Bun  Pika/bare\n");
    for row in rows {
        let _ = write!(text, "{:<45} {:>8}", row.to_string(), row.unit());
        for peer in &peers {
            let _ = write!(text, "{:>10}", results.median(row, *peer).map_or("–".to_owned(), short));
        }
        for peer in [Peer::Bun, Peer::Bare] {
            let ratio = results.median(row, Peer::Pika).zip(results.median(row, peer)).map(|(own, theirs)| own / theirs);
            let _ = write!(text, "{:>11}", ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}")));
        }
        text.push('\n');
    }
    text
}

/// Three digits that matter.
pub fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Each figure of Pika beside the saved one. Machines drift from hour to hour, so what counts is the ratio to the other servers of
/// the same run, where one was measured both times.
pub fn compared(report: &Report, saved: &Saved) -> String {
    let find =
        |of: &[Measured], row: &str, peer: Peer| of.iter().find(|m| m.row == row && m.peer == peer.name()).and_then(|m| median(&m.samples));
    let mut text = format!("beside {}\n", saved.at);
    for own in report.measured.iter().filter(|m| m.peer == Peer::Pika.name()) {
        let (Some(now), Some(then)) = (median(&own.samples), find(&saved.measured, &own.row, Peer::Pika)) else { continue };
        let _ =
            write!(text, "{:<45} {:>8} {:>9} → {:>9}  ({:+.0} %)", own.row, own.unit, short(then), short(now), (now / then - 1.0) * 100.0);
        for peer in [Peer::Bun, Peer::Bare] {
            let both = find(&saved.measured, &own.row, peer).zip(find(&report.measured, &own.row, peer));
            if let Some((theirs_then, theirs_now)) = both {
                let _ = write!(text, ", of {} {:.2} → {:.2}", peer.name(), then / theirs_then, now / theirs_now);
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_report_is_compared_by_ratios_of_each_run() {
        let row = Row::Fanout { sockets: 1000, under_way: 8 };
        let report = |bun, pika| {
            let mut results = Results::default();
            results.add(row, Peer::Bun, bun);
            results.add(row, Peer::Pika, pika);
            Report::new(&results, Vec::new())
        };
        let saved: Saved = serde_json::from_str(&serde_json::to_string(&report(2.0, 4.0)).unwrap()).unwrap();
        let text = compared(&report(1.0, 3.0), &saved);
        assert!(text.contains("4.00 →      3.00  (-25 %), of Bun 2.00 → 3.00"), "{text}");
    }
}
