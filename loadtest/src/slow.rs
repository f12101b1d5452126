//! Readers that stop reading. First everyone reads, then some stop; the DJ talks the same in both phases. A share of those who
//! stopped begin to read again in the middle, all others at the end, and everyone must then have heard everything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use schemas::limits::SOCKET_BYTES;
use serde::Serialize;
use tokio::time::sleep_until;

use crate::diary::Fate;
use crate::ledger::judge_naps;
use crate::memory::{Look, Memory};
use crate::plan::Plan;
use crate::report::{Latency, table, verdict};
use crate::stage::{Server, Stage};

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  pika-loadtest slow --good 2000 --stuck 500 --seconds 60\n  pika-loadtest slow --good 200 --stuck 50 --seconds 8 --closed-within 8   (with PIKA_STUCK_SECONDS=2)"
)]
pub struct Slow {
    #[command(flatten)]
    server: Server,
    /// Dancers who read all the time.
    #[arg(long, default_value_t = 2_000)]
    good: usize,
    /// Dancers who stop reading when the second phase begins.
    #[arg(long, default_value_t = 500)]
    stuck: usize,
    /// How long each of the two phases lasts.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Of a hundred who stopped so many read again in the middle of the second phase; the others at its end.
    #[arg(long, default_value_t = 30)]
    returning_percent: usize,
    /// Who took nothing for this many seconds must have been closed: the time in which a socket fills, and the server's patience.
    #[arg(long, default_value_t = 40)]
    closed_within: u64,
    /// By which factor the p99 of the good ones may be worse while the others are stuck.
    #[arg(long, default_value_t = 2.0)]
    p99_ratio: f64,
    /// About how much each socket is told a second.
    #[arg(long, default_value_t = 20)]
    kilobytes: u32,
}

/// Two tracks may be at most this near for nobody to miss one.
const TRACK_EVERY: Duration = Duration::from_millis(1_500);
/// Characters of four bytes in a title and in an artist, each of which may have 500: a fact of almost four kilobytes.
const PADDING: usize = 460;
const FACT_BYTES: u32 = 4_000;
/// What the system of one who stops reading may keep for them, so that it is the server who has the rest.
const READER_BYTES: u32 = 4 * 1024;
/// Below this a ratio of two times tells of the machine's other work, and nothing of readers.
const FLOOR_MS: f64 = 25.0;
/// What a server may grow by for other reasons than stuck readers: the evening itself, and what its allocator keeps.
const SPARE_BYTES: u64 = 16 * 1024 * 1024;

impl Slow {
    fn check(&self) -> anyhow::Result<()> {
        if self.good == 0 || self.stuck == 0 {
            bail!("both kinds of readers are needed");
        }
        if self.closed_within >= self.seconds {
            bail!("--seconds must be more than --closed-within, or nobody is stuck for long enough");
        }
        if !(3..=1_000).contains(&self.kilobytes) {
            bail!("--kilobytes must be 3 to 1000");
        }
        self.server.check()
    }

