//! Messages to everyone: so many kept under way, or at a pace; each counted at each socket.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use hdrhistogram::Histogram;

use crate::lean::crowd::{Crowd, Deaf, Ear, PATIENCE};
use crate::lean::dialect::Heard;
use crate::lean::publisher::Publisher;

/// When the next message is published.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// When fewer than so many are on their way to somebody.
    UnderWay(usize),
    /// So long after the one before.
    Every(Duration),
}

pub struct Flowed {
    pub messages: u64,
    pub deliveries: u64,
    pub took: Duration,
    /// Microseconds from the publish of a message to each receipt.
    pub receipts: Histogram<u64>,
    /// To the last receipt.
    pub last: Histogram<u64>,
}

struct UnderWay {
    at: Instant,
    /// Sockets that have not heard it.
    missing: usize,
}

/// What else happens while messages flow.
pub trait Beside: Ear {
    /// Called again and again. Gives whether nothing more will come of it.
    fn act(&mut self, crowd: &mut Crowd, now: Instant) -> anyhow::Result<bool>;
}

impl Beside for Deaf {
    fn act(&mut self, _: &mut Crowd, _: Instant) -> anyhow::Result<bool> {
        Ok(true)
    }
}

struct Counter<'a, B> {
    beside: &'a mut B,
    /// The number of the first of those under way.
    first: u32,
    under_way: VecDeque<UnderWay>,
    flowed: Flowed,
    heard: Instant,
    wrong: Option<String>,
}

impl<B: Beside> Ear for Counter<'_, B> {
    fn hear(&mut self, who: usize, heard: Heard, now: Instant) -> Option<&[u8]> {
        let Heard::Fact(fact) = heard else { return self.beside.hear(who, heard, now) };
        let number = fact.number;
        let place = number.wrapping_sub(self.first) as usize;
        let Some(message) = self.under_way.get_mut(place) else {
            self.wrong = Some(format!("socket {who} heard message {number} again, or one that was not sent"));
            return None;
        };
        message.missing = message.missing.saturating_sub(1);
        self.flowed.deliveries += 1;
        self.heard = now;
        let took = micros(now.saturating_duration_since(message.at));
        self.flowed.receipts.saturating_record(took);
        if message.missing == 0 {
            self.flowed.last.saturating_record(took);
            while self.under_way.front().is_some_and(|message| message.missing == 0) {
                self.under_way.pop_front();
                self.first += 1;
            }
        }
        None
    }
}

/// Numbers never come back, so that what is late cannot be taken for what is new.
#[derive(Default)]
pub struct Numbers(u32);

impl Numbers {
    pub fn take(&mut self) -> u32 {
        self.0 += 1;
        self.0 - 1
    }
}

/// Publishes for so long, and returns when everyone has everything.
pub fn run(crowd: &mut Crowd, publishers: &mut [Publisher], numbers: &mut Numbers, pace: Pace, lasts: Duration) -> anyhow::Result<Flowed> {
    beside(crowd, publishers, numbers, pace, lasts, &mut Deaf)
}

/// The same while something else happens, until that is over too.
pub fn beside(
    crowd: &mut Crowd,
    publishers: &mut [Publisher],
    numbers: &mut Numbers,
    pace: Pace,
    lasts: Duration,
    beside: &mut impl Beside,
) -> anyhow::Result<Flowed> {
    let began = Instant::now();
    let flowed = Flowed { messages: 0, deliveries: 0, took: Duration::ZERO, receipts: histogram(), last: histogram() };
    let mut counter = Counter { beside, first: numbers.0, under_way: VecDeque::new(), flowed, heard: began, wrong: None };
    ensure!(crowd.hearing(numbers.0) > 0, "nobody is here to hear anything");
    let (mut due, count) = (began, publishers.len());
    loop {
        let now = Instant::now();
        let open = now.duration_since(began) < lasts;
        let more = match pace {
            Pace::UnderWay(most) => most.saturating_sub(counter.under_way.len()),
            Pace::Every(_) => usize::from(now >= due),
        };
        if open && more > 0 {
            for _ in 0..more {
                let number = numbers.take();
                let session = number as usize % crowd.dialect.sessions();
                publishers[session % count].publish(number);
                counter.under_way.push_back(UnderWay { at: now, missing: crowd.hearing(number) });
                counter.flowed.messages += 1;
            }
            if let Pace::Every(pause) = pace {
                due += pause;
            }
            for publisher in publishers.iter_mut() {
                publisher.flush()?;
            }
        }
        let done = counter.beside.act(crowd, now)?;
        if !open && done && counter.under_way.is_empty() {
            break;
        }
        let wait = match pace {
            Pace::Every(_) if open => due.saturating_duration_since(now),
            Pace::Every(_) | Pace::UnderWay(_) => Duration::from_millis(100),
        };
        let wait = if done { wait } else { wait.min(Duration::from_millis(1)) };
        crowd.turn(wait, publishers, &mut counter)?;
        crowd.whole()?;
        if let Some(wrong) = counter.wrong.take() {
            bail!(wrong);
        }
        let silent = counter.under_way.front().is_some_and(|message| message.at.elapsed() > PATIENCE) && counter.heard.elapsed() > PATIENCE;
        ensure!(!silent, "{} messages did not reach everyone", counter.under_way.len());
    }
    counter.flowed.took = began.elapsed();
    Ok(counter.flowed)
}

pub fn micros(time: Duration) -> u64 {
    (time.as_micros() as u64).max(1)
}

/// Microseconds from 1 to 2 minutes at three digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 120_000_000, 3).expect("the bounds are constants that fit")
}
