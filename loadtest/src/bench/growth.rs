//! How cost grows with everything that can grow: sockets, sessions, processes, streams. No cliff is wanted anywhere.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use crate::bench::durable;
use crate::bench::peer::Peer;
use crate::bench::plot;
use crate::bench::report::{Machine, short};
use crate::bench::results::{Results, Row};
use crate::bench::server::{Layout, Place, Server};
use crate::files;
use crate::lean::crowd::Deaf;
use crate::lean::flow::{self, Numbers, Pace};
use crate::lean::likes::title;
use crate::lean::publisher::Session;

const SOCKETS: [usize; 5] = [1000, 5000, 10_000, 20_000, 40_000];
/// The crowd of the curves that grow something else.
const CROWD: usize = 10_000;
const SESSIONS: [usize; 4] = [1, 10, 100, 1000];
const NODES: [usize; 3] = [1, 2, 4];
const STREAMS: [usize; 2] = [1, 4];
const UNDER_WAY: usize = 8;
/// Connections that facts are published over, where there are many sessions.
const PUBLISHERS: usize = 8;
/// What arrivals set off is over after this.
const SETTLE: Duration = Duration::from_secs(4);

#[derive(clap::Args)]
pub struct Growth {
    #[command(flatten)]
    place: Place,
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Grows::ALL)]
    only: Vec<Grows>,
    /// Where the curves are written, as growth-NAME.svg and growth-NAME.json.
    #[arg(long, value_name = "DIR", default_value = "docs")]
    out: PathBuf,
    /// How long each point is measured.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Grows {
    Sockets,
    Sessions,
    Nodes,
    Streams,
}

impl Grows {
    const ALL: [Grows; 4] = [Grows::Sockets, Grows::Sessions, Grows::Nodes, Grows::Streams];

    fn name(self) -> &'static str {
        match self {
            Grows::Sockets => "sockets",
            Grows::Sessions => "sessions",
            Grows::Nodes => "nodes",
            Grows::Streams => "streams",
        }
    }

    /// What is plotted over what.
    fn title(self) -> (&'static str, &'static str) {
        match self {
            Grows::Sockets => ("sockets on one node, all in one session", "CPU-s per million deliveries"),
            Grows::Sessions => ("sessions that 10,000 sockets are in, eight messages under way", "CPU-s per million deliveries"),
            Grows::Nodes => ("fanout processes that 10,000 sockets are on, one core", "CPU-s per million deliveries"),
            Grows::Streams => ("streams of the log, 1,000 sessions, every like synced", "likes acknowledged a second"),
        }
    }
}

#[derive(Serialize)]
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

#[derive(Serialize)]
struct Curve<'a> {
    at: String,
    machine: Machine,
    x: &'a str,
    y: &'a str,
    lines: &'a [Line],
}

pub fn run(growth: &Growth) -> anyhow::Result<bool> {
    files::allow(CROWD + PUBLISHERS)?;
    crate::bench::pin(growth.place.client_core)?;
    let lasts = Duration::from_secs_f64(growth.seconds);
    for grows in &growth.only {
        let (x, y) = grows.title();
        eprintln!("{x}");
        let lines = match grows {
            Grows::Sockets => sockets(&growth.place, lasts),
            Grows::Sessions => sessions(&growth.place, lasts),
            Grows::Nodes => nodes(&growth.place, lasts),
            Grows::Streams => streams(&growth.place, lasts),
        };
        let lines = lines.with_context(|| x.to_owned())?;
        for line in &lines {
            let points: Vec<String> = line.points.iter().map(|(x, y)| format!("{x}: {}", short(*y))).collect();
            println!("{}, {}: {}", grows.name(), line.name, points.join(", "));
        }
        let file = |end: &str| growth.out.join(format!("growth-{}.{end}", grows.name()));
        let curve = Curve { at: jiff::Timestamp::now().to_string(), machine: Machine::this(), x, y, lines: &lines };
        std::fs::write(file("json"), serde_json::to_string_pretty(&curve)? + "\n")?;
        std::fs::write(file("svg"), plot::svg(x, y, &lines)).with_context(|| file("svg").display().to_string())?;
    }
    Ok(true)
}

fn line(name: &str) -> Line {
    Line { name: name.to_owned(), points: Vec::new() }
}

