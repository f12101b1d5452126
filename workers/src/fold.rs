//! The fold of one session: entries of the log in, rows and effects out. Pure: no clock, no I/O. The same prefix of the log gives
//! the same rows, however often it was cut, saved and loaded on the way.

use nats::Entry;
use schemas::claim::{Claim, ClaimRecord, PlacedPack, Speaker};
use schemas::fact::PlacedFact;
use schemas::note::{Clap, Verdict};
use schemas::view::{Change, View};
use schemas::{Millis, OpKey, PersonId, PollId, Pos, Seq, SessionId};
use store::{Changes, RunState};

use crate::effects::Effects;
use crate::rows::Rows;
use crate::tempo::REACH;

/// How many messageIds a row that can be taken back remembers.
pub const OPS: usize = 16;

pub struct Fold {
    pub session: SessionId,
    pub view: View,
    /// The rows of the newest run. They may be ahead of the view while entries are folded again.
    rows: Option<Rows>,
    /// Rows of earlier runs that still wait to be saved.
    retired: Vec<Rows>,
    /// Everything of this session up to here is folded.
    pub applied: Pos,
    /// The stamp of the newest thing that somebody said. Timers and workers are nobody.
    pub heard: Millis,
    /// The stamp of the newest fact that brought the DJ.
    pub came: Millis,
    /// Where the session's newest fact lay when it was taken up, until it is folded. The view shows what was, not what is.
    pub behind: Option<Seq>,
}

/// A claim's place: what every reducer needs to know of where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub pos: Pos,
    pub stamp: Millis,
}

impl Place {
    pub fn seq(&self) -> Seq {
        self.pos.seq()
    }
}

impl Fold {
    pub fn new(session: SessionId) -> Self {
        Fold {
            view: View::new(session.clone()),
            session,
            rows: None,
            retired: Vec::new(),
            applied: Pos(0),
            heard: Millis(0),
            came: Millis(0),
            behind: None,
        }
    }

    /// A fold that goes on: the rows as saved, the view from the log's facts up to and including `applied`.
    pub fn restore(session: SessionId, state: RunState, facts: &[PlacedFact], applied: Pos) -> Self {
        let mut fold = Fold::new(session);
        for fact in facts.iter().filter(|fact| fact.seq <= applied.seq()) {
            if let Some(change) = fold.view.apply(fact) {
                fold.witness(&change, fact.stamp);
            }
        }
        fold.rows = Some(Rows::of(state));
        fold.applied = applied;
        fold
    }

    pub fn apply(&mut self, pos: Pos, entry: &Entry) -> Effects {
        let effects = match entry {
            Entry::Fact(fact) => self.fact(Place { pos, stamp: fact.stamp }, fact),
            Entry::Pack(pack) => self.pack(Place { pos, stamp: pack.stamp }, pack),
            Entry::Unreadable { .. } => Effects::default(),
        };
        self.applied = self.applied.max(pos);
        effects
    }

    fn fact(&mut self, place: Place, fact: &PlacedFact) -> Effects {
        let Some(change) = self.view.apply(fact) else { return Effects::default() };
        self.witness(&change, place.stamp);
        let disagreement = self.change(place, &change);
        Effects { change: Some(change), disagreement, ..Effects::default() }
    }

    fn witness(&mut self, change: &Change, stamp: Millis) {
        self.heard = self.heard.max(stamp);
        match change {
            Change::Begun | Change::Back => self.came = stamp,
            Change::Away
            | Change::Ended(_)
            | Change::Track(_)
            | Change::Stopped
            | Change::Metadata(_)
            | Change::PollOpened(_)
            | Change::PollClosed { .. }
            | Change::PollCancelled { .. }
            | Change::Announced(_)
            | Change::AnnouncementEnded => {}
        }
    }

    fn pack(&mut self, place: Place, placed: &PlacedPack) -> Effects {
        let mut effects = Effects::default();
        // The rows are of a run that begins later: this run's were saved whole before it began, and its dancers were told.
        if self.rows.as_ref().is_some_and(|rows| rows.begin > place.seq()) {
            return effects;
        }
        for record in &placed.pack.claims {
            match record.by {
                Speaker::Person { .. } | Speaker::Owner => self.heard = self.heard.max(place.stamp),
                Speaker::System => {}
            }
            if let Some(verdict) = self.claim(place, record, &mut effects)
                && let Some(node) = &placed.pack.node
            {
                effects.verdicts.push((node.clone(), verdict));
            }
        }
        effects
    }

