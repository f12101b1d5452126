//! The view: a session's state as one pure fold of its facts. fanout, ingest and the workers all hold this same function,
//! so that they can never disagree on what the log says.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::claim::Claim;
use crate::error::Code;
use crate::fact::{Begun, EndReason, Fact, FactRecord, Owner, PlacedFact, PollOpened};
use crate::ids::{OpKey, PollId, Seq, SessionId};
use crate::lobby::{Begin, LobbyRecord, LobbyStatus};
use crate::server::AnnouncementEntry;
use crate::time::Millis;
use crate::track::{Track, TrackKey};

/// How many messageIds of a run are remembered. A run has a few hundred facts; the bound is against a runaway sender.
const OPS: usize = 4_096;

#[derive(Clone, Debug)]
pub struct View {
    pub session: SessionId,
    /// The newest fact folded, accepted or not. 0: none.
    pub last: Seq,
    pub run: Option<Arc<Run>>,
}

#[derive(Clone, Debug)]
pub struct Run {
    pub begin: Seq,
    pub began_at: Millis,
    pub dj_name: String,
    pub join_code: String,
    pub owner: Owner,
    pub by_socket: bool,
    pub status: Status,
    pub plays: Vec<Play>,
    /// Whether the last of `plays` is still playing.
    pub playing: bool,
    pub poll: Option<OpenPoll>,
    /// Polls of this run that are over: where their votes ended.
    pub closed: HashMap<PollId, Seq>,
    /// Polls whose results were hidden and never said: open ones, cancelled ones, those that the end of the run took along.
    concealed: HashSet<PollId>,
    pub announcement: Option<AnnouncementEntry>,
    /// Where the announcement stands in the log, if dancers who are away are to be told of it.
    pub push: Option<Push>,
    /// The stamp of the newest fact.
    pub heard_at: Millis,
    ops: HashMap<OpKey, Seq>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Push {
    pub seq: Seq,
    pub stamp: Millis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Live,
    Away { since: Millis },
    Ended { at: Millis, reason: EndReason },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Play {
    pub seq: Seq,
    pub played_at: Millis,
    pub key: TrackKey,
    pub track: Track,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OpenPoll {
    pub opened: PollOpened,
    /// Its place in the log: votes before it do not count.
    pub seq: Seq,
    pub opened_at: Millis,
    /// The play during which it was opened.
    pub play: Option<Seq>,
}

/// What a fact changed. Facts that the fold does not accept change nothing and reach no socket.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Begun,
    Away,
    Back,
    Ended(EndReason),
    Track(Play),
    Stopped,
    Metadata(Play),
    PollOpened(OpenPoll),
    PollClosed { poll: OpenPoll, close: Seq, votes: Vec<u64> },
    PollCancelled { poll: OpenPoll, close: Seq },
    Announced(AnnouncementEntry),
    AnnouncementEnded,
}

impl View {
    pub fn new(session: SessionId) -> Self {
        View { session, last: 0, run: None }
    }

    /// Folds one fact. `None`: the log's order makes it void, as a second opening of a poll while one is open.
    /// Facts at or before `last` are repeats and change nothing.
    pub fn apply(&mut self, placed: &PlacedFact) -> Option<Change> {
        if placed.seq <= self.last {
            return None;
        }
        self.last = placed.seq;
        let FactRecord { at, op, fact } = &placed.record;
        if let Fact::Begun(begun) = fact {
            return self.begin(placed, begun, *at, *op);
        }
        if let (Fact::Ended { reason, begin, owner, dj_name }, None) = (fact, &self.run) {
            // Met after its evening was forgotten: enough is known to judge who may begin it again.
            let mut run = Run::new(
                *begin,
                *at,
                &Begun { dj_name: dj_name.clone(), owner: owner.clone(), join_code: String::new(), by_socket: false },
            );
            run.status = Status::Ended { at: placed.stamp, reason: *reason };
            self.run = Some(Arc::new(run));
            return Some(Change::Ended(*reason));
        }
        let run = Arc::make_mut(self.run.as_mut()?);
        let change = run.apply(placed.seq, placed.stamp, *at, fact)?;
        run.heard_at = placed.stamp;
        run.remember(*op, placed.seq);
        Some(change)
    }

    fn begin(&mut self, placed: &PlacedFact, begun: &Begun, at: Millis, op: Option<OpKey>) -> Option<Change> {
        if self.live().is_some() {
            return None;
        }
        let mut run = Run::new(placed.seq, at, begun);
        run.heard_at = placed.stamp;
        run.remember(op, placed.seq);
        self.run = Some(Arc::new(run));
        Some(Change::Begun)
    }

    /// The run, if it has not ended.
    pub fn live(&self) -> Option<&Arc<Run>> {
        self.run.as_ref().filter(|run| !run.ended())
    }

    /// Folds a fact as if the log had placed it next.
    pub fn foresee(&mut self, record: &FactRecord, now: Millis) {
        self.apply(&PlacedFact { session: self.session.clone(), seq: self.last + 1, stamp: now, record: record.clone() });
    }

    /// What the lobby says of this view.
    pub fn lobby(&self) -> Option<LobbyRecord> {
        self.run.as_ref().map(|run| run.lobby())
    }
}

impl Run {
    fn new(begin: Seq, began_at: Millis, begun: &Begun) -> Self {
        Run {
            begin,
            began_at,
            dj_name: begun.dj_name.clone(),
            join_code: begun.join_code.clone(),
            owner: begun.owner.clone(),
            by_socket: begun.by_socket,
            status: Status::Live,
            plays: Vec::new(),
            playing: false,
            poll: None,
            closed: HashMap::new(),
            concealed: HashSet::new(),
            announcement: None,
            push: None,
            heard_at: began_at,
            ops: HashMap::new(),
        }
    }

    fn apply(&mut self, seq: Seq, stamp: Millis, at: Millis, fact: &Fact) -> Option<Change> {
        if self.ended() {
            return None;
        }
        match fact {
            Fact::Begun(_) => None,
            Fact::Away { since } => {
                if !matches!(self.status, Status::Live) {
                    return None;
                }
                self.status = Status::Away { since: *since };
                Some(Change::Away)
            }
            Fact::Back { owner } => {
                if let Some(owner) = owner {
                    self.owner = owner.clone();
                }
                self.by_socket = true;
                self.status = Status::Live;
                Some(Change::Back)
            }
            Fact::Ended { reason, .. } => {
                self.status = Status::Ended { at: stamp, reason: *reason };
                self.playing = false;
                self.announcement = None;
                if let Some(poll) = self.poll.take() {
                    self.closed.insert(poll.opened.poll, seq);
                }
                Some(Change::Ended(*reason))
            }
            Fact::Track { track, played_at } => {
                let play = Play { seq, played_at: *played_at, key: track.key(), track: track.clone() };
                self.plays.push(play.clone());
                self.playing = true;
                Some(Change::Track(play))
            }
            Fact::Stopped => self.playing.then(|| {
                self.playing = false;
                Change::Stopped
            }),
            Fact::Metadata { track } => {
                let play = self.plays.last_mut().filter(|play| self.playing && play.key == track.key())?;
                play.track = track.clone();
                Some(Change::Metadata(play.clone()))
            }
            Fact::PollOpened(opened) => {
                if self.poll.is_some() || self.closed.contains_key(&opened.poll) {
                    return None;
                }
                let play = self.plays.last().filter(|_| self.playing).map(|p| p.seq);
                let poll = OpenPoll { opened: opened.clone(), seq, opened_at: at, play };
                self.poll = Some(poll.clone());
                if opened.hide_results {
                    self.concealed.insert(opened.poll);
                }
                Some(Change::PollOpened(poll))
            }
            Fact::PollClosed { poll, close, votes } => {
                let open = self.close_poll(*poll, *close)?;
                self.concealed.remove(poll);
                Some(Change::PollClosed { poll: open, close: *close, votes: votes.clone() })
            }
            Fact::PollCancelled { poll, close } => {
                let open = self.close_poll(*poll, *close)?;
                Some(Change::PollCancelled { poll: open, close: *close })
            }
            Fact::Announced { message, ends_at, push } => {
                self.push = push.then_some(Push { seq, stamp });
                let entry = AnnouncementEntry { message: message.clone(), timestamp: at, ends_at: *ends_at };
                self.announcement = Some(entry.clone());
                Some(Change::Announced(entry))
            }
            Fact::AnnouncementEnded => self.announcement.take().map(|_| Change::AnnouncementEnded),
        }
    }

    /// Whether only the DJ is to hear how the votes of this poll stand, or stood.
    pub fn conceals(&self, poll: PollId) -> bool {
        self.concealed.contains(&poll)
    }

    fn close_poll(&mut self, poll: PollId, close: Seq) -> Option<OpenPoll> {
        let open = self.poll.take_if(|open| open.opened.poll == poll)?;
        self.closed.insert(poll, close);
        Some(open)
    }

    fn remember(&mut self, op: Option<OpKey>, seq: Seq) {
        let Some(op) = op else { return };
        self.ops.insert(op, seq);
        if self.ops.len() > OPS {
            // The newest are the ones that may still be repeated.
            let mut places: Vec<Seq> = self.ops.values().copied().collect();
            places.sort_unstable();
            let keep = places[places.len() / 2];
            self.ops.retain(|_, place| *place >= keep);
        }
    }

    /// Where the message with this id was applied in this run, if it was.
    pub fn applied(&self, op: Option<OpKey>) -> Option<Seq> {
        op.and_then(|op| self.ops.get(&op).copied())
    }

    pub fn ended(&self) -> bool {
        matches!(self.status, Status::Ended { .. })
    }

    /// What plays now.
    pub fn current(&self) -> Option<&Play> {
        self.plays.last().filter(|_| self.playing)
    }

    pub fn played(&self, key: &TrackKey) -> bool {
        self.plays.iter().rev().any(|play| play.key == *key)
    }

    /// What can be said at once of a claim, before the log decides. `at` is the asking node's clock: a vote is refused here once
    /// the poll's time is over by it, though the log would still take it until the close.
    pub fn judge(&self, claim: &Claim, at: Millis) -> Result<(), Code> {
        match claim {
            Claim::Like { track } | Claim::Unlike { track } => {
                if !self.played(track) {
                    return Err(Code::TrackNotFound);
                }
                match self.status {
                    Status::Ended { at: end, .. } if at.since(end) > crate::limits::LIKES_AFTER_END_MS => Err(Code::SessionOver),
                    _ => Ok(()),
                }
            }
            Claim::Tempo { .. } | Claim::React { .. } | Claim::Peak { .. } => {
                if self.ended() {
                    Err(Code::SessionOver)
                } else {
                    Ok(())
                }
            }
            Claim::Vote { poll, option } => {
                let open = self.open_poll(*poll)?;
                if open.opened.ends_at.is_some_and(|end| at > end) {
                    return Err(Code::PollNotFound);
                }
                if (*option as usize) < open.opened.options.len() { Ok(()) } else { Err(Code::InvalidOption) }
            }
            Claim::ClosePoll { poll } | Claim::CancelPoll { poll } => self.open_poll(*poll).map(|_| ()),
        }
    }

    fn open_poll(&self, poll: PollId) -> Result<&OpenPoll, Code> {
        self.poll.as_ref().filter(|open| open.opened.poll == poll).ok_or(Code::PollNotFound)
    }

    pub fn lobby(&self) -> LobbyRecord {
        LobbyRecord {
            dj_name: self.dj_name.clone(),
            join_code: self.join_code.clone(),
            began_at: self.began_at,
            status: match self.status {
                Status::Live => LobbyStatus::Live,
                Status::Away { .. } => LobbyStatus::Away,
                Status::Ended { .. } => LobbyStatus::Ended,
            },
            begin: Begin::At(self.begin),
            track: self.current().map(|play| play.track.clone()),
            announcement: self.announcement.clone(),
        }
    }
}

/// The lobby record that must travel with `facts`, or none when they do not change who is on ([`crate::lobby`]).
/// Computed by folding the facts onto a copy of the view as if the log had placed them next.
pub fn lobby_after(view: &View, facts: &[FactRecord], now: Millis) -> Option<LobbyRecord> {
    let mut next = view.clone();
    facts.iter().for_each(|record| next.foresee(record, now));
    let mut after = next.lobby()?;
    if let Some(i) = facts.iter().rposition(|record| matches!(record.fact, Fact::Begun(_))) {
        after.begin = Begin::Before((facts.len() - i) as u64);
        return Some(after);
    }
    match view.lobby() {
        Some(before) => before.travels(after),
        None => Some(after),
    }
}
