//! What the audit found, for a person and for a machine.

use std::fmt::Write as _;

use nats::epoch::Era;
use schemas::client::Preference;
use schemas::note::Rejection;
use schemas::text::clean;
use schemas::{Seq, SessionId};
use serde_json::{Value, json};
use store::PollRow;

use super::compare::{Difference, compare, status_words};
use super::look::Look;
use super::recount::{Ballot, Recount};

/// The reasons in the order in which they are printed.
const REJECTIONS: [Rejection; 4] = [Rejection::AlreadyVoted, Rejection::PollClosed, Rejection::NoSuchPoll, Rejection::InvalidOption];

pub struct Report {
    session: SessionId,
    look: Look,
    /// The store against the log.
    store: Vec<Difference>,
    /// The fold of this program, run once more over the log, against the log.
    fold: Vec<Difference>,
    /// The log against itself: results that were said and are not what the votes come to.
    said: Vec<Difference>,
}

impl Report {
    pub fn of(session: SessionId, look: Look) -> Report {
        let store = compare(&look.counted, look.stored.as_ref(), &look.losses);
        let fold = compare(&look.counted, look.folded.as_ref(), &look.losses);
        let said = look.counted.contradictions.iter().map(|c| Difference {
            table: "log",
            row: format!("poll {}", c.poll),
            field: c.what,
            log: Some(c.counted.clone()),
            found: Some(c.said.clone()),
            sequence: Some(c.seq),
            lost: look.losses.explain(c),
        });
        Report { said: said.collect(), session, store, fold, look }
    }

    /// What nothing explains.
    pub fn differences(&self) -> usize {
        self.all().filter(|d| !d.lost).count()
    }

    fn lost(&self) -> usize {
        self.all().filter(|d| d.lost).count()
    }

    fn all(&self) -> impl Iterator<Item = &Difference> {
        self.store.iter().chain(&self.fold).chain(&self.said)
    }

    fn behind(&self) -> bool {
        self.look.position < self.look.end
    }

    pub fn words(&self) -> String {
        let mut out = String::new();
        let Look { run, runs, position, end, counted, .. } = &self.look;
        if let Some(row) = counted.run.as_ref().map(|run| &run.row) {
            let until = row.ended.map_or("still on".to_owned(), |(at, _)| format!("until {at}"));
            let _ = writeln!(out, "{}, run {}: {}, from {} {until}", self.session, run.begin, clean(&row.dj_name), row.began_at);
        } else {
            let _ = writeln!(out, "{}, run {}", self.session, run.begin);
        }
        if *runs > 1 {
            let _ = writeln!(out, "the log holds {runs} runs of this session; --run names one");
        }
        if self.behind() {
            let _ = writeln!(out, "the store is behind: this run's log goes on to {end}");
        }
        let _ = writeln!(out, "compared at {position}, where the store stands");
        for era in &self.look.losses.0 {
            let Era { epoch, first, agreed, lost, at, .. } = era;
            let _ =
                writeln!(out, "sequences {} to {lost} of the log are lost; epoch {epoch} goes on at {first}, declared {at}", agreed + 1);
        }
        counts(&mut out, counted);
        let sections: [(&str, &[Difference]); 3] =
            [("in the store", &self.store), ("by the fold of this program", &self.fold), ("in the result that was said", &self.said)];
        for (by, differences) in sections {
            differences.iter().for_each(|d| sentence(&mut out, by, d));
        }
        if self.fold.iter().all(|d| d.lost) && !self.store.iter().all(|d| d.lost) {
            out.push_str("the fold agrees with the log: these rows were changed or written by something else\n");
        }
        let of_loss = match self.lost() {
            0 => String::new(),
            n => format!(", apart from {n} that come from what the log lost"),
        };
        out.push_str(&match self.differences() {
            0 => format!("agrees{of_loss}\n"),
            1 => format!("1 difference{of_loss}\n"),
            n => format!("{n} differences{of_loss}\n"),
        });
        out
    }

    pub fn json(&self) -> Value {
        let Look { run, epoch, position, end, counted: c, .. } = &self.look;
        json!({
            "session": self.session,
            "run": run.begin,
            "epoch": epoch,
            "position": position,
            "end": end,
            "behind": self.behind(),
            "agrees": self.differences() == 0,
            "lost": self.look.losses.0.iter().map(|era| json!({
                "epoch": era.epoch, "from": era.agreed + 1, "to": era.lost, "first": era.first, "declaredAt": era.at,
            })).collect::<Vec<_>>(),
            "differencesByLoss": self.lost(),
            "facts": c.facts,
            "voidFacts": c.void,
            "packs": c.packs,
            "claims": c.claims,
            "unreadable": c.unreadable.iter().map(|(seq, why)| json!({"sequence": seq, "why": why})).collect::<Vec<_>>(),
            "plays": c.plays.len(),
            "likes": {"standing": standing(c), "takenBack": c.liking.taken_back, "repeats": c.liking.repeats, "refused": c.liking.refused},
            "wishes": {"standing": wishes(c), "takenBack": c.wishing.taken_back, "repeats": c.wishing.repeats, "refused": c.wishing.refused},
            "reactions": c.reactions,
            "polls": polls(c).map(|(poll, ballot)| poll_json(c, poll, ballot)).collect::<Vec<_>>(),
            "votesForUnknownPolls": unknown(c),
            "differences": {"store": self.store, "fold": self.fold, "log": self.said},
        })
    }
}

