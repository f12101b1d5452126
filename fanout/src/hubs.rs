//! All sessions with local sockets.

use std::sync::Arc;

use dashmap::DashMap;
use nats::{Broker, BrokerError, Sessions};
use schemas::SessionId;

use crate::Config;
use crate::hub::{Hub, Paces};
use crate::presence::Reporter;

#[derive(Clone)]
pub struct Hubs {
    hubs: Arc<DashMap<SessionId, Arc<Hub>>>,
    sessions: Sessions,
    broker: Broker,
    reporter: Reporter,
    paces: Paces,
}

impl Hubs {
    pub fn new(config: &Config, broker: Broker, sessions: Sessions, reporter: Reporter) -> Self {
        let paces = Paces { track: config.track_pace, like: config.like_pace, thanks: config.thanks_pace };
        Hubs { hubs: Arc::default(), sessions, broker, reporter, paces }
    }

    /// The session's hub; returns once it reflects what the log holds.
    pub async fn enter(&self, id: &SessionId) -> Result<Arc<Hub>, BrokerError> {
        if let Some(hub) = self.known(id) {
            return Ok(hub);
        }
        let session = self.sessions.meet(id).await?;
        let hub =
            self.hubs.entry(id.clone()).or_insert_with(|| Hub::start(session, self.paces, self.reporter.clone(), self.clone())).clone();
        Ok(hub)
    }

    pub fn known(&self, id: &SessionId) -> Option<Arc<Hub>> {
        self.hubs.get(id).map(|hub| hub.clone())
    }

    pub fn all(&self) -> Vec<Arc<Hub>> {
        self.hubs.iter().map(|hub| hub.clone()).collect()
    }

    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Forgets a hub that nobody is in; the map and its task are the two holders that do not count.
    pub fn forget(&self, hub: &Arc<Hub>) -> bool {
        self.hubs.remove_if(hub.id(), |_, h| Arc::ptr_eq(h, hub) && Arc::strong_count(h) <= 2 && h.is_empty()).is_some()
    }
}
