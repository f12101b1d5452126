//! Everyone likes and votes within two seconds, while the evening goes on.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::bench::peer::Peer;
use crate::bench::results::{Results, Row};
use crate::bench::server::{Layout, Place, Server};
use crate::lean::crowd::{Crowd, Deaf, Ear};
use crate::lean::dialect::{ARTIST, Heard, title};
use crate::lean::flow::{self, Beside, Numbers, Pace, histogram, micros};

pub const DANCERS: usize = 5000;
const WITHIN: Duration = Duration::from_secs(2);
const QUIET: Duration = Duration::from_secs(5);
/// Messages to everyone go on at this pace, quiet or not.
const EVERY: Duration = Duration::from_millis(500);
const SETTLE: Duration = Duration::from_secs(3);

/// Hears which poll has opened.
#[derive(Default)]
struct Opening(Option<u64>);

impl Ear for Opening {
    fn hear(&mut self, _: usize, heard: Heard, _: Instant) -> Option<&[u8]> {
        if let Heard::Poll(poll) = heard {
            self.0 = Some(poll);
        }
        None
    }
}

struct Storm {
    began: Instant,
    /// What each says and when, the last first.
    plan: Vec<(Duration, usize, bool)>,
    like: Vec<u8>,
    vote: Vec<u8>,
    /// Since when each dancer's like and vote wait for their ACKs.
    waiting: Vec<[Instant; 2]>,
    unanswered: usize,
    acks: Histogram<u64>,
    tallies: Vec<u32>,
}

impl Ear for Storm {
    fn hear(&mut self, who: usize, heard: Heard, now: Instant) -> Option<&[u8]> {
        match heard {
            Heard::Ack(id) => {
                let since = self.waiting[who][usize::from(id == b'v')];
                self.unanswered -= 1;
                self.acks.saturating_record(micros(now.saturating_duration_since(since)));
            }
            Heard::Tally => self.tallies[who] += 1,
            _ => {}
        }
        None
    }
}

impl Beside for Storm {
    fn act(&mut self, crowd: &mut Crowd, now: Instant) -> anyhow::Result<bool> {
        while self.plan.last().is_some_and(|(at, ..)| self.began + *at <= now) {
            let Some((_, who, votes)) = self.plan.pop() else { break };
            crowd.say(who, if votes { &self.vote } else { &self.like })?;
            self.waiting[who][usize::from(votes)] = now;
            self.unanswered += 1;
        }
        Ok(self.plan.is_empty() && self.unanswered == 0)
    }
}

pub fn measure(place: &Place, results: &mut Results) -> anyhow::Result<()> {
    let server = Server::start(place, Peer::Pika, Layout::Together)?;
    let mut crowd = server.crowd()?;
    let mut publishers = server.publishers(1)?;
    crowd.with(&mut publishers)?;
    crowd.enter(DANCERS, &mut Deaf)?;
    sleep(SETTLE);
    let poll = json!({"type": "START_POLL", "question": "What next?", "options": ["Blues", "Soul"]});
    server.tell(&server.session, &poll)?;
    let mut numbers = Numbers::default();
    let pace = Pace::Every(EVERY);
    let mut opening = Opening::default();
    while opening.0.is_none() {
        crowd.turn(Duration::from_millis(100), &mut [], &mut opening)?;
    }
    let poll = opening.0.context("no poll")?;
    let quiet = flow::run(&mut crowd, &mut publishers, &mut numbers, pace, QUIET)?;
    let mut random = SmallRng::seed_from_u64(1);
    let mut plan: Vec<_> = (0..DANCERS)
        .flat_map(|who| [(who, false), (who, true)])
        .map(|(who, votes)| (random.random_range(Duration::ZERO..WITHIN), who, votes))
        .collect();
    plan.sort_by(|a, b| b.cmp(a));
    let track = json!({"title": title(&server.session.id)?, "artist": ARTIST});
    let frame = |message: serde_json::Value| crowd.dialect.frame(message.to_string());
    let mut storm = Storm {
        began: Instant::now(),
        plan,
        like: frame(json!({"type": "SEND_LIKE", "messageId": "like", "payload": {"track": track}})),
        vote: frame(json!({"type": "VOTE_ON_POLL", "messageId": "vote", "pollId": poll, "optionIndex": 1, "clientId": "bench-dancer"})),
        waiting: vec![[Instant::now(); 2]; DANCERS],
        unanswered: 0,
        acks: histogram(),
        tallies: vec![0; DANCERS],
    };
    let loud = flow::beside(&mut crowd, &mut publishers, &mut numbers, pace, WITHIN + Duration::from_secs(2), &mut storm)?;
    ensure!(storm.acks.len() == 2 * DANCERS as u64, "{} of {} were acknowledged", storm.acks.len(), 2 * DANCERS);
    let slowest = storm.acks.max() as f64 / 1e6;
    let tallies = f64::from(storm.tallies.iter().copied().max().unwrap_or(0)) / loud.took.as_secs_f64();
    let [quiet, loud] = [quiet, loud].map(|flowed| flowed.receipts.value_at_quantile(0.99) as f64 / 1e3);
    results.add(Row::StormAck, Peer::Pika, slowest);
    results.add(Row::StormTallies, Peer::Pika, tallies);
    results.add(Row::StormQuiet, Peer::Pika, quiet);
    results.add(Row::StormReceipt, Peer::Pika, loud);
    let counted = server.likes(&server.session)?.iter().sum::<u64>();
    eprintln!(
        "  {:<10} {DANCERS} like and vote: the last ACK after {slowest:.2} s, {tallies:.1} tallies/s, now-playing p99 {loud:.0} ms ({quiet:.0} ms when quiet), {counted} likes counted",
        Peer::Pika.name()
    );
    Ok(())
}
