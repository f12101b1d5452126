//! One socket's task: a `select!` over what the peer says, what became of it, and what its [`Line`] cannot do by itself.
//! One exit, where everything taken is given back.
//!
//! A socket that has to leave is read no more; the answers to what it said before are waited for and written, then it closes.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::FuturesUnordered;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use schemas::caller::{Admitted, Caller};
use schemas::error::{Close, Refusal};
use schemas::server::ServerMessage;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tungstenite::error::CapacityError;
use tungstenite::{Error, Message};

use crate::credentials::Shown;
use crate::crowd::Ticket;
use crate::delivery::Flavour;
use crate::drain::{ANSWERS, Asked, LAST_WORDS, Turn};
use crate::frames::Frames;
use crate::inbound::Done;
use crate::limits::Seat;
use crate::line::{Line, Needs};
use crate::out::End;
use crate::reader::Reader;
use crate::{Fanout, metrics};

/// Claims of one socket whose answers are outstanding. Beyond it the socket is not read, so a flood waits in its own pipe.
const PENDING: usize = 64;
/// How long a DJ's socket may take to answer when somebody asks whether it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);

/// A message's id, and what became of it.
type Answered = (Option<String>, Result<Admitted, Refusal>);

pub struct Connection {
    pub(crate) fanout: Fanout,
    /// Shared with the claims under way.
    pub(crate) caller: Arc<Caller>,
    /// Whether the peer chose one of our subprotocols, and so understands our own messages.
    ours: bool,
    pub(crate) line: Arc<Line>,
    reader: Reader,
    /// A DJ's word or a SUBSCRIBE under way: nothing is read meanwhile, so that words keep their order.
    pub(crate) slow: Option<BoxFuture<'static, Done>>,
    pub(crate) claims: Claims,
    bad_frames: Option<Box<DefaultDirectRateLimiter>>,
    questions: Option<Box<DefaultDirectRateLimiter>>,
    probes: Vec<oneshot::Sender<bool>>,
    /// When this socket is to move, once the node stops.
    turn: Option<Instant>,
    ticket: Ticket,
    /// What this socket ends with.
    credentials: Vec<String>,
    _seat: Seat,
}

/// Claims under way. Most sockets say nothing most of the time, and then hold nothing for it.
#[derive(Default)]
pub(crate) struct Claims(Option<Box<FuturesUnordered<BoxFuture<'static, Answered>>>>);

impl Claims {
    pub fn push(&mut self, claim: BoxFuture<'static, Answered>) {
        self.0.get_or_insert_default().push(claim);
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |claims| claims.len())
    }

    /// The answers that are there, at least one.
    async fn answered(&mut self) -> Vec<Answered> {
        let Some(claims) = self.0.as_mut().filter(|claims| !claims.is_empty()) else { return std::future::pending().await };
        let mut answers: Vec<Answered> = claims.next().await.into_iter().collect();
        while let Some(Some(more)) = claims.next().now_or_never() {
            answers.push(more);
        }
        answers
    }
}

/// Why a socket has come to its end: the peer went, or there is a reason to tell it.
type Farewell = Option<Close>;

impl Connection {
    /// `early`: what the peer sent right behind its request.
    pub fn new(fanout: Fanout, caller: Caller, flavour: Flavour, ours: bool, seat: Seat, tcp: TcpStream, early: Bytes) -> Self {
        let line = Arc::new(Line::new(tcp, flavour, fanout.inner.news.clone()));
        let ticket = fanout.inner.everyone.join(line.clone());
        Connection {
            ticket,
            line,
            reader: Reader::new(&early, flavour.deflate),
            fanout,
            caller: Arc::new(caller),
            ours,
            slow: None,
            claims: Claims::default(),
            bad_frames: None,
            questions: None,
            probes: Vec::new(),
            turn: None,
            credentials: Vec::new(),
            _seat: seat,
        }
    }

