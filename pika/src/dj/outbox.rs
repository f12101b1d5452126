//! The task that owns the queue: it keeps it on disk, sends it, and tells how it stands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use super::api::{Published, Server};
use super::queue::{DEPTH, Item, Next, Queue};
use super::state::{Saved, StateFile};
use serde_json::Value;

/// How the queue stands, for the status line and for whoever waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub waiting: usize,
    pub stored: usize,
    /// Messages that were ever taken into the queue.
    made: u64,
    pub trouble: Option<String>,
    /// The server will take nothing more of this session.
    pub over: Option<String>,
}

struct Push {
    message: Value,
    /// Entries of the history that are done with once this is kept.
    taken: usize,
}

#[derive(Clone)]
pub struct Outbox {
    pushes: mpsc::Sender<Push>,
    /// Messages that were ever handed over.
    handed: Arc<AtomicU64>,
    pub standing: watch::Receiver<Standing>,
}

impl Outbox {
    /// `refusals` hears of messages that the server refused for good.
    pub fn start(server: Server, saved: Saved, file: Arc<StateFile>, refusals: mpsc::Sender<String>) -> Self {
        let (pushes, incoming) = mpsc::channel(64);
        let (waiting, made) = (saved.pending.len(), saved.made);
        let (tell, standing) = watch::channel(Standing { waiting, made, ..Standing::default() });
        tokio::spawn(Keeper { server, queue: Queue::restored(saved.pending.clone()), saved, file, refusals, tell }.run(incoming));
        Outbox { pushes, handed: Arc::new(AtomicU64::new(made)), standing }
    }

    /// Hands a message over. It is on disk soon after, and sent when its turn comes.
    pub async fn say(&self, message: Value) {
        self.play(message, 0).await;
    }

    /// A track of the history; `taken` entries of it are done with then.
    pub async fn play(&self, message: Value, taken: usize) {
        self.handed.fetch_add(1, Ordering::Release);
        let _ = self.pushes.send(Push { message, taken }).await;
    }

    /// Until everything handed over is stored, or nothing more can be.
    pub async fn flushed(&mut self) {
        // What was handed over and is not yet in the queue is waiting too.
        let handed = self.handed.load(Ordering::Acquire);
        let _ = self.standing.wait_for(|s| s.over.is_some() || (s.waiting == 0 && s.made >= handed)).await;
    }
}

struct Keeper {
    server: Server,
    queue: Queue,
    saved: Saved,
    file: Arc<StateFile>,
    refusals: mpsc::Sender<String>,
    tell: watch::Sender<Standing>,
}

impl Keeper {
    async fn run(mut self, mut incoming: mpsc::Receiver<Push>) {
        loop {
            let room = self.queue.len() < DEPTH;
            let next = self.queue.next(Instant::now());
            let later = match &next {
                Next::WaitUntil(at) => *at,
                Next::Empty | Next::Send(_) => Instant::now(),
            };
            tokio::select! {
                biased;
                push = incoming.recv(), if room => match push {
                    Some(push) => self.take(push),
                    None => return,
                },
                () = sleep_until(later.into()), if next != Next::Empty => {
                    if let Next::Send(batch) = next
                        && !self.send(batch).await
                    {
                        return;
                    }
                }
            }
        }
    }

    fn take(&mut self, push: Push) {
        let item = Item { id: format!("{}-{}", self.saved.run, self.saved.made), message: push.message };
        self.saved.made += 1;
        self.saved.taken += push.taken;
        self.queue.push(item);
        self.keep(0);
    }

    /// Disk first, then the world: what is shown as waiting survives a crash.
    fn keep(&mut self, stored: usize) {
        self.saved.pending = self.queue.pending();
        let kept = self.file.save(&self.saved);
        self.tell.send_modify(|s| {
            s.waiting = self.queue.len();
            s.stored += stored;
            s.made = self.saved.made;
            s.trouble = self.queue.trouble.clone().or_else(|| kept.err().map(|e| e.to_string()));
        });
    }

    /// `false`: the session is over.
    async fn send(&mut self, batch: Vec<Item>) -> bool {
        match self.server.publish(&self.saved.live, &batch).await {
            Published::Over(words) => {
                self.tell.send_modify(|s| s.over = Some(words));
                false
            }
            Published::Outcome(outcome) => {
                let settled = self.queue.settle(&batch, outcome, Instant::now(), rand::random());
                for (id, words) in settled.refused {
                    let kind = batch.iter().find(|i| i.id == id).and_then(|i| i.message["type"].as_str()).unwrap_or("a message");
                    let _ = self.refusals.try_send(format!("{kind} was refused: {words}"));
                }
                self.keep(settled.stored);
                true
            }
        }
    }
}
