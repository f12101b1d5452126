//! Dancers who like and take back, each with one message under way, and what must be counted of that in the end.

use std::time::{Duration, Instant};

use anyhow::ensure;
use hdrhistogram::Histogram;

use crate::lean::crowd::{Crowd, Ear, PATIENCE};
use crate::lean::dialect::{ARTIST, Dialect, Heard};
use crate::lean::flow::{histogram, micros};

/// Of track 0, of track 1 and so on; then taken back in the same order, and liked again.
pub struct Likes {
    tracks: usize,
    /// What is said first, second and so on, by everyone.
    frames: Vec<Vec<u8>>,
    /// How often each dancer was acknowledged, and since when they wait.
    dancers: Vec<(usize, Instant)>,
    waiting: usize,
    until: Instant,
    acks: Histogram<u64>,
}

pub struct Liked {
    pub acks: u64,
    pub took: Duration,
    /// Microseconds from a message to its ACK.
    pub times: Histogram<u64>,
}

/// The title of a track that can be liked.
pub fn title(track: usize) -> String {
    format!("Song {track}")
}

impl Ear for Likes {
    fn hear(&mut self, who: usize, heard: Heard, now: Instant) -> Option<&[u8]> {
        if !matches!(heard, Heard::Ack(_)) {
            return None;
        }
        let (said, since) = &mut self.dancers[who];
        self.acks.saturating_record(micros(now.saturating_duration_since(*since)));
        *said += 1;
        *since = now;
        if now >= self.until || *said >= self.frames.len() {
            self.waiting -= 1;
            return None;
        }
        Some(&self.frames[*said])
    }
}

impl Likes {
    /// `most`: what one dancer may say at most.
    pub fn new(dialect: &Dialect, dancers: usize, tracks: usize, most: usize) -> Likes {
        let frames = (0..most).map(|k| dialect.frame(text(k, tracks))).collect();
        let now = Instant::now();
        Likes { tracks, frames, dancers: vec![(0, now); dancers], waiting: 0, until: now, acks: histogram() }
    }

    /// Everyone with one under way, for so long; returns when the last is acknowledged.
    pub fn rush(&mut self, crowd: &mut Crowd, lasts: Duration) -> anyhow::Result<Liked> {
        let began = Instant::now();
        self.until = began + lasts;
        for who in 0..self.dancers.len() {
            self.begin(crowd, who)?;
        }
        self.finish(crowd)?;
        Ok(self.taken(began))
    }

    /// One dancer alone, so often, with a pause between.
    pub fn alone(&mut self, crowd: &mut Crowd, often: usize, pause: Duration) -> anyhow::Result<Liked> {
        let began = Instant::now();
        self.until = began;
        for _ in 0..often {
            self.begin(crowd, 0)?;
            self.finish(crowd)?;
            std::thread::sleep(pause);
        }
        Ok(self.taken(began))
    }

    fn begin(&mut self, crowd: &mut Crowd, who: usize) -> anyhow::Result<()> {
        let (said, since) = &mut self.dancers[who];
        ensure!(*said < self.frames.len(), "dancer {who} has said all that there is to say");
        *since = Instant::now();
        self.waiting += 1;
        crowd.say(who, &self.frames[*said])
    }

    fn finish(&mut self, crowd: &mut Crowd) -> anyhow::Result<()> {
        while self.waiting > 0 {
            let before = self.acks.len();
            let looked = Instant::now();
            while self.acks.len() == before {
                crowd.turn(Duration::from_millis(100), &mut [], self)?;
                crowd.whole()?;
                ensure!(looked.elapsed() < PATIENCE, "{} messages were not acknowledged", self.waiting);
            }
        }
        Ok(())
    }

    fn taken(&mut self, began: Instant) -> Liked {
        let times = std::mem::replace(&mut self.acks, histogram());
        Liked { acks: times.len(), took: began.elapsed(), times }
    }

    /// How many of these dancers like each track, if everything that was acknowledged counts and nothing twice.
    pub fn expected(&self, dancers: impl Iterator<Item = usize>) -> Vec<u64> {
        let mut likes = vec![0; self.tracks];
        for who in dancers {
            let (said, _) = self.dancers[who];
            for (track, likes) in likes.iter_mut().enumerate() {
                // So often was it liked or taken back; an odd number ends with a like.
                let acts = said / self.tracks + usize::from(track < said % self.tracks);
                *likes += (acts % 2) as u64;
            }
        }
        likes
    }
}

fn text(k: usize, tracks: usize) -> String {
    let kind = if (k / tracks).is_multiple_of(2) { "SEND_LIKE" } else { "REMOVE_LIKE" };
    let title = title(k % tracks);
    format!("{{\"type\":\"{kind}\",\"messageId\":\"{k}\",\"payload\":{{\"track\":{{\"title\":\"{title}\",\"artist\":\"{ARTIST}\"}}}}}}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lean::dialect::Wrapping;

    #[test]
    fn what_must_be_counted_follows_from_what_was_acknowledged() {
        let dialect = Dialect::new(Wrapping::Bare, [("abcdefgh", None)]);
        let mut likes = Likes::new(&dialect, 3, 4, 100);
        let now = Instant::now();
        // Two likes; all four and one taken back; all taken back and one liked again.
        likes.dancers = vec![(2, now), (5, now), (9, now)];
        assert_eq!(likes.expected(0..1), [1, 1, 0, 0]);
        assert_eq!(likes.expected(1..2), [0, 1, 1, 1]);
        assert_eq!(likes.expected(0..3), [2, 2, 1, 1]);
        assert!(text(3, 4).contains("SEND_LIKE") && text(4, 4).contains("REMOVE_LIKE") && text(8, 4).contains("SEND_LIKE"));
    }
}
