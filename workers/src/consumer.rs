//! One owned partition at work: read → apply → save rows, then position. [`Consumer::run`] is the story.

mod aftermath;
mod clock;

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use nats::connection::BrokerEvent;
use nats::{BrokerError, Entry};
use schemas::note::Mine;
use schemas::state::StateKind;
use schemas::{Millis, Pos, SessionId};
use store::Changes;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::effects::Effects;
use crate::errands::{self, Ran};
use crate::flush::{self, Pending};
use crate::fold::Fold;
use crate::load::load;
use crate::metrics::{self, Trouble};
use crate::partition::{Backoff, Opened, Share};
use crate::presence::Crowds;
use crate::seats::Seats;

/// How often time is let pass: timers are looked at, states said, silent nodes noticed.
const TICK: Duration = Duration::from_millis(50);
/// Every session is looked at once in this many ticks; those that something happened in, at once.
const ROUND: u32 = 5;
/// Every session's momentum is looked at once in this many ticks.
const MOMENT: u32 = 200;
/// Entries taken from the reader at once.
const READ: usize = 256;
/// States sent side by side, and packs in one publish.
const SENDS: usize = 16;
const PACKS: usize = 500;

/// Why a consumer ended.
pub enum Leave {
    Stopped,
    /// One of its streams ended. Nothing is lost: it goes on from what is saved.
    Reopen,
}

/// Work done beside the loop, so that a slow store or broker does not hold up the rest.
enum Done {
    /// With whether its rows had to be brought in line with the log.
    Loaded(Box<Fold>, bool),
    Saved,
    Ran(SessionId, Ran),
    /// The states that could not be said.
    Stated(Vec<(SessionId, StateKind)>),
    /// A session's states were removed.
    Cleared(SessionId),
    Aside,
}

pub struct Consumer {
    share: Share,
    /// Since when we hear the nodes without a break.
    listening: Instant,
    inputs: Option<Opened>,
    seats: Seats,
    crowds: Crowds,
    /// Read and not applied yet.
    queue: VecDeque<Entry>,
    pending: Pending,
    jobs: JoinSet<Done>,
    loading: bool,
    saving: bool,
    stating: bool,
    /// Sessions that something happened in since they were last looked at.
    touched: HashSet<SessionId>,
    ticks: u32,
    peaked: Instant,
    gauges: metrics::Gauges,
}

impl Consumer {
    pub fn new(share: Share, mut opened: Opened) -> Self {
        let now = Millis::now();
        let mut seats = Seats::default();
        let mut pending = Pending::after(opened.position);
        if opened.moved {
            // The place in the new epoch is saved at once, with the rows that had to be brought in line.
            pending.reached(opened.position, 1);
        }
        for (fold, changed) in opened.folds.drain(..) {
            if changed {
                pending.add(&fold.session, Effects::default());
            }
            seats.seat(fold, now);
        }
        Consumer {
            crowds: Crowds::new(share.config.silence, share.config.stay),
            listening: Instant::now(),
            seats,
            queue: VecDeque::new(),
            pending,
            inputs: Some(opened),
            jobs: JoinSet::new(),
            loading: false,
            saving: false,
            stating: false,
            touched: HashSet::new(),
            ticks: 0,
            peaked: Instant::now(),
            gauges: metrics::Gauges::taken(),
            share,
        }
    }

