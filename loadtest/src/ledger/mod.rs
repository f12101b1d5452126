//! The judgement over an evening: pure functions over what the DJ said, what everyone noted and what the recap claims.
//! An empty list means that nothing was lost and nothing counted twice.

mod facts;
mod likes;
mod naps;
mod polls;
mod tempo;
mod tracks;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemas::Seq;
use schemas::server::TempoCount;

use crate::diary::{At, Diary};

/// What went against the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    NotSeated,
    Dropped,
    Doubled,
    Reordered,
    Stale,
    PositionFell,
    Unanswered,
    Surprise,
    LikeLost,
    LikeDoubled,
    LikeNotHeard,
    LikeHeardTwice,
    VoteLost,
    VoteDoubled,
    VoteChanged,
    VoteAfterClose,
    VoteRefusedInTime,
    NoVerdict,
    PollNotHeard,
    PollHeardTwice,
    ResultsDiffer,
    TempoDiffers,
    RecapDiffers,
    ListenersMissing,
    ListenersFell,
    Stuck,
    NotClosed,
    EndNotHeard,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    pub fault: Fault,
    pub words: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.fault, self.words)
    }
}

/// A list that only grows.
#[derive(Default)]
pub struct Verdict(pub Vec<Violation>);

impl Verdict {
    pub fn add(&mut self, fault: Fault, words: impl Into<String>) {
        self.0.push(Violation { fault, words: words.into() });
    }
}

/// A track as the DJ published it. Its number is its place in the list.
#[derive(Clone, Debug)]
pub struct Published {
    pub title: String,
    pub sent: At,
    pub stored: Option<At>,
}

#[derive(Clone, Debug, Default)]
pub struct PollRun {
    pub options: usize,
    /// No close can have happened before this: the moment END_POLL was sent or the timer could first fire.
    pub open_until: At,
    /// The results that the DJ's socket heard.
    pub results: Option<Vec<u64>>,
}

#[derive(Clone, Debug, Default)]
pub struct DjDiary {
    pub tracks: Vec<Published>,
    pub polls: BTreeMap<u64, PollRun>,
    /// LIKE_RECEIVED by track number.
    pub likes: BTreeMap<u32, u64>,
    pub tempo: TempoCount,
    /// How often the DJ's socket was lost; while it is zero every like must have been heard.
    pub lost: u32,
    pub listeners_most: u64,
    /// The first time that the count fell: from, to. Whoever leaves stays counted for longer than an evening lasts here.
    pub listeners_fell: Option<(u64, u64)>,
    /// Places of corrections, in the log's order. Nothing may stand for one of them.
    pub facts: Vec<Seq>,
    pub surprises: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecapTrack {
    pub title: String,
    pub likes: u64,
    pub tempo: TempoCount,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recap {
    pub tracks: Vec<RecapTrack>,
    /// Votes by poll id.
    pub polls: BTreeMap<u64, Vec<u64>>,
}

/// What the evening was played under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Fair,
    /// Processes were killed. How soon something came says nothing then. Neither do notes, which are said at most once to those who
    /// listen and again when what they tell of is folded again: a like in the DJ's ear, a voter's verdict, who is where. What is
    /// stored stays exact.
    Faults,
}

/// A dancer and the number to call it by.
pub type Numbered<'a> = (usize, &'a Diary);

/// Everything that must be true once the evening is quiet.
pub fn judge(dj: &DjDiary, dancers: &[&Diary], recap: &Recap, weather: Weather) -> Vec<Violation> {
    let mut verdict = Verdict::default();
    for (id, diary) in dancers.iter().enumerate() {
        seat(&mut verdict, (id, diary));
        tracks::heard(&mut verdict, &dj.tracks, (id, diary), weather);
        facts::heard(&mut verdict, &dj.facts, (id, diary));
        naps::told(&mut verdict, (id, diary));
        polls::heard(&mut verdict, &dj.polls, (id, diary));
    }
    for words in &dj.surprises {
        verdict.add(Fault::Surprise, format!("the DJ: {words}"));
    }
    tracks::recap(&mut verdict, &dj.tracks, recap);
    likes::counted(&mut verdict, dj, dancers, recap, weather);
    polls::counted(&mut verdict, dj, dancers, recap, weather);
    tempo::standing(&mut verdict, dj, dancers, recap);
    let people = dancers.len() as u64;
    if dj.listeners_most < people || dj.listeners_most > people + 1 {
        verdict.add(Fault::ListenersMissing, format!("LISTENER_COUNT reached {} with {people} dancers and a DJ", dj.listeners_most));
    }
    if let Some((from, to)) = dj.listeners_fell
        && weather == Weather::Fair
    {
        verdict.add(Fault::ListenersFell, format!("LISTENER_COUNT fell from {from} to {to}, though nobody was away for long"));
    }
    verdict.0
}

/// What must have become of those who read nothing for longer than the server bears.
pub fn judge_naps(dancers: &[&Diary], closed_within: Duration) -> Vec<Violation> {
    let mut verdict = Verdict::default();
    for numbered in dancers.iter().copied().enumerate() {
        naps::ended(&mut verdict, closed_within, numbered);
    }
    verdict.0
}

/// What must be true after END_SESSION.
pub fn judge_end(dancers: &[&Diary]) -> Vec<Violation> {
    let mut verdict = Verdict::default();
    for (id, diary) in dancers.iter().enumerate() {
        if diary.session_ended != 1 {
            verdict.add(Fault::EndNotHeard, format!("dancer {id} heard SESSION_ENDED {} times", diary.session_ended));
        }
    }
    verdict.0
}

fn seat(verdict: &mut Verdict, (id, diary): Numbered<'_>) {
    if !diary.seated {
        verdict.add(Fault::NotSeated, format!("dancer {id} never got its SUBSCRIBE acknowledged"));
    } else if !diary.here {
        verdict.add(Fault::NotSeated, format!("dancer {id} could not come back"));
    }
    if diary.open > 0 {
        verdict.add(Fault::Unanswered, format!("dancer {id} has {} messages without an answer", diary.open));
    }
    for words in &diary.surprises {
        verdict.add(Fault::Surprise, format!("dancer {id}: {words}"));
    }
}

#[cfg(test)]
mod tests;
