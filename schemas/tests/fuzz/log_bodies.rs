//! What lies in the log and in notes: it reads back as it was written, and what is no body of ours is refused without harm.

use proptest::prelude::*;
use schemas::claim::{Claim, ClaimRecord, Pack, Speaker};
use schemas::client::{Preference, Reaction};
use schemas::codec::{from_log, to_log};
use schemas::fact::{Begun, EndReason, Fact, FactRecord, Owner, PollOpened};
use schemas::lobby::{Begin, LobbyRecord, LobbyStatus};
use schemas::note::{
    Applause, AskMine, Clap, Mine, Outcome, Presence, PresenceChange, PresenceReport, Present, Rejection, SessionPresence, Verdict,
    Verdicts,
};
use schemas::server::{AnnouncementEntry, TempoCount};
use schemas::state::State;
use schemas::{Millis, NodeId, OpKey, PersonId, PollId, Pos, SessionId, Track, TrackKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::hostile::{corpus, hunt};

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,40}", Just("\u{202e}\u{1b}]0;x\u{7}<b>".to_owned()), Just("é\u{301}😀".repeat(100))]
}

fn ids() -> impl Strategy<Value = (PersonId, Option<OpKey>, PollId, TrackKey)> {
    let poll = (0..=PollId::MAX).prop_map(|n| PollId::new(n).unwrap());
    (any::<[u8; 16]>(), any::<Option<[u8; 16]>>(), poll, any::<[u8; 32]>())
        .prop_map(|(person, op, poll, key)| (PersonId(person), op.map(OpKey), poll, TrackKey(key)))
}

fn millis() -> impl Strategy<Value = Millis> {
    any::<i64>().prop_map(Millis)
}

fn session() -> impl Strategy<Value = SessionId> {
    "[A-Za-z0-9_-]{8,64}".prop_map(|id| id.parse().unwrap())
}

/// As the door admits them: fractions become percent there.
fn track() -> impl Strategy<Value = Track> {
    let number = || proptest::option::of(prop_oneof![0.0..=100.0, Just(0.004), Just(0.5), Just(1.0), Just(-0.0)]);
    ("[^\\pC\\s]{1,50}", "[^\\pC\\s]{1,50}", proptest::option::of(40.0..=300.0), proptest::option::of("[0-9A-Z]{0,10}"), number(), number())
        .prop_filter_map("no track", |(title, artist, bpm, key, energy, groove)| {
            serde_json::from_value(
                serde_json::json!({"title": title, "artist": artist, "bpm": bpm, "key": key, "energy": energy, "groove": groove}),
            )
            .ok()
        })
}

fn owner() -> impl Strategy<Value = Owner> {
    let person = (any::<[u8; 16]>(), any::<Option<[u8; 16]>>())
        .prop_map(|(person, address)| Owner::Person { person: PersonId(person), address: address.map(OpKey) });
    prop_oneof![text().prop_map(|id| Owner::Dj { id }), person]
}

fn fact() -> impl Strategy<Value = Fact> {
    let begun = (text(), owner(), text(), any::<bool>())
        .prop_map(|(dj_name, owner, join_code, by_socket)| Fact::Begun(Begun { dj_name, owner, join_code, by_socket }));
    let opened = (ids(), text(), proptest::collection::vec(text(), 0..12), proptest::option::of(millis()), any::<(bool, bool)>()).prop_map(
        |((_, _, poll, _), question, options, ends_at, (allow_change, hide_results))| {
            Fact::PollOpened(PollOpened { poll, question, options, ends_at, allow_change, hide_results })
        },
    );
    let closed =
        (ids(), any::<u64>(), any::<Vec<u64>>()).prop_map(|((_, _, poll, _), close, votes)| Fact::PollClosed { poll, close, votes });
    let ended =
        (owner(), any::<u64>(), text()).prop_map(|(owner, begin, dj_name)| Fact::Ended { reason: EndReason::Idle, begin, owner, dj_name });
    let announced = (text(), proptest::option::of(millis()), any::<bool>()).prop_map(|(message, ends_at, push)| Fact::Announced {
        message,
        ends_at,
        push,
    });
    prop_oneof![
        begun,
        opened,
        closed,
        ended,
        announced,
        millis().prop_map(|since| Fact::Away { since }),
        proptest::option::of(owner()).prop_map(|owner| Fact::Back { owner }),
        (track(), millis()).prop_map(|(track, played_at)| Fact::Track { track, played_at }),
        track().prop_map(|track| Fact::Metadata { track }),
        (ids(), any::<u64>()).prop_map(|((_, _, poll, _), close)| Fact::PollCancelled { poll, close }),
        Just(Fact::Stopped),
        Just(Fact::AnnouncementEnded),
    ]
}

fn record() -> impl Strategy<Value = FactRecord> {
    (millis(), ids(), fact()).prop_map(|(at, (_, op, _, _), fact)| FactRecord { at, op, fact })
}

