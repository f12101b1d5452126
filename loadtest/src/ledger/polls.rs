//! Every acknowledged vote is the one counted for its person or was rejected with a reason; results say the same everywhere.

use std::collections::BTreeMap;

use super::{DjDiary, Fault, Numbered, PollRun, Recap, Verdict, Weather};
use crate::diary::{Answer, Ballot, Diary};

/// What one dancer heard of the polls.
pub fn heard(verdict: &mut Verdict, polls: &BTreeMap<u64, PollRun>, (id, diary): Numbered<'_>) {
    for (poll, ballot) in &diary.ballots {
        if ballot.started > 1 {
            verdict.add(Fault::PollHeardTwice, format!("dancer {id} heard poll {poll} start {} times", ballot.started));
        }
        if ballot.ended.len() > 1 {
            verdict.add(Fault::PollHeardTwice, format!("dancer {id} heard poll {poll} end {} times", ballot.ended.len()));
        }
        let Some(run) = polls.get(poll) else {
            verdict.add(Fault::ResultsDiffer, format!("dancer {id} heard of poll {poll}, which the DJ never opened"));
            continue;
        };
        if ballot.ended.is_empty() && run.results.is_some() && !diary.skipped() {
            verdict.add(Fault::PollNotHeard, format!("dancer {id} never heard poll {poll} end"));
        }
        for (_, results) in &ballot.ended {
            if run.results.as_ref().is_some_and(|r| r != results) {
                verdict.add(Fault::ResultsDiffer, format!("dancer {id} heard {results:?} for poll {poll}, the DJ {:?}", run.results));
            }
        }
    }
}

/// The results against the votes, and the recap against the results.
pub fn counted(verdict: &mut Verdict, dj: &DjDiary, dancers: &[&Diary], recap: &Recap, weather: Weather) {
    for (poll, run) in &dj.polls {
        let (mut sure, mut open) = (vec![0u64; run.options], vec![0u64; run.options]);
        for (id, ballot) in dancers.iter().enumerate().filter_map(|(id, d)| Some((id, d.ballots.get(poll)?))) {
            let fate = fate(verdict, id, *poll, run, ballot, weather);
            let Some(first) = ballot.casts.first() else { continue };
            let row = match fate {
                Fate::Counted => &mut sure,
                Fate::Unknown => &mut open,
                Fate::Out => continue,
            };
            if let Some(n) = row.get_mut(first.option as usize) {
                *n += 1;
            }
        }
        let Some(results) = &run.results else {
            verdict.add(Fault::PollNotHeard, format!("the DJ never heard poll {poll} end"));
            continue;
        };
        for (option, have) in results.iter().enumerate() {
            let (sure, open) = (sure.get(option).copied().unwrap_or(0), open.get(option).copied().unwrap_or(0));
            if *have < sure {
                verdict.add(Fault::VoteLost, format!("poll {poll} option {option}: {have} votes of {sure} that count"));
            } else if *have > sure + open {
                verdict.add(Fault::VoteDoubled, format!("poll {poll} option {option}: {have} votes, only {} were given", sure + open));
            }
        }
        if recap.polls.get(poll) != Some(results) {
            verdict.add(Fault::RecapDiffers, format!("poll {poll}: the recap says {:?}, the end said {results:?}", recap.polls.get(poll)));
        }
    }
}

enum Fate {
    Counted,
    Out,
    Unknown,
}

/// What must have become of a dancer's first vote. A second one never counts.
fn fate(verdict: &mut Verdict, id: usize, poll: u64, run: &PollRun, ballot: &Ballot, weather: Weather) -> Fate {
    let verdict_is_due = !ballot.lost_socket && weather == Weather::Fair;
    let Some(first) = ballot.casts.first() else { return Fate::Out };
    let in_time = first.answer.stored_at().is_some_and(|at| at < run.open_until);
    if let Some(other) = ballot.confirmed.iter().find(|o| **o != first.option) {
        verdict.add(Fault::VoteChanged, format!("dancer {id} voted {} in poll {poll} and was confirmed {other}", first.option));
    }
    if !ballot.confirmed.is_empty() {
        if ballot.ended.first().is_some_and(|(at, _)| *at < first.sent) {
            verdict.add(Fault::VoteAfterClose, format!("dancer {id} voted after hearing the end of poll {poll} and was confirmed"));
        }
        return Fate::Counted;
    }
    match (&first.answer, ballot.rejected.first()) {
        (_, Some(reason)) if reason.is_empty() => {
            verdict.add(Fault::NoVerdict, format!("dancer {id} was rejected in poll {poll} without a reason"));
            Fate::Out
        }
        (_, Some(reason)) => {
            if in_time {
                verdict.add(
                    Fault::VoteRefusedInTime,
                    format!("dancer {id}'s vote in poll {poll} was stored before the close and rejected: {reason}"),
                );
            }
            Fate::Out
        }
        (Answer::Stored(_), None) if in_time => {
            if verdict_is_due {
                verdict.add(Fault::NoVerdict, format!("dancer {id}'s acknowledged vote in poll {poll} got no verdict"));
            }
            Fate::Counted
        }
        (Answer::Stored(_), None) => {
            if verdict_is_due {
                verdict.add(Fault::NoVerdict, format!("dancer {id}'s late acknowledged vote in poll {poll} got no verdict"));
            }
            Fate::Unknown
        }
        (Answer::Open, None) => Fate::Unknown,
        (Answer::Refused(_), None) => Fate::Out,
    }
}
