//! What the stories need: a Pika to run, people to play, patience with a deadline.
#![allow(dead_code, unused_imports)] // Each test binary uses a part of it.

mod attempt;
mod crowd;
mod disk;
mod leaks;
mod log;
mod people;
mod process;

use std::time::Duration;

pub use attempt::{Attempt, attempt};
pub use crowd::Crowd;
pub use disk::Disk;
pub use leaks::leak;
pub use people::{Dj, Socket, track, types};
pub use process::{Nats, PIKA, Pika, Role, SECRET, signal};

/// How long anything in a story may take before the story has failed. Promises with deadlines of their own are asserted apart.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Asks again and again until there is an answer, or panics with what was waited for.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// A client for HTTP; the library under it wants its cryptography named once a process.
pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}
