//! Rows of what the log has lost, brought in line with what it still holds.

use nats::Entry;
use schemas::Pos;
use schemas::claim::Claim;
use schemas::fact::{EndReason, PlacedFact};
use store::PollStatus;

use super::scene::*;
use super::shelf::{Shelf, empty};
use crate::config::Config;
use crate::duties::{Duty, Sight, duty};
use crate::fold::Fold;
use crate::presence::Dj;

/// The fold of an owner that takes the session up in epoch 2, with the rows of all of `scene` and its log up to `agreed`.
fn taken_up(mut scene: Scene, agreed: u64) -> Fold {
    let mut shelf = Shelf::default();
    let mut changes = empty();
    scene.fold.drain_into(&mut changes);
    shelf.save(changes);
    let facts: Vec<PlacedFact> = scene.log.iter().filter_map(|e| if let Entry::Fact(f) = e { Some(f.clone()) } else { None }).collect();
    let at = Pos::new(2, agreed);
    let mut fold = Fold::restore(session(), shelf.latest().unwrap(), &facts, at);
    fold.reconcile(|seq| seq > agreed, at);
    fold
}

fn owed(fold: &Fold) -> Option<Duty> {
    let sight = Sight { now: START.plus(30_000), dj: Dj::Here, trusted: true, since: START };
    duty(fold, &shown(fold), sight, &Config::default())
}

#[test]
fn a_result_that_the_log_lost_is_said_again_with_every_vote_that_was_counted() {
    let mut scene = Scene::begun();
    scene.say(opened(1, false));
    scene.claim(1, op(1), Claim::Vote { poll: poll(1), option: 0 });
    let agreed = scene.last();
    scene.claim(2, op(2), Claim::Vote { poll: poll(1), option: 0 });
    scene.system(Claim::ClosePoll { poll: poll(1) });
    scene.settle().unwrap();
    let fold = taken_up(scene, agreed);
    let unsaid = fold.unsaid().unwrap();
    assert_eq!((unsaid.close, unsaid.votes), (agreed, Some(vec![2, 0, 0])));
}

#[test]
fn a_cancellation_that_the_log_lost_is_said_again() {
    let mut scene = Scene::begun();
    scene.say(opened(1, false));
    let agreed = scene.last();
    scene.system(Claim::CancelPoll { poll: poll(1) });
    scene.settle().unwrap();
    assert_eq!(taken_up(scene, agreed).unsaid().unwrap().votes, None);
}

#[test]
fn a_poll_that_the_log_does_not_know_is_over_with_the_votes_that_it_had() {
    let mut scene = Scene::begun();
    let agreed = scene.last();
    scene.say(opened(1, false));
    scene.claim(1, op(1), Claim::Vote { poll: poll(1), option: 2 });
    let fold = taken_up(scene, agreed);
    let row = fold.rows().unwrap().polls.get(&poll(1)).unwrap();
    assert!(matches!(row.status, PollStatus::Closed { .. }), "{:?}", row.status);
    assert_eq!((row.votes.clone(), owed(&fold)), (vec![0, 0, 1], None));
}

#[test]
fn an_end_that_the_log_lost_is_said_again_with_its_reason() {
    let mut scene = Scene::begun();
    let agreed = scene.last();
    scene.say(ended(agreed));
    let fold = taken_up(scene, agreed);
    let Some(Duty::Say(schemas::fact::Fact::Ended { reason, .. })) = owed(&fold) else { panic!("{:?}", owed(&fold)) };
    assert_eq!(reason, EndReason::Ended);
}

#[test]
fn a_run_whose_beginning_is_lost_is_over_and_the_one_that_the_log_shows_instead_is_ended() {
    let mut scene = Scene::begun();
    let first = scene.last();
    scene.say(played(1));
    let agreed = scene.last();
    scene.say(ended(first));
    scene.say(begun());
    scene.say(played(2));
    let fold = taken_up(scene, agreed);
    let run = fold.rows().unwrap().run.get(&()).unwrap();
    assert_eq!((run.begin, run.ended.map(|(_, reason)| reason)), (agreed + 2, Some(EndReason::Lost)));
    let Some(Duty::Say(schemas::fact::Fact::Ended { reason, begin, .. })) = owed(&fold) else { panic!("{:?}", owed(&fold)) };
    assert_eq!((reason, begin), (EndReason::Lost, first));
}

#[test]
fn what_the_log_still_holds_is_left_alone() {
    let mut scene = Scene::begun();
    scene.say(opened(1, false));
    scene.claim(1, op(1), Claim::Vote { poll: poll(1), option: 0 });
    let agreed = scene.last();
    let fold = taken_up(scene, agreed);
    assert_eq!(fold.rows().unwrap().polls.get(&poll(1)).unwrap().status, PollStatus::Open);
    assert_eq!((fold.unsaid(), owed(&fold)), (None, None));
}
