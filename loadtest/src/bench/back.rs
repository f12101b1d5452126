//! A node is killed, and its crowd comes back to another one. Nobody is left who could ask the store.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::bench::peer::Peer;
use crate::bench::results::{Results, Row};
use crate::bench::server::{Layout, Place, Server};
use crate::lean::crowd::{Ear, PATIENCE};
use crate::lean::dialect::{Fact, Heard, fact};
use crate::lean::flow::{self, Numbers, Pace};

const DANCERS: usize = 10_000;
/// Published before the node is killed, when it is, and while everyone is away.
const BEFORE: Duration = Duration::from_secs(1);
const DURING: u32 = 8;
const AWAY: u32 = 4;
/// Nothing more comes from a process that is dead for so long.
const QUIET: Duration = Duration::from_millis(100);
const SETTLE: Duration = Duration::from_secs(3);

struct Listener {
    /// The last number that each has heard.
    last: Vec<Option<u32>>,
    /// Where each number lies in the log.
    places: Vec<u64>,
    epoch: u64,
    fresh: usize,
    wrong: Option<String>,
    /// Those who have heard the newest.
    newest: u32,
    there: usize,
}

impl Ear for Listener {
    fn hear(&mut self, who: usize, heard: Heard, _: Instant) -> Option<&[u8]> {
        match heard {
            Heard::Fact(Fact { number, seq }) => {
                let expected = self.last[who].map(|last| last + 1);
                if expected.is_some_and(|expected| number != expected) {
                    self.wrong = Some(format!("socket {who} heard {number}, and {expected:?} was next"));
                }
                self.last[who] = Some(number);
                self.there += usize::from(number == self.newest);
                if let Some(seq) = seq {
                    let number = number as usize;
                    self.places.resize(self.places.len().max(number + 1), 0);
                    self.places[number] = seq;
                }
            }
            Heard::Subscribed { epoch, recovered } => {
                self.epoch = epoch;
                self.fresh += usize::from(!recovered);
            }
            _ => {}
        }
        None
    }
}

pub fn measure(place: &Place, results: &mut Results) -> anyhow::Result<()> {
    let mut server = Server::start(place, Peer::Pika, Layout::Apart)?;
    let session = server.session.id.clone();
    let mut listener =
        Listener { last: vec![None; DANCERS], places: Vec::new(), epoch: 0, fresh: 0, wrong: None, newest: u32::MAX, there: 0 };
    let mut crowd = server.crowd_of([(session.as_str(), Some("true".to_owned()))])?;
    crowd.enter(DANCERS, &mut listener)?;
    sleep(SETTLE);
    let mut publishers = server.publishers(1)?;
    crowd.with(&mut publishers)?;
    let mut numbers = Numbers::default();
    flow::run(&mut crowd, &mut publishers, &mut numbers, Pace::UnderWay(1), BEFORE)?;
    server.another()?;
    server.without("workers");
    // Of these only a part arrives, at some more and at others less.
    publish(&server, &mut numbers, DURING)?;
    let sent = Instant::now();
    while listener.places.is_empty() {
        crowd.turn(Duration::from_millis(10), &mut publishers, &mut listener)?;
        ensure!(sent.elapsed() < PATIENCE, "nobody hears anything");
    }
    let killed = Instant::now();
    server.kill();
    // What had left the node before it died still arrives.
    while crowd.turn(QUIET, &mut publishers, &mut listener)? > 0 {}
    drop(crowd);
    listener.newest = publish(&server, &mut numbers, AWAY)?;
    ensure!(listener.fresh == DANCERS, "{} first subscriptions were answered as a fresh start", listener.fresh);
    listener.fresh = 0;
    let first = listener.places.iter().position(|place| *place > 0).context("no position was heard")?;
    let resumes: Vec<String> = (0..DANCERS)
        .map(|who| {
            // Who heard nothing of them stands before the first.
            let at = listener.last[who].map_or(listener.places[first] - 1, |number| listener.places[number as usize]);
            format!("{{\"epoch\":{},\"seq\":{at}}}", listener.epoch)
        })
        .collect();
    listener.last.iter_mut().for_each(|last| *last = Some(last.unwrap_or(first as u32 - 1)));
    let mut crowd = server.crowd_of(resumes.into_iter().map(|resume| (session.as_str(), Some(resume))))?;
    crowd.enter(DANCERS, &mut listener)?;
    let sent = Instant::now();
    while listener.there < DANCERS {
        crowd.turn(Duration::from_millis(10), &mut [], &mut listener)?;
        crowd.whole()?;
        ensure!(sent.elapsed() < PATIENCE, "{} of {DANCERS} have everything", listener.there);
    }
    let took = killed.elapsed().as_secs_f64();
    ensure!(listener.wrong.is_none(), "{}", listener.wrong.unwrap_or_default());
    ensure!(listener.fresh == 0, "{} of {DANCERS} had to start from the state", listener.fresh);
    results.add(Row::Back, Peer::Pika, took);
    eprintln!("  {:<10} {DANCERS} back {took:.2} s after the kill, each with every message once and in order", Peer::Pika.name());
    Ok(())
}

/// Gives the last number.
fn publish(server: &Server, numbers: &mut Numbers, count: u32) -> anyhow::Result<u32> {
    let taken: Vec<u32> = (0..count).map(|_| numbers.take()).collect();
    let facts = taken.iter().map(|number| serde_json::from_str::<Value>(&fact(&server.session.id, *number)));
    server.tell(&server.session, &Value::Array(facts.collect::<Result<_, _>>()?))?;
    taken.last().copied().context("nothing to publish")
}
