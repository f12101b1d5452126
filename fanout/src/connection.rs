//! One socket: a `select!` over what the peer says, what became of it, and the bell that says something is to be sent.
//! One exit, where everything taken is given back.
//!
//! A socket that has to leave is read no more; the answers to what it said before are waited for and written, then it closes.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt, StreamExt};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use schemas::caller::{Admitted, Caller};
use schemas::error::{Close, Refusal};
use schemas::limits::SOCKET_BYTES;
use schemas::server::ServerMessage;
use schemas::{Millis, Seq, SessionId};
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::board::{Cursor, Pulled};
use crate::delivery::{Flavour, bytes_of, encode};
use crate::drain::{ANSWERS, LAST_WORDS, Leave, Turn};
use crate::hub::{Hub, Ticket};
use crate::inbound::Done;
use crate::limits::Seat;
use crate::lobby_board::News;
use crate::outbox::{Outbox, Taken};
use crate::{Fanout, metrics};

/// Claims of one socket whose answers are outstanding. Beyond it the socket is not read, so a flood waits in its own pipe.
const PENDING: usize = 64;
/// LIKE_RECEIVED written to a DJ in one go, about 40 KB.
const APPLAUSE: usize = 256;
/// How long a DJ's socket may take to answer when somebody asks whether it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);

/// A message's id, and what became of it.
type Answered = (Option<String>, Result<Admitted, Refusal>);

pub struct Connection {
    pub(crate) fanout: Fanout,
    pub(crate) caller: Caller,
    pub(crate) flavour: Flavour,
    /// Whether the peer chose one of our subprotocols, and so understands our own messages.
    ours: bool,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) places: Vec<Place>,
    /// What is to be written next, in this order.
    pub(crate) out: Vec<Message>,
    news: u64,
    /// The last begin heard from the lobby, so that a DJ who just registered hears it once.
    pub(crate) heard: Option<(SessionId, Seq)>,
    /// A DJ's word or a SUBSCRIBE under way: nothing is read meanwhile, so that words keep their order.
    pub(crate) slow: Option<BoxFuture<'static, Done>>,
    pub(crate) claims: FuturesUnordered<BoxFuture<'static, Answered>>,
    pub(crate) bad_frames: DefaultDirectRateLimiter,
    pub(crate) questions: DefaultDirectRateLimiter,
    probes: Vec<oneshot::Sender<bool>>,
    /// When this socket is to move, once the node stops.
    turn: Option<Instant>,
    _seat: Seat,
}

/// A hub that this socket is in.
pub struct Place {
    pub hub: Arc<Hub>,
    pub cursor: Cursor,
    pub dancer: Option<Ticket>,
    pub dj: Option<Ticket>,
}

