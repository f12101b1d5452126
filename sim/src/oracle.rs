//! What must be true when the evening is over, judged from the whole log, which no process ever saw at once.

use std::collections::{BTreeMap, BTreeSet};

use nats::Entry;
use schemas::note::Outcome;
use schemas::view::Change;
use schemas::{OpKey, PersonId, PollId, Seq, SessionId, TrackKey};

use crate::people::{Heard, Person, State, What, title};
use crate::recounted::compare::compare;
use crate::recounted::lost::Losses;
use crate::recounted::recount::Recount;
use crate::world::{START, World};

impl World {
    /// Checks every promise; what is broken is in [`World::wrong`].
    pub fn judge(&mut self) {
        let end = self.log.entries.last().map_or(0, Entry::seq);
        let position = self.rows.position(self.partition).map_or(0, |pos| pos.seq());
        if position < end {
            self.wrong(format!("the rows stand at {position}, the log goes on to {end}"));
        }
        for session in self.sessions.clone() {
            self.judge_rows(&session);
            self.judge_polls(&session);
            self.judge_lobby(&session);
        }
        for person in 0..self.people.len() {
            let found = self.judge_ops(&self.people[person]);
            found.into_iter().for_each(|wrong| self.wrong(wrong));
            if !self.people[person].is_dj {
                let heard = self.judge_heard(&self.people[person]);
                heard.into_iter().for_each(|wrong| self.wrong(format!("person {person} {wrong}")));
            }
        }
    }

    fn entries_of(&self, session: &SessionId) -> impl Iterator<Item = &Entry> {
        self.log.entries.iter().filter(move |entry| entry.session() == Some(session))
    }

    /// Every row is what the audit's rules make of the log, and no result contradicts them.
    fn judge_rows(&mut self, session: &SessionId) {
        let mut counted = Recount::default();
        self.entries_of(session).for_each(|entry| counted.take(entry));
        counted.finish();
        let rows = self.rows.load(session);
        let mut wrong: Vec<String> = compare(&counted, rows.as_ref(), &Losses::default())
            .into_iter()
            .map(|d| {
                format!("{}: {}: {} is {:?} in the rows and {:?} by the log ({:?})", d.table, d.row, d.field, d.found, d.log, d.sequence)
            })
            .collect();
        wrong.extend(counted.contradictions.iter().map(|c| format!("{c:?}")));
        // A verdict that was said is what stands, unless the poll lets people change their minds.
        for (person, poll, outcome) in &self.verdicts {
            let Some(row) = counted.polls.get(poll).map(|poll| &poll.row).filter(|row| !row.allow_change) else { continue };
            let stands = counted.votes.get(&(row.poll, *person)).map(|vote| vote.row.option);
            if let Outcome::Counted { option } = outcome
                && stands != Some(*option)
            {
                wrong.push(format!("{person} was told that {option} counts in {poll}, and {stands:?} does"));
            }
        }
        // One like a person and track, whatever was said how often.
        for person in self.people.iter().filter(|person| person.session == *session) {
            for (song, on) in expected_likes(person) {
                let key = TrackKey::of("The Testers", &title(song));
                let stands = rows.iter().flat_map(|rows| &rows.likes).any(|like| like.person == person.id && like.key == key && like.on);
                if stands != on {
                    wrong.push(format!("{} last had its like of song {song} acknowledged as {on}, and it is {stands}", person.id));
                }
            }
        }
        wrong.into_iter().for_each(|wrong| self.wrong(format!("{session}: {wrong}")));
    }

    /// Every poll that was due is over, and its result was said.
    fn judge_polls(&mut self, session: &SessionId) {
        let Some(truth) = self.log.truth.get(session) else { return };
        let mut open: BTreeMap<PollId, Seq> = BTreeMap::new();
        for accepted in &truth.accepted {
            match &accepted.change {
                Change::PollOpened(poll) if poll.opened.ends_at.is_some() => drop(open.insert(poll.opened.poll, accepted.seq)),
                Change::PollClosed { poll, .. } | Change::PollCancelled { poll, .. } => drop(open.remove(&poll.opened.poll)),
                Change::Ended(_) => open.clear(),
                _ => {}
            }
        }
        for (poll, seq) in open {
            self.wrong(format!("{session}: poll {poll} of {seq} is open although its time is over"));
        }
    }

    /// The lobby shows what the facts say.
    fn judge_lobby(&mut self, session: &SessionId) {
        let Some(run) = self.log.truth.get(session).and_then(|truth| truth.view.live()) else { return };
        let (facts, shown) = (run.lobby(), self.log.lobby.get(session));
        if shown.is_none_or(|shown| (&shown.track, &shown.announcement, shown.status) != (&facts.track, &facts.announcement, facts.status))
        {
            let wrong = format!("{session}: the lobby shows {shown:?} where the facts say {facts:?}");
            self.wrong(wrong);
        }
    }

