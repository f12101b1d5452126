//! An owner of the partition: reads, folds, says, asks and saves, and may die between any two of these. The steps are the product's
//! [`Work`]; what is here drives them, as the product's consumer does.

use nats::Entry;
use rand::RngExt;
use rand::seq::IteratorRandom;
use schemas::claim::{Claim, ClaimRecord, Pack, Speaker};
use schemas::fact::FactRecord;
use schemas::note::Outcome;
use schemas::view::lobby_after;
use schemas::{Millis, Pos, Seq, SessionId};
use store::{Changes, PollStatus};
use workers::steps::{Crowds, Duty, Flush, Fold, Ran, Step, Work, resume};

use crate::broker::{Asker, Reply, Showing};
use crate::plant::Plant;
use crate::world::{Ask, EPOCH, Event, START, ToWorker, Trouble, World};

/// Every session is looked at once in this many ticks; those that something happened in, at each.
const ROUND: u32 = 5;
/// How soon somebody else takes over.
const TAKE_OVER: std::ops::Range<i64> = 100..3_000;

#[derive(Default)]
pub struct Worker {
    pub up: bool,
    pub skew: i64,
    /// Grows whenever ownership is gained or lost.
    pub term: u32,
    pub hold: Option<Hold>,
}

/// What an owner has in memory.
pub struct Hold {
    work: Work,
    crowds: Crowds,
    /// Up to here was read, and of what shares that place so much.
    read: (Seq, usize),
    saving: bool,
    ticks: u32,
    opened: bool,
}

/// The stages of a flush. A crash may fall between any two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Applause,
    Save,
    /// Only where the order is a planted bug.
    RowsAfterPosition,
    Verdicts,
    /// What was sent before the owner died arrives when another has gone on.
    Late,
}

impl World {
    pub fn gain(&mut self, worker: usize) {
        if !self.workers[worker].up || self.workers[worker].hold.is_some() {
            return;
        }
        self.disturb(0);
        let crowds = Crowds::new(self.config.silence, self.config.stay);
        let work = Work::after(self.partition, Pos::new(EPOCH, 0));
        let w = &mut self.workers[worker];
        w.term += 1;
        w.hold = Some(Hold { work, crowds, read: (0, usize::MAX), saving: false, ticks: 0, opened: false });
        self.note(format_args!("worker {worker} owns the partition"));
        self.tell_worker(worker, ToWorker::Open);
    }

    /// Lets go at once, without another write. What was sent already may still arrive.
    pub fn lose(&mut self, worker: usize) {
        if self.workers[worker].hold.take().is_some() {
            self.workers[worker].term += 1;
            self.disturb(0);
            self.note(format_args!("worker {worker} owns it no more"));
        }
    }

    pub fn crash_worker(&mut self, worker: usize) {
        self.lose(worker);
        self.workers[worker].up = false;
    }

    /// Somebody up must own the partition; called now and then, as leases are looked at.
    pub fn lease(&mut self) {
        let owned = self.workers.iter().any(|w| w.up && w.hold.is_some());
        if !owned && let Some(worker) = (0..self.workers.len()).filter(|w| self.workers[*w].up).choose(&mut self.rng) {
            self.gain(worker);
        }
        let wait = self.rng.random_range(TAKE_OVER);
        self.trouble_in(wait, Trouble::Lease);
    }

    fn tell_worker(&mut self, worker: usize, what: ToWorker) {
        let (wait, term) = (self.lag(), self.workers[worker].term);
        self.agenda.after(wait, Event::Worker(worker, term, what));
    }

    pub fn worker(&mut self, worker: usize, term: u32, what: ToWorker) {
        let alive = self.workers[worker].term == term && self.workers[worker].hold.is_some();
        match what {
            ToWorker::Flush(stage, flush) => self.flush((worker, term), alive, stage, *flush),
            ToWorker::Open | ToWorker::Tick | ToWorker::Loaded(_) if !alive => {}
            ToWorker::Open => self.open_partition(worker),
            ToWorker::Tick => self.tick(worker),
            ToWorker::Loaded(fold) => {
                let now = self.worker_clock(worker);
                if let Some(hold) = &mut self.workers[worker].hold {
                    hold.work.loaded(*fold, false, now);
                }
                self.advance(worker);
            }
        }
    }

