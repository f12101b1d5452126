//! Every name that the broker knows: streams, buckets, subjects, headers. Nothing outside this room spells one.
//!
//! LIVE stands for each stream of the log ([`crate::shard`]).
//!
//! | subject | in | holds |
//! |---|---|---|
//! | `live.<p>.<session>.out` | LIVE | facts; republished as `feed.<session>` |
//! | `live.<p>.<session>.in` | LIVE | packs of claims, and what the schedule says |
//! | `live.<p>._.in` | LIVE | packs of several sessions of a partition, each with its session |
//! | `live.<p>.<session>.timer.<poll>` | LIVE | a schedule whose target is `in` |
//! | `live.<p>.<session>.lobby` | LIVE | the lobby record, one a session |
//! | `live.void[.<shard>]` | LIVE | nothing: sequences that are not to be used again |
//! | `state.<p>.<session>.<kind>` | STATE | derived state; republished as `feed.<session>.<kind>` |
//! | `revoked` | REVOKED | tokens that are no longer good |
//! | `note.<session>.applause`, `note.<session>.probe` | – | to the nodes of a session |
//! | `verdict.<node>` | – | to one node |
//! | `presence.<p>`, `presence.ask` | – | who holds sockets |
//! | `ask.<p>.mine`, `ask.auth.token` | – | questions |
//! | `tried` | – | what is limited and was let through |
//! | `nobody` | – | nothing: the server's own answer is what is wanted |
//! | `$KV.PIKA.epoch[.<shard>]`, `$KV.LEASES.worker.<id>`, `$KV.LEASES.part.<p>`, `$KV.CODES.<code>` | buckets | |

use schemas::state::StateKind;
use schemas::{NodeId, Partition, PollId, SessionId};

pub const STATE: &str = "STATE";
pub const REVOKED: &str = "REVOKED";
pub const BUCKET_PIKA: &str = "PIKA";
pub const BUCKET_LEASES: &str = "LEASES";
pub const BUCKET_CODES: &str = "CODES";

/// What the streams store, and how RePublish turns it into the feed.
pub const LIVE_OUT_ALL: &str = "live.*.*.out";
pub const FEED_OF_FACTS: &str = "feed.{{wildcard(2)}}";
pub const STATE_ALL: &str = "state.*.*.*";
pub const FEED_OF_STATES: &str = "feed.{{wildcard(2)}}.{{wildcard(3)}}";
pub const REVOKED_ALL: &str = "revoked";

pub const PRESENCE_ASK: &str = "presence.ask";
pub const ASK_TOKEN: &str = "ask.auth.token";
pub const TRIED: &str = "tried";
/// Nobody listens here: asking is a round trip to the server.
pub const NOBODY: &str = "nobody";
/// Whoever can answer for tokens shares the questions.
pub const ASK_TOKEN_GROUP: &str = "auth";

pub const LEASES_ALL: &str = "$KV.LEASES.>";

/// Headers of ours and of the broker.
pub mod headers {
    /// [`schemas::codec::LOG_VERSION`] of the body.
    pub const VERSION: &str = "Pika-Version";
    /// The kind of a fact.
    pub const KIND: &str = "Pika-Kind";
    /// The context of the span that wrote it.
    pub const TRACE: &str = "traceparent";
    pub const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";
    /// The subject that [`EXPECTED`] speaks of, where it is not the message's own.
    pub const EXPECTED_ON: &str = "Nats-Expected-Last-Subject-Sequence-Subject";
    pub const ROLLUP: &str = "Nats-Rollup";
    pub const TTL: &str = "Nats-TTL";
    pub const SCHEDULE: &str = "Nats-Schedule";
    pub const SCHEDULE_TARGET: &str = "Nats-Schedule-Target";
    pub const BATCH_ID: &str = "Nats-Batch-Id";
    pub const BATCH_SEQUENCE: &str = "Nats-Batch-Sequence";
    pub const BATCH_COMMIT: &str = "Nats-Batch-Commit";
    pub const KV_OPERATION: &str = "KV-Operation";
    pub const SUBJECT: &str = "Nats-Subject";
    pub const SEQUENCE: &str = "Nats-Sequence";
    /// The sequence of the message before this one on its subject.
    pub const PREVIOUS: &str = "Nats-Last-Sequence";
    pub const STAMP: &str = "Nats-Time-Stamp";
    pub const PENDING: &str = "Nats-Num-Pending";
    pub const UP_TO: &str = "Nats-UpTo-Sequence";
}

/// The stream behind a bucket.
pub fn bucket_stream(bucket: &str) -> String {
    format!("KV_{bucket}")
}

pub fn out(session: &SessionId) -> String {
    format!("live.{}.{session}.out", session.partition())
}

/// Claims of one session.
pub fn claims(session: &SessionId) -> String {
    format!("live.{}.{session}.in", session.partition())
}

/// Claims of several sessions of one partition. No session has this name: it is too short for one.
pub fn shared_claims(partition: Partition) -> String {
    format!("live.{partition}._.in")
}

/// Reads the partition out of the subject that its sessions share.
pub fn parse_shared(subject: &str) -> Option<Partition> {
    let number = subject.strip_prefix("live.")?.strip_suffix("._.in")?;
    Partition::all().find(|partition| partition.to_string() == number)
}

pub fn timer(session: &SessionId, poll: PollId) -> String {
    format!("live.{}.{session}.timer.{poll}", session.partition())
}

pub fn lobby(session: &SessionId) -> String {
    format!("live.{}.{session}.lobby", session.partition())
}

/// Lobby records of one partition.
pub fn lobbies(partition: Partition) -> String {
    format!("live.{partition}.*.lobby")
}