    pub async fn run(mut self, stop: &CancellationToken) -> Leave {
        let Some(Opened { entries, mut presence, mut questions, mut events, .. }) = self.inputs.take() else { return Leave::Reopen };
        let mut entries = entries.ready_chunks(READ);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.advance();
            self.attend();
            self.save(false);
            let due = self.pending.due(self.share.config.flush_window).unwrap_or_else(Instant::now);
            tokio::select! {
                () = stop.cancelled() => {
                    self.leave().await;
                    return Leave::Stopped;
                }
                Some(done) = self.jobs.join_next(), if !self.jobs.is_empty() => match done {
                    Ok(done) => self.done(done),
                    Err(_) => return Leave::Reopen,
                },
                read = entries.next(), if self.hungry() => match read {
                    Some(read) => if !self.take(read) { return Leave::Reopen },
                    None => return Leave::Reopen,
                },
                report = presence.next() => match report {
                    Some(report) => {
                        self.crowds.report(report, Millis::now());
                        self.stirred();
                    }
                    None => return Leave::Reopen,
                },
                question = questions.next() => match question {
                    Some(question) => {
                        let seat = self.seats.get(&question.ask.session);
                        let option = seat.and_then(|seat| seat.fold.mine(question.ask.poll, question.ask.person));
                        self.jobs.spawn(async move {
                            question.answer(Mine { option }).await;
                            Done::Aside
                        });
                    }
                    None => return Leave::Reopen,
                },
                event = events.recv() => match event {
                    Ok(event) => self.heard(event),
                    Err(RecvError::Lagged(_)) => self.heard(BrokerEvent::Lagged),
                    Err(RecvError::Closed) => return Leave::Reopen,
                },
                () = tokio::time::sleep_until(due.into()), if self.pending.weight > 0 && !self.saving => {}
                _ = tick.tick() => if !self.pass() {
                    // What was folded in the epoch before may be in no log any more: it is saved before anything is read anew.
                    self.leave().await;
                    return Leave::Reopen;
                },
            }
        }
    }

    /// Whether another chunk may be read: the last one is applied, and the store is not too far behind.
    fn hungry(&self) -> bool {
        self.queue.is_empty() && self.pending.weight < self.share.config.unsaved_entries
    }

    fn take(&mut self, read: Vec<Result<Entry, BrokerError>>) -> bool {
        for entry in read {
            match entry {
                Ok(entry) => self.queue.push_back(entry),
                Err(error) => {
                    metrics::trouble(Trouble::Reader);
                    tracing::warn!(partition = self.share.partition.0, %error, "the partition's reader ended; it is opened again");
                    return false;
                }
            }
        }
        true
    }

    /// Applies what is queued, in order, up to the first entry of a session that must be loaded first.
    fn advance(&mut self) {
        while let Some(entry) = self.queue.front().filter(|_| !self.loading && self.pending.weight < self.share.config.unsaved_entries) {
            let pos = Pos::new(self.share.epoch, entry.seq());
            let (session, stamp, weight) = match entry {
                Entry::Fact(fact) => (&fact.session, fact.stamp, 1),
                Entry::Pack(pack) => (&pack.session, pack.stamp, pack.pack.claims.len().max(1)),
                Entry::Unreadable { seq, subject, why } => {
                    metrics::trouble(Trouble::Unreadable);
                    tracing::error!(subject, seq, why, "an entry of the log cannot be read and is left out");
                    metrics::entry_folded(entry);
                    self.pending.reached(pos, 1);
                    self.queue.pop_front();
                    continue;
                }
            };
            let session = session.clone();
            let Some(seat) = self.seats.get_mut(&session) else {
                self.load(session, Pos::new(self.share.epoch, pos.seq().saturating_sub(1)));
                return;
            };
            let effects = seat.fold.apply(pos, entry);
            let now = Millis::now();
            seat.folded(&effects, stamp, now);
            metrics::entry_folded(entry);
            metrics::votes_judged(&effects.votes);
            metrics::likes_judged(&effects.likes);
            metrics::fold_lags(now.since(stamp));
            // Counted and said, never a panic: that would keep the whole partition from being folded, for one line of one recap.
            if effects.disagreement {
                metrics::trouble(Trouble::Disagreement);
                tracing::error!(session = %session, seq = pos.seq(), "a poll's result contradicts its votes");
            }
            if let Some(change) = &effects.change {
                self.follow(&session, change, stamp);
            }
            self.pending.reached(pos, weight);
            self.pending.add(&session, effects);
            self.touched.insert(session);
            self.queue.pop_front();
        }
    }

    fn load(&mut self, session: SessionId, upto: Pos) {
        self.loading = true;
        let share = self.share.clone();
        self.jobs.spawn(async move {
            let mut backoff = Backoff::default();
            loop {
                match load(&share, &session, upto).await {
                    Ok((fold, changed)) => return Done::Loaded(Box::new(fold), changed),
                    Err(error) => {
                        metrics::trouble(Trouble::Load);
                        tracing::warn!(session = %session, %error, "a session cannot be loaded; it is tried again");
                        backoff.wait().await;
                    }
                }
            }
        });
    }

    /// Looks at the sessions that something happened in.
    fn attend(&mut self) {
        let touched = std::mem::take(&mut self.touched);
        self.discharge(touched.iter().cloned());
        self.seats.stir(touched);
    }

    /// Does what is owed to these sessions now.
    fn discharge(&mut self, sessions: impl IntoIterator<Item = SessionId>) {
        let (now, at) = (Millis::now(), Instant::now());
        let trusted = self.listening.elapsed() >= self.share.config.silence;
        for session in sessions {
            let owed = self.seats.owed(&session, &self.crowds, trusted, now, at, &self.share.config);
            if let (Some(duty), Some(seat)) = (owed, self.seats.get_mut(&session)) {
                seat.errands.begin();
                let (share, view) = (self.share.clone(), seat.fold.view.clone());
                self.jobs.spawn(async move {
                    let ran = errands::run(&share, &session, &view, duty).await;
                    Done::Ran(session, ran)
                });
            }
        }
    }

    /// Saves what is pending when it is due, or at once, one flush at a time.
    fn save(&mut self, at_once: bool) {
        let config = &self.share.config;
        let due = at_once
            || self.pending.weight >= config.flush_entries
            || self.pending.due(config.flush_window).is_some_and(|due| Instant::now() >= due);
        if self.pending.weight == 0 || self.saving || !due {
            return;
        }
        let upto = self.pending.upto();
        let mut changes = Changes {
            partition: self.share.partition,
            upto,
            runs: Vec::new(),
            plays: Vec::new(),
            likes: Vec::new(),
            wishes: Vec::new(),
            polls: Vec::new(),
            votes: Vec::new(),
        };
        for session in &self.pending.sessions {
            if let Some(seat) = self.seats.get_mut(session) {
                seat.fold.drain_into(&mut changes);
            }
        }
        let seats = &self.seats;
        let flush = self.pending.take(changes, |session, poll| seats.get(session)?.fold.tally_of(poll).map(<[u64]>::to_vec));
        self.saving = true;
        let share = self.share.clone();
        self.jobs.spawn(async move {
            flush::flush(&share, flush).await;
            Done::Saved
        });
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Loaded(fold, changed) => {
                self.loading = false;
                if changed {
                    self.pending.add(&fold.session, Effects::default());
                }
                self.seats.seat(*fold, Millis::now());
            }
            Done::Saved => self.saving = false,
            Done::Ran(session, ran) => {
                if let Some(seat) = self.seats.get_mut(&session) {
                    seat.errands.end(&ran, Instant::now());
                }
            }
            Done::Stated(failed) => {
                self.stating = false;
                for (session, kind) in failed {
                    if let Some(seat) = self.seats.get_mut(&session) {
                        seat.outlet.forget(kind);
                        self.seats.stir([session]);
                    }
                }
            }
            Done::Cleared(session) => self.say_again(&session),
            Done::Aside => {}
        }
    }

    /// Saves what is folded, then lets go. What cannot be saved in time is folded again by the next owner.
    async fn leave(mut self) {
        let patience = self.share.config.leave;
        let all_saved = async {
            loop {
                self.save(true);
                if !self.saving {
                    return;
                }
                match self.jobs.join_next().await {
                    Some(Ok(done)) => self.done(done),
                    Some(Err(_)) | None => return,
                }
            }
        };
        if tokio::time::timeout(patience, all_saved).await.is_err() {
            tracing::warn!(partition = self.share.partition.0, "left before the last flush was saved; the next owner folds it again");
        }
    }
}
