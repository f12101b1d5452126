//! Derived state on STATE: memory, one message a subject, republished to the feed.
use schemas::SessionId;
use schemas::state::State;

use crate::connection::{Broker, BrokerError};

impl Broker {
    pub async fn put_state(&self, session: &SessionId, state: &State) -> Result<(), BrokerError> {
        todo!()
    }
    /// The newest value of each kind.
    pub async fn states(&self, session: &SessionId) -> Result<Vec<State>, BrokerError> {
        todo!()
    }
    /// Removes the session's states (its run ended).
    pub async fn clear_states(&self, session: &SessionId) -> Result<(), BrokerError> {
        todo!()
    }
    /// The listener states of all sessions, newest first seen, then as they change. For listings.
    pub async fn follow_listeners(&self) -> Result<futures_util::stream::BoxStream<'static, (SessionId, State)>, BrokerError> {
        todo!()
    }
}
