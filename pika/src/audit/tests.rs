//! The recount and the fold are two tellings of the same rules: over any log they come to the same rows.

use nats::Entry;
use proptest::prelude::*;
use schemas::claim::{Claim, ClaimRecord, Pack, PlacedPack, Speaker};
use schemas::client::Preference;
use schemas::fact::{Begun, EndReason, Fact, FactRecord, Owner, PlacedFact, PollOpened};
use schemas::{Millis, OpKey, PersonId, PollId, Seq, SessionId, Track, TrackKey};
use store::PollStatus;

use super::compare::compare;
use super::lost::Losses;
use super::recount::Recount;

const DAY: i64 = 24 * 3600 * 1000;

/// What happens next, in numbers small enough that people and messages meet often.
#[derive(Clone, Debug)]
enum Happens {
    Played(u8),
    Corrected(u8),
    Stopped,
    Back(Option<u8>),
    Opened {
        poll: u8,
        options: u8,
        change: bool,
    },
    /// The result of the open poll, as an owner of the partition would say it.
    Said,
    Ended,
    Begun,
    Claims(Vec<(u8, u8, Said)>),
    Passes(i64),
}

/// Of a person, under a messageId or none.
#[derive(Clone, Debug)]
enum Said {
    Like(u8),
    Unlike(u8),
    Wish(u8),
    Vote { poll: u8, option: u8 },
    Close { poll: u8, void: bool },
    Peak(u8),
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        4 => (0..3u8).prop_map(Said::Like),
        3 => (0..3u8).prop_map(Said::Unlike),
        3 => (0..4u8).prop_map(Said::Wish),
        6 => (0..3u8, 0..4u8).prop_map(|(poll, option)| Said::Vote { poll, option }),
        1 => (0..3u8, any::<bool>()).prop_map(|(poll, void)| Said::Close { poll, void }),
        1 => (0..9u8).prop_map(Said::Peak),
    ]
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (0..3u8).prop_map(Happens::Played),
        1 => (0..3u8).prop_map(Happens::Corrected),
        1 => Just(Happens::Stopped),
        1 => proptest::option::of(0..3u8).prop_map(Happens::Back),
        3 => (0..3u8, 2..4u8, any::<bool>()).prop_map(|(poll, options, change)| Happens::Opened { poll, options, change }),
        2 => Just(Happens::Said),
        1 => Just(Happens::Ended),
        1 => Just(Happens::Begun),
        12 => proptest::collection::vec((0..4u8, 0..12u8, said()), 1..8).prop_map(Happens::Claims),
        1 => (0..5 * DAY).prop_map(Happens::Passes),
    ]
}

fn session() -> SessionId {
    "friday-night".parse().expect("a session id")
}

fn person(n: u8) -> PersonId {
    PersonId([n; 16])
}

fn poll(n: u8) -> PollId {
    PollId::new(u64::from(n) + 1).expect("small")
}

fn track(n: u8, energy: u8) -> Track {
    serde_json::from_value(serde_json::json!({"title": format!("Song {n}"), "artist": "Band", "energy": energy})).expect("a track")
}

fn begun(dj: u8) -> Fact {
    let owner = Owner::Person { person: person(dj), address: None };
    Fact::Begun(Begun { dj_name: format!("DJ  {dj} & Co."), owner, join_code: "ABC234".into(), by_socket: true })
}

fn claim(now: Millis, (who, op, said): &(u8, u8, Said)) -> ClaimRecord {
    let track = |n: &u8| track(*n, 1).key();
    let dancer = Speaker::Person { id: person(*who), known: *who != 0 };
    let (by, claim) = match said {
        Said::Like(n) => (dancer, Claim::Like { track: track(n) }),
        Said::Unlike(n) => (dancer, Claim::Unlike { track: track(n) }),
        Said::Wish(n) => {
            let all = [Preference::Faster, Preference::Slower, Preference::Perfect, Preference::Clear];
            (dancer, Claim::Tempo { preference: all[usize::from(*n) % all.len()] })
        }
        Said::Vote { poll: n, option } => (dancer, Claim::Vote { poll: poll(*n), option: u32::from(*option) }),
        Said::Close { poll: n, void: false } => (Speaker::System, Claim::ClosePoll { poll: poll(*n) }),
        Said::Close { poll: n, void: true } => (Speaker::Owner, Claim::CancelPoll { poll: poll(*n) }),
        Said::Peak(n) => (Speaker::System, Claim::Peak { listeners: u64::from(*n) }),
    };
    let op = (*op > 0).then(|| OpKey::of(&op.to_string()));
    ClaimRecord { at: now, by, op, claim }
}

