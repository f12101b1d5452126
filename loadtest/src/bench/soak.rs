//! Many sockets for a long time, with little traffic: does anything keep what it should let go?

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::bench::peer::Peer;
use crate::bench::server::{Layout, Place, Server};
use crate::bench::trend::{Trend, Verdict};
use crate::files;
use crate::lean::crowd::{Crowd, Deaf, Ear};
use crate::lean::dialect::{ARTIST, Heard, title};
use crate::lean::flow::{self, Beside, Numbers, Pace};
use crate::lean::usage;

/// A message to everyone, as an evening has them.
const EVERY: Duration = Duration::from_secs(2);
/// Dancers who like the track and take it back, in turn. All have spoken within the warm-up, so that the rows of the evening, which
/// are kept until it ends, are all there when memory is first looked at.
const TALKERS: usize = 200;
const TALK: Duration = Duration::from_millis(50);
const LOOK: Duration = Duration::from_secs(1);
const SETTLE: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
pub struct Soak {
    #[command(flatten)]
    place: Place,
    /// How long, after everyone is in. The first quarter is warm-up.
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    #[arg(long, default_value_t = 10_000)]
    sockets: usize,
}

struct Talk<'a> {
    server: &'a Server,
    track: Value,
    /// How often one of them has spoken.
    spoken: usize,
    answered: usize,
    began: Instant,
    next: Duration,
    look: Duration,
    until: Duration,
    trends: Vec<Trend>,
}

impl Ear for Talk<'_> {
    fn hear(&mut self, _: usize, heard: Heard, _: Instant) -> Option<&[u8]> {
        self.answered += usize::from(matches!(heard, Heard::Ack(_)));
        None
    }
}

impl Beside for Talk<'_> {
    fn act(&mut self, crowd: &mut Crowd, now: Instant) -> anyhow::Result<bool> {
        let passed = now.duration_since(self.began);
        if passed >= self.look {
            self.look += LOOK;
            for trend in &mut self.trends {
                trend.look(passed.as_secs_f64(), usage::resident(trend.pid)?);
            }
        }
        if passed < self.until && passed >= self.next {
            self.next += TALK;
            let kind = if (self.spoken / TALKERS).is_multiple_of(2) { "SEND_LIKE" } else { "REMOVE_LIKE" };
            // A number of its own: under one that was used it would be a repeat, and change nothing.
            let message = json!({"type": kind, "messageId": self.spoken.to_string(), "payload": {"track": self.track}});
            let frame = crowd.dialect.frame(message.to_string());
            crowd.say(self.spoken % TALKERS, &frame)?;
            self.spoken += 1;
        }
        Ok(passed >= self.until && self.answered == self.spoken)
    }
}

/// The exit code is 1 where something grows.
pub fn run(soak: &Soak) -> anyhow::Result<bool> {
    ensure!(soak.minutes >= 1.0, "--minutes must be at least 1");
    ensure!(soak.sockets >= TALKERS, "--sockets must be at least {TALKERS}");
    files::allow(soak.sockets)?;
    let lasts = Duration::from_secs_f64(soak.minutes * 60.0);
    let server = Server::start(&soak.place, Peer::Pika, Layout::Together)?;
    let mut crowd = server.crowd()?;
    let mut publishers = server.publishers(1)?;
    crowd.with(&mut publishers)?;
    crowd.enter(soak.sockets, &mut Deaf)?;
    sleep(SETTLE);
    let track = json!({"title": title(&server.session.id)?, "artist": ARTIST});
    let mut talk = Talk {
        server: &server,
        track,
        spoken: 0,
        answered: 0,
        began: Instant::now(),
        next: Duration::ZERO,
        look: Duration::ZERO,
        until: lasts,
        trends: server.processes().map(|(name, pid)| Trend::of(name, pid)).collect(),
    };
    eprintln!(
        "{} sockets are in; {} minutes, a message to all every {} s, {} likes a second",
        soak.sockets,
        soak.minutes,
        EVERY.as_secs(),
        1000 / TALK.as_millis()
    );
    let flowed = flow::beside(&mut crowd, &mut publishers, &mut Numbers::default(), Pace::Every(EVERY), lasts, &mut talk)?;
    println!(
        "{} messages to everyone, {} deliveries, {} likes and their returns, all acknowledged",
        flowed.messages, flowed.deliveries, talk.answered
    );
    sleep(SETTLE);
    let said = |who: usize| talk.spoken / TALKERS + usize::from(who < talk.spoken % TALKERS);
    let standing = (0..TALKERS).filter(|who| !said(*who).is_multiple_of(2)).count() as u64;
    let counted = talk.server.likes(&talk.server.session)?.iter().sum::<u64>();
    ensure!(counted == standing, "{counted} likes are counted, {standing} stand");
    let mut flat = true;
    for trend in &talk.trends {
        let verdict = trend.judge().with_context(|| format!("{} was not looked at", trend.name))?;
        println!("{}", trend.line(&verdict));
        flat &= matches!(verdict, Verdict::Flat { .. });
    }
    Ok(flat)
}
