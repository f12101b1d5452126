//! Pika beside its peers on one machine: the server on one core, the load on another, rounds interleaved, medians of them.

mod back;
mod child;
mod cql;
mod crowds;
mod deflate;
mod durable;
mod fanout;
pub mod flame;
pub mod growth;
mod page;
mod peer;
mod plot;
mod raw;
mod report;
mod results;
mod server;
pub mod soak;
mod start;
mod store;
mod storm;
mod targets;
mod trend;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use peer::Peer;
use report::{Report, Saved};
use results::{Kept, Results};
use server::Place;

use crate::files;

#[derive(clap::Args)]
pub struct Bench {
    #[command(flatten)]
    place: Place,
    /// Who is measured.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Peer::ALL)]
    peers: Vec<Peer>,
    /// How often each is measured; the median counts. Default: 3, or 1 with --quick.
    #[arg(long)]
    rounds: Option<usize>,
    /// Short rounds.
    #[arg(long)]
    quick: bool,
    /// What is measured.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Part::ALL)]
    only: Vec<Part>,
    /// Write what was measured here, to be compared with later.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write it as a page.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// A file that --json has written: how Pika has changed since.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Let nats-server sync at its own interval, not before it acknowledges: shows the disk's part in the fan-out rows. Nothing is judged or kept.
    #[arg(long, conflicts_with_all = ["json", "html", "baseline"])]
    unsynced: bool,
    /// Sockets of the fan-out rows.
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 5000])]
    sockets: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// CPU for each delivery, and how late it is.
    Fanout,
    /// Long messages, compressed and not.
    Deflate,
    /// Bytes for each idle socket.
    Memory,
    /// Likes that are acknowledged when they are on disk.
    Durable,
    /// Everyone likes and votes within two seconds.
    Storm,
    /// How long a crowd needs to come in.
    Connects,
    /// How long it needs to come back after its node was killed.
    Back,
    /// Recaps, lists and sums, from both stores.
    Store,
    /// How soon each role is ready, and how large the program is.
    Start,
}

impl Part {
    const ALL: [Part; 9] =
        [Part::Fanout, Part::Deflate, Part::Memory, Part::Durable, Part::Storm, Part::Connects, Part::Back, Part::Store, Part::Start];
}

pub fn run(bench: &Bench) -> anyhow::Result<bool> {
    let rounds = bench.rounds.unwrap_or(if bench.quick { 1 } else { 3 });
    ensure!(rounds > 0, "--rounds must be at least 1");
    ensure!(bench.sockets.is_sorted(), "--sockets must rise");
    ensure!(!bench.unsynced || bench.only == [Part::Fanout], "--unsynced goes with --only fanout");
    let place = Place { unsynced: bench.unsynced, ..bench.place.clone() };
    let most = bench.sockets.iter().copied().max().unwrap_or(0).max(crowds::IDLE + crowds::AT_ONCE);
    files::allow(most)?;
    pin(bench.place.client_core)?;
    let saved = match &bench.baseline {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("--baseline {}", path.display()))?;
            Some(serde_json::from_str::<Saved>(&text).with_context(|| format!("--baseline {}", path.display()))?)
        }
        None => None,
    };
    let mut results = Results::default();
    let plan = fanout::Plan {
        sockets: bench.sockets.clone(),
        under_way: vec![1, 8],
        lasts: Duration::from_millis(if bench.quick { 1000 } else { 2000 }),
        paced: Duration::from_secs(if bench.quick { 2 } else { 6 }),
    };
    let evenings = store::Plan { past: if bench.quick { 100 } else { 1000 }, asked: if bench.quick { 200 } else { 600 } };
    for round in 1..=rounds {
        for part in &bench.only {
            eprintln!("round {round} of {rounds}: {part:?}");
            for peer in &bench.peers {
                let measured = match part {
                    Part::Fanout => fanout::measure(&place, *peer, &plan, &mut results),
                    Part::Memory => crowds::memory(&place, *peer, &mut results),
                    Part::Durable => durable::measure(&place, *peer, plan.lasts * 2, &mut results),
                    Part::Connects => crowds::connects(&place, *peer, &mut results),
                    Part::Storm if *peer == Peer::Pika => storm::measure(&place, &mut results),
                    Part::Deflate if *peer == Peer::Pika => deflate::measure(&place, plan.lasts, &mut results),
                    Part::Back if *peer == Peer::Pika => back::measure(&place, &mut results),
                    Part::Start if *peer == Peer::Pika => start::measure(&place, &mut results),
                    Part::Store if *peer == Peer::Pika => {
                        [Kept::Sqlite, Kept::Cql].into_iter().try_for_each(|kept| store::measure(&place, kept, &evenings, &mut results))
                    }
                    // What the peers do not do.
                    Part::Deflate | Part::Storm | Part::Back | Part::Store | Part::Start => continue,
                };
                measured.with_context(|| format!("{part:?} of {}", peer.name()))?;
            }
            if *part == Part::Durable {
                raw::measure(&place, plan.lasts, &mut results).context("JetStream alone")?;
            }
        }
    }
    let report = Report::new(&results, targets::judge(&results));
    print!("\n{}\n", report::table(&results));
    if bench.unsynced {
        println!("Nothing is judged: the log is not synced before it is acknowledged.");
        return Ok(true);
    }
    print!("{}", report.judgement());
    if let Some(saved) = saved {
        print!("\n{}", report::compared(&report, &saved));
    }
    if let Some(path) = &bench.json {
        report.save(path)?;
    }
    if let Some(path) = &bench.html {
        std::fs::write(path, page::html(&report)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(report.targets.iter().all(|judged| judged.holds))
}

/// This process and what it starts without saying where.
fn pin(core: usize) -> anyhow::Result<()> {
    let status = std::process::Command::new("taskset")
        .args(["-a", "-p", "-c", &core.to_string(), &std::process::id().to_string()])
        .stdout(std::process::Stdio::null())
        .status()
        .context("taskset is needed to give each process its core")?;
    ensure!(status.success(), "there is no core {core} to run on");
    Ok(())
}
