//! State is a pure function of the log's prefix, however the folding was cut.

use nats::Entry;
use proptest::prelude::*;
use schemas::Pos;
use schemas::claim::{Claim, Speaker};
use schemas::client::{Preference, Reaction};
use schemas::fact::Fact;

use super::scene::*;
use super::shelf::{Shelf, empty};

#[derive(Clone, Debug)]
enum Act {
    Begin,
    Away,
    Back,
    End,
    Track(u8),
    Stop,
    Open(u64, bool),
    Settle,
    Pack(Vec<(u8, Option<u64>, Claim)>),
    System(Claim),
}

fn claim() -> impl Strategy<Value = Claim> {
    prop_oneof![
        4 => (0u8..3).prop_map(|n| Claim::Like { track: key(n) }),
        2 => (0u8..3).prop_map(|n| Claim::Unlike { track: key(n) }),
        3 => prop_oneof![Just(Preference::Faster), Just(Preference::Slower), Just(Preference::Perfect), Just(Preference::Clear)]
            .prop_map(|preference| Claim::Tempo { preference }),
        8 => (0u64..3, 0u32..4).prop_map(|(n, option)| Claim::Vote { poll: poll(n), option }),
        1 => Just(Claim::React { reaction: Reaction::ThankYou }),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => Just(Act::Begin),
        1 => Just(Act::Away),
        1 => Just(Act::Back),
        1 => Just(Act::End),
        4 => (0u8..3).prop_map(Act::Track),
        1 => Just(Act::Stop),
        4 => (0u64..3, any::<bool>()).prop_map(|(n, change)| Act::Open(n, change)),
        3 => Just(Act::Settle),
        20 => prop::collection::vec((0u8..4, prop::option::of(0u64..40), claim()), 1..5).prop_map(Act::Pack),
        3 => prop_oneof![
            (0u64..3).prop_map(|n| Claim::ClosePoll { poll: poll(n) }),
            (0u64..3).prop_map(|n| Claim::CancelPoll { poll: poll(n) }),
            (0u64..9).prop_map(|listeners| Claim::Peak { listeners }),
        ].prop_map(Act::System),
    ]
}

fn play_out(acts: Vec<Act>) -> Scene {
    let mut scene = Scene::begun();
    for act in acts {
        match act {
            Act::Begin => drop(scene.say(begun())),
            Act::Away => drop(scene.say(Fact::Away { since: START })),
            Act::Back => drop(scene.say(Fact::Back { owner: None })),
            Act::End => drop(scene.say(ended(0))),
            Act::Track(n) => drop(scene.say(played(n))),
            Act::Stop => drop(scene.say(Fact::Stopped)),
            Act::Open(n, change) => drop(scene.say(opened(n, change))),
            Act::Settle => {
                if let Some(effects) = scene.settle() {
                    assert!(!effects.disagreement, "a result contradicts its votes");
                }
            }
            Act::Pack(claims) => {
                let claims =
                    claims.into_iter().map(|(n, id, claim)| (Speaker::Person { id: person(n), known: true }, id.and_then(op), claim));
                scene.pack(claims.collect());
            }
            Act::System(claim) => drop(scene.system(claim)),
        }
    }
    scene
}

/// Folds the log on from `from`, saving after each entry whose index is in `cuts`.
fn fold_on(shelf: &mut Shelf, log: &[Entry], from: usize, cuts: &[usize]) {
    let upto = |i: usize| if i == 0 { 0 } else { log[i - 1].seq() };
    let mut fold = shelf.load(log, upto(from));
    for (i, entry) in log.iter().enumerate().skip(from) {
        let effects = fold.apply(Pos::new(1, entry.seq()), entry);
        assert!(!effects.disagreement, "a result contradicts its votes");
        if cuts.contains(&i) {
            shelf.save_fold(&mut fold);
            fold = shelf.load(log, entry.seq());
        }
    }
    shelf.save_fold(&mut fold);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_go_is_as_good_as_many(acts in prop::collection::vec(act(), 1..60), cuts in prop::collection::vec(0usize..60, 0..8)) {
        let mut scene = play_out(acts);
        let mut whole = Shelf::default();
        whole.save_fold(&mut scene.fold);
        let mut cut = Shelf::default();
        fold_on(&mut cut, &scene.log, 0, &cuts);
        prop_assert_eq!(whole.unlike(&cut), "");
    }

    /// Rows were saved and the position was not, or another owner is ahead: entries are folded again onto rows that know the future.
    #[test]
    fn folding_again_changes_nothing(acts in prop::collection::vec(act(), 1..60), back in 0usize..60, reached in 0usize..60, cuts in prop::collection::vec(0usize..60, 0..4)) {
        let mut scene = play_out(acts);
        let mut whole = Shelf::default();
        whole.save_fold(&mut scene.fold);
        let log = &scene.log;
        let reached = reached.min(log.len());
        let mut again = Shelf::default();
        fold_on(&mut again, &log[..reached], 0, &[back]);
        fold_on(&mut again, log, back.min(reached), &cuts);
        [&mut whole, &mut again].into_iter().for_each(Shelf::forget_places);
        prop_assert_eq!(whole.unlike(&again), "");
    }

    /// A crash cut a flush short: some of its rows are stored, and its runs are not, because they come last.
    #[test]
    fn a_flush_cut_short_is_completed(acts in prop::collection::vec(act(), 1..60), back in 0usize..60, reached in 0usize..60, kept in any::<u64>()) {
        let mut scene = play_out(acts);
        let mut whole = Shelf::default();
        whole.save_fold(&mut scene.fold);
        let log = &scene.log;
        let reached = reached.min(log.len());
        let back = back.min(reached);
        let mut shelf = Shelf::default();
        fold_on(&mut shelf, &log[..back], 0, &[]);
        let mut fold = shelf.load(log, if back == 0 { 0 } else { log[back - 1].seq() });
        for entry in &log[back..reached] {
            fold.apply(Pos::new(1, entry.seq()), entry);
        }
        let mut changes = empty();
        fold.drain_into(&mut changes);
        changes.runs.clear();
        let mut bits = kept;
        let mut keep = || { bits = bits.rotate_left(1); bits & 1 == 1 };
        changes.plays.retain(|_| keep());
        changes.likes.retain(|_| keep());
        changes.wishes.retain(|_| keep());
        changes.polls.retain(|_| keep());
        changes.votes.retain(|_| keep());
        shelf.save(changes);
        fold_on(&mut shelf, log, back, &[]);
        [&mut whole, &mut shelf].into_iter().for_each(Shelf::forget_places);
        prop_assert_eq!(whole.unlike(&shelf), "");
    }
}
