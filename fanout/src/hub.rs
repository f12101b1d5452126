//! The hub of one session: follows its updates, puts them on the board, tells its sockets, knows who is here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nats::{Applied, Session, Update};
use parking_lot::Mutex;
use schemas::note::{Applause, Clap, Present, Verdict};
use schemas::server::ServerMessage;
use schemas::state::{State, StateKind};
use schemas::view::{Change, Run};
use schemas::{PersonId, Seq, SessionId, say};
use smallvec::SmallVec;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use crate::board::{Board, Cursor, Pulled, Slot};
use crate::crowd::{Crowd, Ticket};
use crate::delivery::Delivery;
use crate::hubs::Hubs;
use crate::line::Line;
use crate::presence::Reporter;
use crate::wave::Wave;
use crate::{metrics, probes};

/// A hub that nobody is in is forgotten after this.
const LINGER: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug)]
pub struct Paces {
    pub track: Duration,
    pub like: Duration,
    pub thanks: Duration,
}

pub struct Hub {
    session: Session,
    board: Mutex<Board>,
    crowd: Crowd,
    members: Mutex<Members>,
    reporter: Reporter,
    /// Whether somebody answers here when a node asks for the DJ.
    pub answering: AtomicBool,
}

#[derive(Default)]
struct Members {
    /// Sockets of each person here: tabs are counted once.
    people: HashMap<Present, SmallVec<[Ticket; 2]>>,
    djs: Vec<(Ticket, Arc<Line>)>,
    /// How many of `people` are dancers.
    dancers: u64,
}

impl Hub {
    pub fn start(session: Session, paces: Paces, reporter: Reporter, hubs: Hubs) -> Arc<Hub> {
        let updates = session.updates();
        let board = seeded(&session, paces.track);
        let hub = Arc::new(Hub {
            session,
            board: Mutex::new(board),
            crowd: Crowd::default(),
            members: Mutex::default(),
            reporter,
            answering: AtomicBool::new(false),
        });
        for state in hub.session.states() {
            hub.put_state(&state);
        }
        let reached = hub.board.lock().here();
        let (like, thanks) = (Pacer::new(paces.like), Pacer::new(paces.thanks));
        tokio::spawn(Task { hub: hub.clone(), pace: paces.track, heard: 0, reached, like, thanks }.run(updates, hubs));
        hub
    }