impl Connection {
    pub fn new(fanout: Fanout, caller: Caller, flavour: Flavour, ours: bool, seat: Seat) -> Self {
        let outbox = Outbox::new(flavour.codec);
        let per_minute = |n: u32| RateLimiter::direct(Quota::per_minute(NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)));
        Connection {
            news: fanout.inner.news.join(&outbox),
            bad_frames: per_minute(fanout.inner.config.bad_frames),
            questions: per_minute(60),
            fanout,
            caller,
            flavour,
            ours,
            outbox,
            places: Vec::new(),
            out: Vec::new(),
            heard: None,
            slow: None,
            claims: FuturesUnordered::new(),
            probes: Vec::new(),
            turn: None,
            _seat: seat,
        }
    }

    pub async fn run(mut self, mut socket: WebSocket) {
        metrics::connected(self.flavour.codec, 1.0);
        let why = self.serve(&mut socket).await;
        for place in self.places.drain(..) {
            place.dancer.into_iter().chain(place.dj).for_each(|ticket| place.hub.leave(ticket));
        }
        if self.turn.is_some() {
            metrics::moved(why.is_none());
        }
        if let Some(why) = why {
            metrics::closed(why);
            let _ = tokio::time::timeout(LAST_WORDS, goodbye(&mut socket, std::mem::take(&mut self.out), why)).await;
        }
        metrics::connected(self.flavour.codec, -1.0);
    }

    /// Until the peer goes, or there is a reason to close.
    async fn serve(&mut self, socket: &mut WebSocket) -> Option<Close> {
        let Leave { gently, at_once } = self.fanout.inner.drain.leave.clone();
        let silence = self.fanout.inner.config.ping;
        let mut heard_at = Instant::now();
        let mut tick = tokio::time::interval_at(Instant::now() + silence, silence);
        let mut probed_at: Option<Instant> = None;
        let mut leave_at: Option<Instant> = None;
        let mut answers_by: Option<Instant> = None;
        loop {
            if let Err(end) = self.write(socket, &mut probed_at).await {
                return end;
            }
            if answers_by.is_some() && self.slow.is_none() && self.claims.is_empty() {
                return Some(Close::GoingAway);
            }
            let reading = answers_by.is_none() && self.slow.is_none() && self.claims.len() < PENDING;
            tokio::select! {
                frame = socket.recv(), if reading => {
                    heard_at = Instant::now();
                    probed_at = None;
                    self.answer_probes(true);
                    match frame {
                        Some(Ok(Message::Close(_))) | None => return None,
                        Some(Ok(frame)) => if let Some(why) = self.inbound(frame) { return Some(why) },
                        Some(Err(error)) => return too_large(&error).then_some(Close::TooLarge),
                    }
                }
                done = finished(&mut self.slow) => {
                    self.slow = None;
                    if let Some(why) = self.finish(done) { return Some(why) }
                }
                Some((message_id, result)) = self.claims.next(), if !self.claims.is_empty() => self.answer(message_id, &result),
                () = self.outbox.rung() => {}
                _ = tick.tick() => {
                    if heard_at.elapsed() > silence * 2 {
                        return None;
                    }
                    if heard_at.elapsed() >= silence {
                        self.out.push(Message::Ping(bytes::Bytes::new()));
                    }
                }
                () = until(probed_at.map(|at| at + SIGN_OF_LIFE)) => {
                    self.answer_probes(false);
                    return Some(Close::Replaced);
                }
                () = gently.cancelled(), if self.turn.is_none() => leave_at = Some(self.ask_to_move()),
                () = until(leave_at), if answers_by.is_none() => answers_by = Some(Instant::now() + ANSWERS),
                () = until(answers_by) => return Some(Close::GoingAway),
                () = at_once.cancelled() => return Some(Close::GoingAway),
            }
        }
    }

    fn answer_probes(&mut self, alive: bool) {
        for probe in self.probes.drain(..) {
            // Whoever asked may have given up; then nobody needs the answer.
            let _ = probe.send(alive);
        }
    }

    /// Tells the peer when its turn to move is, if it knows the word. Gives when this socket closes: who knows its turn may move
    /// before that, and lose nothing of the evening in between.
    fn ask_to_move(&mut self) -> Instant {
        let Turn { at, latest } = self.fanout.inner.drain.turn(self.fanout.inner.sockets.len());
        self.turn = Some(at);
        if !self.ours && !self.flavour.positions {
            return at;
        }
        let wait = at.saturating_duration_since(Instant::now());
        self.say(&ServerMessage::Goaway { reconnect_in_ms: wait.as_millis() as u64 });
        latest
    }

    pub(crate) fn say(&mut self, message: &ServerMessage) {
        self.out.push(encode(message, None, self.flavour.codec));
    }

    pub(crate) fn answer(&mut self, message_id: Option<String>, result: &Result<Admitted, Refusal>) {
        let Some(message_id) = message_id else { return };
        match result {
            Ok(_) => self.say(&ServerMessage::ack(message_id, Millis::now())),
            Err(refusal) => self.say(&ServerMessage::nack(message_id, refusal, Millis::now())),
        }
    }

    /// Writes everything that is due, a socket's share at a time. `Err`: the socket is done for, with the reason to give.
    async fn write(&mut self, socket: &mut WebSocket, probed_at: &mut Option<Instant>) -> Result<(), Option<Close>> {
        loop {
            let (frames, more, close) = self.collect(probed_at);
            if !frames.is_empty() {
                metrics::sent(frames.len());
                let sending = async {
                    for frame in frames {
                        socket.feed(frame).await?;
                    }
                    socket.flush().await
                };
                match tokio::time::timeout(self.fanout.inner.config.stuck, sending).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return Err(None),
                    Err(_) => return Err(Some(Close::Slow)),
                }
            }
            if close.is_some() {
                return Err(close);
            }
            if !more {
                return Ok(());
            }
        }
    }

    fn collect(&mut self, probed_at: &mut Option<Instant>) -> (Vec<Message>, bool, Option<Close>) {
        let Taken { frames, applause, probes, close } = self.outbox.take(APPLAUSE);
        let mut more = applause.len() == APPLAUSE;
        let mut out = std::mem::take(&mut self.out);
        out.extend(frames);
        if !probes.is_empty() {
            probed_at.get_or_insert_with(Instant::now);
            self.probes.extend(probes);
            out.push(Message::Ping(bytes::Bytes::new()));
        }
        let mut restart = Vec::new();
        for (i, place) in self.places.iter_mut().enumerate() {
            let room = SOCKET_BYTES.saturating_sub(out.iter().map(bytes_of).sum());
            match place.hub.pull(&mut place.cursor, room) {
                Pulled::Deliveries { list, more: rest } => {
                    more |= rest;
                    list.iter().for_each(|delivery| out.extend_from_slice(delivery.frames(self.flavour)));
                }
                Pulled::Missed => restart.push(i),
            }
        }
        for i in restart {
            self.restart(i);
            more = true;
        }
        let (news, next) = self.fanout.inner.news.since(self.news);
        self.news = next;
        for News { session, begin, delivery, .. } in news {
            if !self.places.iter().any(|place| *place.hub.id() == session) {
                out.extend_from_slice(delivery.frames(self.flavour));
                self.heard = Some((session, begin));
            }
        }
        for like in applause {
            out.extend_from_slice(like.frames(self.flavour));
        }
        (out, more, close)
    }
}

/// Says what is still to be said, and why it ends, and reads on until the peer has confirmed it: closed with something unread in it, a connection is reset, and a
/// reset takes along what the peer has not read yet.
async fn goodbye(socket: &mut WebSocket, last_words: Vec<Message>, why: Close) {
    let frame = CloseFrame { code: why.code(), reason: why.words().into() };
    let words = last_words.into_iter().chain([Message::Close(Some(frame))]);
    if socket.send_all(&mut futures_util::stream::iter(words.map(Ok))).await.is_ok() {
        while let Some(Ok(_)) = socket.recv().await {}
    }
}

fn too_large(error: &axum::Error) -> bool {
    // The library's own type is two boxes down; its words are stable and only choose the close code.
    error.to_string().contains("too long") || error.to_string().contains("too large") || error.to_string().contains("Space limit")
}

async fn finished(slow: &mut Option<BoxFuture<'static, Done>>) -> Done {
    match slow {
        Some(slow) => slow.await,
        None => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