/// Everything that the owner of a partition folds.
pub fn partition(partition: Partition) -> [String; 2] {
    [format!("live.{partition}.*.out"), format!("live.{partition}.*.in")]
}

/// Where that of one session lies which its owner folds; the last holds other sessions too.
pub fn said(session: &SessionId) -> [String; 3] {
    [out(session), claims(session), shared_claims(session.partition())]
}

pub fn state(session: &SessionId, kind: StateKind) -> String {
    format!("state.{}.{session}.{}", session.partition(), kind.token())
}

pub fn states(session: &SessionId) -> String {
    format!("state.{}.{session}.*", session.partition())
}

/// One kind of state of all sessions.
pub fn states_of_kind(kind: StateKind) -> String {
    format!("state.*.*.{}", kind.token())
}

/// Facts of one session, as the broker republishes them.
pub fn feed(session: &SessionId) -> String {
    format!("feed.{session}")
}

/// Derived state of one session, as the broker republishes it.
pub fn feed_states(session: &SessionId) -> String {
    format!("feed.{session}.*")
}

pub fn applause(session: &SessionId) -> String {
    format!("note.{session}.applause")
}

pub fn probe(session: &SessionId) -> String {
    format!("note.{session}.probe")
}

pub fn verdict(node: &NodeId) -> String {
    format!("verdict.{node}")
}

pub fn presence(partition: Partition) -> String {
    format!("presence.{partition}")
}

pub fn ask_mine(partition: Partition) -> String {
    format!("ask.{partition}.mine")
}

pub fn lease_worker(worker: &str) -> String {
    format!("$KV.LEASES.worker.{worker}")
}

pub fn lease_part(partition: Partition) -> String {
    format!("$KV.LEASES.part.{partition}")
}

pub fn code(code: &str) -> String {
    format!("$KV.CODES.{code}")
}

/// What a key of the bucket LEASES is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseKey {
    Worker(String),
    Part(Partition),
}

pub fn lease_key(subject: &str) -> Option<LeaseKey> {
    let key = subject.strip_prefix("$KV.LEASES.")?;
    if let Some(worker) = key.strip_prefix("worker.") {
        return Some(LeaseKey::Worker(worker.to_owned()));
    }
    let number = key.strip_prefix("part.")?;
    Partition::all().find(|p| p.to_string() == number).map(LeaseKey::Part)
}

/// What lies under a session in LIVE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    Out,
    In,
    Timer(PollId),
    Lobby,
}

/// Reads a subject of LIVE back. `None` when it is none of ours, or when the session does not belong to the partition that it names.
pub fn parse_live(subject: &str) -> Option<(Partition, SessionId, Leaf)> {
    let mut tokens = subject.split('.');
    if tokens.next()? != "live" {
        return None;
    }
    let (partition, session) = placed(tokens.next()?, tokens.next()?)?;
    let leaf = match (tokens.next()?, tokens.next()) {
        ("out", None) => Leaf::Out,
        ("in", None) => Leaf::In,
        ("lobby", None) => Leaf::Lobby,
        ("timer", Some(token)) => {
            let poll = PollId::new(token.parse().ok()?).ok()?;
            // Only as we write it: a number may be spelled in several ways.
            Leaf::Timer(Some(poll).filter(|poll| poll.to_string() == token)?)
        }
        _ => return None,
    };
    tokens.next().is_none().then_some((partition, session, leaf))
}

/// Reads the session out of a subject of STATE.
pub fn parse_state(subject: &str) -> Option<(Partition, SessionId, StateKind)> {
    let mut tokens = subject.split('.');
    if tokens.next()? != "state" {
        return None;
    }
    let (partition, session) = placed(tokens.next()?, tokens.next()?)?;
    let token = tokens.next()?;
    let kind = StateKind::ALL.into_iter().find(|kind| kind.token() == token)?;
    tokens.next().is_none().then_some((partition, session, kind))
}

fn placed(partition: &str, session: &str) -> Option<(Partition, SessionId)> {
    let session = SessionId::parse(session).ok()?;
    let own = session.partition();
    (partition == own.to_string()).then_some((own, session))
}

#[cfg(test)]
#[path = "subjects/hunt.rs"]
mod hunt;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_reads_back_as_what_it_was_made_of() {
        let session = SessionId::parse("friday-night").unwrap();
        let p = session.partition();
        let poll = PollId::new(77).unwrap();
        for (subject, leaf) in [
            (out(&session), Leaf::Out),
            (claims(&session), Leaf::In),
            (lobby(&session), Leaf::Lobby),
            (timer(&session, poll), Leaf::Timer(poll)),
        ] {
            assert_eq!(parse_live(&subject), Some((p, session.clone(), leaf)), "{subject}");
        }
        let shared = shared_claims(p);
        assert_eq!((parse_shared(&shared), parse_live(&shared)), (Some(p), None), "no session is called that");
        for kind in StateKind::ALL {
            assert_eq!(parse_state(&state(&session, kind)), Some((p, session.clone(), kind)));
        }
        assert_eq!(lease_key(&lease_worker("w-1")), Some(LeaseKey::Worker("w-1".to_owned())));
        assert_eq!(lease_key(&lease_part(Partition(63))), Some(LeaseKey::Part(Partition(63))));
    }

    #[test]
    fn a_subject_that_is_not_ours_reads_as_nothing() {
        for subject in [
            "live.1.friday-night.out",
            "live.32.friday-night",
            "live.32.friday-night.out.x",
            "live.32.short.out",
            "live.x.friday-night.in",
            "live.64._.in",
            "live.7._.out",
            "live.7.x._.in",
            "$KV.LEASES.part.64",
        ] {
            assert_eq!((parse_live(subject), parse_shared(subject)), (None, None), "{subject}");
            assert_eq!(lease_key(subject), None, "{subject}");
        }
    }
}
