//! The task behind a session: it hears the feed, notices what is missing, and reads that from the log.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use schemas::fact::{Fact, PlacedFact};
use schemas::state::State;
use schemas::view::{Change, View};
use schemas::{Seq, say};
use tokio::sync::broadcast;
use tokio::time::{Instant, MissedTickBehavior};

use super::{Applied, Meeting, Sessions, Shared, Update};
use crate::connection::{BrokerError, BrokerEvent};
use crate::feed::FeedItem;
use crate::metrics;

/// How often the newest fact in the log is compared with the newest seen: a broker's leader that dies can have stored a
/// fact and never republished it, and nothing else would reveal the last fact of a lull. Repaired within 3 s, as promised.
const WATERMARK: Duration = Duration::from_secs(2);
/// A session that nobody holds is forgotten after this (one that never was, at once), so that a phone that reloads does not read the evening again.
const LINGER: Duration = Duration::from_secs(60);
/// Facts read from the log in one go. A run has a few hundred.
const PAGE: usize = 2_000;

/// The task behind a session: one exit, one place where the view changes.
pub(super) struct Follower {
    pub shared: Arc<Shared>,
    pub sessions: Sessions,
}

impl Follower {
    pub async fn run(self) {
        let stop = self.sessions.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.follow() => {}
        }
        self.sessions.followed.remove_if(&self.shared.id, |_, s| Arc::ptr_eq(s, &self.shared));
    }

    async fn follow(&self) {
        let mut events = self.shared.broker.events();
        let Some(mut feed) = self.meet().await else { return };
        let mut watermark = tokio::time::interval_at(Instant::now() + WATERMARK, WATERMARK);
        watermark.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut idle_since = Instant::now();
        loop {
            tokio::select! {
                item = feed.next() => match item {
                    Some(item) => self.take(item).await,
                    None => return,
                },
                event = events.recv() => match event {
                    Ok(BrokerEvent::Disconnected) => {}
                    Ok(BrokerEvent::Connected | BrokerEvent::Lagged) | Err(broadcast::error::RecvError::Lagged(_)) => {
                        self.read_on().await;
                        self.read_states().await;
                    }
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                () = self.shared.poke.notified() => self.read_on().await,
                _ = watermark.tick() => {
                    if Arc::strong_count(&self.shared) > 2 {
                        idle_since = Instant::now();
                        self.compare().await;
                    } else if (idle_since.elapsed() > LINGER || self.last() == 0) && self.sessions.forget(&self.shared) {
                        return;
                    }
                }
            }
        }
    }

    /// Subscribes first and reads then, so that nothing falls between.
    async fn meet(&self) -> Option<BoxStream<'static, FeedItem>> {
        let met = async {
            let feed = self.shared.broker.feed(&self.shared.id).await?;
            self.read_run().await?;
            Ok::<_, BrokerError>(feed)
        };
        match met.await {
            Ok(feed) => {
                self.read_states().await;
                self.shared.ready.send_replace(Meeting::Ready);
                Some(feed)
            }
            Err(error) => {
                tracing::debug!(session = %self.shared.id, %error, "session could not be met");
                self.shared.ready.send_replace(Meeting::Failed);
                None
            }
        }
    }

    /// Reads the session's current run from its begin, or what is left of an older one.
    async fn read_run(&self) -> Result<(), BrokerError> {
        let Shared { id, broker, .. } = &*self.shared;
        match broker.lobby_record(id).await? {
            Some((own, record)) => {
                let begin = record.begin(own);
                self.read_after(begin.saturating_sub(1)).await?;
            }
            None => {
                let Some(newest) = broker.newest_fact(id).await? else { return Ok(()) };
                // The lobby has forgotten it, so the run is over; likes may still come for a week.
                if let Fact::Ended { begin, .. } = newest.record.fact {
                    self.read_after(begin.saturating_sub(1)).await?;
                }
                self.fold(vec![newest]);
            }
        }
        Ok(())
    }

    async fn take(&self, item: FeedItem) {
        match item {
            FeedItem::Fact { previous, fact } => {
                let last = self.shared.view.load().last;
                if fact.seq <= last {
                    return;
                }
                if previous == last {
                    self.fold(vec![fact]);
                } else {
                    metrics::feed_broken();
                    self.read_on().await;
                }
            }
            FeedItem::State(state) => self.take_state(state),
            FeedItem::Applause(applause) => {
                let _ = self.shared.updates.send(Update::Applause(Arc::new(applause)));
            }
            FeedItem::Unreadable => self.read_on().await,
        }
    }

    fn take_state(&self, state: State) {
        {
            let mut states = self.shared.states.write();
            match states.iter_mut().find(|s| s.kind() == state.kind()) {
                Some(held) if held.of() > state.of() => return,
                Some(held) => *held = state.clone(),
                None => states.push(state.clone()),
            }
        }
        let _ = self.shared.updates.send(Update::State(state));
    }

    async fn read_states(&self) {
        match self.shared.broker.states(&self.shared.id).await {
            Ok(states) => states.into_iter().for_each(|state| self.take_state(state)),
            Err(error) => tracing::debug!(session = %self.shared.id, %error, "states could not be read"),
        }
    }

    /// Compares the log's newest fact with the newest seen, and reads on if it is ahead.
    async fn compare(&self) {
        if !self.shared.broker.available() {
            return;
        }
        match self.shared.broker.newest_seq(&self.shared.id).await {
            Ok(Some(newest)) if newest > self.last() => {
                metrics::watermark_ahead();
                self.read_on().await;
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(session = %self.shared.id, %error, "watermark could not be read"),
        }
    }

    /// Reads every fact after the last seen.
    async fn read_on(&self) {
        let last = self.last();
        let read = async {
            let newest = self.shared.broker.newest_seq(&self.shared.id).await?;
            if last == 0 {
                self.read_run().await?
            } else {
                self.read_after(last).await?
            }
            Ok::<_, BrokerError>(newest)
        };
        match read.await {
            Ok(newest) => self.pass_unreadable(newest.unwrap_or_default()),
            // The watermark asks again in two seconds, and a reconnect at once.
            Err(error) => tracing::debug!(session = %self.shared.id, %error, "facts could not be read"),
        }
    }

    async fn read_after(&self, mut after: Seq) -> Result<(), BrokerError> {
        loop {
            let facts = self.shared.broker.facts_after(&self.shared.id, after, PAGE).await?;
            let Some(last) = facts.last().map(|fact| fact.seq) else { return Ok(()) };
            let more = facts.len() == PAGE;
            self.fold(facts);
            if !more {
                return Ok(());
            }
            after = last;
        }
    }

    /// A newest fact that was read over and is not in the view is one of another version. The view counts it as seen, or
    /// every later append, guarded by the last fact, would be refused for ever.
    fn pass_unreadable(&self, newest: Seq) {
        if newest > self.last() {
            let mut view = View::clone(&self.shared.view.load());
            view.last = newest;
            self.shared.view.store(Arc::new(view));
            self.shared.seen.send_replace(newest);
        }
    }

    fn last(&self) -> Seq {
        self.shared.view.load().last
    }

    /// The only place where the view moves: fold, remember, tell.
    fn fold(&self, facts: Vec<PlacedFact>) {
        if facts.is_empty() {
            return;
        }
        let mut view = View::clone(&self.shared.view.load());
        let mut told = Vec::new();
        for fact in &facts {
            let Some(change) = view.apply(fact) else { continue };
            let messages = view.run.as_ref().map(|run| say::of_change(&self.shared.id, run, &change)).unwrap_or_default();
            told.push(Arc::new(Applied { seq: fact.seq, stamp: fact.stamp, change, messages }));
        }
        let last = view.last;
        self.shared.view.store(Arc::new(view));
        {
            let mut history = self.shared.history.write();
            for applied in &told {
                if matches!(applied.change, Change::Begun) {
                    self.shared.states.write().clear();
                }
                history.push(applied.clone());
            }
        }
        for applied in told {
            let _ = self.shared.updates.send(Update::Fact(applied));
        }
        self.shared.seen.send_replace(last);
    }
}
