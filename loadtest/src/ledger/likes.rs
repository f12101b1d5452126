//! Every acknowledged like is counted once: in the recap, and in the DJ's ear.

use std::collections::BTreeMap;

use super::{DjDiary, Fault, Recap, Verdict, Weather};
use crate::diary::{Answer, Diary};

/// What a count may be: everything acknowledged, and at most what is still unknown beyond that.
#[derive(Clone, Copy, Default)]
struct Bounds {
    sure: u64,
    open: u64,
}

pub fn counted(verdict: &mut Verdict, dj: &DjDiary, dancers: &[&Diary], recap: &Recap, weather: Weather) {
    let mut standing: BTreeMap<u32, Bounds> = BTreeMap::new();
    let mut given: BTreeMap<u32, Bounds> = BTreeMap::new();
    for (number, like) in dancers.iter().flat_map(|d| &d.likes) {
        let heard = given.entry(*number).or_default();
        let counted = standing.entry(*number).or_default();
        match (&like.given, &like.taken_back) {
            (Answer::Refused(_), _) => continue,
            (Answer::Open, _) => {
                heard.open += 1;
                counted.open += 1;
                continue;
            }
            (Answer::Stored(_), None | Some(Answer::Refused(_))) => counted.sure += 1,
            (Answer::Stored(_), Some(Answer::Open)) => counted.open += 1,
            (Answer::Stored(_), Some(Answer::Stored(_))) => {}
        }
        heard.sure += 1;
    }
    for number in 0..dj.tracks.len() as u32 {
        let want = standing.get(&number).copied().unwrap_or_default();
        let have = recap.tracks.get(number as usize).map_or(0, |t| t.likes);
        compare(verdict, (Fault::LikeLost, Fault::LikeDoubled), &format!("track {number} in the recap"), have, want);
        if dj.lost == 0 && weather == Weather::Fair {
            let want = given.get(&number).copied().unwrap_or_default();
            let have = dj.likes.get(&number).copied().unwrap_or(0);
            compare(verdict, (Fault::LikeNotHeard, Fault::LikeHeardTwice), &format!("track {number} at the DJ"), have, want);
        }
    }
}

fn compare(verdict: &mut Verdict, (fewer, more): (Fault, Fault), place: &str, have: u64, want: Bounds) {
    if have < want.sure {
        verdict.add(fewer, format!("{place}: {have} likes of {} acknowledged", want.sure));
    } else if have > want.sure + want.open {
        verdict.add(more, format!("{place}: {have} likes, only {} were given", want.sure + want.open));
    }
}
