//! The last words, and what became of the evening.

use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Evening;

/// The last words are given up when none was stored for this long.
const FLUSH_END: Duration = Duration::from_secs(20);
const FLUSH_LEAVE: Duration = Duration::from_secs(5);
/// Counts reach the recap a moment after the end.
const RECAP_WITHIN: Duration = Duration::from_secs(5);

impl Evening {
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        if !self.ended {
            self.outbox.say(json!({"type": "END_SESSION"})).await;
        }
        let flushed = self.flush().await;
        self.screen.close();
        let standing = self.outbox.standing.borrow().clone();
        if !flushed {
            bail!("{} messages could not be sent; they are kept: the same command with --resume sends them", standing.waiting);
        }
        self.file.forget();
        match &standing.over {
            Some(words) => self.screen.log(&format!("The session was over before its last {} messages came: {words}", standing.waiting)),
            None => self.screen.log("The session is over"),
        }
        self.summary(standing.stored).await;
        Ok(())
    }

    /// Waits for the last words as long as the queue moves. `false`: given up, by the clock or by Ctrl-C.
    async fn flush(&mut self) -> bool {
        let mut outbox = self.outbox.clone();
        let flushed = outbox.flushed();
        tokio::pin!(flushed);
        let mut standing = self.outbox.standing.clone();
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        let (mut stored, mut moved) = (standing.borrow_and_update().stored, Instant::now());
        loop {
            tokio::select! {
                () = &mut flushed => return true,
                Some(_) = self.interrupts.recv() => return false,
                Some(words) = self.refusals.recv() => self.screen.log(&words),
                _ = tick.tick() => {
                    let now = standing.borrow_and_update().clone();
                    if now.stored != stored {
                        (stored, moved) = (now.stored, Instant::now());
                    }
                    if moved.elapsed() > FLUSH_END {
                        return false;
                    }
                    self.trouble();
                    self.screen.status(&format!("{} messages to send (Ctrl-C: leave them for --resume)", now.waiting));
                }
            }
        }
    }

    pub(super) async fn leave(mut self) -> anyhow::Result<()> {
        let mut outbox = self.outbox.clone();
        tokio::select! {
            _ = timeout(FLUSH_LEAVE, outbox.flushed()) => {}
            _ = self.interrupts.recv() => {}
        }
        let waiting = self.outbox.standing.borrow().waiting;
        if waiting > 0 {
            self.screen.log(&format!("{waiting} messages are still to be sent"));
        }
        self.screen.log("Left; the session stays open for the grace period. The same command with --resume goes on with it");
        Ok(())
    }

    async fn summary(&mut self, stored: usize) {
        let began = Instant::now();
        let mut recap = Value::Null;
        while began.elapsed() < RECAP_WITHIN {
            recap = self.server.recap(&self.live).await.unwrap_or_default();
            if !recap["endedAt"].is_null() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        match (recap["trackCount"].as_u64(), recap["totalLikes"].as_u64()) {
            (Some(tracks), Some(likes)) => {
                let (polls, votes) = (recap["totalPolls"].as_u64().unwrap_or(0), recap["totalPollVotes"].as_u64().unwrap_or(0));
                self.screen.log(&format!("{tracks} tracks, {likes} likes, {polls} polls with {votes} votes"));
            }
            _ => self.screen.log(&format!("{stored} messages stored; the recap is not ready yet")),
        }
        self.screen.log(&format!("Recap: {}", self.server.recap_url(&self.live.session)));
    }
}
