//! What the tasks of one evening share: the clock's zero, the tracks' send times, the phase, the meter.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use schemas::Seq;
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
    /// Whoever still sleeps wakes.
    pub wake: CancellationToken,
    sent: Vec<OnceLock<Instant>>,
    tag: String,
    /// Appended to titles and to the artist, where messages are to be large.
    padding: String,
    /// The newest place in the log that the DJ knows of.
    newest: AtomicU64,
}

impl Shared {
    /// `tracks`: the most that the DJ may publish. `padding`: characters of four bytes each.
    pub fn new(target: Target, session: String, began: Instant, tracks: usize, padding: usize) -> Self {
        let tag: String = session.chars().take(6).collect();
        let sent = (0..tracks).map(|_| OnceLock::new()).collect();
        Shared {
            target,
            session,
            began,
            meter: Meter::default(),
            quiet: AtomicBool::new(false),
            stop: CancellationToken::new(),
            wake: CancellationToken::new(),
            sent,
            tag,
            padding: if padding == 0 { String::new() } else { format!(" {}", "\u{1f3b5}".repeat(padding)) },
            newest: AtomicU64::new(0),
        }
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
        format!("Song {number} of {}{}", self.tag, self.padding)
    }

    pub fn number(&self, title: &str) -> Option<u32> {
        let (number, tag) = title.strip_prefix("Song ")?.split_once(" of ")?;
        (tag.split(' ').next() == Some(&self.tag)).then(|| number.parse().ok())?
    }

    pub fn artist(&self) -> String {
        format!("The Load{}", self.padding)
    }

    pub fn stored(&self, place: Option<Seq>) {
        self.newest.fetch_max(place.unwrap_or(0), Relaxed);
    }

    pub fn newest(&self) -> Seq {
        self.newest.load(Relaxed)
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