    pub fn id(&self) -> &SessionId {
        self.session.id()
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn is_empty(&self) -> bool {
        self.crowd.is_empty()
    }

    /// Seats a socket. `place` is called under the board's lock, so that what it reads of the session and the cursor that it
    /// makes belong to one moment: nothing falls between, nothing comes twice.
    pub fn join<T>(&self, who: Present, line: Arc<Line>, hubs: &Hubs, place: impl FnOnce(&Board, &Session) -> T) -> (Ticket, T) {
        let board = self.board.lock();
        let placed = place(&board, &self.session);
        let ticket = self.crowd.join(line.clone());
        let mut members = self.members.lock();
        if matches!(who, Present::Dj(_)) {
            members.djs.push((ticket, line));
            if !self.answering.swap(true, Ordering::AcqRel) {
                probes::answer(hubs.broker().clone(), hubs.clone(), self.id().clone());
            }
        }
        let tickets = members.people.entry(who).or_default();
        tickets.push(ticket);
        if tickets.len() == 1 {
            members.dancers += u64::from(matches!(who, Present::Dancer(_)));
            self.reporter.changed(self.id(), who, true);
        }
        (ticket, placed)
    }

    /// Reads board and session in one moment.
    pub fn look<T>(&self, read: impl FnOnce(&Board, &Session) -> T) -> T {
        read(&self.board.lock(), &self.session)
    }

    pub fn leave_dancer(&self, ticket: Option<Ticket>, person: PersonId) {
        ticket.into_iter().for_each(|ticket| self.leave(ticket, Present::Dancer(person)));
    }

    pub fn leave_dj(&self, ticket: Option<Ticket>, person: PersonId) {
        ticket.into_iter().for_each(|ticket| self.leave(ticket, Present::Dj(person)));
    }

    fn leave(&self, ticket: Ticket, who: Present) {
        let mut members = self.members.lock();
        self.crowd.leave(ticket);
        members.djs.retain(|(dj, _)| *dj != ticket);
        let Some(tickets) = members.people.get_mut(&who) else { return };
        tickets.retain(|one| *one != ticket);
        if tickets.is_empty() {
            members.people.remove(&who);
            members.dancers -= u64::from(matches!(who, Present::Dancer(_)));
            self.reporter.changed(self.id(), who, false);
        }
    }

    pub fn pull(&self, cursor: &mut Cursor, limit: usize) -> Pulled {
        self.board.lock().pull(cursor, limit)
    }

    /// Everyone who is here.
    pub fn people(&self) -> Vec<Present> {
        self.members.lock().people.keys().copied().collect()
    }

    /// Distinct dancers on this node.
    pub fn dancers(&self) -> u64 {
        self.members.lock().dancers
    }

    /// The listener count to say now: of the whole system where it is known, never less than is seen here.
    pub fn listeners(&self) -> u64 {
        let local = self.dancers();
        match self.session.state(StateKind::Listeners) {
            Some(State::Listeners { count, .. }) => count.max(local),
            Some(State::Tally { .. } | State::Tempo { .. }) | None => local,
        }
    }

    pub fn dj_lines(&self) -> Vec<Arc<Line>> {
        self.members.lock().djs.iter().map(|(_, line)| line.clone()).collect()
    }

    /// Tells one person, on each of their sockets here, once.
    pub fn tell(&self, verdict: &Verdict, message: &ServerMessage) {
        let lines = {
            let members = self.members.lock();
            let seats = [Present::Dancer(verdict.person), Present::Dj(verdict.person)];
            let mut lines: Vec<Arc<Line>> =
                seats.iter().filter_map(|who| members.people.get(who)).flatten().filter_map(|ticket| self.crowd.get(*ticket)).collect();
            lines.sort_by_key(Arc::as_ptr);
            lines.dedup_by(|a, b| Arc::ptr_eq(a, b));
            lines
        };
        lines.iter().for_each(|line| line.say(|out| out.say(message)));
    }

    fn put_state(&self, state: &State) {
        let view = self.session.view();
        let Some(run) = view.live() else { return };
        let slot = match state {
            State::Tally { poll, .. } if run.poll.as_ref().is_some_and(|open| open.opened.poll == *poll) => Slot::Tally,
            State::Tempo { play, .. } if run.current().is_some_and(|current| current.seq == *play) => Slot::Tempo,
            State::Listeners { .. } => Slot::Listeners,
            // Of a poll that is over or a track that is past: nobody should hear it any more.
            State::Tally { .. } | State::Tempo { .. } => return,
        };
        let mut message = say::of_state(self.id(), state);
        if let ServerMessage::ListenerCount { count, .. } = &mut message {
            // The workers may not have heard of an arrival that its node has told already.
            *count = (*count).max(self.dancers());
        }
        self.board.lock().set(slot, Arc::new(Delivery::of(message)));
    }

    fn put_fact(&self, fact: &Applied) {
        put(&mut self.board.lock(), fact);
    }
}

/// Puts a fact on a board, and takes away the states that it makes void.
pub fn put(board: &mut Board, fact: &Applied) {
    match &fact.change {
        Change::Begun | Change::Ended(_) => {
            [Slot::Tally, Slot::Tempo, Slot::Like, Slot::Thanks].into_iter().for_each(|slot| board.clear(slot))
        }
        Change::Track(_) | Change::Stopped => board.clear(Slot::Tempo),
        Change::PollOpened(_) | Change::PollClosed { .. } | Change::PollCancelled { .. } => board.clear(Slot::Tally),
        Change::Away | Change::Back | Change::Metadata(_) | Change::Announced(_) | Change::AnnouncementEnded => {}
    }
    board.push(fact.seq, delivery(fact), matches!(fact.change, Change::Track(_)));
}

/// A board that begins with the facts that are kept, all those after `floor`.
pub fn begun(mut board: Board, floor: Seq, facts: &[Arc<Applied>]) -> Board {
    board.start_after(floor);
    facts.iter().for_each(|fact| board.seed(fact.seq, delivery(fact)));
    board
}

/// A board with what the session keeps of its run.
fn seeded(session: &Session, pace: Duration) -> Board {
    let (floor, facts) = session.kept();
    begun(Board::new(session.epoch(), pace, Instant::now()), floor, &facts)
}

fn delivery(fact: &Applied) -> Arc<Delivery> {
    Arc::new(Delivery::new(Some(fact.seq), fact.messages.clone()))
}

/// At most one a period: the first at once, then the newest when the period is over.
struct Pacer {
    every: Duration,
    next: Instant,
    waiting: Option<Arc<Delivery>>,
}

impl Pacer {
    fn new(every: Duration) -> Self {
        Pacer { every, next: Instant::now(), waiting: None }
    }

    fn offer(&mut self, delivery: Arc<Delivery>) {
        self.waiting = Some(delivery);
    }

