//! What an owner owes a session, with a clock that the test moves.

use schemas::Millis;
use schemas::claim::Claim;
use schemas::fact::{EndReason, Fact};

use super::scene::*;
use crate::Config;
use crate::duties::{Duty, Sight, duty};
use crate::presence::Dj;

const MINUTE: i64 = 60_000;

fn owed(scene: &Scene, now: Millis, dj: Dj, trusted: bool) -> Option<Duty> {
    duty(&scene.fold, &shown(&scene.fold), Sight { now, dj, trusted, since: START }, &Config::default())
}

fn ends(duty: Option<Duty>) -> Option<EndReason> {
    match duty {
        Some(Duty::Say(Fact::Ended { reason, .. })) => Some(reason),
        Some(Duty::Say(_) | Duty::Show(_) | Duty::AskClose(_)) | None => None,
    }
}

#[test]
fn a_dj_who_leaves_is_away_then_back_or_gone() {
    let mut scene = Scene::begun();
    let left = START.plus(MINUTE);
    let now = left.plus(10);
    assert_eq!(owed(&scene, now, Dj::Here, true), None);
    assert_eq!(owed(&scene, now, Dj::Left { since: left }, false), Some(Duty::Say(Fact::Away { since: left })));
    scene.say(Fact::Away { since: left });
    assert_eq!(owed(&scene, now, Dj::Left { since: left }, true), None);
    assert_eq!(owed(&scene, left.plus(5 * MINUTE + 1), Dj::Here, true), Some(Duty::Say(Fact::Back { owner: None })), "late, but back");
    assert_eq!(ends(owed(&scene, left.plus(5 * MINUTE + 1), Dj::Left { since: left }, true)), Some(EndReason::Grace));
    scene.say(Fact::Back { owner: None });
    assert_eq!(owed(&scene, scene.fold.came, Dj::Left { since: left }, true), None, "the fact may run ahead of the socket's report");
}

#[test]
fn a_new_owner_believes_in_an_absence_only_after_it_listened_long_enough() {
    let scene = Scene::begun();
    let now = START.plus(MINUTE);
    assert_eq!(owed(&scene, now, Dj::Unseen, false), None);
    assert_eq!(owed(&scene, now, Dj::Unseen, true), Some(Duty::Say(Fact::Away { since: now })));
}

#[test]
fn abandoned_and_overlong_sessions_end() {
    let mut scene = Scene::begun();
    let four = 4 * 60 * MINUTE;
    assert_eq!(owed(&scene, START.plus(four), Dj::Here, true), None);
    assert_eq!(ends(owed(&scene, START.plus(four + 2000), Dj::Here, true)), Some(EndReason::Idle));
    scene.system(Claim::Peak { listeners: 3 });
    assert_eq!(ends(owed(&scene, START.plus(four + 2000), Dj::Here, true)), Some(EndReason::Idle), "a worker is nobody");
    scene.claim(1, None, Claim::Like { track: key(1) });
    assert_eq!(owed(&scene, START.plus(four + 2000), Dj::Here, true), None, "somebody spoke");
    assert_eq!(ends(owed(&scene, START.plus(6 * four + 2000), Dj::Here, true)), Some(EndReason::Age));
}

#[test]
fn a_poll_whose_timer_is_lost_is_swept() {
    let mut scene = Scene::begun();
    scene.say(opened(1, false));
    let due = START.plus(MINUTE);
    assert_eq!(owed(&scene, due, Dj::Here, true), None, "the timer's own time");
    assert_eq!(owed(&scene, due.plus(500), Dj::Here, true), Some(Duty::AskClose(poll(1))));
    scene.system(Claim::ClosePoll { poll: poll(1) });
    let close = scene.last();
    let result = Fact::PollClosed { poll: poll(1), close, votes: vec![0, 0, 0] };
    assert_eq!(owed(&scene, due.plus(500), Dj::Here, true), Some(Duty::Say(result)));
    scene.settle();
    assert_eq!(owed(&scene, due.plus(500), Dj::Here, true), None);
}
