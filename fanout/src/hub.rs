//! The hub of one session: follows its updates, puts them on the board, tells its sockets, knows who is here.

mod task;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nats::{Applied, Session};
use parking_lot::Mutex;
use schemas::note::{Present, Verdict};
use schemas::server::ServerMessage;
use schemas::state::{State, StateKind};
use schemas::view::Change;
use schemas::{PersonId, Seq, SessionId, say};
use smallvec::SmallVec;
use tokio::time::Instant;

use crate::board::{Board, Cursor, Pulled, Slot};
use crate::crowd::{Crowd, Ticket};
use crate::delivery::Delivery;
use crate::hubs::Hubs;
use crate::line::Line;
use crate::presence::Reporter;
use crate::probes;

use self::task::Task;

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
    /// How many of those are the DJ too.
    looking: u64,
}

impl Members {
    /// Whether this person is here as a DJ and as a dancer.
    fn is_looking_dj(&self, who: Present) -> bool {
        let (Present::Dancer(person) | Present::Dj(person)) = who;
        [Present::Dancer(person), Present::Dj(person)].iter().all(|who| self.people.contains_key(who))
    }
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
        tokio::spawn(Task::of(hub.clone(), paces).run(updates, hubs));
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
            let looking = members.is_looking_dj(who);
            members.looking += u64::from(looking);
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
            let looking = members.is_looking_dj(who);
            members.looking -= u64::from(looking);
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

    /// Distinct dancers on this node. A DJ who looks at their own session is none of them.
    pub fn dancers(&self) -> u64 {
        let members = self.members.lock();
        members.dancers - members.looking
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
            State::Tally { poll, .. } if run.poll.as_ref().is_some_and(|open| open.opened.poll == *poll) => {
                if run.conceals(*poll) {
                    Slot::HiddenTally
                } else {
                    Slot::Tally
                }
            }
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
        if matches!(slot, Slot::HiddenTally) {
            // No wave goes out for what so few may hear.
            self.dj_lines().iter().for_each(|line| line.pump());
        }
    }

    fn put_fact(&self, fact: &Applied) {
        put(&mut self.board.lock(), fact);
    }
}

/// Puts a fact on a board, and takes away the states that it makes void.
pub fn put(board: &mut Board, fact: &Applied) {
    match &fact.change {
        Change::Begun | Change::Ended(_) => {
            [Slot::Tally, Slot::HiddenTally, Slot::Tempo, Slot::Like, Slot::Thanks].into_iter().for_each(|slot| board.clear(slot))
        }
        Change::Track(_) | Change::Stopped => board.clear(Slot::Tempo),
        Change::PollOpened(_) | Change::PollClosed { .. } | Change::PollCancelled { .. } => {
            board.clear(Slot::Tally);
            board.clear(Slot::HiddenTally);
        }
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
