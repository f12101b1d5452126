//! For each promise an evening that breaks it, and one that breaks none.

use std::collections::BTreeSet;
use std::time::Duration;

use schemas::client::Preference;
use schemas::server::TempoCount;

use super::*;
use crate::diary::{Answer, Ballot, Cast, Fate, Like, Nap, Note, Wish};

const POLL: u64 = 77;

/// The faults in a list, each once.
fn faults(violations: &[Violation]) -> BTreeSet<Fault> {
    violations.iter().map(|v| v.fault).collect()
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Three tracks at 10, 20 and 30 s; a poll open to 25 s; two dancers who both like track 1 and vote.
fn evening() -> (DjDiary, Vec<Diary>, Recap) {
    let tracks: Vec<Published> =
        (0..3).map(|n| Published { title: format!("Song {n}"), sent: at(10 * (n + 1)), stored: Some(at(10 * (n + 1))) }).collect();
    let dj = DjDiary {
        polls: BTreeMap::from([(POLL, PollRun { options: 2, open_until: at(25), results: Some(vec![1, 1]) })]),
        likes: BTreeMap::from([(1, 2)]),
        tempo: TempoCount { faster: 1, slower: 0, perfect: 1 },
        listeners_most: 2,
        tracks,
        ..DjDiary::default()
    };
    let dancers = (0..2).map(dancer).collect();
    let recap = Recap {
        tracks: (0..3)
            .map(|n| RecapTrack {
                title: format!("Song {n}"),
                likes: if n == 1 { 2 } else { 0 },
                tempo: if n == 2 { dj.tempo } else { TempoCount::default() },
            })
            .collect(),
        polls: BTreeMap::from([(POLL, vec![1, 1])]),
    };
    (dj, dancers, recap)
}

fn dancer(option: u32) -> Diary {
    let stored = || Answer::Stored(at(22));
    let preference = if option == 0 { Preference::Faster } else { Preference::Perfect };
    Diary {
        notes: vec![
            Note::Fresh { asked: at(11), seq: 100, reason: None },
            Note::Track { number: 0, state: true },
            Note::Track { number: 1, state: false },
            Note::Position(101),
            Note::Track { number: 2, state: false },
            Note::Position(105),
        ],
        likes: BTreeMap::from([(1, Like { given: stored(), taken_back: None })]),
        wishes: vec![Wish { preference, answer: Answer::Stored(at(32)), heard: Some(2) }],
        ballots: BTreeMap::from([(
            POLL,
            Ballot {
                started: 1,
                casts: vec![Cast { option, sent: at(21), answer: stored() }],
                confirmed: vec![option],
                ended: vec![(at(26), vec![1, 1])],
                ..Ballot::default()
            },
        )]),
        seated: true,
        here: true,
        ..Diary::default()
    }
}

/// Judges the evening after `spoil` changed it and wants exactly these faults.
fn expect(wanted: &[Fault], spoil: impl FnOnce(&mut DjDiary, &mut Vec<Diary>, &mut Recap)) {
    expect_in(Weather::Fair, wanted, spoil);
}

fn expect_in(weather: Weather, wanted: &[Fault], spoil: impl FnOnce(&mut DjDiary, &mut Vec<Diary>, &mut Recap)) {
    let (mut dj, mut dancers, mut recap) = evening();
    spoil(&mut dj, &mut dancers, &mut recap);
    let violations = judge(&dj, &dancers.iter().collect::<Vec<_>>(), &recap, weather);
    assert_eq!(faults(&violations), wanted.iter().copied().collect(), "{violations:#?}");
}

fn ballot(dancers: &mut [Diary]) -> &mut Ballot {
    dancers[0].ballots.get_mut(&POLL).expect("the evening has this poll")
}

#[test]
fn a_good_evening_has_no_violation() {
    expect(&[], |_, _, _| {});
}

#[test]
fn a_dropped_track_is_found() {
    expect(&[Fault::Dropped], |_, d, _| {
        d[0].notes.drain(2..4);
    });
    expect(&[Fault::Dropped], |_, d, _| d[0].notes.truncate(4));
}

#[test]
fn a_doubled_or_reordered_track_is_found() {
    expect(&[Fault::Doubled], |_, d, _| d[0].notes.insert(4, Note::Track { number: 1, state: false }));
    expect(&[Fault::Dropped, Fault::Reordered], |_, d, _| d[0].notes.swap(2, 4));
}

#[test]
fn a_position_that_falls_or_repeats_is_found() {
    expect(&[Fault::PositionFell], |_, d, _| d[0].notes.push(Note::Position(105)));
    expect(&[Fault::PositionFell], |_, d, _| d[0].notes.push(Note::Position(3)));
}

#[test]
fn a_resume_may_merge_what_waited_together_and_nothing_else() {
    let away = |back: u64| {
        move |_: &mut DjDiary, d: &mut Vec<Diary>, _: &mut Recap| {
            d[0].notes.drain(2..4);
            d[0].notes.insert(2, Note::Back { at: at(back), seq: 100 });
        }
    };
    expect(&[], away(31));
    expect(&[Fault::Dropped], away(25));
}

#[test]
fn a_fresh_seat_may_skip_but_not_be_stale() {
    expect(&[], |_, d, _| {
        d[0].notes.truncate(2);
        d[0].notes.push(Note::Fresh { asked: at(31), seq: 105, reason: Some("too_old".into()) });
        d[0].notes.push(Note::Track { number: 2, state: true });
    });
    expect(&[Fault::Stale], |_, d, _| d[0].notes[0] = Note::Fresh { asked: at(29), seq: 100, reason: None });
}

#[test]
fn a_lost_like_and_a_doubled_one_are_found() {
    expect(&[Fault::LikeLost], |_, _, r| r.tracks[1].likes = 1);
    expect(&[Fault::LikeDoubled], |_, _, r| r.tracks[1].likes = 3);
    expect(&[Fault::LikeDoubled], |_, d, _| d[0].likes.get_mut(&1).expect("liked").taken_back = Some(Answer::Stored(at(23))));
}

#[test]
fn the_dj_hears_each_like_once_unless_their_socket_was_lost() {
    expect(&[Fault::LikeNotHeard], |dj, _, _| _ = dj.likes.insert(1, 1));
    expect(&[Fault::LikeHeardTwice], |dj, _, _| _ = dj.likes.insert(1, 3));
    expect(&[], |dj, _, _| (dj.lost, dj.likes) = (1, BTreeMap::new()));
}

#[test]
fn an_open_like_may_count_or_not() {
    for likes in [1, 2] {
        expect(&[], |dj, d, r| {
            d[0].likes.get_mut(&1).expect("liked").given = Answer::Open;
            r.tracks[1].likes = likes;
            dj.likes.insert(1, likes);
        });
    }
}

#[test]
fn a_double_counted_vote_is_found() {
    expect(&[Fault::VoteDoubled], |dj, d, r| {
        dj.polls.get_mut(&POLL).expect("poll").results = Some(vec![2, 1]);
        r.polls.insert(POLL, vec![2, 1]);
        d.iter_mut().for_each(|d| d.ballots.get_mut(&POLL).expect("poll").ended[0].1 = vec![2, 1]);
    });
}

#[test]
fn a_lost_vote_is_found() {
    expect(&[Fault::VoteLost], |dj, d, r| {
        dj.polls.get_mut(&POLL).expect("poll").results = Some(vec![0, 1]);
        r.polls.insert(POLL, vec![0, 1]);
        d.iter_mut().for_each(|d| d.ballots.get_mut(&POLL).expect("poll").ended[0].1 = vec![0, 1]);
    });
}

#[test]
fn verdicts_must_come_and_be_just() {
    expect(&[Fault::NoVerdict], |_, d, _| ballot(d).confirmed.clear());
    expect(&[], |_, d, _| {
        ballot(d).confirmed.clear();
        ballot(d).lost_socket = true;
    });
    expect(&[Fault::VoteChanged], |_, d, _| ballot(d).confirmed.push(1));
    expect(&[Fault::VoteRefusedInTime, Fault::VoteDoubled], |_, d, _| {
        ballot(d).confirmed.clear();
        ballot(d).rejected.push("The poll is closed".into());
    });
    expect(&[Fault::VoteAfterClose], |_, d, _| ballot(d).ended[0].0 = at(20));
}

#[test]
fn results_must_agree_everywhere() {
    expect(&[Fault::ResultsDiffer], |_, d, _| ballot(d).ended[0].1 = vec![0, 1]);
    expect(&[Fault::RecapDiffers], |_, _, r| drop(r.polls.insert(POLL, vec![1, 0])));
    expect(&[Fault::PollNotHeard], |_, d, _| ballot(d).ended.clear());
    expect(&[Fault::PollHeardTwice], |_, d, _| ballot(d).started = 2);
}

#[test]
fn tempo_and_listeners_are_checked() {
    expect(&[Fault::TempoDiffers], |_, _, r| r.tracks[2].tempo.faster = 0);
    expect(&[Fault::TempoDiffers], |dj, _, _| dj.tempo.perfect = 2);
    expect(&[], |_, d, _| d[0].wishes.insert(0, Wish { preference: Preference::Slower, answer: Answer::Stored(at(13)), heard: Some(0) }));
    expect(&[Fault::ListenersMissing], |dj, _, _| dj.listeners_most = 1);
}

#[test]
fn what_was_never_answered_or_never_seated_is_found() {
    expect(&[Fault::Unanswered], |_, d, _| d[0].open = 1);
    expect(&[Fault::NotSeated], |_, d, _| d[0].here = false);
    expect(&[Fault::Surprise], |_, d, _| d[0].surprises.push("Track not found".into()));
    let (_, dancers, _) = evening();
    assert_eq!(faults(&judge_end(&dancers.iter().collect::<Vec<_>>())), [Fault::EndNotHeard].into());
}

#[test]
fn a_correction_that_a_dancer_missed_is_seen_wherever_it_lies() {
    for facts in [vec![103], vec![102, 105], vec![106]] {
        let (mut dj, dancers, recap) = evening();
        dj.facts = facts.clone();
        let all: Vec<&Diary> = dancers.iter().collect();
        assert_eq!(faults(&judge(&dj, &all, &recap, Weather::Fair)), BTreeSet::from([Fault::Dropped]), "{facts:?}");
    }
    let (mut dj, dancers, recap) = evening();
    dj.facts = vec![99, 100, 101, 105];
    let all: Vec<&Diary> = dancers.iter().collect();
    assert_eq!(judge(&dj, &all, &recap, Weather::Fair), []);
}

#[test]
fn what_a_fresh_start_stands_for_is_not_missed() {
    let (mut dj, mut dancers, recap) = evening();
    dj.facts = vec![102, 103];
    for dancer in &mut dancers {
        dancer.notes.insert(4, Note::Fresh { asked: at(28), seq: 103, reason: Some("too_far".to_owned()) });
    }
    let all: Vec<&Diary> = dancers.iter().collect();
    assert_eq!(judge(&dj, &all, &recap, Weather::Fair), []);
}

#[test]
fn a_sleeper_is_closed_or_goes_on() {
    let naps = |slept, fate| {
        let (dj, mut dancers, recap) = evening();
        dancers[0].naps.push(Nap { slept: at(slept), bytes: 0, fate });
        let all: Vec<&Diary> = dancers.iter().collect();
        let mut violations = judge(&dj, &all, &recap, Weather::Fair);
        violations.extend(judge_naps(&all, at(20)));
        faults(&violations)
    };
    assert_eq!(naps(5, Some(Fate::Refilled)), BTreeSet::new());
    assert_eq!(naps(5, None), BTreeSet::from([Fault::Stuck]));
    assert_eq!(naps(25, Some(Fate::Closed("end of stream".to_owned()))), BTreeSet::new());
    assert_eq!(naps(25, Some(Fate::Refilled)), BTreeSet::from([Fault::NotClosed]));
}

#[test]
fn a_count_that_falls_is_seen() {
    let (mut dj, dancers, recap) = evening();
    dj.listeners_fell = Some((2, 1));
    let all: Vec<&Diary> = dancers.iter().collect();
    assert_eq!(faults(&judge(&dj, &all, &recap, Weather::Fair)), BTreeSet::from([Fault::ListenersFell]));
}

#[test]
fn where_processes_die_notes_and_time_say_nothing_and_counts_stay_exact() {
    let dies = |wanted: &[Fault], spoil: fn(&mut DjDiary, &mut Vec<Diary>, &mut Recap)| expect_in(Weather::Faults, wanted, spoil);
    dies(&[], |dj, _, _| _ = dj.likes.insert(1, 3));
    dies(&[], |dj, _, _| _ = dj.likes.insert(1, 1));
    dies(&[], |dj, _, _| dj.listeners_fell = Some((2, 1)));
    dies(&[], |_, d, _| ballot(d).confirmed.clear());
    dies(&[], |_, d, _| d[0].notes[0] = Note::Fresh { asked: at(29), seq: 100, reason: None });
    dies(&[Fault::LikeLost], |_, _, r| r.tracks[1].likes = 1);
    dies(&[Fault::LikeDoubled], |_, _, r| r.tracks[1].likes = 3);
    dies(&[Fault::Dropped], |_, d, _| drop(d[0].notes.drain(2..4)));
    dies(&[Fault::Doubled], |_, d, _| d[0].notes.insert(4, Note::Track { number: 1, state: false }));
    // Acknowledged in time and never confirmed: it must be counted all the same.
    dies(&[Fault::VoteLost], |dj, d, r| {
        ballot(d).confirmed.clear();
        dj.polls.get_mut(&POLL).expect("poll").results = Some(vec![0, 1]);
        r.polls.insert(POLL, vec![0, 1]);
        d.iter_mut().for_each(|d| d.ballots.get_mut(&POLL).expect("poll").ended[0].1 = vec![0, 1]);
    });
}
