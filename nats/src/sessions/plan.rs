//! What messages that came together append together: each is decided on what those before it make of the session. Pure.

use std::ops::Range;

use schemas::error::Refusal;
use schemas::fact::FactRecord;
use schemas::view::View;
use schemas::{Millis, Seq};

use super::Decision;
use crate::log::Timer;

pub(super) struct Plan {
    pub facts: Vec<FactRecord>,
    pub timers: Vec<Timer>,
    verdicts: Vec<Result<Place, Refusal>>,
}

enum Place {
    /// Of a message that was applied before.
    Already(Seq),
    /// Which of the new facts are the message's.
    Among(Range<usize>),
}

impl Plan {
    pub fn of(view: &View, messages: usize, now: Millis, mut decide: impl FnMut(&View, usize) -> Result<Decision, Refusal>) -> Plan {
        let mut plan = Plan { facts: Vec::new(), timers: Vec::new(), verdicts: Vec::with_capacity(messages) };
        let mut ahead = view.clone();
        for n in 0..messages {
            let verdict = match decide(&ahead, n) {
                Ok(Decision::Append { facts, timers }) => {
                    let first = plan.facts.len();
                    if n + 1 < messages {
                        facts.iter().for_each(|record| ahead.foresee(record, now));
                    }
                    plan.facts.extend(facts);
                    plan.timers.extend(timers);
                    Ok(Place::Among(first..plan.facts.len()))
                }
                // A place that was foreseen a moment ago: the same message stands twice in the list.
                Ok(Decision::Already(seq)) if seq > view.last => {
                    let at = (seq - view.last - 1) as usize;
                    Ok(Place::Among(at..at + 1))
                }
                Ok(Decision::Already(seq)) => Ok(Place::Already(seq)),
                Err(refusal) => Err(refusal),
            };
            plan.verdicts.push(verdict);
        }
        plan
    }

    /// Whether every message was applied before: that holds whatever the log has more.
    pub fn only_repeats(&self) -> bool {
        self.verdicts.iter().all(|verdict| matches!(verdict, Ok(Place::Already(_))))
    }

    /// What each message is told once the facts are stored at `seqs`.
    pub fn stored(self, seqs: &[Seq]) -> Vec<Result<Vec<Seq>, Refusal>> {
        let tell = |place| match place {
            Place::Already(seq) => vec![seq],
            Place::Among(range) => seqs.get(range).unwrap_or_default().to_vec(),
        };
        self.verdicts.into_iter().map(|verdict| verdict.map(tell)).collect()
    }
}
