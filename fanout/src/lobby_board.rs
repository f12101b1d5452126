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

use crate::crowd::Crowd;
use crate::delivery::Delivery;

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
}

impl LobbyBoard {
    /// The number that the next piece of news will have.
    pub fn next(&self) -> u64 {
        self.inner.lock().next
    }

    /// News from `number` on, and the number to ask for next time. Nothing where nothing is new.
    pub fn since(&self, number: u64) -> Option<(Vec<News>, u64)> {
        let inner = self.inner.lock();
        if inner.next == number {
            return None;
        }
        Some((inner.news.iter().filter(|n| n.number >= number).cloned().collect(), inner.next))
    }

    fn post(&self, session: SessionId, begin: Seq, message: ServerMessage) {
        let mut inner = self.inner.lock();
        let number = inner.next;
        inner.next += 1;
        if inner.news.len() == KEPT {
            inner.news.pop_front();
        }
        inner.news.push_back(News { number, session, begin, delivery: Arc::new(Delivery::of(message)) });
    }
}

/// Posts what comes, and tells everyone.
pub async fn follow(board: Arc<LobbyBoard>, everyone: Arc<Crowd>, lobby: Lobby, stop: CancellationToken) {
    let mut changes = lobby.changes();
    let mut told = board.next();
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
        // Once for all that came together.
        if board.next() > told && changes.is_empty() {
            told = board.next();
            everyone.each(|line| line.pump()).await;
        }
    }
}
