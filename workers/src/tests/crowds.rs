//! Who is here, with a clock that the test moves.

use std::time::{Duration, Instant};

use schemas::fact::Fact;
use schemas::lobby::LobbyRecord;
use schemas::note::{Presence, PresenceChange, PresenceReport, Present, SessionPresence};
use schemas::state::State;
use schemas::{Millis, NodeId, Seq};

use super::scene::*;
use crate::config::Config;
use crate::duties::Duty;
use crate::errands::Ran;
use crate::presence::{Crowds, Dj};
use crate::seats::Seats;

struct Floor {
    crowds: Crowds,
    now: Millis,
}

impl Floor {
    fn new() -> Self {
        Floor { crowds: Crowds::new(Duration::from_secs(45), Duration::from_secs(300)), now: START }
    }

    fn report(&mut self, node: &str, report: PresenceReport) {
        self.crowds.report(Presence { node: NodeId(node.into()), report }, self.now);
    }

    fn change(&mut self, node: &str, who: Present, here: bool) {
        self.report(node, PresenceReport::Changes(vec![PresenceChange { session: session(), who, here }]));
    }

    fn full(&mut self, node: &str, (round, part, parts): (u64, u32, u32), people: Vec<Present>) {
        self.report(node, PresenceReport::Full { round, part, parts, sessions: vec![SessionPresence { session: session(), people }] });
    }

    fn after(&mut self, seconds: i64) {
        self.now = self.now.plus(seconds * 1000);
        self.crowds.pass(self.now);
    }

    fn count(&self) -> u64 {
        self.crowds.count(&session())
    }
}

fn dancer(n: u8) -> Present {
    Present::Dancer(person(n))
}

fn dj() -> Present {
    Present::Dj(person(99))
}

#[test]
fn people_are_counted_not_sockets_and_stay_for_a_while() {
    let mut floor = Floor::new();
    floor.change("a", dancer(1), true);
    floor.change("b", dancer(1), true);
    floor.change("a", dancer(2), true);
    floor.change("a", dj(), true);
    assert_eq!(floor.count(), 2, "the DJ is no listener");
    floor.change("a", dancer(99), true);
    assert_eq!(floor.count(), 2, "nor a DJ who looks at their own session");
    floor.change("a", dj(), false);
    assert_eq!(floor.count(), 2, "nor while their connection is lost");
    floor.change("a", dj(), true);
    floor.change("a", dancer(99), false);
    assert_eq!(floor.count(), 2);
    floor.change("a", dancer(1), false);
    floor.change("b", dancer(1), false);
    floor.change("b", dancer(1), false);
    floor.full("a", (1, 0, 1), vec![dancer(2), dj()]);
    floor.after(40);
    floor.full("a", (2, 0, 1), vec![dancer(2), dj()]);
    assert_eq!(floor.count(), 2, "who left stays counted");
    for _ in 0..7 {
        floor.after(40);
        floor.full("a", (2, 0, 1), vec![dancer(2), dj()]);
    }
    assert_eq!(floor.count(), 1, "for five minutes");
}

#[test]
fn a_silent_node_has_left_with_all_its_people() {
    let mut floor = Floor::new();
    floor.change("a", dj(), true);
    floor.change("a", dancer(1), true);
    let heard = floor.now;
    floor.after(44);
    assert_eq!(floor.crowds.dj(&session()), Dj::Here);
    floor.after(2);
    assert_eq!(floor.crowds.dj(&session()), Dj::Left { since: heard }, "it left when it was last heard");
    assert_eq!(floor.count(), 1);
    floor.after(301);
    assert_eq!(floor.count(), 0);
}

#[test]
fn nobody_is_silent_while_we_cannot_hear() {
    let mut floor = Floor::new();
    floor.change("a", dj(), true);
    floor.now = floor.now.plus(120_000);
    floor.crowds.excuse(floor.now);
    floor.crowds.pass(floor.now);
    assert_eq!(floor.crowds.dj(&session()), Dj::Here);
}

#[test]
fn a_full_report_replaces_once_all_its_parts_are_in() {
    let mut floor = Floor::new();
    floor.full("a", (1, 0, 1), vec![dancer(1), dancer(2)]);
    floor.full("a", (2, 0, 2), vec![dancer(3)]);
    assert_eq!(floor.count(), 2, "half a report says nothing");
    floor.change("a", dancer(4), true);
    floor.change("a", dancer(5), false);
    floor.full("a", (2, 1, 2), vec![dancer(2), dancer(5)]);
    // 2 and 3 are in the picture, 4 came and 5 left while it was sent; 1 and 5 left a moment ago, if they were ever here.
    floor.after(1);
    assert_eq!(floor.count(), 4, "1, 2, 3 and 4");
    floor.after(40);
    floor.full("a", (3, 0, 1), vec![dancer(2), dancer(3), dancer(4)]);
    for _ in 0..8 {
        floor.after(40);
        floor.full("a", (4, 0, 1), vec![dancer(2), dancer(3), dancer(4)]);
    }
    assert_eq!(floor.count(), 3);
}

