//! One owned partition at work: read → apply → save rows, then position. [`Consumer::run`] is the story.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use nats::connection::BrokerEvent;
use nats::{BrokerError, Entry};
use schemas::claim::Claim;
use schemas::fact::EndReason;
use schemas::note::Mine;
use schemas::state::{State, StateKind};
use schemas::view::{Change, OpenPoll};
use schemas::{Millis, Pos, SessionId};
use store::Changes;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

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
/// Every session is looked at once in this many ticks; those that something happened in, at every tick.
const ROUND: u32 = 5;
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
    Loaded(Box<Fold>),
    Saved,
    Ran(SessionId, Ran),
    /// The states that could not be said.
    Stated(Vec<(SessionId, StateKind)>),
    Aside,
}

pub struct Consumer {
    share: Share,
    gained: Instant,
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
    touched: HashSet<SessionId>,
    ticks: u32,
    peaked: Instant,
    gauges: metrics::Share,
}

impl Consumer {
    pub fn new(share: Share, mut opened: Opened) -> Self {
        let now = Millis::now();
        let mut seats = Seats::default();
        for fold in opened.folds.drain(..) {
            seats.seat(fold, now);
        }
        Consumer {
            crowds: Crowds::new(share.config.silence, share.config.stay),
            gained: Instant::now(),
            seats,
            queue: VecDeque::new(),
            pending: Pending::after(opened.position),
            inputs: Some(opened),
            jobs: JoinSet::new(),
            loading: false,
            saving: false,
            stating: false,
            touched: HashSet::new(),
            ticks: 0,
            peaked: Instant::now(),
            gauges: metrics::Share::taken(),
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
            self.discharge();
            self.save();
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
                        question.answer(Mine { option }).await;
                    }
                    None => return Leave::Reopen,
                },
                event = events.recv() => match event {
                    Ok(event) => self.heard(event),
                    Err(RecvError::Lagged(_)) => self.heard(BrokerEvent::Lagged),
                    Err(RecvError::Closed) => return Leave::Reopen,
                },
                () = tokio::time::sleep_until(due.into()), if self.pending.weight > 0 && !self.saving => {}
                _ = tick.tick() => self.pass(),
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
        while let Some(entry) = self.queue.front().filter(|_| !self.loading) {
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
            debug_assert!(!effects.disagreement, "{session}: the result at {} contradicts the rows", pos.seq());
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
                    Ok(fold) => return Done::Loaded(Box::new(fold)),
                    Err(error) => {
                        metrics::trouble(Trouble::Load);
                        tracing::warn!(session = %session, %error, "a session cannot be loaded; it is tried again");
                        backoff.wait().await;
                    }
                }
            }
        });
    }

    /// What must happen outside the fold because of a fact. Each of these may be lost or done twice without harm.
    fn follow(&mut self, session: &SessionId, change: &Change, stamp: Millis) {
        match change {
            Change::Begun => self.seats.forget_peak(session),
            Change::PollClosed { poll, .. } => {
                if let Some(late) = poll.opened.ends_at.map(|due| stamp.since(due)).filter(|late| *late >= 0) {
                    metrics::poll_closed_late_by(late);
                }
                self.cancel_timer(session, poll, stamp);
            }
            Change::PollCancelled { poll, .. } => self.cancel_timer(session, poll, stamp),
            Change::Ended(reason) => self.ended(session, *reason),
            Change::Away
            | Change::Back
            | Change::Track(_)
            | Change::Stopped
            | Change::Metadata(_)
            | Change::PollOpened(_)
            | Change::Announced(_)
            | Change::AnnouncementEnded => {}
        }
    }

    fn cancel_timer(&mut self, session: &SessionId, poll: &OpenPoll, stamp: Millis) {
        if poll.opened.ends_at.is_none_or(|due| due <= stamp) {
            return;
        }
        let (share, session, poll) = (self.share.clone(), session.clone(), poll.opened.poll);
        self.jobs.spawn(async move {
            if share.broker.cancel_timer(&session, poll).await.is_err() {
                metrics::trouble(Trouble::Publish);
            }
            Done::Aside
        });
    }

    fn ended(&mut self, session: &SessionId, reason: EndReason) {
        metrics::session_ended(reason);
        self.crowds.forget_dj(session);
        let Some(run) = self.seats.get(session).and_then(|seat| seat.fold.view.run.clone()) else { return };
        let (share, session) = (self.share.clone(), session.clone());
        self.jobs.spawn(async move {
            if share.broker.release_code(&run.join_code).await.is_err() {
                metrics::trouble(Trouble::Publish);
            }
            // Whoever looks at the end still sees how many were there. A session that began again meanwhile has states of its own.
            tokio::time::sleep(share.config.clear_delay).await;
            let over = share.broker.newest_fact(&session).await.is_ok_and(|fact| fact.is_some_and(|f| f.record.fact.kind() == "ended"));
            if over && share.broker.clear_states(&session).await.is_err() {
                metrics::trouble(Trouble::State);
            }
            Done::Aside
        });
    }

    /// Does what is owed to the sessions that something happened in.
    fn discharge(&mut self) {
        let (now, at) = (Millis::now(), Instant::now());
        let trusted = self.gained.elapsed() >= self.share.config.silence;
        for session in std::mem::take(&mut self.touched) {
            let owed = self.seats.owed(&session, &self.crowds, trusted, now, at, &self.share.config);
            if let (Some(duty), Some(seat)) = (owed, self.seats.get_mut(&session)) {
                seat.errands.begin();
                let (share, view, session) = (self.share.clone(), seat.fold.view.clone(), session.clone());
                self.jobs.spawn(async move {
                    let ran = errands::run(&share, &session, &view, duty).await;
                    Done::Ran(session, ran)
                });
            }
            self.seats.stir([session]);
        }
    }

    /// Saves what is pending when it is due, one flush at a time.
    fn save(&mut self) {
        let config = &self.share.config;
        let due =
            self.pending.weight >= config.flush_entries || self.pending.due(config.flush_window).is_some_and(|due| Instant::now() >= due);
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
            Done::Loaded(fold) => {
                self.loading = false;
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
            Done::Aside => {}
        }
    }

    fn stirred(&mut self) {
        let changed = self.crowds.changed();
        self.touched.extend(changed);
    }

    fn heard(&mut self, event: BrokerEvent) {
        match event {
            BrokerEvent::Connected => {
                // The broker may have been restarted, and its memory with it.
                for session in self.seats.sessions() {
                    if let Some(seat) = self.seats.get_mut(&session) {
                        StateKind::ALL.into_iter().for_each(|kind| seat.outlet.forget(kind));
                    }
                    self.seats.stir([session]);
                }
                self.ask_presence();
            }
            BrokerEvent::Lagged => self.ask_presence(),
            BrokerEvent::Disconnected => {}
        }
    }

    fn ask_presence(&mut self) {
        let share = self.share.clone();
        self.jobs.spawn(async move {
            // Unheard, it costs a quarter of a minute: the nodes report by themselves.
            if share.broker.ask_presence(share.partition).await.is_err() {
                metrics::trouble(Trouble::Note);
            }
            Done::Aside
        });
    }

    /// Lets time pass.
    fn pass(&mut self) {
        let now = Millis::now();
        self.ticks = self.ticks.wrapping_add(1);
        if !self.share.broker.available() {
            // Nobody can be heard; silence says nothing about the nodes.
            self.crowds.excuse(now);
        }
        if self.ticks.is_multiple_of(ROUND) {
            self.crowds.pass(now);
            self.stirred();
            self.touched.extend(self.seats.sessions());
            let (sessions, listeners) = self.seats.totals(&self.crowds);
            self.gauges.set(sessions, listeners);
            if self.queue.is_empty() && !self.saving {
                self.seats.evict(&self.pending.sessions, now, &self.share.config);
            }
        }
        if self.peaked.elapsed() >= self.share.config.peak_pace {
            self.peaked = Instant::now();
            self.publish_peaks();
        }
        if !self.stating && self.share.broker.available() {
            let states = self.seats.states(&self.crowds, now, Instant::now(), &self.share.config);
            self.say_states(states);
        }
    }

    fn say_states(&mut self, states: Vec<(SessionId, State)>) {
        if states.is_empty() {
            return;
        }
        self.stating = true;
        let share = self.share.clone();
        self.jobs.spawn(async move {
            let share = &share;
            let sends = futures_util::stream::iter(states).map(|(session, state)| async move {
                let failed = share.broker.put_state(&session, &state).await.is_err();
                failed.then(|| {
                    metrics::trouble(Trouble::State);
                    (session, state.kind())
                })
            });
            Done::Stated(sends.buffer_unordered(SENDS).filter_map(std::future::ready).collect().await)
        });
    }

    fn publish_peaks(&mut self) {
        let peaks = self.seats.peaks();
        let share = self.share.clone();
        if peaks.is_empty() {
            return;
        }
        self.jobs.spawn(async move {
            for peaks in peaks.chunks(PACKS) {
                let packs =
                    peaks.iter().map(|(session, listeners)| (session.clone(), errands::system(Claim::Peak { listeners: *listeners })));
                errands::publish(&share, packs.collect()).await;
            }
            Done::Aside
        });
    }

    /// Saves what is folded, then lets go. What cannot be saved in time is folded again by the next owner.
    async fn leave(mut self) {
        self.share.config = std::sync::Arc::new(crate::Config { flush_entries: 1, ..(*self.share.config).clone() });
        let patience = self.share.config.leave;
        let all_saved = async {
            loop {
                self.save();
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
