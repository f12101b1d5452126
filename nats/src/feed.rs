//! The feed of one session: facts as the broker republishes them, derived state, and applause. At most once: what is
//! missing here is noticed by the chain of sequences and read from the log.

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, select_all};
use schemas::codec::from_log;
use schemas::fact::PlacedFact;
use schemas::note::Applause;
use schemas::state::State;
use schemas::{Seq, SessionId};

use crate::connection::{Broker, BrokerError};
use crate::direct::{number, read};
use crate::subjects::{self, headers};
use crate::traces;

pub(crate) enum FeedItem {
    /// A fact, and the sequence of the session's fact before it (0: none, or none that the broker still knows).
    Fact {
        previous: Seq,
        fact: PlacedFact,
    },
    State(State),
    Applause(Applause),
    /// Something came that cannot be read: the log has to be asked.
    Unreadable,
}

impl Broker {
    /// Subscribes, and returns once the server has taken the subscriptions: what is published after that is seen or noticed.
    pub(crate) async fn feed(&self, session: &SessionId) -> Result<BoxStream<'static, FeedItem>, BrokerError> {
        let unavailable = |e: &dyn std::fmt::Display| BrokerError::Unavailable(e.to_string());
        let client = self.client();
        let facts = client.subscribe(subjects::feed(session)).await.map_err(|e| unavailable(&e))?;
        let states = client.subscribe(subjects::feed_states(session)).await.map_err(|e| unavailable(&e))?;
        let applause = client.subscribe(subjects::applause(session)).await.map_err(|e| unavailable(&e))?;
        self.round_trip().await?;
        let id = session.clone();
        let facts = facts.map(move |message| fact_item(&id, message)).boxed();
        let states = states.map(|m| from_log(&m.payload).map_or(FeedItem::Unreadable, FeedItem::State)).boxed();
        let id = session.clone();
        let applause = applause.map(move |message| applause_item(&id, &message)).boxed();
        Ok(select_all([facts, states, applause]).boxed())
    }
}

fn applause_item(session: &SessionId, message: &async_nats::Message) -> FeedItem {
    let Ok(applause) = from_log::<Applause>(&message.payload) else { return FeedItem::Unreadable };
    traces::remember(session, applause.to, message.headers.as_ref());
    FeedItem::Applause(applause)
}

fn fact_item(session: &SessionId, message: async_nats::Message) -> FeedItem {
    let Some(previous) = number(&message, headers::PREVIOUS) else { return FeedItem::Unreadable };
    let placed = read(message).ok().and_then(|stored| {
        traces::remember(session, stored.seq, Some(&stored.headers));
        let record = stored.try_body().ok()?;
        Some(PlacedFact { session: session.clone(), seq: stored.seq, stamp: stored.stamp, record })
    });
    placed.map_or(FeedItem::Unreadable, |fact| FeedItem::Fact { previous, fact })
}
