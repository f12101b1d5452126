//! What each pure step of a message costs alone, in the order in which a message meets them. `make micro` prints the table; the names
//! are those of the code. What a socket, a disk or the broker costs is measured by `make bench`.
#![allow(clippy::unwrap_used)]

use divan::counter::ItemsCount;
use schemas::claim::{Claim, ClaimRecord, Pack, PlacedPack, Speaker};
use schemas::codec::Codec;
use schemas::fact::{Begun, Fact, FactRecord, Owner, PlacedFact, PollOpened};
use schemas::{Epoch, Millis, OpKey, PersonId, PollId, Pos, Seq, SessionId, Track};
use serde_json::json;

/// What travels in one pack of the log.
const CLAIMS: usize = 512;
const AT: Millis = Millis(1_769_284_800_000);
const EPOCH: Epoch = 1;

fn main() {
    divan::main();
}

fn session() -> SessionId {
    SessionId::parse("friday-night-at-the-mill").unwrap()
}

fn track() -> Track {
    let analysis = json!({"title": "Everybody Loves a Slow Song", "artist": "The Load", "bpm": 121.5, "key": "8A", "energy": 63.0});
    serde_json::from_value(analysis).unwrap()
}

fn poll() -> PollId {
    PollId::new(7).unwrap()
}

fn person(n: usize) -> PersonId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.to_le_bytes());
    PersonId(id)
}

fn like(n: usize) -> ClaimRecord {
    let by = Speaker::Person { id: person(n), known: true };
    ClaimRecord { at: AT, by, op: Some(OpKey::of(&n.to_string())), claim: Claim::Like { track: track().key() } }
}

/// What an evening is told before its dancers speak: it begins, a track plays, a poll opens.
fn opening() -> Vec<PlacedFact> {
    let owner = Owner::Dj { id: "dj-1".to_owned() };
    let begun = Begun { dj_name: "DJ Bench".to_owned(), owner, join_code: "ABCDEF".to_owned(), by_socket: false };
    let options = ["Blues", "Soul"].map(str::to_owned).to_vec();
    let question = "What next?".to_owned();
    let opened = PollOpened { poll: poll(), question, options, ends_at: None, allow_change: true, hide_results: false };
    let facts = [Fact::Begun(begun), Fact::Track { track: track(), played_at: AT }, Fact::PollOpened(opened)];
    let placed = |(i, fact)| PlacedFact { session: session(), seq: i as Seq + 1, stamp: AT, record: FactRecord { at: AT, op: None, fact } };
    facts.into_iter().enumerate().map(placed).collect()
}

/// Hostile bytes to a message that keeps every limit.
mod decode {
    use super::*;
    use schemas::client::decode;

    fn said(codec: Codec, message: serde_json::Value) -> Vec<u8> {
        codec.encode(&message)
    }

    const CODECS: [Codec; 2] = [Codec::Json, Codec::MsgPack];

    #[divan::bench(args = CODECS)]
    fn send_like(bencher: divan::Bencher, codec: Codec) {
        let track = json!({"title": "Everybody Loves a Slow Song", "artist": "The Load"});
        let bytes = said(codec, json!({"type": "SEND_LIKE", "messageId": "6f1c1f1e-0b5f", "payload": {"track": track}}));
        assert!(decode(codec, &bytes).is_ok());
        bencher.bench(|| decode(codec, divan::black_box(&bytes)));
    }

    #[divan::bench(args = CODECS)]
    fn vote(bencher: divan::Bencher, codec: Codec) {
        let vote = json!({"type": "VOTE_ON_POLL", "messageId": "6f1c1f1e-0b5f", "pollId": 7, "optionIndex": 1, "clientId": "bench-dancer"});
        let bytes = said(codec, vote);
        assert!(decode(codec, &bytes).is_ok());
        bencher.bench(|| decode(codec, divan::black_box(&bytes)));
    }
}

/// May this person say this now.
mod admit {
    use super::*;
    use ingest::steps::{Budgets, LikeMemory, Waiting, pack};
    use schemas::caller::Caller;
    use schemas::rules::Kind;
    use schemas::view::View;
    use tokio_util::sync::CancellationToken;

