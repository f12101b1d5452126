//! Where a node spends its time: perf looks at it while it is under load, inferno draws what it saw.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::bench::peer::Peer;
use crate::bench::server::{Layout, Place, Server};
use crate::files;
use crate::lean::crowd::Deaf;
use crate::lean::flow::{self, Numbers, Pace};
use crate::lean::likes::{Likes, title};

/// Looks a second: a prime, so that nothing that happens at a round pace is always or never met.
const LOOKS: &str = "499";
/// Stacks are unwound with the tables that every build has, from this many bytes of each.
const STACKS: &str = "dwarf,16384";
const SETTLE: Duration = Duration::from_secs(2);
const TRACKS: usize = 100;
const MOST: usize = 40_000;
/// Beyond the load, until perf has written what it saw.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub struct Flame {
    #[command(flatten)]
    place: Place,
    #[arg(long, value_enum, default_value_t = Load::Fanout)]
    load: Load,
    #[arg(long, default_value_t = 1000)]
    sockets: usize,
    /// How long it is looked at.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// The picture: SVG that a browser lets you look into.
    #[arg(long, value_name = "FILE", default_value = "target/flame.svg")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Load {
    /// Messages to everyone, one under way.
    Fanout,
    /// Likes, one of each dancer under way, and all that admitting them takes.
    Likes,
}

pub fn run(flame: &Flame) -> anyhow::Result<()> {
    files::allow(flame.sockets)?;
    ready()?;
    let layout = match flame.load {
        Load::Fanout => Layout::Apart,
        Load::Likes => Layout::Together,
    };
    let server = Server::start(&flame.place, Peer::Pika, layout)?;
    let (_, node) = server.processes().find(|(name, _)| *name == "fanout").context("no node")?;
    let lasts = Duration::from_secs(flame.seconds);
    let dir = tempfile::Builder::new().prefix("pika-flame-").tempdir()?;
    let seen = dir.path().join("perf.data");
    match flame.load {
        Load::Fanout => {
            let mut crowd = server.crowd()?;
            let mut publishers = server.publishers(1)?;
            crowd.with(&mut publishers)?;
            crowd.enter(flame.sockets, &mut Deaf)?;
            sleep(SETTLE);
            let perf = Perf::at(node, lasts, &seen)?;
            let flowed = flow::run(&mut crowd, &mut publishers, &mut Numbers::default(), Pace::UnderWay(1), lasts)?;
            eprintln!("{} deliveries", flowed.deliveries);
            perf.end()?;
        }
        Load::Likes => {
            let titles: Vec<String> = (0..TRACKS).map(title).collect();
            let session = server.go_live(&titles)?;
            let mut crowd = server.crowd_of([(session.id.as_str(), None)])?;
            crowd.enter(flame.sockets, &mut Deaf)?;
            sleep(SETTLE);
            let mut likes = Likes::new(&crowd.dialect, flame.sockets, TRACKS, MOST);
            let perf = Perf::at(node, lasts, &seen)?;
            eprintln!("{} likes", likes.rush(&mut crowd, lasts)?.acks);
            perf.end()?;
        }
    }
    drop(server);
    let title = format!("fanout, {} sockets, {:?}", flame.sockets, flame.load).to_lowercase();
    draw(&seen, dir.path(), &flame.out, &title)?;
    println!("{}", flame.out.display());
    Ok(())
}

/// Fails with what to do where something is missing or forbidden.
fn ready() -> anyhow::Result<()> {
    for (program, tip) in [("perf", "on Debian it is the package linux-perf"), ("inferno-flamegraph", "`deploy/tools.sh flame` builds it")]
    {
        let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        ensure!(found.is_ok_and(|status| status.success()), "{program} is needed on PATH: {tip}");
    }
    let tried = Command::new("perf").args(["record", "-q", "-o", "/dev/null", "-e", "cpu-clock", "--", "true"]).output()?;
    if !tried.status.success() {
        let said = String::from_utf8_lossy(&tried.stderr);
        let level = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap_or_default();
        bail!(
            "perf may not look at processes here: be root, or set kernel.perf_event_paranoid (now {}) to 1 or less; perf says: {}",
            level.trim(),
            said.trim().lines().next().unwrap_or("nothing")
        );
    }
    Ok(())
}

struct Perf(std::process::Child);

impl Perf {
    /// A clock's ticks and not the processor's counters, which virtual machines seldom have.
    fn at(process: u32, lasts: Duration, seen: &Path) -> anyhow::Result<Perf> {
        let mut command = Command::new("perf");
        command.args(["record", "-q", "-e", "cpu-clock", "-F", LOOKS, "--call-graph", STACKS, "-p", &process.to_string(), "-o"]).arg(seen);
        command.args(["--", "sleep", &lasts.as_secs().to_string()]).stdin(Stdio::null());
        Ok(Perf(command.spawn().context("perf")?))
    }

    fn end(mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.0.try_wait()? {
                ensure!(status.success(), "perf ended with {status}");
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
        // An error means that it has just ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
        bail!("perf does not end")
    }
}

/// perf.data → stacks → stacks counted → SVG.
fn draw(seen: &Path, dir: &Path, out: &Path, title: &str) -> anyhow::Result<()> {
    let stacks = dir.join("stacks");
    let folded = dir.join("folded");
    // Without --no-inline perf asks addr2line for every frame, which takes minutes and knows no more: others' code has no debug information.
    step(Command::new("perf").args(["script", "--no-inline", "-i"]).arg(seen), &stacks)?;
    step(Command::new("inferno-collapse-perf").arg(&stacks), &folded)?;
    ensure!(std::fs::metadata(&folded)?.len() > 0, "perf saw nothing");
    step(Command::new("inferno-flamegraph").args(["--title", title]).arg(&folded), out)
}

fn step(command: &mut Command, out: &Path) -> anyhow::Result<()> {
    let file = File::create(out).with_context(|| format!("cannot write {}", out.display()))?;
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command.stdout(file).stderr(Stdio::piped()).output().with_context(|| program.clone())?;
    ensure!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}