    fn worker_clock(&self, worker: usize) -> Millis {
        Millis(START + self.agenda.now + self.workers[worker].skew)
    }

    fn open_partition(&mut self, worker: usize) {
        let position = resume(self.rows.position(self.partition), &self.eras, EPOCH, self.log.last());
        let Ok(position) = position.map_err(|why| self.wrong(format!("a partition cannot be opened: {why}"))) else { return };
        if self.is_away() {
            return self.tell_worker(worker, ToWorker::Open);
        }
        let now = self.worker_clock(worker);
        let folds: Vec<Fold> = self.rows.open_runs(self.partition).iter().map(|session| self.load(session, position)).collect();
        let Some(hold) = &mut self.workers[worker].hold else { return };
        hold.work = Work::after(self.partition, position);
        folds.into_iter().for_each(|fold| hold.work.seat(fold, false, now));
        (hold.read, hold.opened) = ((position.seq(), usize::MAX), true);
        self.tell_worker(worker, ToWorker::Tick);
    }

    /// As the product does: rows from the store, the view from the log's facts.
    fn load(&self, session: &SessionId, upto: Pos) -> Fold {
        let Some(state) = self.rows.load(session) else { return Fold::new(session.clone()) };
        let facts = self.log.facts_after(session, state.run.begin - 1, upto.seq());
        Fold::restore(session.clone(), state, &facts, upto)
    }

    fn tick(&mut self, worker: usize) {
        let away = self.is_away();
        let (unsaved, chunk) = (self.config.unsaved_entries, self.rng.random_range(1..20));
        let plant = self.plant;
        let Some(hold) = &mut self.workers[worker].hold else { return };
        hold.ticks += 1;
        if !away && hold.work.hungry(unsaved) {
            for entry in self.log.after(hold.read, chunk) {
                hold.read = (entry.seq(), if hold.read.0 == entry.seq() { hold.read.1 + 1 } else { 1 });
                hold.work.push(bent(plant, &hold.work, entry.clone()));
            }
        }
        let everything = hold.ticks.is_multiple_of(ROUND);
        if !hold.work.is_idle() || !self.log.after(hold.read, 1).is_empty() {
            // Not there yet: what is owed is owed from the moment that the log is folded.
            self.disturb(0);
        }
        self.advance(worker);
        if everything && let Some(hold) = &self.workers[worker].hold {
            let sessions = hold.work.seats.sessions();
            self.discharge(worker, sessions);
        }
        let (wait, term) = (self.rng.random_range(20..80), self.workers[worker].term);
        self.agenda.after(wait, Event::Worker(worker, term, ToWorker::Tick));
    }

    fn advance(&mut self, worker: usize) {
        let (now, at, unsaved) = (self.worker_clock(worker), self.instant(), self.config.unsaved_entries);
        loop {
            let Some(hold) = &mut self.workers[worker].hold else { return };
            match hold.work.step(unsaved, now, at) {
                Some(Step::Folded { entry, effects }) => {
                    self.count("entries folded");
                    if effects.disagreement {
                        self.wrong(format!("the result at {} contradicts its votes", entry.seq()));
                    }
                }
                Some(Step::Passed { entry }) => self.wrong(format!("{} cannot be read", entry.seq())),
                Some(Step::Load { session, upto }) => {
                    let fold = Box::new(self.load(&session, upto));
                    return self.tell_worker(worker, ToWorker::Loaded(fold));
                }
                None => break,
            }
        }
        let Some(hold) = &mut self.workers[worker].hold else { return };
        let touched = hold.work.touched();
        self.discharge(worker, touched.into_iter().collect());
        self.save(worker);
    }

