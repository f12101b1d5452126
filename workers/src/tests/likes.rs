//! Likes and wishes, and how they are taken back.

use schemas::claim::{Claim, Speaker};
use schemas::client::Preference;
use schemas::fact::Fact;
use schemas::limits::LIKES_AFTER_END_MS;
use schemas::note::Clap;

use super::scene::*;
use super::shelf::empty;
use crate::effects::LikeResult;

fn like(n: u8) -> Claim {
    Claim::Like { track: key(n) }
}

fn unlike(n: u8) -> Claim {
    Claim::Unlike { track: key(n) }
}

#[test]
fn a_like_counts_once_for_the_latest_play() {
    let mut scene = Scene::begun();
    assert_eq!(scene.claim(1, op(1), like(1)).likes, [LikeResult::Refused], "never played");
    scene.say(played(1));
    let first = scene.last();
    let effects = scene.claim(1, op(2), like(1));
    assert_eq!((effects.likes, effects.claps), (vec![LikeResult::Counted], vec![(scene.last(), Clap::Like(key(1)))]));
    scene.say(played(2));
    scene.say(played(1));
    let second = scene.last();
    let effects = scene.claim(1, op(3), like(1));
    assert_eq!((effects.likes, effects.claps), (vec![LikeResult::Repeated], vec![]));
    scene.claim(2, op(4), like(1));
    assert_eq!((scene.likes_of(first), scene.likes_of(second)), (1, 1));
}

#[test]
fn a_taken_back_like_stays_taken_back_when_a_late_copy_comes() {
    let mut scene = Scene::begun();
    scene.say(played(1));
    let play = scene.last();
    scene.claim(1, op(1), like(1));
    scene.claim(1, op(2), like(1));
    assert_eq!(scene.claim(1, op(3), unlike(1)).likes, [LikeResult::TakenBack]);
    for late in [1, 2] {
        assert_eq!(scene.claim(1, op(late), like(1)).likes, [LikeResult::Repeated]);
    }
    assert_eq!(scene.likes_of(play), 0);
    scene.claim(1, op(4), like(1));
    assert_eq!(scene.likes_of(play), 1, "a new like is a new like");
    assert_eq!(scene.claim(1, op(3), unlike(1)).likes, [LikeResult::Repeated]);
    assert_eq!(scene.likes_of(play), 1);
}

#[test]
fn like_and_taking_back_in_one_pack_have_their_order() {
    let mut scene = Scene::begun();
    scene.say(played(1));
    let play = scene.last();
    let by = Speaker::Person { id: person(1), known: false };
    scene.pack(vec![(by, op(1), like(1)), (by, op(2), unlike(1)), (by, op(3), like(1)), (by, op(4), unlike(1))]);
    assert_eq!(scene.likes_of(play), 0);
}

#[test]
fn likes_are_welcome_for_a_week_after_the_end() {
    let mut scene = Scene::begun();
    scene.say(played(1));
    scene.say(ended(11));
    assert_eq!(scene.claim(1, op(1), like(1)).likes, [LikeResult::Counted]);
    let nats::Entry::Pack(mut late) = scene.log.last().unwrap().clone() else { panic!("a pack was last") };
    late.seq += 1;
    late.stamp = late.stamp.plus(LIKES_AFTER_END_MS + 1);
    late.pack.claims[0].by = Speaker::Person { id: person(2), known: true };
    let pos = schemas::Pos::new(1, late.seq);
    assert_eq!(scene.fold.apply(pos, &nats::Entry::Pack(late)).likes, [LikeResult::Refused]);
}

#[test]
fn a_wish_stands_for_one_play_and_can_be_taken_back() {
    let mut scene = Scene::begun();
    let wish = |preference| Claim::Tempo { preference };
    scene.claim(1, op(1), wish(Preference::Faster));
    assert_eq!(scene.fold.tempo(), None, "nothing plays");
    scene.say(played(1));
    scene.claim(1, op(2), wish(Preference::Faster));
    scene.claim(2, op(3), wish(Preference::Faster));
    scene.claim(2, op(4), wish(Preference::Slower));
    scene.claim(2, op(3), wish(Preference::Faster));
    let count = scene.fold.tempo().unwrap().1;
    assert_eq!((count.faster, count.slower, count.total()), (1, 1, 2));
    scene.claim(1, op(5), wish(Preference::Clear));
    assert_eq!(scene.fold.tempo().unwrap().1.total(), 1);
    scene.say(played(2));
    assert_eq!(scene.fold.tempo().unwrap().1.total(), 0);
    scene.say(Fact::Stopped);
    assert_eq!(scene.fold.tempo(), None);
}

#[test]
fn a_wish_said_again_under_the_next_track_counts_for_the_first() {
    let mut scene = Scene::begun();
    let wish = Claim::Tempo { preference: Preference::Faster };
    scene.say(played(1));
    scene.claim(1, op(1), wish);
    for play in 2..=crate::tempo::REACH as u64 + 1 {
        scene.say(played(play as u8));
        // What was saved may be forgotten, but not what tells a repeat.
        scene.fold.drain_into(&mut empty());
        scene.claim(1, op(1), wish);
        assert_eq!(scene.fold.tempo().unwrap().1.total(), 0, "play {play}");
    }
    scene.claim(1, op(2), wish);
    assert_eq!(scene.fold.tempo().unwrap().1.total(), 1);
}
