//! What is on now, as the broker tells it. A trait, so that the routes can be tried without one.

use nats::lobby::LobbyEntry;
use schemas::SessionId;
use schemas::lobby::LobbyStatus;

pub(crate) trait Stage: Send + Sync {
    /// Whether the broker is there at this moment.
    fn available(&self) -> bool;
    /// Sessions that are on: live first, newest begun first, then those whose DJ is away.
    fn on(&self) -> Vec<LobbyEntry>;
    fn get(&self, session: &SessionId) -> Option<LobbyEntry>;
    fn by_code(&self, code: &str) -> Option<SessionId>;
    fn count_on(&self) -> usize;

    /// The session's entry, if its latest run has not ended.
    fn running(&self, session: &SessionId) -> Option<LobbyEntry> {
        self.get(session).filter(|entry| match entry.record.status {
            LobbyStatus::Live | LobbyStatus::Away => true,
            LobbyStatus::Ended => false,
        })
    }
}

pub(crate) struct Brokered {
    pub broker: nats::Broker,
    pub lobby: nats::Lobby,
}

impl Stage for Brokered {
    fn available(&self) -> bool {
        self.broker.is_open()
    }

    fn on(&self) -> Vec<LobbyEntry> {
        self.lobby.on()
    }

    fn get(&self, session: &SessionId) -> Option<LobbyEntry> {
        self.lobby.get(session)
    }

    fn by_code(&self, code: &str) -> Option<SessionId> {
        self.lobby.by_code(code)
    }

    fn count_on(&self) -> usize {
        self.lobby.count_on()
    }
}