    /// Called when a close request is stored: the first one is the close, and must not be late.
    pub fn closing(&mut self, session: &SessionId, poll: PollId, seq: Seq) {
        if self.closes.contains_key(&poll) {
            return;
        }
        let open = self.log.truth.get(session).and_then(|truth| truth.view.live()?.poll.clone());
        let Some(open) = open.filter(|open| open.opened.poll == poll) else { return };
        self.closes.insert(poll, (seq, self.agenda.now));
        let Some(due) = open.opened.ends_at else { return };
        // The promise is a second; what messages are under way and what the owner's clock is off comes on top here.
        let clock = if self.weather.clock_jump.is_some() || self.is_calm() { 4_000 } else { 0 };
        let limit = (due.0 - START).max(self.disturbed) + 1_000 + 6 * self.weather.delay + clock;
        if self.weather.delay <= 40 && self.agenda.now > limit {
            self.wrong(format!("{session}: poll {poll} was due at {}, steady since {}", due.0 - START, self.disturbed));
        }
    }

    fn judge_ops(&self, person: &Person) -> Vec<String> {
        let mut wrong = Vec::new();
        let (mut claimed, mut told) = (BTreeSet::new(), BTreeMap::<OpKey, u32>::new());
        for entry in self.entries_of(&person.session) {
            match entry {
                Entry::Pack(pack) => claimed.extend(pack.pack.claims.iter().filter_map(|record| record.op)),
                Entry::Fact(fact) => {
                    let accepted = |truth: &crate::log::Truth| truth.accepted.binary_search_by_key(&fact.seq, |a| a.seq).is_ok();
                    if let Some(op) = fact.record.op
                        && self.log.truth.get(&fact.session).is_some_and(accepted)
                    {
                        *told.entry(op).or_default() += 1;
                    }
                }
                Entry::Unreadable { .. } => {}
            }
        }
        for op in &person.ops {
            let key = OpKey::of(&op.id);
            let (claim, facts) = (claimed.contains(&key), told.get(&key).copied().unwrap_or(0));
            let word = matches!(op.what, What::Word | What::Maybe);
            match op.state {
                State::Acknowledged if !word && !claim => wrong.push(format!("{} was acknowledged and is not in the log", op.id)),
                State::Acknowledged if op.what == What::Word && facts != 1 => {
                    wrong.push(format!("{} was acknowledged and is {facts} times in the log", op.id));
                }
                State::Refused(code) if op.copies == 1 && (claim || facts > 0) => {
                    wrong.push(format!("{} was refused ({code:?}) and is in the log", op.id));
                }
                State::Waiting => wrong.push(format!("{} was never answered, though all works again", op.id)),
                State::Acknowledged | State::Refused(_) => {}
            }
            if facts > 1 {
                wrong.push(format!("{} happened {facts} times", op.id));
            }
        }
        wrong
    }

    /// Everything that must arrive was heard once, in order; what was not heard lies before a start that was marked as fresh.
    fn judge_heard(&self, person: &Person) -> Vec<String> {
        let Some(truth) = self.log.truth.get(&person.session) else { return vec![] };
        let mut wrong = Vec::new();
        let mut last: Option<Seq> = None;
        for heard in &person.heard {
            match (heard, last) {
                (Heard::Placed { at, recovered: true }, _) if last == Some(*at) => {}
                (Heard::Placed { at, recovered: true }, _) => wrong.push(format!("is recovered at {at} and stood at {last:?}")),
                (Heard::Placed { at, recovered: false }, _) => last = Some(*at),
                (Heard::Fact(seq), None) => wrong.push(format!("hears {seq} before it was placed")),
                (Heard::Fact(seq), Some(before)) if *seq <= before => wrong.push(format!("hears {seq} after {before}")),
                (Heard::Fact(seq), Some(before)) => {
                    missed(truth, before, *seq).into_iter().for_each(|seq| wrong.push(format!("never hears {seq}")));
                    last = Some(*seq);
                }
            }
        }
        match last {
            _ if person.socket == 0 => wrong.push("is not connected, though all works again".to_owned()),
            None => wrong.push("was never placed".to_owned()),
            Some(last) => missed(truth, last, Seq::MAX).into_iter().for_each(|seq| wrong.push(format!("did not come to hear {seq}"))),
        }
        wrong
    }
}

/// What was to be heard between two places. A track that a newer one follows at once need not be.
fn missed(truth: &crate::log::Truth, after: Seq, before: Seq) -> Vec<Seq> {
    let from = truth.accepted.partition_point(|accepted| accepted.seq <= after);
    let track = |at: usize| matches!(truth.accepted.get(at).map(|a| &a.change), Some(Change::Track(_)));
    let all = truth.accepted.iter().enumerate().skip(from).take_while(|(_, accepted)| accepted.seq < before);
    all.filter(|(at, accepted)| !(accepted.silent || track(*at) && track(at + 1))).map(|(_, accepted)| accepted.seq).collect()
}

/// How each song's like must stand: as the last message said that was acknowledged. A message that was refused may have left a copy
/// behind whose end is unknown; it may be stored at any time, so of that song nothing is expected.
fn expected_likes(person: &Person) -> BTreeMap<usize, bool> {
    let (mut expected, mut unknown) = (BTreeMap::new(), BTreeSet::new());
    for op in &person.ops {
        let What::Like { song, on } = op.what else { continue };
        match op.state {
            State::Acknowledged => drop(expected.insert(song, on)),
            // Refused at once, it changed nothing.
            State::Refused(_) if op.copies == 1 => {}
            State::Refused(_) | State::Waiting => drop(unknown.insert(song)),
        }
    }
    expected.retain(|song, _| !unknown.contains(song));
    expected
}

/// For whoever wants to know whom a verdict was for.
pub type Verdict = (PersonId, PollId, Outcome);