    /// `shown`: what the peer came with.
    pub async fn run(mut self, shown: Option<Box<Shown>>) {
        let codec = self.line.with(|out| out.flavour.codec);
        metrics::connected(codec, 1.0);
        if let Some(shown) = shown {
            // Apart from the rest, which every socket holds for as long as it is open.
            Box::pin(self.show(*shown)).await;
        }
        let why = self.serve().await;
        self.line.with(|out| out.leave(self.caller.person));
        for credential in self.credentials.drain(..) {
            self.fanout.inner.credentials.unbind(&credential, self.ticket);
        }
        self.fanout.inner.everyone.leave(self.ticket);
        if self.turn.is_some() {
            metrics::moved(why.is_none());
        }
        if let Some(why) = why {
            metrics::closed(why);
            let _ = tokio::time::timeout(LAST_WORDS, self.goodbye(why)).await;
        }
        metrics::connected(codec, -1.0);
    }

    /// Binds the socket to what it was opened with, and looks once more where that may have ended meanwhile.
    async fn show(&mut self, shown: Shown) {
        self.bind(shown.answer().credential.clone());
        let inner = &self.fanout.inner;
        if !inner.credentials.still_holds(&inner.broker, &shown).await {
            self.line.close(Close::SignedOut);
        }
    }

    pub(crate) fn bind(&mut self, credential: Option<String>) {
        for credential in credential.into_iter().filter(|one| !self.credentials.contains(one)).collect::<Vec<_>>() {
            self.fanout.inner.credentials.bind(&credential, self.ticket);
            self.credentials.push(credential);
        }
    }

    /// Until the peer goes, or there is a reason to close.
    async fn serve(&mut self) -> Farewell {
        let silence = self.fanout.inner.config.ping;
        let stuck = self.fanout.inner.config.stuck;
        let mut heard_at = Instant::now();
        let mut check_at = heard_at + silence;
        let mut probed_at: Option<Instant> = None;
        let mut leave_at: Option<Instant> = None;
        let mut answers_by: Option<Instant> = None;
        let timer = tokio::time::sleep_until(check_at);
        tokio::pin!(timer);
        loop {
            if answers_by.is_none()
                && let Err(end) = self.take_in()
            {
                return end;
            }
            let Needs { stuck_since, end, probes } = self.line.see();
            match end {
                Some(End::Gone) => return None,
                Some(End::Closed(why)) => return Some(why),
                None => {}
            }
            if !probes.is_empty() {
                probed_at.get_or_insert_with(Instant::now);
                self.probes.extend(probes);
            }
            match self.fanout.inner.drain.asked() {
                Asked::Stay => {}
                Asked::Move if self.turn.is_some() => {}
                Asked::Move => {
                    leave_at = Some(self.ask_to_move());
                    continue;
                }
                Asked::Go => return Some(Close::GoingAway),
            }
            if answers_by.is_some() && self.slow.is_none() && self.claims.len() == 0 {
                return Some(Close::GoingAway);
            }
            let stuck_until = stuck_since.map(|since| since + stuck);
            let silent_until = probed_at.map(|at| at + SIGN_OF_LIFE);
            let leaves = leave_at.filter(|_| answers_by.is_none());
            let next = [stuck_until, silent_until, leaves, answers_by].into_iter().flatten().fold(check_at, Instant::min);
            if timer.deadline() != next {
                timer.as_mut().reset(next);
            }
            let reading = answers_by.is_none() && stuck_since.is_none() && self.may_take_in();
            tokio::select! {
                read = self.reader.fill(self.line.tcp()), if reading => {
                    if !matches!(read, Ok(1..)) {
                        return None;
                    }
                    heard_at = Instant::now();
                    probed_at = None;
                    // Who asked just now too: the answer may be here before this task has heard of the question.
                    self.probes.extend(self.line.with(|out| std::mem::take(&mut out.probes)));
                    self.answer_probes(true);
                }
                done = finished(&mut self.slow) => {
                    self.slow = None;
                    if let Some(why) = self.finish(done) { return Some(why) }
                }
                answers = self.claims.answered() => self.line.with(|out| {
                    answers.into_iter().for_each(|(message_id, result)| out.answer(message_id, &result));
                }),
                () = self.line.room(), if stuck_since.is_some() => {}
                () = self.line.rung() => {}
                () = &mut timer => {
                    let now = Instant::now();
                    let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
                    if due(stuck_until) {
                        return Some(Close::Slow);
                    }
                    if due(silent_until) {
                        self.answer_probes(false);
                        return Some(Close::Replaced);
                    }
                    if due(answers_by) {
                        return Some(Close::GoingAway);
                    }
                    if due(leaves) {
                        answers_by = Some(now + ANSWERS);
                    }
                    if check_at <= now {
                        if now - heard_at > silence * 2 {
                            return None;
                        }
                        if now - heard_at >= silence {
                            self.line.with(|out| out.ping());
                            check_at = now + silence;
                        } else {
                            check_at = heard_at + silence;
                        }
                    }
                }
            }
        }
    }

