//! A socket whose reader slept was closed, or went on with nothing missing. What it then heard is judged like anybody's.

use std::time::Duration;

use super::{Fault, Numbered, Verdict};
use crate::diary::Fate;

pub fn told(verdict: &mut Verdict, (id, diary): Numbered<'_>) {
    for nap in diary.naps.iter().filter(|nap| nap.fate.is_none()) {
        verdict.add(Fault::Stuck, format!("dancer {id} woke after {:?}, and its socket neither ended nor went on", nap.slept));
    }
}

/// Who took nothing for this long must have been closed, or the server holds on to the dead for ever.
pub fn ended(verdict: &mut Verdict, within: Duration, (id, diary): Numbered<'_>) {
    for nap in diary.naps.iter().filter(|nap| nap.slept >= within) {
        if !matches!(nap.fate, Some(Fate::Closed(_))) {
            verdict.add(Fault::NotClosed, format!("dancer {id} read nothing for {:?} and was not closed: {:?}", nap.slept, nap.fate));
        }
    }
}