/// A log from its first begin on. Results are what the votes before the close come to, as they are when nothing is broken.
fn log(evening: &[Happens]) -> Vec<Entry> {
    let (mut entries, mut told) = (Vec::new(), Recount::default());
    let (mut seq, mut now): (Seq, Millis) = (3, Millis(1_769_284_800_000));
    let mut put = |entry: Entry, told: &mut Recount| {
        told.take(&entry);
        entries.push(entry);
    };
    let first = [Happens::Begun];
    for happens in first.iter().chain(evening) {
        seq += 1;
        now = now.plus(1_000);
        let fact = match happens {
            Happens::Played(n) => Fact::Track { track: track(*n, 10), played_at: now },
            Happens::Corrected(n) => Fact::Metadata { track: track(*n, 20) },
            Happens::Stopped => Fact::Stopped,
            Happens::Back(owner) => Fact::Back { owner: owner.map(|n| Owner::Person { person: person(n), address: None }) },
            Happens::Opened { poll: n, options, change } => {
                let options = (0..*options).map(|n| n.to_string()).collect();
                Fact::PollOpened(PollOpened {
                    poll: poll(*n),
                    question: "?".into(),
                    options,
                    ends_at: None,
                    allow_change: *change,
                    hide_results: false,
                })
            }
            Happens::Said => match result(&told) {
                Some(fact) => fact,
                None => continue,
            },
            Happens::Ended => {
                Fact::Ended { reason: EndReason::Ended, begin: 4, owner: Owner::Dj { id: "dj".into() }, dj_name: "DJ".into() }
            }
            Happens::Begun => begun(1),
            Happens::Claims(claims) => {
                let claims = claims.iter().map(|said| claim(now, said)).collect();
                put(Entry::Pack(PlacedPack { session: session(), seq, stamp: now, pack: Pack { node: None, claims }, more: 0 }), &mut told);
                continue;
            }
            Happens::Passes(milliseconds) => {
                now = now.plus(*milliseconds);
                continue;
            }
        };
        let record = FactRecord { at: now.plus(-5), op: None, fact };
        put(Entry::Fact(PlacedFact { session: session(), seq, stamp: now, record }), &mut told);
    }
    entries
}

/// What is to be said of the poll whose close was asked for.
fn result(told: &Recount) -> Option<Fact> {
    let closing = told.polls.values().find_map(|poll| match poll.row.status {
        PollStatus::Closing { close, void, .. } => Some((&poll.row, close, void)),
        PollStatus::Open | PollStatus::Closed { .. } | PollStatus::Cancelled { .. } => None,
    });
    let (row, close, void) = closing?;
    let of = |option| told.votes.values().filter(|vote| vote.row.poll == row.poll && vote.row.option == option).count() as u64;
    let votes = (0..row.options.len() as u32).map(of).collect();
    Some(if void { Fact::PollCancelled { poll: row.poll, close } } else { Fact::PollClosed { poll: row.poll, close, votes } })
}

/// Only this run's entries: the audit reads no further than the next begin.
fn both(entries: &[Entry]) -> (Recount, Option<store::RunState>) {
    let (mut counted, mut fold) = (Recount::default(), workers::Refold::new(session(), 1));
    let mut live = false;
    for (n, entry) in entries.iter().enumerate() {
        match entry {
            Entry::Fact(fact) if matches!(fact.record.fact, Fact::Begun(_)) && !live && n > 0 => break,
            Entry::Fact(fact) if matches!(fact.record.fact, Fact::Begun(_)) => live = true,
            Entry::Fact(fact) if matches!(fact.record.fact, Fact::Ended { .. }) => live = false,
            Entry::Fact(_) | Entry::Pack(_) | Entry::Unreadable { .. } => {}
        }
        counted.take(entry);
        fold.take(entry);
    }
    counted.finish();
    (counted, fold.rows())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn the_recount_and_the_fold_come_to_the_same(evening in proptest::collection::vec(happens(), 0..80)) {
        let (counted, folded) = both(&log(&evening));
        prop_assert_eq!(compare(&counted, folded.as_ref(), &Losses::default()), vec![]);
        prop_assert_eq!(counted.contradictions, vec![]);
    }
}

