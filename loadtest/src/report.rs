//! What the evening looked like: for people on the terminal, for programs as JSON.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::ledger::{DjDiary, Violation};
use crate::meter::Timer;
use crate::shared::Shared;
use crate::stage::Judgement;

/// Violations of one kind that are printed in full; the rest are counted.
const SHOWN: usize = 5;

#[derive(Serialize)]
pub struct Latency {
    count: u64,
    p50_ms: f64,
    p90_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

impl Latency {
    fn of(timer: &Timer) -> Self {
        Latency::from(timer.snapshot())
    }

    pub fn p99(&self) -> f64 {
        self.p99_ms
    }
}

impl From<Histogram<u64>> for Latency {
    fn from(h: Histogram<u64>) -> Self {
        let ms = |micros: u64| micros as f64 / 1000.0;
        let at = |q: f64| ms(h.value_at_quantile(q));
        Latency { count: h.len(), p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99), max_ms: ms(h.max()) }
    }
}

impl std::fmt::Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Latency { count, p50_ms, p90_ms, p99_ms, max_ms } = self;
        write!(f, "p50 {p50_ms:.1}  p90 {p90_ms:.1}  p99 {p99_ms:.1}  max {max_ms:.1}  of {count}")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    dancers: usize,
    seated: u64,
    /// `None`: not everyone was seated in time.
    connect_seconds: Option<f64>,
    evening_seconds: f64,
    settle_seconds: f64,
    tracks: usize,
    polls: usize,
    likes: u64,
    votes: u64,
    tempo_wishes: u64,
    deliveries: u64,
    likes_per_second: f64,
    votes_per_second: f64,
    deliveries_per_second: f64,
    listeners_most: u64,
    drops: u64,
    moved: u64,
    recovered: u64,
    fresh_seats: BTreeMap<String, u64>,
    lost_sockets: BTreeMap<String, u64>,
    failed_connects: u64,
    repeats: u64,
    echoes: u64,
    nacks: BTreeMap<String, u64>,
    latency: BTreeMap<&'static str, Latency>,
    violations: Vec<String>,
}

impl Report {
    pub fn new(
        shared: &Shared,
        dancers: usize,
        played: Duration,
        seats: Option<Duration>,
        dj: &DjDiary,
        Judgement { violations, settled }: &Judgement,
    ) -> Self {
        let m = &shared.meter;
        let rate = |n: u64| n as f64 / played.as_secs_f64().max(0.001);
        let latency = [
            ("1 publish to NOW_PLAYING", &m.now_playing),
            ("2 publish to stored", &m.publish),
            ("3 like to ACK", &m.like_ack),
            ("4 vote to ACK", &m.vote_ack),
            ("5 tempo to ACK", &m.tempo_ack),
            ("6 SUBSCRIBE to ACK", &m.seat),
        ];
        Report {
            dancers,
            seated: m.seated.get(),
            connect_seconds: seats.map(|s| s.as_secs_f64()),
            evening_seconds: played.as_secs_f64(),
            settle_seconds: settled.as_secs_f64(),
            tracks: dj.tracks.len(),
            polls: dj.polls.len(),
            likes: m.likes.get(),
            votes: m.votes.get(),
            tempo_wishes: m.tempo.get(),
            deliveries: m.deliveries.get(),
            likes_per_second: rate(m.likes.get()),
            votes_per_second: rate(m.votes.get()),
            deliveries_per_second: rate(m.deliveries.get()),
            listeners_most: dj.listeners_most,
            drops: m.drops.get(),
            moved: m.moved.get(),
            recovered: m.recovered.get(),
            fresh_seats: m.fresh_seats(),
            lost_sockets: m.closes(),
            failed_connects: m.failed_connects.get(),
            repeats: m.repeats.get(),
            echoes: m.echoes.get(),
            nacks: m.nacks(),
            latency: latency.into_iter().map(|(name, timer)| (name, Latency::of(timer))).collect(),
            violations: violations.iter().map(Violation::to_string).collect(),
        }
    }

    pub fn print(&self) {
        if std::io::stderr().is_terminal() {
            eprint!("\r\x1b[K");
        }
        let seats = self.connect_seconds.map_or("never all seated".to_owned(), |s| format!("all seated after {s:.2} s"));
        println!(
            "{} dancers, {seats}; the evening lasted {:.1} s, settled within {:.2} s",
            self.dancers, self.evening_seconds, self.settle_seconds
        );
        println!("{} tracks, {} polls, listeners at most {}", self.tracks, self.polls, self.listeners_most);
        println!(
            "likes {} ({:.1}/s), votes {} ({:.1}/s), tempo wishes {}",
            self.likes, self.likes_per_second, self.votes, self.votes_per_second, self.tempo_wishes
        );
        println!("deliveries {} ({:.0}/s)", self.deliveries, self.deliveries_per_second);
        println!(
            "dropped on purpose {}, moved when asked {}, resumed exactly {}, repeats {}, said twice {}, failed connects {}",
            self.drops, self.moved, self.recovered, self.repeats, self.echoes, self.failed_connects
        );
        table("seated afresh", &self.fresh_seats);
        table("sockets lost", &self.lost_sockets);
        table("refused", &self.nacks);
        println!("\n{:<28}{:>9}{:>10}{:>10}{:>10}{:>10}", "milliseconds", "count", "p50", "p90", "p99", "max");
        for (name, l) in &self.latency {
            println!(
                "{:<28}{:>9}{:>10.1}{:>10.1}{:>10.1}{:>10.1}",
                name.get(2..).unwrap_or(name),
                l.count,
                l.p50_ms,
                l.p90_ms,
                l.p99_ms,
                l.max_ms
            );
        }
        println!();
        verdict(&self.violations);
    }
}

pub fn verdict(violations: &[String]) {
    if violations.is_empty() {
        return println!("no loss, no double");
    }
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for words in violations {
        let (kind, rest) = words.split_once(": ").unwrap_or((words, ""));
        kinds.entry(kind).or_default().push(rest);
    }
    println!("{} violations", violations.len());
    for (kind, list) in kinds {
        println!("  {kind}: {}", list.len());
        list.iter().take(SHOWN).for_each(|words| println!("    {words}"));
        if list.len() > SHOWN {
            println!("    and {} more", list.len() - SHOWN);
        }
    }
}

pub fn table(name: &str, rows: &BTreeMap<String, u64>) {
    for (what, count) in rows {
        println!("{name}: {count} × {what}");
    }
}

/// One line that is redrawn while the evening runs; nothing where nobody watches.
pub async fn progress(shared: Arc<Shared>, dancers: usize) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    let mut every = tokio::time::interval(Duration::from_millis(500));
    loop {
        every.tick().await;
        let m = &shared.meter;
        eprint!(
            "\r\x1b[K{:>5.1} s  seats {}/{dancers}  likes {}  votes {}  deliveries {}  lost {}",
            shared.now().as_secs_f64(),
            m.seated.get(),
            m.likes.get(),
            m.votes.get(),
            m.deliveries.get(),
            m.lost_sockets.get(),
        );
        let _ = std::io::stderr().flush();
    }
}
