//! `pika-loadtest`: a stranger who speaks the wire and keeps account. It plays an evening against a running server and
//! checks at the end that nothing was lost and nothing counted twice. It knows the messages and nothing of the inside.

mod dancer;
mod diary;
mod dj;
mod files;
mod ledger;
mod memory;
mod meter;
mod mind;
mod plan;
mod publish;
mod report;
mod scenario;
mod shared;
mod slow;
mod stage;
mod wire;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Plays crowds against a Pika server and checks that nothing was lost and nothing counted twice.
#[derive(Parser)]
#[command(name = "pika-loadtest", version)]
struct Cli {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// One DJ and many dancers: tracks, likes, tempo wishes, polls, lost sockets.
    Evening(scenario::Evening),
    /// Readers that stop reading among good ones: what it costs the good ones and the server, and what becomes of the others.
    Slow(slow::Slow),
}

/// The exit code tells: 0 all promises held, 1 some were broken, 2 the test itself could not run.
fn main() -> ExitCode {
    let cli = Cli::parse();
    let _ = rustls::crypto::ring::default_provider().install_default();
    // One thread: the crowd must leave the other cores to the server that it measures.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("pika-loadtest: {e}");
            return ExitCode::from(2);
        }
    };
    let played = match cli.scenario {
        Scenario::Evening(evening) => runtime.block_on(scenario::run(evening)),
        Scenario::Slow(slow) => runtime.block_on(slow::run(slow)),
    };
    match played {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(e) => {
            eprintln!("pika-loadtest: {e:#}");
            ExitCode::from(2)
        }
    }
}