    fn may_take_in(&self) -> bool {
        self.slow.is_none() && self.claims.len() < PENDING
    }

    /// Takes the messages that were read, as long as they may be taken. `Err`: the socket has come to its end.
    fn take_in(&mut self) -> Result<(), Farewell> {
        let mut replies = Vec::new();
        let mut end = Ok(());
        while end.is_ok() && self.may_take_in() {
            end = match self.reader.next(&mut replies) {
                Ok(None) => break,
                Ok(Some(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(()),
                // Read once more, for the answer that the protocol asks for.
                Ok(Some(Message::Close(_))) => {
                    let _ = self.reader.next(&mut replies);
                    Err(None)
                }
                Ok(Some(message)) => self.inbound(message).map_or(Ok(()), |why| Err(Some(why))),
                Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => Err(Some(Close::TooLarge)),
                Err(_) => Err(None),
            };
        }
        if !replies.is_empty() {
            self.line.say(|out| out.keep(replies.into(), 1));
        }
        end
    }

    pub(crate) fn bad_frame(&mut self) -> Option<Close> {
        let a_minute = self.fanout.inner.config.bad_frames;
        self.bad_frames.get_or_insert_with(|| per_minute(a_minute)).check().is_err().then_some(Close::BadMessages)
    }

    pub(crate) fn may_ask(&mut self) -> bool {
        self.questions.get_or_insert_with(|| per_minute(60)).check().is_ok()
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
        let wait = at.saturating_duration_since(Instant::now());
        self.line.with(|out| {
            if !self.ours && !out.flavour.positions {
                return at;
            }
            out.say(&ServerMessage::Goaway { reconnect_in_ms: wait.as_millis() as u64 });
            latest
        })
    }

    /// Says what is still to be said, and why it ends, and reads on until the peer has confirmed it: closed with something
    /// unread in it, a connection is reset, and a reset takes along what the peer has not read yet.
    async fn goodbye(&mut self, why: Close) {
        self.line.with(|out| {
            let Frames { bytes, count } = Frames::close(why);
            out.keep(bytes, count);
            out.end.get_or_insert(End::Closed(why));
        });
        loop {
            let Needs { stuck_since, end, .. } = self.line.see();
            if end == Some(End::Gone) {
                return;
            }
            tokio::select! {
                read = self.reader.fill(self.line.tcp()) => {
                    if !matches!(read, Ok(1..)) {
                        return;
                    }
                    loop {
                        match self.reader.next(&mut Vec::new()) {
                            Ok(None) => break,
                            Ok(Some(Message::Close(_))) | Err(_) => return,
                            Ok(Some(_)) => {}
                        }
                    }
                }
                () = self.line.room(), if stuck_since.is_some() => {}
            }
        }
    }
}

fn per_minute(n: u32) -> Box<DefaultDirectRateLimiter> {
    Box::new(RateLimiter::direct(Quota::per_minute(NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN))))
}

async fn finished(slow: &mut Option<BoxFuture<'static, Done>>) -> Done {
    match slow {
        Some(slow) => slow.await,
        None => std::future::pending().await,
    }
}
