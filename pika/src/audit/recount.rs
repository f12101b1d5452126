//! The rules of an evening once more, in the plainest form: every entry of one run in the log's order goes in, the rows that must
//! stand come out, each with the place in the log that justifies it. It shares neither code nor shortcuts with the fold or the view, so
//! that a mistake of theirs shows. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use nats::Entry;
use schemas::fact::{Fact, Owner, PlacedFact};
use schemas::note::Rejection;
use schemas::server::TempoCount;
use schemas::{Millis, PersonId, PollId, Pos, Seq, SessionId, TrackKey};
use store::{LikeRow, PlayRow, PollRow, PollStatus, RunRow, VoteRow, WishRow};

/// A row that must stand, and where the log says so.
#[derive(Clone, Debug)]
pub struct Just<R> {
    pub row: R,
    pub because: Seq,
}

/// What became of the votes in one poll.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ballot {
    /// Votes that said again what stood, or came again.
    pub repeats: u64,
    /// Votes that took the place of an earlier one of their person.
    pub changes: u64,
    pub rejected: HashMap<Rejection, u64>,
}

/// What became of claims that leave a row which can be taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fates {
    pub repeats: u64,
    pub taken_back: u64,
    pub refused: u64,
}

/// Something in the log that contradicts the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    pub poll: PollId,
    pub what: &'static str,
    pub counted: String,
    pub said: String,
    /// Where it is said, and the close that it names.
    pub seq: Seq,
    pub close: Seq,
}

#[derive(Default)]
pub struct Recount {
    pub facts: u64,
    /// Facts that the log's order makes void.
    pub void: u64,
    pub packs: u64,
    pub claims: u64,
    pub reactions: u64,
    pub unreadable: Vec<(Seq, String)>,
    pub run: Option<Just<RunRow>>,
    pub plays: BTreeMap<Seq, Just<PlayRow>>,
    pub likes: BTreeMap<(PersonId, TrackKey), Just<LikeRow>>,
    pub wishes: BTreeMap<(Seq, PersonId), Just<WishRow>>,
    pub polls: BTreeMap<PollId, Just<PollRow>>,
    pub votes: BTreeMap<(PollId, PersonId), Just<VoteRow>>,
    pub ballots: BTreeMap<PollId, Ballot>,
    pub strayed: u64,
    pub liking: Fates,
    pub wishing: Fates,
    pub contradictions: Vec<Contradiction>,
    /// What plays at this place in the log.
    pub(super) playing: Option<Seq>,
    /// The poll that is open for facts: its result was not said yet.
    open: Option<PollId>,
    /// Polls that were open once.
    asked: BTreeSet<PollId>,
    pub(super) ended: Option<Millis>,
    /// The next run began: what follows is its own.
    over: bool,
}

impl Recount {
    pub fn take(&mut self, entry: &Entry) {
        if self.over {
            return;
        }
        match entry {
            Entry::Fact(fact) => self.fact(fact),
            Entry::Pack(pack) => {
                self.packs += 1;
                for claim in &pack.pack.claims {
                    self.claims += 1;
                    self.claim(pack.seq, pack.stamp, claim);
                }
            }
            Entry::Unreadable { seq, why, .. } => self.unreadable.push((*seq, why.clone())),
        }
    }

    /// Sums that follow from the rows. Called once, at the end.
    pub fn finish(&mut self) {
        for like in self.likes.values().filter(|like| like.row.on) {
            if let Some(play) = self.plays.get_mut(&like.row.play) {
                play.row.likes += 1;
            }
        }
        for wish in self.wishes.values() {
            if let Some(play) = self.plays.get_mut(&wish.row.play)
                && let Some(count) = play.row.tempo.of(wish.row.preference)
            {
                *count += 1;
            }
        }
        for (poll, just) in &mut self.polls {
            just.row.votes = match just.row.status {
                PollStatus::Cancelled { .. } => vec![0; just.row.options.len()],
                PollStatus::Open | PollStatus::Closing { .. } | PollStatus::Closed { .. } => {
                    tally(&self.votes, *poll, just.row.options.len())
                }
            };
        }
        if let Some(run) = &mut self.run {
            run.row.tracks = self.plays.len() as u64;
            run.row.likes = self.likes.values().filter(|like| like.row.on).count() as u64;
        }
    }

    fn fact(&mut self, fact: &PlacedFact) {
        let live = self.run.is_some() && self.ended.is_none();
        if let (Fact::Begun(_), Some(_), Some(_)) = (&fact.record.fact, &self.run, self.ended) {
            self.over = true;
            return;
        }
        self.facts += 1;
        let begins = matches!(fact.record.fact, Fact::Begun(_));
        let accepted = live != begins && self.accept(fact);
        self.void += u64::from(!accepted);
    }

