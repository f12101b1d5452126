//! What one socket alone is to hear, and the bell that wakes its task.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::ws::Message;
use parking_lot::Mutex;
use schemas::codec::Codec;
use schemas::error::Close;
use schemas::limits::SOCKET_BYTES;
use schemas::server::ServerMessage;
use tokio::sync::{Notify, oneshot};

use crate::delivery::{Delivery, bytes_of, encode};

/// LIKE_RECEIVED waiting for one DJ: a minute of a thousand likes a second. They are shared pointers, 8 bytes each.
const APPLAUSE: usize = 65_536;

pub struct Outbox {
    codec: Codec,
    bell: Notify,
    mail: Mutex<Mail>,
    rung: AtomicBool,
}

#[derive(Default)]
struct Mail {
    frames: VecDeque<Message>,
    bytes: usize,
    applause: VecDeque<Arc<Delivery>>,
    probes: Vec<oneshot::Sender<bool>>,
    close: Option<Close>,
}

/// What was waiting.
#[derive(Default)]
pub struct Taken {
    pub frames: Vec<Message>,
    pub applause: Vec<Arc<Delivery>>,
    pub probes: Vec<oneshot::Sender<bool>>,
    pub close: Option<Close>,
}

impl Outbox {
    pub fn new(codec: Codec) -> Arc<Outbox> {
        Arc::new(Outbox { codec, bell: Notify::new(), mail: Mutex::default(), rung: AtomicBool::new(false) })
    }

    /// Wakes the socket's task: something is new on a board.
    pub fn ring(&self) {
        // Many boards and letters may ring before the task runs; one wake-up serves them all.
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.bell.notify_one();
        }
    }

    pub async fn rung(&self) {
        self.bell.notified().await;
        self.rung.store(false, Ordering::Release);
    }

    /// Queues a message for this socket. A socket that lets more than its share pile up is told to come back.
    pub fn send(&self, message: &ServerMessage) {
        let frame = encode(message, None, self.codec);
        let mut mail = self.mail.lock();
        mail.bytes += bytes_of(&frame);
        if mail.bytes > SOCKET_BYTES {
            mail.close = Some(Close::Slow);
        } else {
            mail.frames.push_back(frame);
        }
        drop(mail);
        self.ring();
    }

    /// Queues a LIKE_RECEIVED. Gives whether there was room.
    pub fn applaud(&self, like: Arc<Delivery>) -> bool {
        let mut mail = self.mail.lock();
        let room = mail.applause.len() < APPLAUSE;
        if room {
            mail.applause.push_back(like);
        }
        drop(mail);
        self.ring();
        room
    }

    /// Asks the socket's peer for a sign of life.
    pub fn probe(&self) -> oneshot::Receiver<bool> {
        let (answer, alive) = oneshot::channel();
        self.mail.lock().probes.push(answer);
        self.ring();
        alive
    }

    pub fn close(&self, why: Close) {
        self.mail.lock().close = Some(why);
        self.ring();
    }

    /// Takes what waits, of the applause at most `applause` pieces.
    pub fn take(&self, applause: usize) -> Taken {
        let mut mail = self.mail.lock();
        mail.bytes = 0;
        let pieces = applause.min(mail.applause.len());
        Taken {
            frames: mail.frames.drain(..).collect(),
            applause: mail.applause.drain(..pieces).collect(),
            probes: std::mem::take(&mut mail.probes),
            close: mail.close.take(),
        }
    }
}
