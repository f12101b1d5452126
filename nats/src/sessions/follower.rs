//! The task behind a session: it hears the feed, notices what is missing, and reads that from the log.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use schemas::fact::{Fact, PlacedFact};
use schemas::state::State;
use schemas::view::{Change, View};
use schemas::{Seq, say};
use tokio::sync::broadcast;
use tokio::time::{Instant, MissedTickBehavior};

use super::history::History;
use super::{Applied, Meeting, Sessions, Shared, Update};
use crate::connection::{BrokerError, BrokerEvent};
use crate::feed::FeedItem;
use crate::metrics;

/// How often the newest fact in the log is compared with the newest seen: a broker's leader that dies can have stored a
/// fact and never republished it, and nothing else would reveal the last fact of a lull. Repaired within 3 s, as promised.
const WATERMARK: Duration = Duration::from_secs(2);
/// A session that nobody holds is forgotten after this (one that never was, at once), so that a phone that reloads does not read the evening again.
const LINGER: Duration = Duration::from_secs(60);
/// Between two tries to read a session in a new epoch.
const AGAIN: Duration = Duration::from_millis(200);
/// How often a broker that lags behind is asked again before the watermark looks again.
const TRIES: usize = 5;
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
                    Ok(BrokerEvent::Epoch) => self.begin_anew().await,
                    Ok(BrokerEvent::Connected | BrokerEvent::Lagged) | Err(broadcast::error::RecvError::Lagged(_)) => {
                        self.begin_anew().await;
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
            self.shared.epoch.store(self.shared.broker.epoch(self.shared.id.partition()), Ordering::Release);
            let feed = self.shared.broker.feed(&self.shared.id).await?;
            self.read_run().await?;
            if self.shared.view.load().live().is_none() {
                self.read_up_to_leader().await?;
            }
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

    /// In a new epoch the log may hold less than was read of it, or something else: everything is read again, and told as one.
    async fn begin_anew(&self) {
        let shared = &self.shared;
        let epoch = shared.broker.epoch(shared.id.partition());
        if shared.epoch.load(Ordering::Acquire) == epoch {
            return;
        }
        let facts = loop {
            match self.run_facts().await {
                Ok((facts, _)) => break facts,
                Err(error) => tracing::debug!(session = %shared.id, %error, "a session cannot be read in the new epoch yet"),
            }
            tokio::time::sleep(AGAIN).await;
        };
        let mut view = View::new(shared.id.clone());
        let told = apply(&mut view, &facts);
        let last = view.last;
        {
            let mut history = shared.history.write();
            *history = History::default();
            told.into_iter().for_each(|applied| history.push(applied));
            shared.states.write().clear();
            shared.view.store(Arc::new(view));
            shared.epoch.store(epoch, Ordering::Release);
        }
        let _ = shared.updates.send(Update::Anew);
        shared.seen.send_replace(last);
        self.read_states().await;
    }

    /// Reads the session's current run.
    async fn read_run(&self) -> Result<(), BrokerError> {
        let (facts, reached) = self.run_facts().await?;
        self.fold(facts);
        self.pass_unreadable(reached);
        Ok(())
    }

    /// Where no run goes on, one may have begun that the server which answered has not got yet: the leader knows.
    async fn read_up_to_leader(&self) -> Result<(), BrokerError> {
        let newest = self.shared.broker.newest_at_leader(&self.shared.id).await?.unwrap_or_default();
        for _ in 0..TRIES {
            if self.last() >= newest {
                return Ok(());
            }
            tokio::time::sleep(AGAIN).await;
            self.read_more().await?;
        }
        Err(BrokerError::lags())
    }

    /// The facts of the session's current run from its begin, or what is left of an older one, and how far they were read.
    async fn run_facts(&self) -> Result<(Vec<PlacedFact>, Seq), BrokerError> {
        let Shared { id, broker, .. } = &*self.shared;
        if let Some((own, record)) = broker.lobby_record(id).await? {
            return self.facts_after(record.begin(own).saturating_sub(1)).await;
        }
        let Some(newest) = broker.newest_fact(id).await? else { return Ok((vec![], 0)) };
        // The lobby has forgotten it, so the run is over; likes may still come for a week.
        let mut facts = match newest.record.fact {
            Fact::Ended { begin, .. } => self.facts_after(begin.saturating_sub(1)).await?.0,
            _ => vec![],
        };
        let reached = newest.seq;
        if facts.last().is_none_or(|last| last.seq < reached) {
            facts.push(newest);
        }
        Ok((facts, reached))
    }

    /// Every fact after `after`, and the place of the last one that was read, readable or not.
    async fn facts_after(&self, after: Seq) -> Result<(Vec<PlacedFact>, Seq), BrokerError> {
        let (mut facts, mut reached) = (Vec::new(), after);
        loop {
            let (page, upto) = self.shared.broker.read_facts(&self.shared.id, reached, PAGE).await?;
            let more = page.len() == PAGE;
            facts.extend(page);
            reached = upto;
            if !more {
                return Ok((facts, reached));
            }
        }
    }

    async fn take(&self, item: FeedItem) {
        match item {
            FeedItem::Fact { previous, fact } => match heard(self.shared.view.load().last, previous, fact.seq) {
                Heard::Repeat => {}
                Heard::Next => self.fold(vec![fact]),
                Heard::Gap => {
                    metrics::feed_broken();
                    self.read_on().await;
                }
            },
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

    /// Compares the log's newest fact with the newest seen, and reads on if it is another one.
    async fn compare(&self) {
        if !self.shared.broker.available() {
            return;
        }
        match self.newest().await {
            Ok(newest) if newest == self.last() => {}
            Ok(newest) => {
                if newest > self.last() {
                    metrics::watermark_ahead();
                }
                self.read_on().await;
            }
            Err(error) => tracing::debug!(session = %self.shared.id, %error, "watermark could not be read"),
        }
    }

    /// Where the newest fact lies as some server knows it; 0 when it knows of none.
    async fn newest(&self) -> Result<Seq, BrokerError> {
        Ok(self.shared.broker.newest_seq(&self.shared.id).await?.unwrap_or_default())
    }

    /// Reads every fact after the last seen.
    async fn read_on(&self) {
        for _ in 0..TRIES {
            match self.read_to_newest().await {
                Ok(true) => return,
                // The broker that answered has not all of it yet; another may, and this one soon.
                Ok(false) => tokio::time::sleep(AGAIN).await,
                // The watermark asks again in two seconds, and a reconnect at once.
                Err(error) => return tracing::debug!(session = %self.shared.id, %error, "facts could not be read"),
            }
        }
    }

    /// Gives whether everything up to the newest fact was read.
    async fn read_to_newest(&self) -> Result<bool, BrokerError> {
        let (newest, last) = (self.newest().await?, self.last());
        if newest <= last {
            // A server that knows less than was seen already cannot tell what is new.
            return Ok(newest == last);
        }
        self.read_more().await?;
        Ok(self.last() >= newest)
    }

    async fn read_more(&self) -> Result<(), BrokerError> {
        match self.last() {
            0 => self.read_run().await,
            last => {
                let (facts, reached) = self.facts_after(last).await?;
                self.fold(facts);
                self.pass_unreadable(reached);
                Ok(())
            }
        }
    }

    /// A last fact that was read over and is not in the view is one of another version. The view counts it as seen, or every
    /// later append, guarded by the last fact, would be refused for ever.
    fn pass_unreadable(&self, reached: Seq) {
        if reached > self.last() {
            let mut view = View::clone(&self.shared.view.load());
            view.last = reached;
            self.shared.view.store(Arc::new(view));
            self.shared.seen.send_replace(reached);
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
        let told = apply(&mut view, &facts);
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

/// What a fact of the feed is to somebody who has folded up to some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Repeat,
    Next,
    /// Something before it was not heard: the log has it.
    Gap,
}

/// `previous` is the session's fact before this one, as the broker says.
pub fn heard(last: Seq, previous: Seq, seq: Seq) -> Heard {
    if seq <= last {
        Heard::Repeat
    } else if previous == last {
        Heard::Next
    } else {
        Heard::Gap
    }
}

/// What the facts change, and what the session hears of it.
pub fn apply(view: &mut View, facts: &[PlacedFact]) -> Vec<Arc<Applied>> {
    let changed = facts.iter().filter_map(|fact| {
        let change = view.apply(fact)?;
        let messages = view.run.as_ref().map(|run| say::of_change(&fact.session, run, &change)).unwrap_or_default();
        Some(Arc::new(Applied { seq: fact.seq, stamp: fact.stamp, change, messages }))
    });
    changed.collect()
}