    /// Does what is owed to these sessions now.
    fn discharge(&mut self, worker: usize, mut sessions: Vec<SessionId>) {
        sessions.sort();
        let (now, at) = (self.worker_clock(worker), self.instant());
        for session in sessions {
            let mut showing = None;
            let Worker { hold: Some(hold), term, .. } = &mut self.workers[worker] else { return };
            let owed = hold.work.seats.owed(&session, &hold.crowds, true, now, at, &self.config);
            let (Some(duty), Some(seat)) = (owed, hold.work.seats.get_mut(&session)) else { continue };
            let planted = match &duty {
                Duty::Say(_) => false,
                Duty::Show(_) => self.plant == Plant::StaleLobby,
                Duty::AskClose(_) => self.plant == Plant::NoSweep,
            };
            if planted {
                continue;
            }
            seat.begin(&duty);
            let view = &seat.fold.view;
            let ask = match duty {
                Duty::Say(fact) => {
                    let facts = vec![FactRecord { at: now, op: None, fact }];
                    let lobby = lobby_after(view, &facts, now).map(Box::new);
                    Ask::Append { session: session.clone(), expected: view.last, facts, timers: vec![], lobby }
                }
                Duty::Show(record) => {
                    showing = Some((record.clone(), view.last));
                    Ask::Show { session: session.clone(), expected: view.last, record }
                }
                Duty::AskClose(poll) => {
                    let close = ClaimRecord { at: now, by: Speaker::System, op: None, claim: Claim::ClosePoll { poll } };
                    Ask::Packs(vec![(session.clone(), Pack { node: None, claims: vec![close] })])
                }
            };
            let asker = Asker::Errand { worker, term: *term, session, showing };
            self.count("errands");
            self.ask(asker, ask);
        }
    }

    pub fn ran(&mut self, (worker, term): (usize, u32), session: &SessionId, showing: Showing, reply: &Reply) {
        let at = self.instant();
        if matches!(reply, Reply::Unknown) {
            // It tries again by and by.
            self.disturb(3_200);
        }
        let w = &mut self.workers[worker];
        let Some(hold) = w.hold.as_mut().filter(|_| w.term == term) else { return };
        let Some(seat) = hold.work.seats.get_mut(session) else { return };
        let ran = match reply {
            Reply::Stored(_) if let Some((record, last)) = showing => Ran::Shown(record, last),
            Reply::Stored(seqs) => Ran::Newest(seqs.last().copied().unwrap_or(0)),
            Reply::Conflict(last) => Ran::Newest(*last),
            Reply::Unknown => Ran::Failed,
        };
        seat.ran(ran, at);
    }

    fn save(&mut self, worker: usize) {
        let at = self.instant();
        let Some(hold) = &mut self.workers[worker].hold else { return };
        let due = hold.work.pending.due(&self.config).is_some_and(|due| due <= at);
        if hold.saving || hold.work.pending.weight == 0 || !due {
            return;
        }
        hold.saving = true;
        let mut flush = hold.work.drain(at);
        tidy(&mut flush);
        self.tell_worker(worker, ToWorker::Flush(Stage::Applause, Box::new(flush)));
    }

    fn flush(&mut self, (worker, term): (usize, u32), alive: bool, stage: Stage, flush: Flush) {
        match stage {
            Stage::Late => {
                self.count("flushes saved by the dead");
                self.rows.save(&flush.changes);
            }
            _ if !alive => self.left_behind((worker, term), stage, flush),
            Stage::Applause => self.next_stage(worker, Stage::Save, flush),
            Stage::Save if self.plant == Plant::PositionFirst => {
                self.rows.save(&Changes {
                    runs: vec![],
                    plays: vec![],
                    likes: vec![],
                    wishes: vec![],
                    polls: vec![],
                    votes: vec![],
                    ..flush.changes.clone()
                });
                self.next_stage(worker, Stage::RowsAfterPosition, flush);
            }
            Stage::Save | Stage::RowsAfterPosition => {
                self.count("flushes saved");
                self.rows.save(&flush.changes);
                let upto = flush.changes.upto.seq();
                self.note(format_args!("worker {worker} saved up to {upto}"));
                self.next_stage(worker, Stage::Verdicts, flush);
            }
            Stage::Verdicts => {
                for (node, verdicts) in &flush.verdicts {
                    self.verdicts(node, verdicts);
                }
                if let Some(hold) = &mut self.workers[worker].hold {
                    hold.saving = false;
                }
            }
        }
    }

