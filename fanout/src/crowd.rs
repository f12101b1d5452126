//! Many sockets, and calling on all of them without keeping anybody waiting.

use std::sync::Arc;

use parking_lot::Mutex;
use slab::Slab;

use crate::line::Line;

/// Sockets written to before others get a turn, about half a millisecond.
const TURN: usize = 64;

#[derive(Default)]
pub struct Crowd {
    lines: Mutex<Slab<Arc<Line>>>,
}

/// A socket's place in a crowd.
pub type Ticket = u32;

impl Crowd {
    pub fn join(&self, line: Arc<Line>) -> Ticket {
        self.lines.lock().insert(line) as Ticket
    }

    pub fn leave(&self, ticket: Ticket) {
        let mut lines = self.lines.lock();
        lines.try_remove(ticket as usize);
        if lines.is_empty() {
            lines.shrink_to_fit();
        }
    }

    pub fn get(&self, ticket: Ticket) -> Option<Arc<Line>> {
        self.lines.lock().get(ticket as usize).cloned()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.lock().is_empty()
    }

    /// Calls on every line that was here all the time; of those that come meanwhile some may be passed over. No lock is held
    /// during a call.
    pub async fn each(&self, mut call: impl FnMut(&Line)) {
        let mut turn: Vec<Arc<Line>> = Vec::with_capacity(TURN);
        let mut at = 0;
        loop {
            {
                let lines = self.lines.lock();
                while turn.len() < TURN && at < lines.capacity() {
                    turn.extend(lines.get(at).cloned());
                    at += 1;
                }
            }
            if turn.is_empty() {
                return;
            }
            turn.drain(..).for_each(|line| call(&line));
            tokio::task::yield_now().await;
        }
    }
}