fn pack() -> impl Strategy<Value = Pack> {
    let preference = prop_oneof![Just(Preference::Faster), Just(Preference::Slower), Just(Preference::Perfect), Just(Preference::Clear)];
    let claim = (ids(), 0..8u8, preference, any::<u32>(), any::<u64>(), millis(), any::<bool>());
    let claim = claim.prop_map(|((id, op, poll, track), kind, preference, option, listeners, at, known)| {
        let claim = match kind {
            0 => Claim::Like { track },
            1 => Claim::Unlike { track },
            2 => Claim::Tempo { preference },
            3 => Claim::Vote { poll, option },
            4 => Claim::React { reaction: Reaction::ThankYou },
            5 => Claim::ClosePoll { poll },
            6 => Claim::CancelPoll { poll },
            _ => Claim::Peak { listeners },
        };
        let by = [Speaker::Person { id, known }, Speaker::Owner, Speaker::System][usize::from(kind) % 3];
        ClaimRecord { at, by, op, claim }
    });
    (proptest::option::of("[a-z]{1,12}"), proptest::collection::vec(claim, 0..20))
        .prop_map(|(node, claims)| Pack { node: node.map(|node| NodeId(node.into())), claims })
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![
        (any::<u64>(), ids(), any::<Vec<u64>>()).prop_map(|(of, (_, _, poll, _), votes)| State::Tally { of: Pos(of), poll, votes }),
        (any::<u64>(), any::<u64>(), any::<[u64; 3]>()).prop_map(|(of, play, [faster, slower, perfect])| {
            State::Tempo { of: Pos(of), play, count: TempoCount { faster, slower, perfect } }
        }),
        (any::<u64>(), any::<u64>(), -1e9..1e9).prop_map(|(of, count, momentum)| State::Listeners { of, count, momentum }),
    ]
}

fn lobby() -> impl Strategy<Value = LobbyRecord> {
    let entry = (text(), millis(), proptest::option::of(millis())).prop_map(|(message, timestamp, ends_at)| AnnouncementEntry {
        message,
        timestamp,
        ends_at,
    });
    let begin = prop_oneof![any::<u64>().prop_map(Begin::At), any::<u64>().prop_map(Begin::Before)];
    (text(), text(), millis(), begin, proptest::option::of(track()), proptest::option::of(entry)).prop_map(
        |(dj_name, join_code, began_at, begin, track, announcement)| LobbyRecord {
            dj_name,
            join_code,
            began_at,
            status: LobbyStatus::Away,
            begin,
            track,
            announcement,
        },
    )
}

fn presence() -> impl Strategy<Value = Presence> {
    let change = (session(), any::<[u8; 16]>(), any::<bool>()).prop_map(|(session, who, here)| PresenceChange {
        session,
        who: Present::Dancer(PersonId(who)),
        here,
    });
    let full = (any::<u64>(), any::<u32>(), proptest::collection::vec((session(), any::<Vec<[u8; 16]>>()), 0..4)).prop_map(
        |(round, part, all)| {
            let sessions = all.into_iter().map(|(session, people)| {
                let people = people.into_iter().map(|id| Present::Dj(PersonId(id))).collect();
                SessionPresence { session, people }
            });
            PresenceReport::Full { round, part, parts: part, sessions: sessions.collect() }
        },
    );
    let report = prop_oneof![proptest::collection::vec(change, 0..9).prop_map(PresenceReport::Changes), full, Just(PresenceReport::Gone)];
    ("[a-z]{1,12}", report).prop_map(|(node, report)| Presence { node: NodeId(node.into()), report })
}

fn verdicts() -> impl Strategy<Value = Verdicts> {
    let outcome = prop_oneof![any::<u32>().prop_map(|option| Outcome::Counted { option }), Just(Outcome::Rejected(Rejection::PollClosed))];
    let verdict = (ids(), outcome).prop_map(|((person, _, poll, _), outcome)| Verdict { person, poll, outcome });
    let tally = (ids(), any::<Vec<u64>>()).prop_map(|((_, _, poll, _), votes)| (poll, votes));
    (session(), proptest::collection::vec(verdict, 0..9), proptest::collection::vec(tally, 0..3))
        .prop_map(|(session, list, tallies)| Verdicts { session, list, tallies })
}

fn reads_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let bytes = to_log(value);
    assert_eq!(&from_log::<T>(&bytes).unwrap(), value);
    let longer = [bytes.as_slice(), &[0xc0]].concat();
    assert!(from_log::<T>(&longer).is_err(), "what follows a body is dropped without a word");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn facts_read_back(record in record()) { reads_back(&record) }
    #[test]
    fn packs_read_back(pack in pack(), session in session()) {
        reads_back(&pack);
        reads_back(&vec![(session, pack)]);
    }
    #[test]
    fn states_read_back(state in state()) { reads_back(&state) }
    #[test]
    fn lobby_records_read_back(record in lobby()) { reads_back(&record) }
    #[test]
    fn notes_read_back(presence in presence(), verdicts in verdicts(), (person, _, poll, key) in ids(), session in session()) {
        reads_back(&presence);
        reads_back(&verdicts);
        reads_back(&AskMine { session, poll, person });
        reads_back(&Mine { option: Some(3) });
        reads_back(&Applause { from: 1, to: 9, items: vec![(2, Clap::Like(key)), (3, Clap::Thanks(Reaction::ThankYou))] });
    }
}

/// Bodies of one type, as they were written.
fn written<T: Serialize + std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> Vec<Vec<u8>> {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    (0..40).map(|_| to_log(&strategy.new_tree(&mut runner).unwrap().current())).collect()
}

/// Refused, or it is written again as what it was read as.
fn settles<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    if let Ok(value) = from_log::<T>(bytes) {
        let again = to_log(&value);
        let back: T = from_log(&again).unwrap_or_else(|why| panic!("what was accepted is refused when it is written again: {why}"));
        assert_eq!(to_log(&back), again);
    }
}

#[test]
fn what_is_no_body_of_the_log_does_no_harm() {
    let seeds =
        [corpus("log"), written(record()), written(pack()), written(state()), written(lobby()), written(presence()), written(verdicts())]
            .concat();
    hunt("from_log", &seeds, |bytes| {
        settles::<FactRecord>(bytes);
        settles::<Pack>(bytes);
        settles::<Vec<(SessionId, Pack)>>(bytes);
        settles::<State>(bytes);
        settles::<LobbyRecord>(bytes);
        settles::<Presence>(bytes);
        settles::<Verdicts>(bytes);
        settles::<Applause>(bytes);
    });
}
