//! One line of an exported evening. The shape is described in docs/operations.md; a change of it is a new `FORMAT`.

use nats::Entry;
use schemas::claim::{Claim, Speaker};
use schemas::fact::{Fact, FactRecord, Owner, PlacedFact};
use schemas::{Millis, OpKey, Seq, SessionId};
use serde::{Deserialize, Serialize};

/// The format that this program writes. It reads this one and older ones.
pub const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Line {
    /// The first line.
    Evening { format: u32, session: SessionId, begin: Seq },
    Fact {
        sequence: Seq,
        /// The broker's time, which due times are compared with.
        time: Millis,
        /// The time by the clock of the node that took it.
        at: Millis,
        op: Option<OpKey>,
        fact: Fact,
    },
    Claim {
        sequence: Seq,
        /// Its place in the pack.
        index: usize,
        time: Millis,
        at: Millis,
        by: Speaker,
        op: Option<OpKey>,
        claim: Claim,
    },
    /// A message that this version could not read.
    Unreadable { sequence: Seq, why: String },
}

/// What an entry of the log is in lines.
pub fn lines(entry: Entry) -> Vec<Line> {
    match entry {
        Entry::Fact(PlacedFact { session: _, seq, stamp, record: FactRecord { at, op, fact } }) => {
            vec![Line::Fact { sequence: seq, time: stamp, at, op, fact: without_address(fact) }]
        }
        Entry::Pack(placed) => {
            let claims = placed.pack.claims.into_iter().enumerate();
            let line = |(index, record): (usize, schemas::claim::ClaimRecord)| Line::Claim {
                sequence: placed.seq,
                index,
                time: placed.stamp,
                at: record.at,
                by: record.by,
                op: record.op,
                claim: record.claim,
            };
            claims.map(line).collect()
        }
        Entry::Unreadable { seq, why, .. } => vec![Line::Unreadable { sequence: seq, why }],
    }
}

/// The hash of an address is for this cluster's own use, so it does not leave it.
fn without_address(mut fact: Fact) -> Fact {
    let owner = match &mut fact {
        Fact::Begun(begun) => Some(&mut begun.owner),
        Fact::Back { owner } => owner.as_mut(),
        Fact::Ended { owner, .. } => Some(owner),
        Fact::Away { .. }
        | Fact::Track { .. }
        | Fact::Stopped
        | Fact::Metadata { .. }
        | Fact::PollOpened(_)
        | Fact::PollClosed { .. }
        | Fact::PollCancelled { .. }
        | Fact::Announced { .. }
        | Fact::AnnouncementEnded => None,
    };
    if let Some(Owner::Person { address, .. }) = owner {
        *address = None;
    }
    fact
}

impl Line {
    pub fn sequence(&self) -> Option<Seq> {
        match self {
            Line::Evening { .. } => None,
            Line::Fact { sequence, .. } | Line::Claim { sequence, .. } | Line::Unreadable { sequence, .. } => Some(*sequence),
        }
    }

    /// The fact as the view takes it.
    pub fn placed(&self, session: &SessionId) -> Option<PlacedFact> {
        let Line::Fact { sequence, time, at, op, fact } = self else { return None };
        let record = FactRecord { at: *at, op: *op, fact: fact.clone() };
        Some(PlacedFact { session: session.clone(), seq: *sequence, stamp: *time, record })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::claim::{ClaimRecord, Pack, PlacedPack};
    use schemas::fact::Begun;
    use schemas::{PersonId, PollId, TrackKey};

    fn session() -> SessionId {
        "friday-night".parse().expect("a session id")
    }

    #[test]
    fn lines_read_back_as_they_were_written() {
        let person = PersonId([7; 16]);
        let by = Speaker::Person { id: person, known: true };
        let record = |claim| ClaimRecord { at: Millis(5), by, op: Some(OpKey::of("m")), claim };
        let claims = vec![
            record(Claim::Like { track: TrackKey::of("a", "b") }),
            record(Claim::Vote { poll: PollId::new(7).expect("small"), option: 1 }),
            ClaimRecord { at: Millis(5), by: Speaker::System, op: None, claim: Claim::Peak { listeners: 3 } },
        ];
        let pack = Entry::Pack(PlacedPack { session: session(), seq: 4, stamp: Millis(6), pack: Pack { node: None, claims }, more: 0 });
        let track = serde_json::from_str(r#"{"title":"T","artist":"A","bpm":104.5,"key":"4A"}"#).expect("a track");
        let fact = |fact| {
            let record = FactRecord { at: Millis(5), op: None, fact };
            Entry::Fact(PlacedFact { session: session(), seq: 5, stamp: Millis(6), record })
        };
        let mut all = vec![Line::Evening { format: FORMAT, session: session(), begin: 3 }];
        all.extend([pack, fact(Fact::Track { track, played_at: Millis(4) }), fact(Fact::Stopped)].into_iter().flat_map(lines));
        for line in &all {
            let text = serde_json::to_string(line).expect("JSON");
            assert_eq!(&serde_json::from_str::<Line>(&text).expect(&text), line);
        }
        assert!(serde_json::to_string(&all[1]).expect("JSON").contains(&person.to_string()));
    }

    #[test]
    fn the_hash_of_an_address_does_not_leave() {
        let owner = Owner::Person { person: PersonId([1; 16]), address: Some(OpKey::of("127.0.0.1")) };
        let begun = Fact::Begun(Begun { dj_name: "DJ".into(), owner, join_code: "ABC234".into(), by_socket: false });
        let Fact::Begun(begun) = without_address(begun) else { panic!("it was a begin") };
        assert_eq!(begun.owner, Owner::Person { person: PersonId([1; 16]), address: None });
    }
}
