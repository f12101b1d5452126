//! Lines for whoever waits: what is done of something that takes long.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

/// What takes less says nothing.
const EVERY: Duration = Duration::from_secs(10);

pub struct Progress {
    what: String,
    bytes: usize,
    said: Instant,
}

impl Progress {
    pub fn of(what: String) -> Self {
        Progress { what, bytes: 0, said: Instant::now() }
    }

    pub fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.said.elapsed() >= EVERY {
            self.said = Instant::now();
            eprintln!("pika: {}: {} MB so far", self.what, self.bytes / 1_000_000);
        }
    }

    /// The same pieces, counted on their way.
    pub fn count(mut self, pieces: impl Stream<Item = Vec<u8>>) -> impl Stream<Item = anyhow::Result<Bytes>> {
        pieces.map(move |piece| {
            self.add(piece.len());
            Ok(piece.into())
        })
    }
}
