//! What the tasks of one evening share: the clock's zero, the tracks' send times, the phase, the meter.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::diary::At;
use crate::meter::Meter;
use crate::wire::Target;

pub struct Shared {
    pub target: Target,
    pub session: String,
    pub began: Instant,
    pub meter: Meter,
    /// Set when the evening is over and only answers are awaited.
    quiet: AtomicBool,
    pub stop: CancellationToken,
    sent: Vec<OnceLock<Instant>>,
    tag: String,
}

impl Shared {
    /// `tracks`: the most that the DJ may publish.
    pub fn new(target: Target, session: String, began: Instant, tracks: usize) -> Self {
        let tag: String = session.chars().take(6).collect();
        let sent = (0..tracks).map(|_| OnceLock::new()).collect();
        Shared { target, session, began, meter: Meter::default(), quiet: AtomicBool::new(false), stop: CancellationToken::new(), sent, tag }
    }

    pub fn at(&self, instant: Instant) -> At {
        instant.saturating_duration_since(self.began)
    }

    pub fn now(&self) -> At {
        self.at(Instant::now())
    }

    pub fn is_quiet(&self) -> bool {
        self.quiet.load(Relaxed)
    }

    pub fn hush(&self) {
        self.quiet.store(true, Relaxed);
    }

    /// Titles carry their number, so that whoever hears one knows which it is.
    pub fn title(&self, number: u32) -> String {
        format!("Song {number} of {}", self.tag)
    }

    pub fn number(&self, title: &str) -> Option<u32> {
        let (number, tag) = title.strip_prefix("Song ")?.split_once(" of ")?;
        (tag == self.tag).then(|| number.parse().ok())?
    }

    pub fn publishing(&self, number: u32) {
        if let Some(cell) = self.sent.get(number as usize) {
            let _ = cell.set(Instant::now());
        }
    }

    pub fn since_published(&self, number: u32) -> Option<Duration> {
        Some(self.sent.get(number as usize)?.get()?.elapsed())
    }
}

pub const ARTIST: &str = "The Load";