#[test]
fn an_evening_is_counted_by_the_rules() {
    let evening = [
        Happens::Played(0),
        Happens::Opened { poll: 0, options: 2, change: false },
        Happens::Claims(vec![
            (1, 1, Said::Vote { poll: 0, option: 0 }),
            (1, 2, Said::Vote { poll: 0, option: 1 }),
            (2, 3, Said::Vote { poll: 0, option: 1 }),
            (2, 3, Said::Vote { poll: 0, option: 1 }),
            (3, 4, Said::Vote { poll: 0, option: 7 }),
            (1, 5, Said::Like(0)),
            (2, 6, Said::Like(0)),
            (2, 7, Said::Unlike(0)),
            (2, 6, Said::Like(0)),
            (3, 8, Said::Like(2)),
            (1, 9, Said::Wish(0)),
        ]),
        Happens::Claims(vec![(0, 0, Said::Close { poll: 0, void: false }), (3, 9, Said::Vote { poll: 0, option: 0 })]),
        Happens::Said,
    ];
    let (counted, _) = both(&log(&evening));
    let poll = &counted.polls[&poll(0)];
    assert_eq!((&poll.row.votes, poll.because), (&vec![1, 1], 9));
    let ballot = &counted.ballots[&poll.row.poll];
    let rejected = |why| ballot.rejected.get(&why).copied().unwrap_or(0);
    use schemas::note::Rejection as R;
    assert_eq!((rejected(R::AlreadyVoted), rejected(R::InvalidOption), rejected(R::PollClosed), ballot.repeats), (1, 1, 1, 1));
    assert_eq!((counted.plays[&5].row.likes, counted.plays[&5].row.tempo.faster), (1, 1));
    assert_eq!((counted.liking.taken_back, counted.liking.repeats, counted.liking.refused), (1, 1, 1));
    let like = |n: u8| counted.likes[&(person(n), TrackKey::of("Band", "Song 0"))].row.on;
    assert_eq!((like(1), like(2)), (true, false));
}

#[test]
fn a_result_that_the_votes_contradict_is_named() {
    let mut entries = log(&[
        Happens::Opened { poll: 0, options: 2, change: false },
        Happens::Claims(vec![(1, 1, Said::Vote { poll: 0, option: 0 })]),
        Happens::Claims(vec![(0, 0, Said::Close { poll: 0, void: false })]),
        Happens::Said,
    ]);
    let Some(Entry::Fact(said)) = entries.last_mut() else { panic!("the result is a fact") };
    let Fact::PollClosed { votes, close, .. } = &mut said.record.fact else { panic!("a result") };
    (*votes, *close) = (vec![0, 5], 6);
    let (counted, folded) = both(&entries);
    let what: Vec<&str> = counted.contradictions.iter().map(|c| c.what).collect();
    assert_eq!(what, ["close", "result"]);
    let found: Vec<&str> = compare(&counted, folded.as_ref(), &Losses::default()).iter().map(|d| d.field).collect();
    assert_eq!(found, ["status", "votes"], "the fold believes the result, the recount the votes");
}

#[test]
fn a_session_whose_id_begins_with_a_hyphen_can_be_named() {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: super::Args,
    }
    for id in ["-W7kq_hY2x0aBcDe", "--not-an-option", "-hZ8abcdefgh1234"] {
        for words in [vec!["audit", id, "--json"], vec!["audit", "--json", "--run", "7", id]] {
            let line = <Line as clap::Parser>::try_parse_from(words).unwrap_or_else(|why| panic!("{why}"));
            assert_eq!((line.args.session.as_str(), line.args.json), (id, true));
        }
    }
}
