//! A log to fold: sessions begin, people speak, and every message gets a place.

use nats::Entry;
use schemas::claim::{Claim, ClaimRecord, Pack, PlacedPack, Speaker};
use schemas::fact::{Begun, EndReason, Fact, FactRecord, Owner, PlacedFact, PollOpened};
use schemas::{Millis, NodeId, OpKey, PersonId, PollId, Pos, Seq, SessionId, Track, TrackKey};

use crate::effects::Effects;
use crate::fold::Fold;
use crate::shown::Shown;

pub const START: Millis = Millis(1_769_284_800_000);

pub fn session() -> SessionId {
    SessionId::parse("friday-night").unwrap()
}

pub fn person(n: u8) -> PersonId {
    PersonId([n; 16])
}

pub fn poll(n: u64) -> PollId {
    PollId::new(n).unwrap()
}

pub fn op(n: u64) -> Option<OpKey> {
    Some(OpKey::of(&n.to_string()))
}

pub fn track(n: u8) -> Track {
    serde_json::from_value(serde_json::json!({"title": format!("Song {n}"), "artist": "Band"})).unwrap()
}

pub fn key(n: u8) -> TrackKey {
    track(n).key()
}

pub fn node() -> NodeId {
    NodeId("node-1".into())
}

pub fn owner() -> Owner {
    Owner::Dj { id: "dj-1".into() }
}

pub fn begun() -> Fact {
    Fact::Begun(Begun { dj_name: "DJ One".into(), owner: owner(), join_code: "ABC234".into(), by_socket: true })
}

pub fn ended(begin: Seq) -> Fact {
    Fact::Ended { reason: EndReason::Ended, begin, owner: owner(), dj_name: "DJ One".into() }
}

pub fn opened(n: u64, allow_change: bool) -> Fact {
    let options = vec!["A".into(), "B".into(), "C".into()];
    let ends_at = Some(START.plus(60_000));
    Fact::PollOpened(PollOpened { poll: poll(n), question: "Which?".into(), options, ends_at, allow_change, hide_results: false })
}

pub fn played(n: u8) -> Fact {
    Fact::Track { track: track(n), played_at: START }
}

/// A lobby that shows what the facts say.
pub fn shown(fold: &Fold) -> Shown {
    let mut shown = Shown::default();
    fold.view.lobby().into_iter().for_each(|record| shown.stored(record, fold.view.last));
    shown
}

/// A log under construction, and the fold of it so far.
pub struct Scene {
    pub log: Vec<Entry>,
    pub fold: Fold,
    seq: Seq,
}

impl Scene {
    pub fn new() -> Self {
        Scene { log: Vec::new(), fold: Fold::new(session()), seq: 10 }
    }

    /// A session that is on.
    pub fn begun() -> Self {
        let mut scene = Scene::new();
        scene.say(begun());
        scene
    }

    /// The stamp of the next message: a second a message.
    fn next(&mut self) -> (Seq, Millis) {
        self.seq += 1;
        (self.seq, START.plus((self.seq as i64 - 10) * 1000))
    }

    pub fn say(&mut self, fact: Fact) -> Effects {
        let (seq, stamp) = self.next();
        self.push(Entry::Fact(PlacedFact { session: session(), seq, stamp, record: FactRecord { at: stamp, op: None, fact } }))
    }

    pub fn pack(&mut self, claims: Vec<(Speaker, Option<OpKey>, Claim)>) -> Effects {
        let (seq, stamp) = self.next();
        let claims = claims.into_iter().map(|(by, op, claim)| ClaimRecord { at: stamp, by, op, claim }).collect();
        self.push(Entry::Pack(PlacedPack { session: session(), seq, stamp, pack: Pack { node: Some(node()), claims }, more: 0 }))
    }

    pub fn claim(&mut self, n: u8, op: Option<OpKey>, claim: Claim) -> Effects {
        self.pack(vec![(Speaker::Person { id: person(n), known: true }, op, claim)])
    }

    pub fn system(&mut self, claim: Claim) -> Effects {
        self.pack(vec![(Speaker::System, None, claim)])
    }

    fn push(&mut self, entry: Entry) -> Effects {
        let effects = self.fold.apply(Pos::new(1, entry.seq()), &entry);
        self.log.push(entry);
        effects
    }

    /// Says the result that the fold owes, as an owner does.
    pub fn settle(&mut self) -> Option<Effects> {
        let unsaid = self.fold.unsaid()?;
        let (poll, close) = (unsaid.poll, unsaid.close);
        Some(self.say(match unsaid.votes {
            Some(votes) => Fact::PollClosed { poll, close, votes },
            None => Fact::PollCancelled { poll, close },
        }))
    }

    pub fn last(&self) -> Seq {
        self.seq
    }

    pub fn likes_of(&self, play: Seq) -> u64 {
        self.fold.rows().unwrap().plays.get(&play).unwrap().likes
    }
}
