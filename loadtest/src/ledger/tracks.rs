//! Every dancer got each track exactly once and in order, and positions only rise.

use std::time::Duration;

use super::{Fault, Numbered, Published, Recap, Verdict, Weather};
use crate::diary::{At, Note};

/// A newcomer may still be greeted with a track that was replaced this long before it asked: the time a fact needs to
/// reach every node and the pace of one NOW_PLAYING a second.
const STALE_AFTER: Duration = Duration::from_secs(2);

pub fn heard(verdict: &mut Verdict, tracks: &[Published], (id, diary): Numbered<'_>, weather: Weather) {
    let mut last: Option<u32> = None;
    let mut position = 0;
    // Set after a seat was taken: when it was asked for, and whether what lies between may be skipped.
    let mut fresh: Option<At> = None;
    let mut back: Option<At> = None;
    for note in &diary.notes {
        match note {
            Note::Fresh { asked, seq, .. } => {
                (fresh, back, position) = (Some(*asked), None, *seq);
            }
            Note::Back { at, seq } => {
                back = Some(*at);
                if *seq < position {
                    verdict.add(Fault::PositionFell, format!("dancer {id} came back at {seq} after {position}"));
                }
                position = position.max(*seq);
            }
            Note::Position(seq) => {
                if *seq <= position {
                    verdict.add(Fault::PositionFell, format!("dancer {id} heard position {seq} after {position}"));
                }
                position = position.max(*seq);
            }
            Note::Track { number, state } => {
                match fresh {
                    Some(asked) if *state => match weather {
                        Weather::Fair => greeted(verdict, tracks, id, *number, asked),
                        Weather::Faults => {}
                    },
                    _ => follows(verdict, tracks, id, last, *number, back),
                }
                if let (Some(before), Some(_)) = (last, fresh)
                    && *number < before
                {
                    verdict.add(Fault::Reordered, format!("dancer {id} was seated at track {number} after hearing {before}"));
                }
                last = Some(*number);
                (fresh, back) = (None, None);
            }
        }
    }
    let newest = tracks.len().checked_sub(1).map(|n| n as u32);
    if diary.seated && last < newest {
        verdict.add(Fault::Dropped, format!("dancer {id} ended at track {last:?}, the last one was {newest:?}"));
    }
}

/// The state that a newcomer is given must be the one that was current when it came.
fn greeted(verdict: &mut Verdict, tracks: &[Published], id: usize, number: u32, asked: At) {
    let newer =
        tracks.iter().enumerate().skip(number as usize + 1).rev().find(|(_, t)| t.stored.is_some_and(|at| at + STALE_AFTER < asked));
    if let Some((newer, _)) = newer {
        verdict.add(Fault::Stale, format!("dancer {id} was greeted with track {number} when {newer} had long been playing"));
    }
}

/// News must be the very next track. One exception is in the contract: of tracks that waited together while a dancer
/// was away, a newer one may stand for the older.
fn follows(verdict: &mut Verdict, tracks: &[Published], id: usize, last: Option<u32>, number: u32, back: Option<At>) {
    let Some(last) = last else { return };
    if number == last {
        return verdict.add(Fault::Doubled, format!("dancer {id} heard track {number} twice"));
    }
    if number < last {
        return verdict.add(Fault::Reordered, format!("dancer {id} heard track {number} after {last}"));
    }
    for skipped in last + 1..number {
        let replaced = back.is_some_and(|at| tracks.get(skipped as usize + 1).is_some_and(|newer| newer.sent <= at));
        if !replaced {
            verdict.add(Fault::Dropped, format!("dancer {id} never heard track {skipped}: {number} came after {last}"));
        }
    }
}

pub fn recap(verdict: &mut Verdict, tracks: &[Published], recap: &Recap) {
    let stored: Vec<&str> = tracks.iter().map(|t| t.title.as_str()).collect();
    let listed: Vec<&str> = recap.tracks.iter().map(|t| t.title.as_str()).collect();
    if stored != listed {
        let at = stored.iter().zip(&listed).position(|(a, b)| a != b).unwrap_or(stored.len().min(listed.len()));
        verdict.add(Fault::RecapDiffers, format!("the recap lists {} tracks of {}, first different at {at}", listed.len(), stored.len()));
    }
}