    fn next_stage(&mut self, worker: usize, stage: Stage, flush: Flush) {
        self.tell_worker(worker, ToWorker::Flush(stage, Box::new(flush)));
    }

    /// A flush whose owner died: it may be on its way already, whole or in part.
    fn left_behind(&mut self, (worker, term): (usize, u32), stage: Stage, flush: Flush) {
        if stage != Stage::Save {
            return;
        }
        if self.chance(0.5) {
            let wait = self.rng.random_range(0..5_000);
            self.agenda.after(wait, Event::Worker(worker, term, ToWorker::Flush(Stage::Late, Box::new(flush))));
        } else if self.weather.torn_flush && self.chance(0.5) {
            self.count("flushes torn");
            let mut changes = flush.changes;
            changes.upto = self.rows.position(self.partition).unwrap_or(Pos::new(EPOCH, 0));
            // A run's row is stored last.
            changes.runs.clear();
            changes.plays.retain(|_| self.rng.random());
            changes.likes.retain(|_| self.rng.random());
            changes.wishes.retain(|_| self.rng.random());
            changes.polls.retain(|_| self.rng.random());
            changes.votes.retain(|_| self.rng.random());
            self.rows.save(&changes);
        }
    }

    /// A verdict that is said must be what stands.
    fn verdicts(&mut self, node: &schemas::NodeId, verdicts: &schemas::note::Verdicts) {
        for verdict in &verdicts.list {
            let counted = matches!(verdict.outcome, Outcome::Counted { .. });
            self.count(if counted { "verdicts counted" } else { "verdicts rejected" });
            self.note(format_args!("{node} hears of {} in {}: {:?}", verdict.person, verdict.poll, verdict.outcome));
            self.verdicts.push((verdict.person, verdict.poll, verdict.outcome));
        }
    }
}

/// The order of what comes out of a flush is nobody's promise; here it must not depend on a hash's secret.
fn tidy(flush: &mut Flush) {
    flush.changes.runs.sort_by_key(|row| (row.session.clone(), row.begin));
    flush.changes.plays.sort_by_key(|row| (row.session.clone(), row.play));
    flush.changes.likes.sort_by_key(|row| (row.session.clone(), row.person, row.key));
    flush.changes.wishes.sort_by_key(|row| (row.session.clone(), row.play, row.person));
    flush.changes.polls.sort_by_key(|row| (row.session.clone(), row.poll));
    flush.changes.votes.sort_by_key(|row| (row.session.clone(), row.poll, row.person));
    flush.verdicts.sort_by(|(a, x), (b, y)| (a.as_str(), &x.session).cmp(&(b.as_str(), &y.session)));
}

/// What a planted bug makes of an entry before the fold sees it.
fn bent(plant: Plant, work: &Work, entry: Entry) -> Entry {
    let Entry::Pack(mut placed) = entry else { return entry };
    match plant {
        Plant::LateVotes => {
            let votes = placed.pack.claims.iter().any(|record| matches!(record.claim, Claim::Vote { .. }));
            let rows = work.seats.get(&placed.session).and_then(|seat| seat.fold.rows());
            let closes = rows.into_iter().flat_map(|rows| rows.polls.iter()).filter_map(|(_, row)| match row.status {
                PollStatus::Closing { close, .. } | PollStatus::Closed { close, .. } => Some(close),
                PollStatus::Open | PollStatus::Cancelled { .. } => None,
            });
            if let (true, Some(close)) = (votes, closes.max()) {
                placed.seq = placed.seq.min(close - 1);
            }
        }
        Plant::NoMessageIds => placed.pack.claims.iter_mut().for_each(|record| record.op = None),
        _ => {}
    }
    Entry::Pack(placed)
}