#[test]
fn a_node_that_says_goodbye_is_gone_at_once() {
    let mut floor = Floor::new();
    floor.change("a", dj(), true);
    floor.change("b", dj(), true);
    floor.report("a", PresenceReport::Gone);
    assert_eq!(floor.crowds.dj(&session()), Dj::Here, "another node holds the DJ");
    floor.report("b", PresenceReport::Gone);
    assert_eq!(floor.crowds.dj(&session()), Dj::Left { since: floor.now });
    floor.crowds.forget_dj(&session());
    assert_eq!(floor.crowds.dj(&session()), Dj::Unseen);
}

#[test]
fn the_lobby_is_told_what_plays_once_and_again_after_a_new_track() {
    let (mut seats, crowds) = (Seats::default(), Floor::new().crowds);
    let mut scene = Scene::begun();
    let begun = scene.fold.view.lobby();
    let show = |seats: &mut Seats, record: LobbyRecord, at: Option<Seq>| {
        let seat = seats.get_mut(&session()).unwrap();
        let last = at.unwrap_or(seat.fold.view.last);
        let record = Box::new(record);
        seat.begin(&Duty::Show(record.clone()));
        seat.ran(Ran::Shown(record, last), Instant::now());
    };
    seats.seat(std::mem::replace(&mut scene.fold, Scene::new().fold), START);
    // Whatever an errand waits for.
    let later = Instant::now() + Duration::from_secs(60);
    let owed = |seats: &Seats| match seats.owed(&session(), &crowds, false, START, later, &Config::default()) {
        Some(Duty::Show(record)) => Some(*record),
        Some(Duty::Say(_) | Duty::AskClose(_)) | None => None,
    };
    assert_eq!(owed(&seats), begun, "what the lobby shows is not known");
    show(&mut seats, begun.unwrap(), None);
    assert_eq!(owed(&seats), None);
    let mut hear = |seats: &mut Seats, fact: Fact| {
        let seat = seats.get_mut(&session()).unwrap();
        std::mem::swap(&mut scene.fold, &mut seat.fold);
        let effects = scene.say(fact);
        std::mem::swap(&mut scene.fold, &mut seat.fold);
        seat.folded(&effects, START, START);
    };
    hear(&mut seats, played(1));
    let one = owed(&seats).unwrap();
    assert_eq!(one.track, Some(track(1)));
    show(&mut seats, one.clone(), None);
    assert_eq!(owed(&seats), None);
    // The fate of what is sent is not known, and the DJ goes back to the track before.
    hear(&mut seats, played(2));
    let seat = seats.get_mut(&session()).unwrap();
    seat.begin(&Duty::Show(Box::new(seat.fold.view.lobby().unwrap())));
    seat.ran(Ran::Newest(0), Instant::now());
    hear(&mut seats, played(1));
    assert_eq!(owed(&seats), Some(one.clone()), "the second track may stand there");
    // Another record comes with a fact, after the one that was sent.
    let before = seats.get(&session()).unwrap().fold.view.last;
    hear(&mut seats, Fact::Away { since: START });
    hear(&mut seats, Fact::Back { owner: None });
    show(&mut seats, one.clone(), Some(before));
    assert_eq!(owed(&seats), Some(one));
}

#[test]
fn a_new_owner_begins_from_the_count_that_was_said_and_lets_it_go_in_time() {
    let (mut floor, mut seats, begin) = (Floor::new(), Seats::default(), Instant::now());
    seats.seat(Scene::begun().fold, START);
    seats.keep_count(&session(), 3, START.plus(300_000));
    // Of the three one is still here; the others left shortly before this owner came.
    floor.change("a", dancer(1), true);
    let mut said = |floor: &Floor, seconds: u64| {
        seats.stir([session()]);
        let states = seats.states(&floor.crowds, floor.now, begin + Duration::from_secs(seconds), &Config::default());
        states.into_iter().find_map(|(_, state)| match state {
            State::Listeners { count, .. } => Some(count),
            State::Tally { .. } | State::Tempo { .. } => None,
        })
    };
    assert_eq!(said(&floor, 0), Some(3));
    for n in 2..=4 {
        floor.change("a", dancer(n), true);
    }
    assert_eq!(said(&floor, 10), Some(4), "it is a floor and no more");
    for n in 2..=4 {
        floor.change("a", dancer(n), false);
    }
    floor.after(301);
    floor.full("a", (1, 0, 1), vec![dancer(1)]);
    assert_eq!(said(&floor, 301), Some(1));
}