    /// Judges one claim. Who may say what was decided at the door; what is left here is what only the log's order can decide.
    fn claim(&mut self, place: Place, record: &ClaimRecord, effects: &mut Effects) -> Option<Verdict> {
        match (record.claim, record.by) {
            (Claim::Like { track }, Speaker::Person { id, .. }) => {
                let result = self.like(place, id, track, record.at, record.op);
                effects.likes.push(result.0);
                effects.claps.extend(result.1.map(|clap| (place.seq(), clap)));
                None
            }
            (Claim::Unlike { track }, Speaker::Person { id, .. }) => {
                effects.likes.push(self.unlike(place, id, track, record.at, record.op));
                None
            }
            (Claim::Tempo { preference }, Speaker::Person { id, .. }) => {
                self.wish(place, id, preference, record.op);
                None
            }
            (Claim::Vote { poll, option }, Speaker::Person { id, known }) => {
                let (result, outcome) = self.vote(place, (id, known), poll, option, record.op);
                effects.votes.push(result);
                Some(Verdict { person: id, poll, outcome })
            }
            // Thanks leave no row, so a repeat under the same messageId is heard twice. That costs a heart, not a count.
            (Claim::React { reaction }, Speaker::Person { .. }) => {
                if self.view.live().is_some() {
                    effects.claps.push((place.seq(), Clap::Thanks(reaction)));
                }
                None
            }
            (Claim::ClosePoll { poll }, Speaker::Owner | Speaker::System) => {
                self.close(place, poll, false);
                None
            }
            (Claim::CancelPoll { poll }, Speaker::Owner | Speaker::System) => {
                self.close(place, poll, true);
                None
            }
            (Claim::Peak { listeners }, Speaker::System) => {
                self.peak(place, listeners);
                None
            }
            (
                Claim::Like { .. } | Claim::Unlike { .. } | Claim::Tempo { .. } | Claim::Vote { .. } | Claim::React { .. },
                Speaker::Owner | Speaker::System,
            )
            | (Claim::ClosePoll { .. } | Claim::CancelPoll { .. }, Speaker::Person { .. })
            | (Claim::Peak { .. }, Speaker::Person { .. } | Speaker::Owner) => None,
        }
    }

    /// The rows, unless they are of a run that begins later than the view knows: then everything up to there is in them already.
    pub fn rows(&self) -> Option<&Rows> {
        self.rows.as_ref()
    }

    pub(crate) fn rows_mut(&mut self) -> Option<&mut Rows> {
        self.rows.as_mut()
    }

    pub(crate) fn rows_at(&mut self, place: Place) -> Option<&mut Rows> {
        self.rows.as_mut().filter(|rows| rows.begin <= place.seq())
    }

    /// Sets the rows of a run that begins now, and keeps those of the one before until they are saved.
    pub(crate) fn begin_rows(&mut self, rows: Rows) {
        self.retired.extend(self.rows.replace(rows));
    }

    /// A person's standing vote in a poll.
    pub fn mine(&self, poll: PollId, person: PersonId) -> Option<u32> {
        self.rows.as_ref()?.votes.get(&(poll, person)).map(|vote| vote.option)
    }

    /// Moves the rows that changed into `changes` and forgets what can decide nothing any more.
    pub fn drain_into(&mut self, changes: &mut Changes) {
        for rows in self.retired.iter_mut().chain(&mut self.rows) {
            rows.drain_into(changes);
        }
        self.retired.clear();
        let play = self.view.run.as_ref().and_then(|run| run.plays.iter().rev().take(1 + REACH).next_back()).map(|play| play.seq);
        if let Some(rows) = &mut self.rows {
            rows.prune(play);
        }
    }
}

/// Notes a messageId in a row, and lets go of the oldest beyond [`OPS`].
pub(crate) fn remember(ops: &mut Vec<OpKey>, op: Option<OpKey>) {
    ops.extend(op);
    if ops.len() > OPS {
        ops.drain(..ops.len() - OPS);
    }
}

/// Whether this messageId was applied to the row already. A claim without one is never a repeat.
pub(crate) fn repeats(ops: &[OpKey], op: Option<OpKey>) -> bool {
    op.is_some_and(|op| ops.contains(&op))
}
