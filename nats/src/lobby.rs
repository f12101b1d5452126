//! The lobby index: which sessions are on, kept in memory by following the lobby subjects.
use std::sync::Arc;
use schemas::lobby::LobbyRecord;
use schemas::{Seq, SessionId};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::connection::{Broker, BrokerError};

#[derive(Clone, Debug)]
pub struct LobbyEntry {
    pub session: SessionId,
    /// The record's own sequence; records of one session only move forward.
    pub seq: Seq,
    pub record: Arc<LobbyRecord>,
}

/// What a record changed, seen from outside the session.
#[derive(Clone, Debug)]
pub enum LobbyChange {
    /// A run began.
    Began(LobbyEntry),
    Ended(LobbyEntry),
    Other(LobbyEntry),
}

/// A cheap handle on the index.
#[derive(Clone)]
pub struct Lobby {}

impl Lobby {
    /// Reads all records (waits until the initial set is read), then follows until `stop`; mends itself over reconnects.
    pub async fn follow(broker: &Broker, stop: CancellationToken) -> Result<Lobby, BrokerError> {
        todo!()
    }
    pub fn get(&self, session: &SessionId) -> Option<LobbyEntry> {
        todo!()
    }
    /// Sessions that are on (live first, newest begun first, then those whose DJ is away).
    pub fn on(&self) -> Vec<LobbyEntry> {
        todo!()
    }
    pub fn count_on(&self) -> usize {
        todo!()
    }
    /// The session with this join code (case-insensitive) among those that are on.
    pub fn by_code(&self, code: &str) -> Option<SessionId> {
        todo!()
    }
    /// Changes after the initial set. A receiver that lags should go by `on()`.
    pub fn changes(&self) -> broadcast::Receiver<LobbyChange> {
        todo!()
    }
}