    /// The rule of a kind and one message out of the person's bucket, in a crowd of a thousand.
    #[divan::bench]
    fn rule_and_budget(bencher: divan::Bencher) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let budgets = runtime.block_on(async { Budgets::new(1e6, CancellationToken::new()) });
        let callers: Vec<Caller> = (0..1000).map(|n| Caller::new(person(n), true)).collect();
        let session = session();
        let mut turn = callers.iter().cycle();
        bencher.bench_local(|| {
            let kind = divan::black_box(Kind::SendLike);
            let budget = kind.rule().budget;
            turn.next().map(|caller| budgets.spend(kind, budget, caller, Some(&session)).is_ok())
        });
    }

    /// What can be said of a like before the log decides: the track was played, the evening is on.
    #[divan::bench]
    fn judge(bencher: divan::Bencher) {
        let mut view = View::new(session());
        opening().iter().for_each(|fact| drop(view.apply(fact)));
        let run = view.run.unwrap();
        let claim = Claim::Like { track: track().key() };
        assert!(run.judge(&claim, AT).is_ok());
        bencher.bench(|| run.judge(divan::black_box(&claim), AT));
    }

    /// Was this liked before: asked and noted, in a memory that is full.
    #[divan::bench]
    fn like_memory(bencher: divan::Bencher) {
        let memory = LikeMemory::new(10_000);
        let (session, key) = (session(), track().key());
        let (op, mut n) = (Some(OpKey::of("a message")), 0);
        bencher.bench_local(|| {
            n += 1;
            memory.admit((session.clone(), 1, person(n), key), op)
        });
    }

    /// A group of claims put into packs and the packs into bytes of the log, over so many sessions.
    #[divan::bench(args = [1, 512])]
    fn pack_group(bencher: divan::Bencher, sessions: usize) {
        let names: Vec<SessionId> = (0..sessions).map(|n| SessionId::parse(&format!("session-{n:04}")).unwrap()).collect();
        let group = || -> Vec<Waiting<()>> {
            let waiting = |n: usize| Waiting { session: names[n % sessions].clone(), node: None, record: like(n), done: () };
            (0..CLAIMS).map(waiting).collect()
        };
        bencher.counter(ItemsCount::new(CLAIMS)).with_inputs(group).bench_local_values(|group| {
            let (packs, _) = pack(group, CLAIMS);
            packs.iter().map(|(_, pack)| schemas::codec::to_log(pack).len()).sum::<usize>()
        });
    }
}

/// What everyone hears, put together once for each form in which sockets may want it.
mod encode {
    use super::*;
    use fanout::delivery::{Delivery, Flavour};
    use schemas::server::ServerMessage;

    #[divan::bench(args = [(Codec::Json, false), (Codec::Json, true), (Codec::MsgPack, false), (Codec::MsgPack, true)])]
    fn now_playing(bencher: divan::Bencher, (codec, positions): (Codec, bool)) {
        let message = || ServerMessage::NowPlaying { session_id: session(), dj_name: "DJ Bench".to_owned(), track: track() };
        let delivery = || Delivery::new(Some(1234), vec![message()]);
        bencher
            .with_inputs(delivery)
            .bench_local_refs(|delivery| delivery.frames(Flavour { codec, positions, deflate: false }).bytes.len());
    }

    /// What the second socket of a form costs, and each after it.
    #[divan::bench]
    fn again(bencher: divan::Bencher) {
        let delivery = Delivery::of(ServerMessage::TrackStopped { session_id: session() });
        bencher.bench_local(|| delivery.frames(Flavour { codec: Codec::Json, positions: false, deflate: false }).bytes.len());
    }
}

/// Entries of the log to rows.
mod fold {
    use super::*;
    use nats::Entry;
    use workers::steps::Fold;

    fn begun() -> Fold {
        let mut fold = Fold::new(session());
        for fact in opening() {
            fold.apply(Pos::new(EPOCH, fact.seq), &Entry::Fact(fact));
        }
        fold
    }

    fn packed(seq: Seq, claims: Vec<ClaimRecord>) -> Entry {
        Entry::Pack(PlacedPack { session: session(), seq, stamp: AT, pack: Pack { node: None, claims }, more: 0 })
    }

    fn measure(bencher: divan::Bencher, before: &[Entry], entry: &Entry) {
        let fold = || {
            let mut fold = begun();
            before.iter().for_each(|entry| drop(fold.apply(Pos::new(EPOCH, entry.seq()), entry)));
            fold
        };
        let applied = |fold: &mut Fold| fold.apply(Pos::new(EPOCH, entry.seq()), entry).disagreement;
        bencher.counter(ItemsCount::new(CLAIMS)).with_inputs(fold).bench_local_refs(applied);
    }

    fn likes() -> Entry {
        packed(10, (0..CLAIMS).map(like).collect())
    }

    #[divan::bench]
    fn first_likes(bencher: divan::Bencher) {
        measure(bencher, &[], &likes());
    }

    /// A pack that is folded again after a crash.
    #[divan::bench]
    fn repeated_likes(bencher: divan::Bencher) {
        measure(bencher, &[likes()], &packed(11, (0..CLAIMS).map(like).collect()));
    }

    #[divan::bench]
    fn votes(bencher: divan::Bencher) {
        let vote = |n: usize| ClaimRecord { claim: Claim::Vote { poll: poll(), option: (n % 2) as u32 }, ..like(n) };
        measure(bencher, &[], &packed(10, (0..CLAIMS).map(vote).collect()));
    }
}
