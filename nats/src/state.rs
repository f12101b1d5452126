//! Derived state on STATE: memory, one message a subject, republished to the feed.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use schemas::SessionId;
use schemas::state::{State, StateKind};

use crate::batch::Outgoing;
use crate::connection::{Broker, BrokerError};
use crate::direct::Get;
use crate::follow::{Follower, From};
use crate::log::AppendError;
use crate::subjects::{self, STATE};
use crate::{metrics, streams};

impl Broker {
    pub async fn put_state(&self, session: &SessionId, state: &State) -> Result<(), BrokerError> {
        let message = || Outgoing::new(subjects::state(session, state.kind()), state);
        if self.try_put(message()).await.map_err(AppendError::unguarded)?.is_some() {
            return Ok(());
        }
        // A broker that restarted has no such stream until somebody makes it.
        self.in_time(streams::ensure_state(self.context(), self.config())).await?;
        self.put(message()).await.map(|_| ()).map_err(AppendError::unguarded)
    }

    /// The newest value of each kind.
    pub async fn states(&self, session: &SessionId) -> Result<Vec<State>, BrokerError> {
        let get = Get { multi_last: Some(vec![subjects::states(session)]), ..Get::default() };
        let page = self.get_page(STATE, &get).await?;
        Ok(page.messages.iter().filter_map(|message| message.body().inspect_err(skipped).ok()).collect())
    }

    /// Removes the session's states (its run ended).
    pub async fn clear_states(&self, session: &SessionId) -> Result<(), BrokerError> {
        self.purge(STATE, &subjects::states(session)).await
    }

    /// The listener states of all sessions, newest first seen, then as they change. For listings.
    /// After a reconnect all are given again.
    pub async fn follow_listeners(&self) -> Result<BoxStream<'static, (SessionId, State)>, BrokerError> {
        let filters = vec![subjects::states_of_kind(StateKind::Listeners)];
        let follower = Follower::open(self, STATE.to_owned(), filters, From::Latest).await?;
        let read = |message: Result<crate::direct::Stored, BrokerError>| async move {
            let message = message.inspect_err(skipped).ok()?;
            let (_, session, _) = subjects::parse_state(&message.subject)?;
            message.body().inspect_err(skipped).ok().map(|state| (session, state))
        };
        Ok(follower.messages().filter_map(read).boxed())
    }
}

fn skipped(error: &BrokerError) {
    metrics::unreadable();
    tracing::warn!(%error, "a derived state is skipped");
}