fn sentence(out: &mut String, by: &str, d: &Difference) {
    let why = d.sequence.map_or(String::new(), |seq| format!(" (sequence {seq})"));
    if d.lost {
        out.push_str("of what the log lost: ");
    }
    let _ = write!(out, "{}: {}: ", d.table, d.row);
    let _ = match (&d.log, &d.found) {
        (Some(log), Some(found)) => writeln!(out, "{} is {found} {by}, and {log} by the log{why}", d.field),
        (Some(log), None) => writeln!(out, "missing {by}; by the log it is: {log}{why}"),
        (None, Some(found)) if d.lost => writeln!(out, "{by} it is: {found}"),
        (None, Some(found)) => writeln!(out, "nothing in the log justifies it; {by} it is: {found}"),
        (None, None) => Ok(()),
    };
}

fn counts(out: &mut String, c: &Recount) {
    let _ = writeln!(out, "facts {} ({} void), claims {} in {} packs", c.facts, c.void, c.claims, c.packs);
    for (seq, why) in &c.unreadable {
        let _ = writeln!(out, "the message at {seq} cannot be read by this version ({why}) and is left out, as the fold leaves it out");
    }
    let _ = writeln!(out, "plays {}, reactions {}", c.plays.len(), c.reactions);
    let l = &c.liking;
    let _ =
        writeln!(out, "likes {} standing, {} times taken back, {} repeats, {} refused", standing(c), l.taken_back, l.repeats, l.refused);
    let w = &c.wishing;
    let _ = writeln!(
        out,
        "tempo wishes {} standing, {} times taken back, {} repeats, {} refused",
        wishes(c),
        w.taken_back,
        w.repeats,
        w.refused
    );
    for (poll, ballot) in polls(c) {
        let result: Vec<String> = poll.options.iter().zip(&poll.votes).map(|(option, n)| format!("{} {n}", clean(option))).collect();
        let (total, unverified) = (total(c, poll), unverified(c, poll));
        let _ = writeln!(out, "poll {} “{}”: {}", poll.poll, clean(&poll.question), status_words(poll.status));
        let _ = writeln!(
            out,
            "  {total} votes counted ({}), {unverified} of them by people without an identity; {} changed, {} repeats, {}",
            result.join(", "),
            ballot.changes,
            ballot.repeats,
            rejections(ballot),
        );
    }
    if unknown(c) > 0 {
        let _ = writeln!(out, "{} votes for polls that this run never had", unknown(c));
    }
    if c.strayed > 0 {
        let _ = writeln!(out, "{} claims by somebody who cannot make them; they count for nothing", c.strayed);
    }
}

fn rejections(ballot: &Ballot) -> String {
    let all: u64 = ballot.rejected.values().sum();
    let why = REJECTIONS.iter().filter_map(|why| ballot.rejected.get(why).map(|n| format!("{n} {}", why.words())));
    let why: Vec<String> = why.collect();
    if all == 0 { "none rejected".to_owned() } else { format!("{all} rejected ({})", why.join(", ")) }
}

fn poll_json(c: &Recount, poll: &PollRow, ballot: &Ballot) -> Value {
    let rejected: serde_json::Map<String, Value> = ballot.rejected.iter().map(|(why, n)| (why.token().to_owned(), json!(n))).collect();
    json!({
        "poll": poll.poll,
        "question": poll.question,
        "options": poll.options,
        "status": status_words(poll.status),
        "opened": poll.opened,
        "votes": poll.votes,
        "counted": total(c, poll),
        "unverified": unverified(c, poll),
        "changes": ballot.changes,
        "repeats": ballot.repeats,
        "rejected": rejected,
    })
}

/// Polls in the order asked.
fn polls(c: &Recount) -> impl Iterator<Item = (&PollRow, &Ballot)> {
    static NOTHING: std::sync::LazyLock<Ballot> = std::sync::LazyLock::new(Ballot::default);
    let mut polls: Vec<&PollRow> = c.polls.values().map(|poll| &poll.row).collect();
    polls.sort_by_key(|poll| poll.opened);
    polls.into_iter().map(|poll| (poll, c.ballots.get(&poll.poll).unwrap_or(&NOTHING)))
}

fn total(c: &Recount, poll: &PollRow) -> usize {
    c.votes.keys().filter(|(of, _)| *of == poll.poll).count()
}

fn unverified(c: &Recount, poll: &PollRow) -> usize {
    c.votes.values().filter(|vote| vote.row.poll == poll.poll && !vote.row.known).count()
}

fn unknown(c: &Recount) -> Seq {
    c.ballots.iter().filter(|(poll, _)| !c.polls.contains_key(poll)).flat_map(|(_, ballot)| ballot.rejected.values()).sum()
}

fn standing(c: &Recount) -> usize {
    c.likes.values().filter(|like| like.row.on).count()
}

fn wishes(c: &Recount) -> usize {
    c.wishes.values().filter(|wish| wish.row.preference != Preference::Clear).count()
}
