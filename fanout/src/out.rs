//! What one socket is to be told next, and where it stands on each board.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use schemas::caller::Admitted;
use schemas::client::Resume;
use schemas::error::{Close, Refusal};
use schemas::limits::SOCKET_BYTES;
use schemas::server::ServerMessage;
use schemas::{Millis, PersonId, Seq, SessionId};
use smallvec::SmallVec;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::board::{Cursor, Pulled};
use crate::crowd::Ticket;
use crate::delivery::{Delivery, Flavour, encode};
use crate::frames::Frames;
use crate::hub::Hub;
use crate::lobby_board::LobbyBoard;
use crate::metrics;
use crate::subscribe::{Seen, place};
use crate::wave::Wave;

/// LIKE_RECEIVED waiting for one DJ: a minute of a thousand likes a second. They are shared pointers, 8 bytes each.
const APPLAUSE: usize = 65_536;
/// LIKE_RECEIVED said to a DJ in one go, about 40 KB.
const APPLAUSE_AT_ONCE: usize = 256;

/// Why nothing more is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer went.
    Gone,
    /// The server has a reason, and says it.
    Closed(Close),
}

/// A hub that a socket is in.
pub struct Place {
    pub hub: Arc<Hub>,
    pub cursor: Cursor,
    pub dancer: Option<Ticket>,
    pub dj: Option<Ticket>,
}

pub struct Out {
    pub flavour: Flavour,
    pub places: SmallVec<[Place; 1]>,
    /// The lobby's news up to here were said.
    news: u64,
    /// The last begin heard from the lobby, so that a DJ who just registered hears it once.
    pub heard: Option<(SessionId, Seq)>,
    /// What the kernel has not taken yet.
    pub unsent: VecDeque<Bytes>,
    unsent_bytes: usize,
    /// What was counted of them.
    counted: usize,
    applause: VecDeque<Arc<Delivery>>,
    pub probes: Vec<oneshot::Sender<bool>>,
    pub stuck_since: Option<Instant>,
    pub end: Option<End>,
    /// Frames handed over and not counted yet.
    pub frames: usize,
}

impl Drop for Out {
    fn drop(&mut self) {
        self.unsent_bytes = 0;
        self.count_unsent();
    }
}

impl Out {
    pub fn new(flavour: Flavour, news: u64) -> Out {
        Out {
            flavour,
            places: SmallVec::new(),
            news,
            heard: None,
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            counted: 0,
            applause: VecDeque::new(),
            probes: Vec::new(),
            stuck_since: None,
            end: None,
            frames: 0,
        }
    }

    /// Says something to this socket alone. A socket that lets more than its share pile up is told to come back.
    pub fn say(&mut self, message: &ServerMessage) {
        if self.unsent_bytes > SOCKET_BYTES {
            self.end.get_or_insert(End::Closed(Close::Slow));
            return;
        }
        let Frames { bytes, count } = Frames::of(&[encode(message, None, self.flavour.codec)], self.flavour.codec);
        self.keep(bytes, count);
    }

    /// What became of a message, if its sender wants to know.
    pub fn answer(&mut self, message_id: Option<String>, result: &Result<Admitted, Refusal>) {
        let Some(message_id) = message_id else { return };
        match result {
            Ok(_) => self.say(&ServerMessage::ack(message_id, Millis::now())),
            Err(refusal) => self.say(&ServerMessage::nack(message_id, refusal, Millis::now())),
        }
    }

    /// Bytes of frames that are to leave next.
    pub fn keep(&mut self, bytes: Bytes, frames: usize) {
        self.unsent_bytes += bytes.len();
        self.unsent.push_back(bytes);
        self.frames += frames;
    }

    pub fn applaud(&mut self, likes: &[Arc<Delivery>]) -> usize {
        let room = APPLAUSE.saturating_sub(self.applause.len()).min(likes.len());
        self.applause.extend(likes[..room].iter().cloned());
        likes.len() - room
    }

    pub fn probe(&mut self, answer: oneshot::Sender<bool>) {
        self.probes.push(answer);
        self.ping();
    }

    pub fn ping(&mut self) {
        let Frames { bytes, count } = Frames::ping();
        self.keep(bytes, count);
    }