    /// A fact of a run that is on, or the one that begins it. `false`: void.
    fn accept(&mut self, placed: &PlacedFact) -> bool {
        let (seq, stamp, at) = (placed.seq, placed.stamp, placed.record.at);
        let (session, begin) = (placed.session.clone(), self.run.as_ref().map_or(seq, |run| run.row.begin));
        match &placed.record.fact {
            Fact::Begun(begun) => {
                let row = RunRow {
                    session,
                    begin: seq,
                    pos: Pos(0),
                    dj_name: begun.dj_name.clone(),
                    slug: address(&begun.dj_name),
                    owner: begun.owner.clone(),
                    join_code: begun.join_code.clone(),
                    began_at: at,
                    ended: None,
                    tracks: 0,
                    likes: 0,
                    peak_listeners: 0,
                };
                self.run = Some(Just { row, because: seq });
                true
            }
            Fact::Away { .. } | Fact::Announced { .. } | Fact::AnnouncementEnded => true,
            Fact::Back { owner } => {
                self.owned(owner.as_ref(), seq);
                true
            }
            Fact::Ended { reason, .. } => {
                self.ended = Some(stamp);
                self.playing = None;
                if let Some(run) = &mut self.run {
                    (run.row.ended, run.because) = (Some((stamp, *reason)), seq);
                }
                self.end_poll(seq, stamp);
                true
            }
            Fact::Track { track, played_at } => {
                let (likes, tempo) = (0, TempoCount::default());
                let (key, track) = (track.key(), track.clone());
                let row = PlayRow { session, begin, play: seq, pos: Pos(0), key, track, played_at: *played_at, likes, tempo };
                self.plays.insert(seq, Just { row, because: seq });
                self.playing = Some(seq);
                true
            }
            Fact::Stopped => self.playing.take().is_some(),
            Fact::Metadata { track } => {
                let playing = self.playing.and_then(|play| self.plays.get_mut(&play));
                let Some(play) = playing.filter(|play| play.row.key == track.key()) else { return false };
                (play.row.track, play.because) = (track.clone(), seq);
                true
            }
            Fact::PollOpened(opened) => {
                if self.open.is_some() || !self.asked.insert(opened.poll) {
                    return false;
                }
                let row = PollRow {
                    session,
                    begin,
                    poll: opened.poll,
                    pos: Pos(0),
                    question: opened.question.clone(),
                    options: opened.options.clone(),
                    allow_change: opened.allow_change,
                    opened: seq,
                    opened_at: at,
                    ends_at: opened.ends_at,
                    play: self.playing,
                    status: PollStatus::Open,
                    votes: Vec::new(),
                };
                self.polls.insert(opened.poll, Just { row, because: seq });
                self.open = Some(opened.poll);
                true
            }
            Fact::PollClosed { poll, close, votes } => self.result(*poll, *close, Some(votes), seq, stamp),
            Fact::PollCancelled { poll, close } => self.result(*poll, *close, None, seq, stamp),
        }
    }

    /// The run changed hands.
    fn owned(&mut self, owner: Option<&Owner>, seq: Seq) {
        if let (Some(run), Some(owner)) = (&mut self.run, owner) {
            (run.row.owner, run.because) = (owner.clone(), seq);
        }
    }

    /// The result is said. What it says is compared with what the log's own votes come to.
    fn result(&mut self, poll: PollId, close: Seq, votes: Option<&Vec<u64>>, seq: Seq, stamp: Millis) -> bool {
        if self.open != Some(poll) {
            return false;
        }
        self.open = None;
        let Some(just) = self.polls.get_mut(&poll) else { return false };
        let counted = tally(&self.votes, poll, just.row.options.len());
        let mut contradict =
            |what, counted: String, said: String| self.contradictions.push(Contradiction { poll, what, counted, said, seq, close });
        let asked = match just.row.status {
            PollStatus::Closing { close: asked, void, .. } => {
                if void != votes.is_none() {
                    let words = |void: bool| if void { "cancelled" } else { "closed" }.to_owned();
                    contradict("kind of end", words(void), words(votes.is_none()));
                }
                Some(asked)
            }
            PollStatus::Open | PollStatus::Closed { .. } | PollStatus::Cancelled { .. } => None,
        };
        if asked != Some(close) {
            contradict("close", asked.map_or("no close request".to_owned(), |asked| asked.to_string()), close.to_string());
        }
        if votes.is_some_and(|votes| *votes != counted) {
            contradict("result", format!("{counted:?}"), format!("{:?}", votes.unwrap_or(&counted)));
        }
        let close = asked.unwrap_or(close);
        just.row.status = match votes {
            Some(_) => PollStatus::Closed { close, at: stamp },
            None => PollStatus::Cancelled { close, at: stamp },
        };
        just.because = seq;
        true
    }

    /// The run ended before its poll's result was said: the votes end where the close was asked for, or here.
    fn end_poll(&mut self, seq: Seq, stamp: Millis) {
        let Some(just) = self.open.take().and_then(|poll| self.polls.get_mut(&poll)) else { return };
        just.row.status = match just.row.status {
            PollStatus::Closing { close, at, void: true } => PollStatus::Cancelled { close, at },
            PollStatus::Closing { close, at, void: false } => PollStatus::Closed { close, at },
            PollStatus::Open => PollStatus::Closed { close: seq, at: stamp },
            settled @ (PollStatus::Closed { .. } | PollStatus::Cancelled { .. }) => settled,
        };
        just.because = seq;
    }

    pub(super) fn place(&self) -> Option<(SessionId, Seq)> {
        self.run.as_ref().map(|run| (run.row.session.clone(), run.row.begin))
    }
}

fn tally(votes: &BTreeMap<(PollId, PersonId), Just<VoteRow>>, poll: PollId, options: usize) -> Vec<u64> {
    let of_poll = || votes.range((poll, PersonId([0; 16]))..=(poll, PersonId([0xff; 16])));
    let of = |option: usize| of_poll().filter(|(_, vote)| vote.row.option as usize == option).count() as u64;
    (0..options).map(of).collect()
}

/// A DJ's name as it stands in an address.
fn address(name: &str) -> String {
    let spaced: String = name.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    if words.is_empty() { "dj".to_owned() } else { words.join("-") }
}
