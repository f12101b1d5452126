//! One vote a person, between the opening and the first close.

use std::collections::HashMap;

use proptest::prelude::*;
use schemas::claim::{Claim, Speaker};
use schemas::fact::Fact;
use schemas::note::{Outcome, Rejection};
use store::PollStatus;

use super::scene::*;
use super::shelf::empty;
use crate::effects::Effects;

fn vote(n: u64, option: u32) -> Claim {
    Claim::Vote { poll: poll(n), option }
}

fn told(effects: &Effects) -> Vec<Outcome> {
    effects.verdicts.iter().map(|(_, verdict)| verdict.outcome).collect()
}

#[test]
fn the_first_vote_counts_for_ever() {
    let mut scene = Scene::begun();
    assert_eq!(told(&scene.claim(1, None, vote(1, 0))), [Outcome::Rejected(Rejection::NoSuchPoll)], "before the opening");
    scene.say(opened(1, false));
    assert_eq!(told(&scene.claim(1, op(1), vote(1, 0))), [Outcome::Counted { option: 0 }]);
    assert_eq!(told(&scene.claim(1, op(2), vote(1, 1))), [Outcome::Rejected(Rejection::AlreadyVoted)]);
    assert_eq!(told(&scene.claim(1, op(3), vote(1, 0))), [Outcome::Counted { option: 0 }], "the same again");
    assert_eq!(told(&scene.claim(2, op(4), vote(1, 7))), [Outcome::Rejected(Rejection::InvalidOption)]);
    assert_eq!(scene.fold.tally_of(poll(1)), Some(&[1, 0, 0][..]));
    assert_eq!(scene.fold.mine(poll(1), person(1)), Some(0));
}

#[test]
fn a_changeable_vote_is_the_last_but_a_late_copy_undoes_nothing() {
    let mut scene = Scene::begun();
    scene.say(opened(1, true));
    scene.claim(1, op(1), vote(1, 0));
    assert_eq!(told(&scene.claim(1, op(2), vote(1, 2))), [Outcome::Counted { option: 2 }]);
    assert_eq!(told(&scene.claim(1, op(1), vote(1, 0))), [Outcome::Counted { option: 2 }], "a late copy of the first");
    assert_eq!(scene.fold.tally_of(poll(1)), Some(&[0, 0, 1][..]));
}

#[test]
fn two_votes_of_one_person_in_one_pack_have_their_order() {
    let mut scene = Scene::begun();
    scene.say(opened(1, true));
    let by = Speaker::Person { id: person(1), known: true };
    scene.pack(vec![(by, op(1), vote(1, 0)), (by, op(2), vote(1, 1))]);
    assert_eq!(scene.fold.tally_of(poll(1)), Some(&[0, 1, 0][..]));
}

#[test]
fn the_first_close_wins() {
    let mut scene = Scene::begun();
    scene.say(opened(1, false));
    scene.claim(1, None, vote(1, 0));
    scene.system(Claim::ClosePoll { poll: poll(1) });
    let close = scene.last();
    assert_eq!(told(&scene.claim(2, None, vote(1, 1))), [Outcome::Rejected(Rejection::PollClosed)]);
    scene.system(Claim::CancelPoll { poll: poll(1) });
    scene.system(Claim::ClosePoll { poll: poll(1) });
    let unsaid = scene.fold.unsaid().unwrap();
    assert_eq!((unsaid.close, unsaid.votes), (close, Some(vec![1, 0, 0])));
    assert!(!scene.settle().unwrap().disagreement);
    assert_eq!(scene.fold.unsaid(), None);
}

#[test]
fn a_counted_vote_that_is_said_again_after_the_close_is_told_that_it_counts() {
    let mut scene = Scene::begun();
    for n in 1..=4 {
        scene.say(opened(n, false));
        scene.claim(1, op(n), vote(n, 2));
        scene.system(Claim::ClosePoll { poll: poll(n) });
        scene.settle().unwrap();
        scene.fold.drain_into(&mut empty());
        assert_eq!(told(&scene.claim(1, op(n), vote(n, 2))), [Outcome::Counted { option: 2 }], "said again");
        assert_eq!(told(&scene.claim(1, op(9), vote(n, 2))), [Outcome::Rejected(Rejection::PollClosed)], "said anew");
        assert_eq!(scene.fold.tally_of(poll(n)), Some(&[0, 0, 1][..]));
    }
    assert_eq!(scene.fold.mine(poll(1), person(1)), None, "the votes of polls long over are let go");
}

