//! Every fact reached every dancer: whoever heard of a later place had heard of all before it, from the seat on.

use schemas::Seq;

use super::{Fault, Numbered, Verdict};
use crate::diary::Note;

/// `facts`: places, in order, that nothing else may stand for.
pub fn heard(verdict: &mut Verdict, facts: &[Seq], (id, diary): Numbered<'_>) {
    // Everything up to here was heard, or belonged to a state that was marked as one.
    let mut upto: Option<Seq> = None;
    let mut missed = |after: Seq, before: Seq| {
        let from = facts.partition_point(|place| *place <= after);
        let to = facts.partition_point(|place| *place < before);
        if from < to {
            verdict.add(Fault::Dropped, format!("dancer {id} missed {} corrections between {after} and {before}", to - from));
        }
    };
    for note in &diary.notes {
        match note {
            Note::Fresh { seq, .. } => upto = Some(*seq),
            Note::Position(seq) => {
                if let Some(after) = upto {
                    missed(after, *seq);
                }
                upto = upto.max(Some(*seq));
            }
            Note::Back { .. } | Note::Track { .. } => {}
        }
    }
    if let Some(after) = upto {
        missed(after, Seq::MAX);
    }
}