    /// What is due, or when to look again.
    fn due(&mut self, now: Instant) -> (Option<Arc<Delivery>>, Option<Instant>) {
        if self.waiting.is_some() && now < self.next {
            return (None, Some(self.next));
        }
        let due = self.waiting.take();
        if due.is_some() {
            self.next = now + self.every;
        }
        (due, None)
    }
}

struct Task {
    hub: Arc<Hub>,
    /// Between two tracks.
    pace: Duration,
    /// Applause up to this position was heard.
    heard: Seq,
    /// Where everybody stands who has heard all.
    reached: Cursor,
    like: Pacer,
    thanks: Pacer,
}

impl Task {
    async fn run(mut self, mut updates: tokio::sync::broadcast::Receiver<Update>, hubs: Hubs) {
        let mut empty_since = Instant::now();
        let mut linger = tokio::time::interval(LINGER);
        loop {
            let again = self.settle().await;
            tokio::select! {
                update = updates.recv() => match update {
                    Ok(update) => {
                        self.take(update);
                        // A burst is put on the board whole before the sockets are woken once.
                        while let Ok(update) = updates.try_recv() {
                            self.take(update);
                        }
                    }
                    Err(RecvError::Lagged(_)) => self.catch_up(),
                    Err(RecvError::Closed) => return,
                },
                () = wait_until(again) => {}
                _ = linger.tick() => {
                    if !self.hub.is_empty() {
                        empty_since = Instant::now();
                    } else if empty_since.elapsed() >= LINGER && hubs.forget(&self.hub) {
                        return;
                    }
                }
            }
        }
    }

    /// Shows what is due and tells the sockets. Gives when something else will be due.
    async fn settle(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let (like, like_again) = self.like.due(now);
        let (thanks, thanks_again) = self.thanks.due(now);
        let (wave, track_again) = {
            let mut board = self.hub.board.lock();
            like.into_iter().for_each(|d| board.set(Slot::Like, d));
            thanks.into_iter().for_each(|d| board.set(Slot::Thanks, d));
            let track_again = board.advance(now);
            (Wave::since(&self.hub, &board, &mut self.reached), track_again)
        };
        if let Some(wave) = wave {
            self.hub.crowd.each(|line| line.hear(&wave)).await;
        }
        [like_again, thanks_again, track_again].into_iter().flatten().min()
    }

    fn take(&mut self, update: Update) {
        match update {
            Update::Fact(fact) => {
                metrics::fact_heard(fact.stamp);
                self.warn_dj(&fact);
                self.hub.put_fact(&fact);
            }
            Update::State(state) => self.hub.put_state(&state),
            Update::Applause(applause) => self.applaud(&applause),
            Update::Anew => self.begin_anew(),
        }
    }

    /// An end that the DJ did not ask for is told to them with its reason; everyone hears the end itself.
    fn warn_dj(&self, fact: &Applied) {
        let Change::Ended(reason) = &fact.change else { return };
        let Some(reason) = reason.expiry() else { return };
        let expired = ServerMessage::SessionExpired { session_id: self.hub.id().clone(), reason: reason.to_owned() };
        self.hub.dj_lines().iter().for_each(|dj| dj.say(|out| out.say(&expired)));
    }

    /// The log is another one: so is the board, and every socket starts from the state when it pulls next.
    fn begin_anew(&mut self) {
        *self.hub.board.lock() = seeded(&self.hub.session, self.pace);
        self.hub.session.states().iter().for_each(|state| self.hub.put_state(state));
    }

    /// Updates were missed in this process: the session still holds them.
    fn catch_up(&mut self) {
        let session = self.hub.session.clone();
        if self.hub.board.lock().epoch() != session.epoch() {
            return self.begin_anew();
        }
        let last = self.hub.board.lock().newest();
        match session.since(last) {
            Some(facts) => facts.iter().for_each(|fact| self.hub.put_fact(fact)),
            None => self.hub.board.lock().start_after(session.view().last),
        }
        session.states().iter().for_each(|state| self.hub.put_state(state));
    }

    /// Each like to the DJ; to dancers the newest, paced.
    fn applaud(&mut self, applause: &Applause) {
        let view = self.hub.session.view();
        let Some(run) = &view.run else { return };
        let djs = self.hub.dj_lines();
        let mut claps: Vec<Arc<Delivery>> = Vec::new();
        let mut said: Vec<(Clap, Arc<Delivery>)> = Vec::new();
        for (_, clap) in applause.items.iter().filter(|(seq, _)| *seq > self.heard) {
            // A thousand likes of one track are one delivery, encoded once.
            let delivery = match said.iter().find(|(of, _)| of == clap) {
                Some((_, delivery)) => delivery.clone(),
                None => {
                    let Some(message) = self.say_clap(run, clap) else { continue };
                    let delivery = Arc::new(Delivery::of(message));
                    said.push((*clap, delivery.clone()));
                    delivery
                }
            };
            claps.push(delivery.clone());
            match clap {
                Clap::Like(_) => self.like.offer(delivery),
                Clap::Thanks(_) => self.thanks.offer(delivery),
            }
        }
        for dj in djs {
            metrics::applause_dropped(dj.applaud(&claps));
        }
        self.heard = self.heard.max(applause.to);
    }
}

impl Task {
    fn say_clap(&self, run: &Run, clap: &Clap) -> Option<ServerMessage> {
        match clap {
            Clap::Like(key) => run.plays.iter().rev().find(|play| play.key == *key).map(|play| say::like_received(&play.track)),
            Clap::Thanks(reaction) => Some(ServerMessage::ReactionReceived { session_id: self.hub.id().clone(), reaction: *reaction }),
        }
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