    /// Corrections between two tracks.
    fn corrections(&self) -> u32 {
        (self.kilobytes * 1000 * TRACK_EVERY.as_millis() as u32 / 1000 / FACT_BYTES).max(1)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    good: usize,
    stuck: usize,
    /// From the POST of a track to its NOW_PLAYING at the good ones.
    all_reading: Latency,
    some_stuck: Latency,
    p99_ratio: f64,
    /// What became of the sockets whose readers slept, as their readers saw it.
    fates: BTreeMap<String, usize>,
    closed_as_slow: u64,
    /// The most that waited for a reader whose socket had been closed: what the system held of it.
    most_waiting_bytes: u64,
    resident_before_bytes: u64,
    resident_most_bytes: u64,
    allowed_growth_bytes: u64,
    memory: Vec<Look>,
    facts: usize,
    fresh_seats: BTreeMap<String, u64>,
    violations: Vec<String>,
}

/// `false` if a promise was broken.
pub async fn run(args: Slow) -> anyhow::Result<bool> {
    args.check()?;
    let phase = Duration::from_secs(args.seconds);
    let tracks = 2 * (phase.as_millis() / TRACK_EVERY.as_millis()) as usize + 8;
    let people = args.good + args.stuck;
    let mut stage = Stage::set(&args.server, people, tracks, PADDING).await?;
    let (shared, dj) = (Arc::clone(&stage.shared), Arc::clone(&stage.dj));
    let memory = Memory::watch(&args.server.url, shared.began).await?;
    let looking = tokio::spawn(Arc::clone(&memory).run());

    let crowd_rate = args.server.connect_rate;
    // Nobody knows yet when the doors have closed, so the second phase begins at a time that is far enough.
    let doors = Duration::from_secs_f64(people as f64 / crowd_rate) * 2 + Duration::from_secs(5);
    let (first, second) = (Instant::now() + doors, Instant::now() + doors + phase);
    let mut rng = SmallRng::seed_from_u64(args.server.seed);
    for id in 0..people {
        let arrives = Instant::now() + Duration::from_secs_f64(1.0 / crowd_rate).mul_f64(id as f64);
        let stops = id >= args.good;
        let returns = (id - args.good.min(id)) * 100 < args.stuck * args.returning_percent;
        let long = if returns { phase.mul_f64(rng.random_range(0.2..0.9)) } else { phase * 10 };
        stage.admit(arrives, stops.then_some(READER_BYTES), |mind| {
            mind.plans.lively = false;
            mind.timed = !stops;
            if stops {
                mind.plans.at(second, Plan::Sleep(long));
            }
        });
    }
    if stage.seats(people, crowd_rate).await.is_none() || Instant::now() > first {
        bail!("{} of {people} were seated within {doors:?}: take fewer, or a lower --connect-rate", shared.meter.seated.get());
    }
    sleep_until(first.into()).await;
    shared.meter.now_playing.take();

    dj.talk(TRACK_EVERY, args.corrections(), second).await?;
    sleep_until(second.into()).await;
    let all_reading = Latency::from(shared.meter.now_playing.take());
    let (before, told) = (memory.look().await?, shared.now().as_secs_f64());
    let resident_before = memory.since(first.duration_since(shared.began).as_secs_f64()).iter().map(|l| l.resident_bytes).max();

    dj.talk(TRACK_EVERY, args.corrections(), second + phase).await?;
    let some_stuck = Latency::from(shared.meter.now_playing.take());
    let after = memory.look().await?;
    let stuck_time = memory.since(told);
    // Whoever sleeps wakes, and all must go on: one fact more shows that a socket does.
    shared.wake.cancel();
    dj.talk(TRACK_EVERY, 1, Instant::now() + TRACK_EVERY).await?;

    shared.hush();
    let mut judgement = stage.close(Duration::from_secs(args.server.settle_seconds)).await?;
    looking.abort();
    judgement.violations.extend(stage.with_all(|all| judge_naps(all, Duration::from_secs(args.closed_within))));
    let mut violations: Vec<String> = judgement.violations.iter().map(ToString::to_string).collect();

    let resident_before = resident_before.unwrap_or(before.resident_bytes);
    let resident_most = stuck_time.iter().map(|look| look.resident_bytes).max().unwrap_or(after.resident_bytes);
    let allowed = args.stuck as u64 * SOCKET_BYTES as u64 + SPARE_BYTES;
    if resident_most > resident_before + allowed {
        violations.push(format!("MemoryGrew: by {} KiB, {} are allowed", (resident_most - resident_before) / 1024, allowed / 1024));
    }
    if some_stuck.p99() > args.p99_ratio * all_reading.p99().max(FLOOR_MS) {
        violations.push(format!("GoodHarmed: p99 of {:.1} ms while some were stuck, {:.1} ms before", some_stuck.p99(), all_reading.p99()));
    }
    let naps: Vec<_> = stage.with_all(|all| all.iter().flat_map(|diary| diary.naps.clone()).collect());
    if naps.len() != args.stuck {
        violations.push(format!("NotAsleep: {} of {} ever slept", naps.len(), args.stuck));
    }
    let mut fates = BTreeMap::new();
    for nap in &naps {
        let words = match &nap.fate {
            Some(Fate::Closed(how)) => format!("found closed: {how}"),
            Some(Fate::Refilled) => "went on, nothing missing".to_owned(),
            Some(Fate::Fresh) => "went on from a state marked as fresh".to_owned(),
            None => "neither ended nor went on".to_owned(),
        };
        *fates.entry(words).or_insert(0) += 1;
    }
    let closed = naps.iter().filter(|nap| matches!(nap.fate, Some(Fate::Closed(_))));
    let report = Report {
        good: args.good,
        stuck: args.stuck,
        p99_ratio: some_stuck.p99() / all_reading.p99().max(0.001),
        all_reading,
        some_stuck,
        fates,
        closed_as_slow: after.closed_as_slow - before.closed_as_slow,
        most_waiting_bytes: closed.map(|nap| nap.bytes).max().unwrap_or(0),
        resident_before_bytes: resident_before,
        resident_most_bytes: resident_most,
        allowed_growth_bytes: allowed,
        memory: memory.since(0.0),
        facts: tracks_and_corrections(&stage),
        fresh_seats: shared.meter.fresh_seats(),
        violations,
    };
    report.print();
    args.server.write(&report)?;
    Ok(report.violations.is_empty())
}

fn tracks_and_corrections(stage: &Stage) -> usize {
    let diary = crate::meter::held(&stage.dj.diary);
    diary.tracks.len() + diary.facts.len()
}

impl Report {
    fn print(&self) {
        let mib = |bytes: u64| bytes as f64 / f64::from(1024 * 1024);
        println!("{} good readers, {} that stop reading; {} facts of 4 KB", self.good, self.stuck, self.facts);
        println!("NOW_PLAYING at the good ones, milliseconds");
        for (name, latency) in [("all reading", &self.all_reading), ("some stuck", &self.some_stuck)] {
            println!("  {name:<12} {latency}");
        }
        println!("  p99 with stuck readers / p99 without: {:.2}", self.p99_ratio);
        println!(
            "resident memory: {:.1} MiB before, at most {:.1} MiB while some were stuck; {:.1} MiB more are allowed",
            mib(self.resident_before_bytes),
            mib(self.resident_most_bytes),
            mib(self.allowed_growth_bytes)
        );
        for look in self.memory.iter().step_by((self.memory.len() / 16).max(1)) {
            println!("  {:>6.1} s {:>8.1} MiB {:>6} sockets", look.seconds, mib(look.resident_bytes), look.connections);
        }
        println!("closed by the server as too slow: {}", self.closed_as_slow);
        for (words, count) in &self.fates {
            println!("  {count:>5} {words}");
        }
        println!("at most {} KiB waited in the system for a reader that had been closed", self.most_waiting_bytes / 1024);
        table("seated afresh", &self.fresh_seats);
        println!();
        verdict(&self.violations);
    }
}