#[test]
fn a_dancer_cannot_close_a_poll() {
    let mut scene = Scene::begun();
    scene.say(opened(1, false));
    scene.claim(1, None, Claim::ClosePoll { poll: poll(1) });
    assert_eq!(scene.fold.unsaid(), None);
}

#[test]
fn a_cancelled_poll_has_no_result_but_keeps_its_votes() {
    let mut scene = Scene::begun();
    scene.say(opened(1, false));
    scene.claim(1, None, vote(1, 0));
    scene.system(Claim::CancelPoll { poll: poll(1) });
    scene.settle().unwrap();
    let rows = scene.fold.rows().unwrap();
    assert!(matches!(rows.polls.get(&poll(1)).unwrap().status, PollStatus::Cancelled { .. }));
    assert_eq!(rows.polls.get(&poll(1)).unwrap().votes, [0, 0, 0]);
    assert!(rows.votes.get(&(poll(1), person(1))).is_some());
}

#[test]
fn the_end_of_the_evening_closes_its_poll() {
    let mut scene = Scene::begun();
    scene.say(opened(1, false));
    scene.claim(1, None, vote(1, 2));
    scene.say(ended(11));
    let close = scene.last();
    let row = scene.fold.rows().unwrap().polls.get(&poll(1)).unwrap().clone();
    assert!(matches!(row.status, PollStatus::Closed { close: at, .. } if at == close));
    assert_eq!(row.votes, [0, 0, 1]);
    assert_eq!(told(&scene.claim(2, None, vote(1, 0))), [Outcome::Rejected(Rejection::PollClosed)]);
    assert_eq!(scene.fold.unsaid(), None);
}

#[test]
fn a_wrong_result_is_noticed() {
    let mut scene = Scene::begun();
    scene.say(opened(1, false));
    scene.claim(1, None, vote(1, 2));
    scene.system(Claim::ClosePoll { poll: poll(1) });
    let close = scene.last();
    assert!(scene.say(Fact::PollClosed { poll: poll(1), close, votes: vec![9, 0, 0] }).disagreement);
}

proptest! {
    /// Whatever was said and in whatever order: the result is one vote for each distinct person whose first valid vote came in time.
    #[test]
    fn the_result_counts_each_voter_once(votes in prop::collection::vec((0u8..6, 0u32..4, prop::option::of(0u64..20)), 0..60), close in 0usize..60, change in any::<bool>()) {
        let mut scene = Scene::begun();
        scene.say(opened(1, change));
        let mut seen = std::collections::HashSet::new();
        let mut stands = HashMap::new();
        for (i, (who, option, id)) in votes.iter().enumerate() {
            if i == close {
                scene.system(Claim::ClosePoll { poll: poll(1) });
            }
            scene.claim(*who, id.and_then(|id| op(u64::from(*who) * 1000 + id)), vote(1, *option));
            let fresh = *option > 2 || id.is_none_or(|id| !seen.contains(&(*who, id)));
            if i < close && *option <= 2 && fresh {
                // A messageId is noted where its vote was looked at, and a row keeps sixteen.
                if change || !stands.contains_key(who) {
                    seen.extend(id.map(|id| (*who, id)));
                    stands.insert(*who, *option);
                }
            }
        }
        scene.system(Claim::ClosePoll { poll: poll(1) });
        let result = scene.fold.unsaid().unwrap().votes.unwrap();
        prop_assert_eq!(result.iter().sum::<u64>(), stands.len() as u64);
        if !change {
            let mut count = vec![0; 3];
            stands.values().for_each(|option| count[*option as usize] += 1);
            prop_assert_eq!(&result, &count);
        }
        prop_assert_eq!(scene.fold.tally_of(poll(1)).unwrap(), &result[..]);
    }
}
