//! `pika-chaos`: breaks a cluster for minutes and tells whether a promise broke with it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use chaos::fleet::{Fleet, Plan};
use chaos::roles::Role;
use chaos::schedule::{self, Blow};
use chaos::witness::{Evening, Witness, complaints};
use clap::{Parser, ValueEnum};
use tokio::time::{Instant, sleep_until};

/// Plays an evening on a cluster of its own (three brokers, two processes of each role), breaks one thing after the
/// other, and checks that nothing acknowledged was lost and nothing counted twice.
#[derive(Parser)]
#[command(
    name = "pika-chaos",
    version,
    after_help = "Examples:\n  pika-chaos --minutes 3\n  pika-chaos --minutes 20 --seed 42\n  pika-chaos --minutes 5 --dancers 2000 --each-once\n  pika-chaos --minutes 3 --seed 42 --plan\n\nExit code: 0 all promises held, 1 some were broken, 2 the drill itself could not run."
)]
struct Args {
    /// How long things are broken.
    #[arg(long, default_value_t = 3.0)]
    minutes: f64,
    /// The same seed strikes the same blows. Default: another one each time, which is printed.
    #[arg(long)]
    seed: Option<u64>,
    /// How many dancers come.
    #[arg(long, default_value_t = 120)]
    dancers: usize,
    /// One kill -9 of each kind of process, and nothing else.
    #[arg(long)]
    each_once: bool,
    /// Streams that the log is spread over.
    #[arg(long, default_value_t = 1)]
    log_streams: u8,
    /// Where rows are kept: a CQL server, or one file.
    #[arg(long, value_enum, default_value = "cql")]
    store: Store,
    /// What runs the CQL server.
    #[arg(long, default_value = "deploy/cassandra.sh")]
    cassandra: PathBuf,
    /// Only print what would be struck and when.
    #[arg(long)]
    plan: bool,
    /// Keep logs and data here. Default: a temporary folder, which is kept only if something broke.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Where pika and pika-loadtest are. Default: beside this program.
    #[arg(long)]
    bin: Option<PathBuf>,
    /// The nats-server program. Default: on PATH, else where `make tools` puts it.
    #[arg(long, env = "PIKA_NATS_SERVER")]
    nats_server: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Store {
    Cql,
    Sqlite,
}

/// After the doors have opened, before the first blow.
const WARM: Duration = Duration::from_secs(5);
/// The evening goes on for so long after the last thing was mended.
const CALM: Duration = Duration::from_secs(20);

impl Args {
    fn length(&self) -> Duration {
        Duration::from_secs_f64(self.minutes * 60.0)
    }

