//! `pika-loadtest`: a stranger who speaks the wire and keeps account. It plays an evening against a running server and
//! checks at the end that nothing was lost and nothing counted twice. It knows the messages and nothing of the inside.

mod bare;
mod bench;
mod dancer;
mod diary;
mod dj;
mod files;
mod lean;
mod ledger;
mod memory;
mod meter;
mod mind;
mod plan;
mod publish;
mod report;
mod scenario;
mod shared;
mod sign_ins;
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
    /// Many sign in at once: what it costs those who listen.
    SignIns(sign_ins::SignIns),
    /// Pika beside its peers, each server alone on a core: fan-out, memory, durable likes, storms, connects. Prints the targets and
    /// what they are judged by; the exit code is 1 where one is missed.
    Bench(bench::Bench),
    /// How cost grows with sockets, sessions, fanout processes and streams of the log; writes the curves.
    Growth(bench::growth::Growth),
    /// Ten thousand sockets for a long time, with little traffic: the exit code is 1 where the memory of a process grows.
    Soak(bench::soak::Soak),
    /// Where a node spends its time under load, drawn as a flame graph. Needs perf and inferno.
    Flame(bench::flame::Flame),
    /// The least that a server fed by NATS can do, to measure beside.
    #[command(hide = true)]
    Bare(bare::Bare),
}

/// The exit code tells: 0 all promises held, 1 some were broken, 2 the test itself could not run.
fn main() -> ExitCode {
    let cli = Cli::parse();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let played = match cli.scenario {
        Scenario::Evening(evening) => alone(scenario::run(evening)),
        Scenario::Slow(slow) => alone(slow::run(slow)),
        Scenario::SignIns(sign_ins) => alone(sign_ins::run(sign_ins)),
        Scenario::Bench(bench) => bench::run(&bench),
        Scenario::Growth(growth) => bench::growth::run(&growth),
        Scenario::Soak(soak) => bench::soak::run(&soak),
        Scenario::Flame(flame) => bench::flame::run(&flame).map(|()| true),
        Scenario::Bare(bare) => bare::run(&bare).map(|()| true),
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

/// One thread: the crowd must leave the other cores to the server that it measures.
fn alone(played: impl Future<Output = anyhow::Result<bool>>) -> anyhow::Result<bool> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(played)
}
