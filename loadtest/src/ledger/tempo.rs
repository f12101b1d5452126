//! The tempo totals at the end are the standing wishes for the last track.

use schemas::client::Preference;
use schemas::server::TempoCount;

use super::{DjDiary, Fault, Recap, Verdict};
use crate::diary::{Answer, At, Diary};

pub fn standing(verdict: &mut Verdict, dj: &DjDiary, dancers: &[&Diary], recap: &Recap) {
    let Some((last, track)) = dj.tracks.iter().enumerate().next_back() else { return };
    let (mut sure, mut open) = (TempoCount::default(), TempoCount::default());
    for diary in dancers {
        tally(diary, last as u32, track.sent, &mut sure, &mut open);
    }
    let in_recap = recap.tracks.get(last).map(|t| t.tempo).unwrap_or_default();
    for (place, have) in [("the recap", in_recap), ("the DJ", dj.tempo)] {
        let within = |have: u64, sure: u64, open: u64| (sure..=sure + open).contains(&have);
        let fits = within(have.faster, sure.faster, open.faster)
            && within(have.slower, sure.slower, open.slower)
            && within(have.perfect, sure.perfect, open.perfect);
        if !fits {
            verdict.add(
                Fault::TempoDiffers,
                format!("{place} says {have:?} for the last track, the standing wishes are {sure:?}, unclear {open:?}"),
            );
        }
    }
}

/// One dancer's wish for the last track. A wish that was under way when that track came may belong to either.
fn tally(diary: &Diary, last: u32, published: At, sure: &mut TempoCount, open: &mut TempoCount) {
    let mut settled: Option<Preference> = None;
    let mut unclear: Vec<Preference> = Vec::new();
    for wish in &diary.wishes {
        match &wish.answer {
            Answer::Refused(_) => {}
            Answer::Stored(at) if *at < published => {}
            Answer::Stored(_) if wish.heard == Some(last) => {
                settled = Some(wish.preference);
                unclear.clear();
            }
            Answer::Stored(_) | Answer::Open => unclear.push(wish.preference),
        }
    }
    let add = |to: &mut TempoCount, preference: Preference| {
        if let Some(n) = to.of(preference) {
            *n += 1;
        }
    };
    if unclear.is_empty() {
        if let Some(preference) = settled {
            add(sure, preference);
        }
    } else {
        let mut may: Vec<Preference> = unclear;
        may.extend(settled);
        may.sort_unstable_by_key(|p| *p as u8);
        may.dedup();
        may.into_iter().for_each(|p| add(open, p));
    }
}