    fn blows(&self, seed: u64) -> Vec<Blow> {
        let draw = if self.each_once { schedule::each_once } else { schedule::random };
        draw(seed, self.length(), self.store == Store::Cql)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args = Args::parse();
    match run(&args).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(e) => {
            eprintln!("pika-chaos: {e:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(args: &Args) -> anyhow::Result<bool> {
    ensure!((0.2..=1_440.0).contains(&args.minutes), "--minutes must lie between 0.2 and 1440");
    ensure!(args.dancers > 0, "--dancers must be at least 1");
    let seed = args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let blows = args.blows(seed);
    if args.plan {
        blows.iter().for_each(|blow| println!("{:7.1} s  {blow}", blow.at.as_secs_f64()));
        return Ok(true);
    }
    println!("seed {seed}: {} blows in {} minutes, {} dancers", blows.len(), args.minutes, args.dancers);
    let temporary = tempfile::Builder::new().prefix("pika-chaos-").tempdir()?;
    let dir = args.dir.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&dir)?;
    let dir = std::fs::canonicalize(dir)?;
    let outcome = tokio::select! {
        outcome = drill(args, seed, &blows, &dir) => outcome,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    let held = matches!(outcome, Ok(true));
    if !held {
        let kept = if args.dir.is_some() { dir } else { temporary.keep() };
        eprintln!("logs and data are in {}; the same blows again: pika-chaos --minutes {} --seed {seed}", kept.display(), args.minutes);
    }
    outcome
}

async fn drill(args: &Args, seed: u64, blows: &[Blow], dir: &Path) -> anyhow::Result<bool> {
    let bin = args.bin.clone().map_or_else(beside, Ok)?;
    let pika = bin.join("pika");
    let cassandra = (args.store == Store::Cql).then_some(args.cassandra.as_path());
    let plan = Plan { pika: &pika, nats_server: args.nats_server.clone(), dir, log_streams: args.log_streams, cassandra };
    let mut fleet = Fleet::start(&plan).await?;
    let mut witness = Witness::start(&Evening {
        loadtest: &bin.join("pika-loadtest"),
        dir,
        fanout: fleet.urls(Role::Fanout),
        ingest: fleet.urls(Role::Ingest),
        api: fleet.urls(Role::Api),
        dancers: args.dancers,
        length: WARM + args.length() + CALM,
        seed,
    })?;
    let session = witness.session().await?;
    println!("session {session}");
    let timeline = dir.join("timeline.txt");
    let revived = tokio::select! {
        revived = strike_all(&mut fleet, blows, &timeline) => Some(revived?),
        // Then there is nobody left to suffer the other blows.
        () = witness.gone() => None,
    };
    if revived.is_some() {
        fleet.whole().await.context("after the last blow")?;
        say(&timeline, "", "everything is whole again")?;
    }
    let account = witness.account().await;
    let complaints = complaints(&fleet.logs())?;
    complaints.iter().for_each(|line| println!("{line}"));
    let account = account?;
    let revived = revived.context("the evening ended before the last blow")?;
    let agrees = fleet.audit(&session).await?;
    println!("{}", std::fs::read_to_string(dir.join("audit.log"))?.trim_end());
    fleet.stop().await?;
    let held = account.held && agrees && complaints.is_empty();
    let verdict = if held { "no loss, no double" } else { "A PROMISE WAS BROKEN" };
    println!("seed {seed}: {} blows, {revived} processes ended by themselves, {verdict}", blows.len());
    Ok(held)
}

/// Strikes each blow at its time and undoes it at its own. Gives how many processes ended without being struck.
async fn strike_all(fleet: &mut Fleet, blows: &[Blow], timeline: &Path) -> anyhow::Result<usize> {
    let began = Instant::now() + WARM;
    let mut revived = 0;
    let mut tend = tokio::time::interval(Duration::from_millis(500));
    let mut blows = blows.iter().peekable();
    loop {
        let next = blows.peek().map(|blow| began + blow.at);
        let undo = fleet.next_undo();
        let Some(wake) = next.into_iter().chain(undo).min() else { return Ok(revived) };
        tokio::select! {
            () = sleep_until(wake) => {}
            _ = tend.tick() => {
                for words in fleet.revive()? {
                    revived += 1;
                    say(timeline, &clock(began), &words)?;
                }
                continue;
            }
        }
        fleet.mend(Some(Instant::now())).await?;
        if let Some(blow) = blows.next_if(|blow| began + blow.at <= Instant::now()) {
            let struck = match fleet.strike(blow).await {
                Ok(Some(found)) => format!("{blow}: {found}"),
                Ok(None) => blow.to_string(),
                Err(error) => format!("{blow}: could not be done: {error:#}"),
            };
            say(timeline, &clock(began), &struck)?;
        }
    }
}

fn clock(began: Instant) -> String {
    format!("{:7.1} s", began.elapsed().as_secs_f64())
}

/// To the terminal, and to a file that is kept with the logs.
fn say(timeline: &Path, at: &str, words: &str) -> anyhow::Result<()> {
    println!("{at}  {words}");
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(timeline)?;
    Ok(writeln!(file, "{at}  {words}")?)
}

fn beside() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    program.parent().map(Path::to_owned).context("where this program is")
}
