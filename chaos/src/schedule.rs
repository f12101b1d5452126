//! What is broken when: drawn from a seed, so that a run that found something can be played again.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::roles::{ROLES, Role};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    Broker(usize),
    /// Whichever broker leads the log at that moment.
    Leader,
    /// One of the two of a role: 1 or 2.
    Member(Role, usize),
    Store,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// `kill -9`; started again afterwards.
    Kill,
    /// Asked to leave, and started again once it has.
    Restart,
    /// Held still: it keeps its sockets and answers nothing.
    Pause,
    /// Every connection to it ends, and new ones too.
    Cut,
    /// Connections to it stay, and nothing passes.
    Silence,
    /// The log's leader hands over to another broker.
    HandOver,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blow {
    /// After the schedule began.
    pub at: Duration,
    pub act: Act,
    pub target: Target,
    /// How long until it is undone.
    pub lasts: Duration,
}

/// Between two blows: long enough that most are recovered from, short enough that some meet.
const PAUSE: std::ops::Range<u64> = 1_500..9_000;
const LASTS: std::ops::Range<u64> = 500..8_000;
/// The log needs two of three brokers. One that is back needs this long until it is whole again, however little it missed:
/// before that none other is struck.
const REJOINED: Duration = Duration::from_secs(12);
/// A part that is back is left alone for so long.
const RESTED: Duration = Duration::from_secs(2);

/// Blows over `length`. The store is left alone for as long as there is no server behind it.
pub fn random(seed: u64, length: Duration, store: bool) -> Vec<Blow> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let targets = targets(store);
    // Until when what is struck is not struck again; the brokers count as one.
    let mut busy: BTreeMap<Target, Duration> = BTreeMap::new();
    let (mut blows, mut at) = (Vec::new(), Duration::ZERO);
    loop {
        at += milliseconds(&mut rng, PAUSE);
        let lasts = milliseconds(&mut rng, LASTS);
        let Some(target) = targets.choose(&mut rng).copied() else { break };
        let Some(act) = acts(target).choose(&mut rng).copied() else { continue };
        if at + lasts > length {
            break;
        }
        let (group, rest) = match target {
            Target::Broker(_) | Target::Leader => (Target::Leader, REJOINED),
            Target::Member(..) | Target::Store => (target, RESTED),
        };
        if busy.get(&group).is_some_and(|until| *until > at) {
            continue;
        }
        let lasts = if matches!(act, Act::Restart | Act::HandOver) { Duration::ZERO } else { lasts };
        busy.insert(group, at + lasts + rest);
        blows.push(Blow { at, act, target, lasts });
    }
    blows
}

/// One `kill -9` of each kind of process, spread evenly.
pub fn each_once(seed: u64, length: Duration, store: bool) -> Vec<Blow> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut targets = vec![Target::Leader];
    targets.extend(ROLES.map(|role| Target::Member(role, rng.random_range(1..=2))));
    targets.extend(store.then_some(Target::Store));
    let step = length / (targets.len() as u32 + 1);
    let blow = |(n, target)| Blow { at: step * (n as u32 + 1), act: Act::Kill, target, lasts: Duration::from_secs(3) };
    targets.into_iter().enumerate().map(blow).collect()
}

/// Each as often as it should be struck: the brokers and the leader among them are where most can go wrong.
fn targets(store: bool) -> Vec<Target> {
    let mut targets = vec![Target::Leader; 4];
    targets.extend((0..3).map(Target::Broker));
    targets.extend(ROLES.into_iter().flat_map(|role| [Target::Member(role, 1), Target::Member(role, 2)]));
    targets.extend(if store { vec![Target::Store; 2] } else { Vec::new() });
    targets
}

fn acts(target: Target) -> &'static [Act] {
    match target {
        Target::Leader => &[Act::Kill, Act::Pause, Act::HandOver],
        Target::Broker(_) => &[Act::Kill, Act::Restart, Act::Pause, Act::Cut, Act::Silence],
        Target::Member(Role::Workers, _) => &[Act::Kill, Act::Restart, Act::Pause],
        Target::Member(..) => &[Act::Kill, Act::Restart, Act::Pause, Act::Cut, Act::Silence],
        Target::Store => &[Act::Kill, Act::Pause],
    }
}

fn milliseconds(rng: &mut SmallRng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.random_range(range))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Broker(n) => write!(f, "broker {}", n + 1),
            Target::Leader => f.write_str("the log's leader"),
            Target::Member(role, number) => write!(f, "{} {number}", role.name()),
            Target::Store => f.write_str("the store"),
        }
    }
}

impl fmt::Display for Blow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (target, seconds) = (self.target, self.lasts.as_secs_f64());
        match self.act {
            Act::Kill => write!(f, "kill -9 of {target}, away for {seconds:.1} s"),
            Act::Restart => write!(f, "restart of {target}"),
            Act::Pause => write!(f, "{target} held still for {seconds:.1} s"),
            Act::Cut => write!(f, "connections to {target} cut for {seconds:.1} s"),
            Act::Silence => write!(f, "connections to {target} silent for {seconds:.1} s"),
            Act::HandOver => f.write_str("the log's leader hands over"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(1_200);

    #[test]
    fn the_same_seed_breaks_the_same_and_another_something_else() {
        assert_eq!(random(7, LONG, true), random(7, LONG, true));
        assert_ne!(random(7, LONG, true), random(8, LONG, true));
    }

    #[test]
    fn two_brokers_are_never_struck_together_and_all_is_undone_in_time() {
        for seed in 0..200 {
            let blows = random(seed, LONG, true);
            let brokers: Vec<&Blow> = blows.iter().filter(|b| matches!(b.target, Target::Broker(_) | Target::Leader)).collect();
            assert!(brokers.windows(2).all(|two| two[0].at + two[0].lasts + REJOINED <= two[1].at), "seed {seed}");
            assert!(blows.iter().all(|blow| blow.at + blow.lasts <= LONG), "seed {seed}");
            assert!(blows.windows(2).all(|two| two[0].at <= two[1].at), "seed {seed}");
        }
    }

    #[test]
    fn twenty_minutes_meet_every_act_on_every_target() {
        let blows = random(3, LONG, true);
        let met: std::collections::BTreeSet<_> = blows.iter().map(|blow| (blow.target, blow.act)).collect();
        let kinds: Vec<(Target, Act)> = targets(true).into_iter().flat_map(|t| acts(t).iter().map(move |a| (t, *a))).collect();
        let missing = kinds.iter().filter(|kind| !met.contains(kind)).count();
        assert!(missing * 3 < kinds.len(), "{missing} of {} kinds are missing", kinds.len());
    }

    #[test]
    fn each_kind_is_killed_once() {
        let blows = each_once(1, Duration::from_secs(300), true);
        assert_eq!(blows.len(), 6);
        assert!(blows.iter().all(|blow| blow.act == Act::Kill && blow.at + blow.lasts < Duration::from_secs(300)));
    }
}