/// CPU seconds for a million deliveries, and the deliveries a second.
fn cost(server: &Server, sessions: &[Session], crowd: usize, under_way: &[usize], lasts: Duration) -> anyhow::Result<Vec<(f64, f64)>> {
    let mut people = server.crowd_of(sessions.iter().map(|session| (session.id.as_str(), None)))?;
    let mut publishers = server.publishers_of(sessions, sessions.len().min(PUBLISHERS))?;
    people.with(&mut publishers)?;
    let mut numbers = Numbers::default();
    people.enter(crowd, &mut Deaf)?;
    sleep(SETTLE);
    flow::run(&mut people, &mut publishers, &mut numbers, Pace::UnderWay(1), lasts / 4)?;
    let mut costs = Vec::new();
    for under_way in under_way {
        let before = server.cpu()?;
        let flowed = flow::run(&mut people, &mut publishers, &mut numbers, Pace::UnderWay(*under_way), lasts)?;
        let spent = (server.cpu()? - before) * 1e6 / flowed.deliveries as f64;
        let rate = flowed.deliveries as f64 / flowed.took.as_secs_f64();
        eprintln!(
            "  {:<5} {crowd} sockets, {} sessions, {under_way} under way: {spent:.2} CPU-s/M, {:.0} k/s",
            server.peer.name(),
            sessions.len(),
            rate / 1e3
        );
        costs.push((spent, rate));
    }
    Ok(costs)
}

/// A thousand fewer than there may be: the server has files of its own.
fn reachable() -> Vec<usize> {
    let wanted = SOCKETS[SOCKETS.len() - 1];
    let most = files::most(wanted + 1000).saturating_sub(1000);
    let mut crowds: Vec<usize> = SOCKETS.into_iter().filter(|crowd| *crowd <= most).collect();
    if most < wanted {
        eprintln!("this system allows {most} sockets and not {wanted}: raise the limit of open files (ulimit -Hn) to see the rest");
        crowds.push(most);
        crowds.dedup();
    }
    crowds
}

fn sockets(place: &Place, lasts: Duration) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    let crowds = reachable();
    for peer in [Peer::Pika, Peer::Bare] {
        let mut of = [1, UNDER_WAY].map(|under_way| line(&format!("{}, {under_way} under way", peer.name())));
        for crowd in &crowds {
            let server = Server::start(place, peer, Layout::Apart)?;
            let costs = cost(&server, std::slice::from_ref(&server.session), *crowd, &[1, UNDER_WAY], lasts)?;
            of.iter_mut().zip(costs).for_each(|(line, (spent, _))| line.points.push((*crowd as f64, spent)));
        }
        lines.extend(of);
    }
    Ok(lines)
}

fn sessions(place: &Place, lasts: Duration) -> anyhow::Result<Vec<Line>> {
    let mut of = line("Pika");
    for count in SESSIONS {
        let server = Server::start(place, Peer::Pika, Layout::Apart)?;
        let titles = [crate::lean::dialect::title(&server.session.id)?];
        let live = (0..count).map(|_| server.go_live(&titles)).collect::<anyhow::Result<Vec<Session>>>()?;
        let costs = cost(&server, &live, CROWD, &[UNDER_WAY], lasts)?;
        of.points.push((count as f64, costs[0].0));
    }
    Ok(vec![of])
}

fn nodes(place: &Place, lasts: Duration) -> anyhow::Result<Vec<Line>> {
    let mut of = [1, UNDER_WAY].map(|under_way| line(&format!("Pika, {under_way} under way")));
    for count in NODES {
        let mut server = Server::start(place, Peer::Pika, Layout::Apart)?;
        for _ in 1..count {
            server.another()?;
        }
        let costs = cost(&server, std::slice::from_ref(&server.session), CROWD, &[1, UNDER_WAY], lasts)?;
        of.iter_mut().zip(costs).for_each(|(line, (spent, _))| line.points.push((count as f64, spent)));
    }
    Ok(of.into())
}

fn streams(place: &Place, lasts: Duration) -> anyhow::Result<Vec<Line>> {
    let mut of = line("Pika");
    for count in STREAMS {
        let mut place = place.clone();
        place.set.push(("PIKA_LOG_STREAMS".to_owned(), count.to_string()));
        let server = Server::start(&place, Peer::Pika, Layout::Together)?;
        let titles: Vec<String> = (0..durable::TRACKS_EACH).map(title).collect();
        let live = (0..durable::SPREAD).map(|_| server.go_live(&titles)).collect::<anyhow::Result<Vec<Session>>>()?;
        let mut results = Results::default();
        durable::rush(&server, &live, lasts, &mut results)?;
        of.points.push((count as f64, results.median(Row::Likes { spread: true }, Peer::Pika).context("no likes")?));
    }
    Ok(vec![of])
}
