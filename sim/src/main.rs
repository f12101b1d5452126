//! `pika-sim`: many simulated evenings, or one with its trace.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use sim::{Plant, evening, season};

/// Simulated evenings by their seeds: the same seed is the same evening.
#[derive(Parser)]
#[command(
    name = "pika-sim",
    after_help = "\
Examples:
  pika-sim --seeds 100000 --from 2000   many evenings, none of those of the test suite
  pika-sim --seed 4711 --trace          one evening, with everything that happened

Exit codes: 0 every promise was kept, 1 one was broken: its seed and what was broken are printed."
)]
struct Args {
    /// How many evenings.
    #[arg(long, default_value_t = 2_000, value_name = "N", conflicts_with = "seed")]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0, value_name = "S", conflicts_with = "seed")]
    from: u64,
    /// Evenings side by side. Default: one for each core.
    #[arg(long, value_name = "N", conflicts_with = "seed")]
    threads: Option<usize>,
    /// One evening.
    #[arg(long, value_name = "X")]
    seed: Option<u64>,
    /// Bend a step on purpose, to see what is found.
    #[arg(long, value_enum, default_value_t = Plant::Nothing)]
    plant: Plant,
    /// Print everything that happens on it.
    #[arg(long, requires = "seed")]
    trace: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let kept = match args.seed {
        Some(seed) => one(seed, args.plant, args.trace),
        None => many(&args),
    };
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(seed: u64, plant: Plant, trace: bool) -> bool {
    let outcome = evening(seed, plant, trace);
    print!("{}", outcome.trace.unwrap_or_default());
    outcome.counts.iter().for_each(|(what, count)| println!("{count:>9} {what}"));
    println!("seed {seed}, trace {:016x}", outcome.hash);
    outcome.wrong.iter().for_each(|wrong| println!("broken: {wrong}"));
    outcome.wrong.is_empty()
}

fn many(args: &Args) -> bool {
    let began = Instant::now();
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let season = season(args.from..args.from.saturating_add(args.seeds), args.plant, threads);
    season.counts.iter().for_each(|(what, count)| println!("{count:>9} {what}"));
    println!("{} evenings from seed {} in {:.1?}", season.evenings, args.from, began.elapsed());
    for outcome in &season.failed {
        println!("seed {} breaks promises; `pika-sim --seed {} --trace` shows it:", outcome.seed, outcome.seed);
        outcome.wrong.iter().take(10).for_each(|wrong| println!("  {wrong}"));
    }
    season.failed.is_empty()
}
