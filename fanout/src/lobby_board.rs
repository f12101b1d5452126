//! The lobby for sockets: every open socket hears SESSION_STARTED and SESSION_ENDED of all sessions. Those of its own
//! sessions come with the session's facts instead, in order and with their positions.

use std::collections::VecDeque;
use std::sync::Arc;

use nats::{Lobby, LobbyChange};
use parking_lot::Mutex;
use schemas::server::ServerMessage;
use schemas::{Seq, SessionId};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::delivery::Delivery;
use crate::outbox::Outbox;

/// News kept for sockets that pull late. One that is further behind has missed only the coming and going of other sessions.
const KEPT: usize = 1_024;

#[derive(Clone)]
pub struct News {
    pub number: u64,
    pub session: SessionId,
    /// The begin sequence of the run that it is about.
    pub begin: Seq,
    pub delivery: Arc<Delivery>,
}

#[derive(Default)]
pub struct LobbyBoard {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    news: VecDeque<News>,
    next: u64,
    sockets: Vec<std::sync::Weak<Outbox>>,
}

impl LobbyBoard {
    /// Wakes this socket for news from now on; gives where it starts.
    pub fn join(&self, outbox: &Arc<Outbox>) -> u64 {
        let mut inner = self.inner.lock();
        inner.sockets.push(Arc::downgrade(outbox));
        inner.next
    }

    /// News from `number` on, and the number to ask for next time.
    pub fn since(&self, number: u64) -> (Vec<News>, u64) {
        let inner = self.inner.lock();
        if inner.next == number {
            return (Vec::new(), number);
        }
        (inner.news.iter().filter(|n| n.number >= number).cloned().collect(), inner.next)
    }

    fn post(&self, session: SessionId, begin: Seq, message: ServerMessage) {
        let mut inner = self.inner.lock();
        let number = inner.next;
        inner.next += 1;
        if inner.news.len() == KEPT {
            inner.news.pop_front();
        }
        inner.news.push_back(News { number, session, begin, delivery: Arc::new(Delivery::of(message)) });
        inner.sockets.retain(|socket| socket.upgrade().inspect(|outbox| outbox.ring()).is_some());
    }
}

pub async fn follow(board: Arc<LobbyBoard>, lobby: Lobby, stop: CancellationToken) {
    let mut changes = lobby.changes();
    while let Some(change) = stop.run_until_cancelled(changes.recv()).await {
        match change {
            Ok(LobbyChange::Began(entry)) => {
                let started = ServerMessage::SessionStarted {
                    session_id: entry.session.clone(),
                    dj_name: entry.record.dj_name.clone(),
                    start_time: entry.record.began_at,
                };
                board.post(entry.session, entry.record.begin(entry.seq), started);
            }
            Ok(LobbyChange::Ended(entry)) => {
                let ended = ServerMessage::SessionEnded { session_id: entry.session.clone() };
                board.post(entry.session, entry.record.begin(entry.seq), ended);
            }
            Ok(LobbyChange::Other(_)) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}
