//! The sessions that an owner holds in memory, and what it keeps of each beside the fold.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use schemas::note::Clap;
use schemas::state::State;
use schemas::view::Change;
use schemas::{Millis, SessionId};

use crate::config::Config;
use crate::duties::{Duty, Sight, duty};
use crate::effects::Effects;
use crate::errands::{Errands, Ran};
use crate::fold::Fold;
use crate::momentum::Momentum;
use crate::presence::Crowds;
use crate::shown::Shown;
use crate::states::{Floor, Outlet};

pub struct Seat {
    pub fold: Fold,
    errands: Errands,
    pub outlet: Outlet,
    shown: Shown,
    momentum: Momentum,
    /// When this owner took the session up, and when it last folded something of it.
    since: Millis,
    touched: Millis,
    /// The most listeners that were seen and are not in the log yet.
    peak: u64,
    /// What the owner before said of the listeners, and until when the count does not fall below it: who left shortly before
    /// this owner came is still to be counted, and nobody can say who that was.
    said: (u64, Millis),
}

impl Seat {
    pub fn new(fold: Fold, now: Millis) -> Self {
        Seat {
            fold,
            errands: Errands::default(),
            outlet: Outlet::default(),
            shown: Shown::default(),
            momentum: Momentum::default(),
            since: now,
            touched: now,
            peak: 0,
            said: (0, now),
        }
    }

    /// A duty is being done.
    pub fn begin(&mut self, duty: &Duty) {
        self.errands.begin();
        match duty {
            Duty::Show(_) => self.shown.sent(),
            Duty::Say(_) | Duty::AskClose(_) => {}
        }
    }

    /// It went like this.
    pub fn ran(&mut self, ran: Ran, now: Instant) {
        self.errands.end(&ran, now);
        match ran {
            Ran::Shown(record, last) => self.shown.stored(*record, last),
            Ran::Newest(_) | Ran::Asked | Ran::Failed => {}
        }
    }

    fn listeners(&self, seen: u64, now: Millis) -> u64 {
        let (said, until) = self.said;
        if now < until { seen.max(said) } else { seen }
    }

    /// Notes what the fold does not keep.
    pub fn folded(&mut self, effects: &Effects, stamp: Millis, now: Millis) {
        self.touched = now;
        match effects.change {
            // These change who is on, and a record came with them.
            Some(Change::Begun | Change::Away | Change::Back | Change::Ended(_)) => self.shown.overwritten(self.fold.view.last),
            Some(
                Change::Track(_)
                | Change::Stopped
                | Change::Metadata(_)
                | Change::PollOpened(_)
                | Change::PollClosed { .. }
                | Change::PollCancelled { .. }
                | Change::Announced(_)
                | Change::AnnouncementEnded,
            )
            | None => {}
        }
        for (_, clap) in &effects.claps {
            match clap {
                Clap::Like(_) => self.momentum.like(stamp),
                Clap::Thanks(_) => {}
            }
        }
    }
}

#[derive(Default)]
pub struct Seats {
    seats: HashMap<SessionId, Seat>,
    /// Sessions whose states may have changed since they were last said.
    restless: HashSet<SessionId>,
}

impl Seats {
    pub fn seat(&mut self, fold: Fold, now: Millis) {
        self.restless.insert(fold.session.clone());
        self.seats.insert(fold.session.clone(), Seat::new(fold, now));
    }

    pub fn get(&self, session: &SessionId) -> Option<&Seat> {
        self.seats.get(session)
    }

    pub fn get_mut(&mut self, session: &SessionId) -> Option<&mut Seat> {
        self.seats.get_mut(session)
    }

    pub fn sessions(&self) -> Vec<SessionId> {
        self.seats.keys().cloned().collect()
    }

    pub fn stir(&mut self, sessions: impl IntoIterator<Item = SessionId>) {
        self.restless.extend(sessions);
    }

    /// What is owed to a session now, if nothing is under way for it.
    pub fn owed(&self, session: &SessionId, crowds: &Crowds, trusted: bool, now: Millis, at: Instant, config: &Config) -> Option<Duty> {
        let seat = self.seats.get(session)?;
        if !seat.errands.free(seat.fold.view.last, at) {
            return None;
        }
        duty(&seat.fold, &seat.shown, Sight { now, dj: crowds.dj(session), trusted, since: seat.since }, config)
    }

    /// States to be said now.
    pub fn states(&mut self, crowds: &Crowds, clock: Millis, now: Instant, config: &Config) -> Vec<(SessionId, State)> {
        let mut said = Vec::new();
        let mut later = HashSet::new();
        for session in self.restless.drain() {
            let Some(seat) = self.seats.get_mut(&session) else { continue };
            let listeners = seat.listeners(crowds.count(&session), clock);
            seat.momentum.listeners(listeners, clock);
            seat.peak = seat.peak.max(listeners);
            let floor = Floor { listeners, momentum: seat.momentum.now(clock), clock, now };
            let (states, waits) = seat.outlet.due(&seat.fold, &floor, config);
            said.extend(states.into_iter().map(|state| (session.clone(), state)));
            if waits {
                later.insert(session);
            }
        }
        self.restless = later;
        said
    }

    /// Peaks that rose above what the log knows.
    pub fn peaks(&self) -> Vec<(SessionId, u64)> {
        let risen = self.seats.iter().filter(|(_, seat)| {
            let known = seat.fold.rows().and_then(|rows| rows.run.get(&())).map(|run| run.peak_listeners);
            seat.fold.view.live().is_some() && known.is_some_and(|known| seat.peak > known)
        });
        risen.map(|(session, seat)| (session.clone(), seat.peak)).collect()
    }

    /// Until then the count of listeners does not fall below this.
    pub fn keep_count(&mut self, session: &SessionId, said: u64, until: Millis) {
        if let Some(seat) = self.seats.get_mut(session) {
            seat.said = (said, until);
        }
    }

    /// A new run's listeners begin at nothing.
    pub fn forget_listeners(&mut self, session: &SessionId) {
        if let Some(seat) = self.seats.get_mut(session) {
            (seat.peak, seat.said.0) = (0, 0);
        }
    }

    /// Sessions that are on, and the listeners of all.
    pub fn totals(&self, crowds: &Crowds) -> (u64, u64) {
        let live = self.seats.iter().filter(|(_, seat)| seat.fold.view.live().is_some());
        live.fold((0, 0), |(sessions, listeners), (session, _)| (sessions + 1, listeners + crowds.count(session)))
    }

    /// Lets go of sessions that are over and quiet, less those in `keep`, whose rows are not saved yet.
    pub fn evict(&mut self, keep: &HashSet<SessionId>, now: Millis, config: &Config) {
        let quiet = config.evict.as_millis() as i64;
        self.seats.retain(|session, seat| seat.fold.view.live().is_some() || keep.contains(session) || now.since(seat.touched) < quiet);
    }
}