    /// Counts what waits: nothing, for nearly every socket, before and after nearly every write.
    pub fn count_unsent(&mut self) {
        if self.counted != self.unsent_bytes {
            metrics::unsent(std::mem::replace(&mut self.counted, self.unsent_bytes), self.unsent_bytes);
        }
    }

    /// Whether the socket's task has nothing to see to.
    pub fn is_calm(&self) -> bool {
        self.stuck_since.is_none() && self.end.is_none()
    }

    /// The kernel took so many bytes.
    pub fn took(&mut self, mut bytes: usize) {
        self.unsent_bytes -= bytes;
        if bytes > 0 {
            self.stuck_since = None;
        }
        while let Some(first) = self.unsent.front_mut() {
            if bytes < first.len() {
                return first.advance(bytes);
            }
            bytes -= first.len();
            self.unsent.pop_front();
        }
        if self.unsent.capacity() > 8 {
            // A socket that was told much at once, as at its arrival, holds no memory for it afterwards.
            self.unsent = VecDeque::new();
        }
    }

    /// What a wave has for a socket that waits for nothing and stands where the wave begins; then it stands at its end.
    pub fn rides<'a>(&mut self, wave: &'a Wave) -> Option<&'a Frames> {
        let waits = !self.unsent.is_empty() || self.end.is_some() || !self.applause.is_empty();
        let [place] = &mut self.places[..] else { return None };
        if waits || !wave.is_for(&place.hub, &place.cursor) {
            return None;
        }
        place.cursor = wave.to;
        Some(wave.frames(self.flavour))
    }

    /// Takes from the boards what there is room for. Gives whether there is more.
    pub fn collect(&mut self, news: &LobbyBoard) -> bool {
        let mut more = false;
        let mut restart: SmallVec<[usize; 1]> = SmallVec::new();
        for i in 0..self.places.len() {
            let room = SOCKET_BYTES.saturating_sub(self.unsent_bytes);
            let place = &mut self.places[i];
            match place.hub.pull(&mut place.cursor, room) {
                Pulled::Deliveries { list, more: rest } => {
                    more |= rest;
                    list.iter().for_each(|delivery| self.deliver(delivery));
                }
                Pulled::Missed => restart.push(i),
            }
        }
        for i in restart {
            self.restart(i);
            more = true;
        }
        self.hear_news(news);
        for like in self.applause.drain(..APPLAUSE_AT_ONCE.min(self.applause.len())).collect::<Vec<_>>() {
            self.deliver(&like);
        }
        more || !self.applause.is_empty()
    }

    fn deliver(&mut self, delivery: &Delivery) {
        let Frames { bytes, count } = delivery.frames(self.flavour).clone();
        self.keep(bytes, count);
    }

    fn hear_news(&mut self, board: &LobbyBoard) {
        let Some((news, next)) = board.since(self.news) else { return };
        self.news = next;
        for news in news {
            // Of its own sessions a socket hears from their boards.
            if !self.places.iter().any(|place| *place.hub.id() == news.session) {
                self.deliver(&news.delivery);
                self.heard = Some((news.session, news.begin));
            }
        }
    }

    /// The facts after this place's cursor have left the board, or the board is another log's: it starts again from the state,
    /// and says so where it can.
    fn restart(&mut self, i: usize) {
        metrics::subscribed("restarted");
        let place_now = &mut self.places[i];
        let hub = place_now.hub.clone();
        let resume = self.flavour.positions.then_some(Resume::At { epoch: place_now.cursor.epoch, seq: place_now.cursor.seq });
        let placed = hub.look(|board, session| place(board, &Seen::of(session), resume, None, Millis::now()));
        place_now.cursor = placed.cursor.of_dj(place_now.cursor.is_dj);
        placed.subscribed.iter().chain(&placed.state).for_each(|message| self.say(message));
    }

    /// Gives all places back.
    pub fn leave(&mut self, person: PersonId) {
        self.places.drain(..).for_each(|place| place.leave(person));
    }
}

impl Place {
    pub fn leave(self, person: PersonId) {
        self.hub.leave_dancer(self.dancer, person);
        self.hub.leave_dj(self.dj, person);
    }
}
