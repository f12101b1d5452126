//! One owned partition at work: read → apply → save rows, then position. [`Consumer::run`] is the story.

mod aftermath;
mod clock;

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use nats::connection::BrokerEvent;
use nats::{BrokerError, Entry};
use schemas::note::Mine;
use schemas::state::StateKind;
use schemas::{Millis, Pos, SessionId};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::effects::Effects;
use crate::errands::{self, Ran};
use crate::flush;
use crate::fold::Fold;
use crate::load::load;
use crate::metrics::{self, Trouble};
use crate::partition::{Backoff, Opened, Share, Taken};
use crate::presence::Crowds;
use crate::work::{Step, Work};

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
    pub(crate) share: Share,
    /// Since when we hear the nodes without a break.
    listening: Instant,
    inputs: Option<Opened>,
    pub(crate) work: Work,
    crowds: Crowds,
    jobs: JoinSet<Done>,
    saving: bool,
    stating: bool,
    ticks: u32,
    peaked: Instant,
    gauges: metrics::Gauges,
}

impl Consumer {
    pub fn new(share: Share, mut opened: Opened) -> Self {
        let now = Millis::now();
        let Config { stay, silence, .. } = &*share.config;
        let until = now.plus((*stay).max(*silence).as_millis() as i64);
        let mut work = Work::after(share.partition, opened.position);
        if opened.moved {
            // The place in the new epoch is saved at once, with the rows that had to be brought in line.
            work.pending.reached(opened.position, 1, Instant::now());
        }
        for Taken { fold, changed, said } in opened.taken.drain(..) {
            let session = fold.session.clone();
            work.seat(fold, changed, now);
            work.seats.keep_count(&session, said.unwrap_or(0), until);
        }
        Consumer {
            crowds: Crowds::new(share.config.silence, share.config.stay),
            listening: Instant::now(),
            work,
            inputs: Some(opened),
            jobs: JoinSet::new(),
            saving: false,
            stating: false,
            ticks: 0,
            peaked: Instant::now(),
            gauges: metrics::Gauges::taken(),
            share,
        }
    }

    pub async fn run(mut self, stop: &CancellationToken) -> Leave {
        for session in self.work.seats.sessions() {
            self.announce(&session);
        }
        let Some(Opened { entries, mut presence, mut questions, mut events, .. }) = self.inputs.take() else { return Leave::Reopen };
        let mut entries = entries.ready_chunks(READ);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.advance();
            self.attend();
            self.save(false);
            let due = self.work.pending.due(&self.share.config).unwrap_or_else(Instant::now);
            tokio::select! {
                () = stop.cancelled() => {
                    self.leave().await;
                    return Leave::Stopped;
                }
                Some(done) = self.jobs.join_next(), if !self.jobs.is_empty() => match done {
                    Ok(done) => self.done(done),
                    Err(_) => return Leave::Reopen,
                },
                read = entries.next(), if self.work.hungry(self.share.config.unsaved_entries) => match read {
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
                        let seat = self.work.seats.get(&question.ask.session);
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
                () = tokio::time::sleep_until(due.into()), if self.work.pending.weight > 0 && !self.saving => {}
                _ = tick.tick() => if !self.pass() {
                    // What was folded in the epoch before may be in no log any more: it is saved before anything is read anew.
                    self.leave().await;
                    return Leave::Reopen;
                },
            }
        }
    }

    fn take(&mut self, read: Vec<Result<Entry, BrokerError>>) -> bool {
        for entry in read {
            match entry {
                Ok(entry) => self.work.push(entry),
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
        while let Some(step) = self.work.step(self.share.config.unsaved_entries, Millis::now(), Instant::now()) {
            match step {
                Step::Load { session, upto } => return self.load(session, upto),
                Step::Passed { entry } => {
                    metrics::trouble(Trouble::Unreadable);
                    metrics::entry_folded(&entry);
                    if let Entry::Unreadable { seq, subject, why } = &entry {
                        tracing::error!(subject, seq, why, "an entry of the log cannot be read and is left out");
                    }
                }
                Step::Folded { entry, effects } => self.folded(&entry, &effects),
            }
        }
    }

    fn folded(&mut self, entry: &Entry, effects: &Effects) {
        let (session, stamp) = match entry {
            Entry::Fact(fact) => (&fact.session, fact.stamp),
            Entry::Pack(pack) => (&pack.session, pack.stamp),
            Entry::Unreadable { .. } => return,
        };
        metrics::entry_folded(entry);
        self.work.pending.traces.extend(nats::traces::at(session, entry.seq()));
        metrics::votes_judged(&effects.votes);
        metrics::likes_judged(&effects.likes);
        metrics::fold_lags(Millis::now().since(stamp));
        // Counted and said, never a panic: that would keep the whole partition from being folded, for one line of one recap.
        if effects.disagreement {
            metrics::trouble(Trouble::Disagreement);
            tracing::error!(session = %session, seq = entry.seq(), "a poll's result contradicts its votes");
        }
        if let Entry::Fact(fact) = entry {
            self.catch_up(session, fact.seq);
        }
        if let Some(change) = &effects.change {
            self.follow(session, change, stamp);
        }
    }

    fn load(&mut self, session: SessionId, upto: Pos) {
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
        let touched = self.work.touched();
        self.discharge(touched.iter().cloned());
        self.work.seats.stir(touched);
    }

    /// Does what is owed to these sessions now.
    fn discharge(&mut self, sessions: impl IntoIterator<Item = SessionId>) {
        let (now, at) = (Millis::now(), Instant::now());
        let trusted = self.listening.elapsed() >= self.share.config.silence;
        for session in sessions {
            let owed = self.work.seats.owed(&session, &self.crowds, trusted, now, at, &self.share.config);
            if let (Some(duty), Some(seat)) = (owed, self.work.seats.get_mut(&session)) {
                seat.begin(&duty);
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
        let pending = &self.work.pending;
        let now = Instant::now();
        let due = at_once || pending.weight >= config.flush_entries || pending.due(config).is_some_and(|due| now >= due);
        if pending.weight == 0 || self.saving || !due {
            return;
        }
        let flush = self.work.drain(now);
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
                let session = fold.session.clone();
                self.work.loaded(*fold, changed, Millis::now());
                self.announce(&session);
            }
            Done::Saved => self.saving = false,
            Done::Ran(session, ran) => {
                if let Some(seat) = self.work.seats.get_mut(&session) {
                    seat.ran(ran, Instant::now());
                    self.work.touch([session]);
                }
            }
            Done::Stated(failed) => {
                self.stating = false;
                for (session, kind) in failed {
                    if let Some(seat) = self.work.seats.get_mut(&session) {
                        seat.outlet.forget(kind);
                        self.work.seats.stir([session]);
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
