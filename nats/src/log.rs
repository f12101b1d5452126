//! The log: facts and packs in, facts and entries out.
use futures_util::stream::BoxStream;
use schemas::claim::{Pack, PlacedPack};
use schemas::fact::{FactRecord, PlacedFact};
use schemas::lobby::LobbyRecord;
use schemas::{Millis, Partition, PollId, Seq, SessionId};

use crate::connection::{Broker, BrokerError};

#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another fact came first: the newest fact of the session is at `last` (0 when the broker did not say).
    #[error("another fact came first, at {last}")]
    Conflict { last: Seq },
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// Where the facts of one append lie, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    pub seqs: Vec<Seq>,
}

/// A schedule that travels with a poll: at `at` the broker itself puts a close request on `in`.
#[derive(Clone, Debug)]
pub struct Timer {
    pub poll: PollId,
    pub at: Millis,
}

/// One message of a partition, in log order.
#[derive(Clone, Debug)]
pub enum Entry {
    Fact(PlacedFact),
    Pack(PlacedPack),
    /// Stored by a version that we cannot read. Skipped, counted and said; never a reason to stop.
    Unreadable { seq: Seq, subject: String, why: String },
}

impl Entry {
    pub fn seq(&self) -> Seq {
        match self {
            Entry::Fact(fact) => fact.seq,
            Entry::Pack(pack) => pack.seq,
            Entry::Unreadable { seq, .. } => *seq,
        }
    }
}

impl Broker {
    /// Appends facts of one session, whole or not at all, if the session's newest fact is still at `expected` (0: none ever).
    /// The lobby record and timers travel in the same atomic batch.
    pub async fn append(&self, session: &SessionId, expected: Seq, facts: &[FactRecord], lobby: Option<&LobbyRecord>, timers: &[Timer]) -> Result<Appended, AppendError> {
        todo!()
    }
    /// Stores packs of any sessions with one fsync; at most 500 packs. Gives each pack's sequence, in order.
    pub async fn publish_packs(&self, packs: &[(SessionId, Pack)]) -> Result<Vec<Seq>, BrokerError> {
        todo!()
    }
    /// All facts of the session after `after`, in order, up to `limit`. Empty when there are none.
    pub async fn facts_after(&self, session: &SessionId, after: Seq, limit: usize) -> Result<Vec<PlacedFact>, BrokerError> {
        todo!()
    }
    /// The session's newest fact.
    pub async fn newest_fact(&self, session: &SessionId) -> Result<Option<PlacedFact>, BrokerError> {
        todo!()
    }
    /// The lobby record with its own sequence.
    pub async fn lobby_record(&self, session: &SessionId) -> Result<Option<(Seq, LobbyRecord)>, BrokerError> {
        todo!()
    }
    /// Removes a poll's timer (the poll was closed early). Losing this is harmless: a late close request changes nothing.
    pub async fn cancel_timer(&self, session: &SessionId, poll: PollId) -> Result<(), BrokerError> {
        todo!()
    }
    /// Every fact and pack of the partition with a sequence above `after`, in order, for ever: the reader mends itself over
    /// reconnects without skipping or repeating. Ends only with an error that mending cannot help.
    pub async fn read_partition(&self, partition: Partition, after: Seq) -> Result<BoxStream<'static, Result<Entry, BrokerError>>, BrokerError> {
        todo!()
    }
    /// First and last sequence of LIVE.
    pub async fn log_range(&self) -> Result<(Seq, Seq), BrokerError> {
        todo!()
    }
}
