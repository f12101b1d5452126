//! Following sessions. A [`Session`] holds the view of one session, fed by the broker's republished facts, and mends every
//! gap from the log: a broken chain, a reconnect, a lag event, a watermark that is ahead of what was seen.
//!
//! Its promise: [`Update::Fact`] carries every accepted fact once and in order while the session is followed; a receiver
//! that lags reads [`Session::since`] instead. Appending goes through the view too: facts are decided on what the log holds
//! up to its last fact, and the log refuses them if another came first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use dashmap::DashMap;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use parking_lot::RwLock;
use schemas::error::Refusal;
use schemas::fact::{Fact, FactRecord, PlacedFact};
use schemas::limits::RESUME_MESSAGES;
use schemas::note::Applause;
use schemas::server::ServerMessage;
use schemas::state::{State, StateKind};
use schemas::view::{Change, View, lobby_after};
use schemas::{Code, Millis, Seq, SessionId, say};
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::connection::{Broker, BrokerError, BrokerEvent};
use crate::feed::FeedItem;
use crate::log::{AppendError, Timer};
use crate::metrics;

/// How often the newest fact in the log is compared with the newest seen: a broker's leader that dies can have stored a
/// fact and never republished it, and nothing else would reveal the last fact of a lull. Repaired within 3 s, as promised.
const WATERMARK: Duration = Duration::from_secs(2);
/// A session that nobody holds is forgotten after this, so that a phone that reloads does not read the evening again.
const LINGER: Duration = Duration::from_secs(60);
/// Updates waiting for a slow receiver in this process; beyond it the receiver reads [`Session::since`].
const UPDATES: usize = 512;
/// Facts read from the log in one go. A run has a few hundred.
const PAGE: usize = 2_000;
/// How long an append waits for its own facts to come back over the feed before it reads the log itself.
const ECHO: Duration = Duration::from_millis(250);
/// Races with other writers of the same session that one append survives. More means something keeps writing.
const ATTEMPTS: usize = 8;
/// Sessions one process follows at the most, so that made-up ids cannot fill its memory; a venue has a few, a continent thousands.
const FOLLOWED: usize = 20_000;

/// An accepted fact and what its session hears of it.
#[derive(Debug)]
pub struct Applied {
    pub seq: Seq,
    pub stamp: Millis,
    pub change: Change,
    pub messages: Vec<ServerMessage>,
}

#[derive(Clone, Debug)]
pub enum Update {
    Fact(Arc<Applied>),
    State(State),
    Applause(Arc<Applause>),
}

/// What to do with a view: append facts, or nothing, because the message was applied before.
pub enum Decision {
    Append { facts: Vec<FactRecord>, timers: Vec<Timer> },
    Already(Seq),
}

#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl Failed {
    pub fn refusal(self) -> Refusal {
        match self {
            Failed::Refused(refusal) => refusal,
            Failed::Broker(_) => Code::Unavailable.into(),
        }
    }
}

/// All sessions that this process follows. Cloned freely.
#[derive(Clone)]
pub struct Sessions {
    broker: Broker,
    followed: Arc<DashMap<SessionId, Arc<Shared>>>,
    stop: CancellationToken,
}

/// A cheap handle on one followed session. While one exists, the session is followed.
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

/// The newest facts of the current run: all that came after `floor`, up to the contract's bound on a resume.
#[derive(Default)]
struct History {
    floor: Seq,
    facts: VecDeque<Arc<Applied>>,
}

impl History {
    fn push(&mut self, applied: Arc<Applied>) {
        if matches!(applied.change, Change::Begun) || self.facts.is_empty() {
            // What came before this fact was another run, or is not known here.
            self.facts.clear();
            self.floor = applied.seq - 1;
        }
        if self.facts.len() == RESUME_MESSAGES {
            self.floor = self.facts.pop_front().map_or(self.floor, |gone| gone.seq);
        }
        self.facts.push_back(applied);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meeting {
    Reading,
    Ready,
    Failed,
}

struct Shared {
    id: SessionId,
    broker: Broker,
    view: ArcSwap<View>,
    seen: watch::Sender<Seq>,
    ready: watch::Sender<Meeting>,
    updates: broadcast::Sender<Update>,
    history: RwLock<History>,
    states: RwLock<Vec<State>>,
    poke: Notify,
    appending: tokio::sync::Mutex<()>,
}

impl Sessions {
    pub fn new(broker: Broker, stop: CancellationToken) -> Self {
        Sessions { broker, followed: Arc::default(), stop }
    }

    /// The session, followed from now on; returns once its view reflects everything that the log held when this was called.
    pub async fn meet(&self, id: &SessionId) -> Result<Session, BrokerError> {
        if !self.broker.available() {
            // A session that is followed already may still be seen: its sockets live on while the broker is away.
            return self.known(id).ok_or_else(away);
        }
        if self.followed.len() >= FOLLOWED && !self.followed.contains_key(id) {
            return Err(away());
        }
        let shared = self.followed.entry(id.clone()).or_insert_with(|| self.follow(id)).clone();
        let mut ready = shared.ready.subscribe();
        let deadline = self.broker.config().ack_deadline;
        let met =
            tokio::time::timeout(deadline, ready.wait_for(|r| *r != Meeting::Reading)).await.map_err(|_| away())?.map_err(|_| away())?;
        match *met {
            Meeting::Ready => {}
            Meeting::Reading | Meeting::Failed => return Err(away()),
        }
        drop(met);
        Ok(Session { shared })
    }

    /// The session, if this process follows it already.
    pub fn known(&self, id: &SessionId) -> Option<Session> {
        self.followed.get(id).filter(|s| *s.ready.borrow() == Meeting::Ready).map(|s| Session { shared: s.clone() })
    }

    pub fn count(&self) -> usize {
        self.followed.len()
    }

    fn follow(&self, id: &SessionId) -> Arc<Shared> {
        let shared = Arc::new(Shared {
            id: id.clone(),
            broker: self.broker.clone(),
            view: ArcSwap::from_pointee(View::new(id.clone())),
            seen: watch::Sender::new(0),
            ready: watch::Sender::new(Meeting::Reading),
            updates: broadcast::Sender::new(UPDATES),
            history: RwLock::default(),
            states: RwLock::default(),
            poke: Notify::new(),
            appending: tokio::sync::Mutex::new(()),
        });
        let follower = Follower { shared: shared.clone(), sessions: self.clone() };
        tokio::spawn(follower.run());
        shared
    }

    /// Forgets the session if nobody holds it. The map and the follower are the two holders that do not count.
    fn forget(&self, shared: &Arc<Shared>) -> bool {
        self.followed.remove_if(&shared.id, |_, s| Arc::ptr_eq(s, shared) && Arc::strong_count(s) <= 2).is_some()
    }
}

fn away() -> BrokerError {
    BrokerError::Unavailable("the session cannot be read now".to_owned())
}

impl Session {
    pub fn id(&self) -> &SessionId {
        &self.shared.id
    }

    pub fn view(&self) -> Arc<View> {
        self.shared.view.load_full()
    }

    pub fn updates(&self) -> broadcast::Receiver<Update> {
        self.shared.updates.subscribe()
    }

    /// The newest value of each kind that has one.
    pub fn states(&self) -> Vec<State> {
        self.shared.states.read().clone()
    }

    pub fn state(&self, kind: StateKind) -> Option<State> {
        self.shared.states.read().iter().find(|s| s.kind() == kind).cloned()
    }

    /// Every accepted fact of the current run after `seq`, in order, or `None` when not all of them are kept any more;
    /// never a part, because a reader that skipped one would not know it.
    pub fn since(&self, seq: Seq) -> Option<Vec<Arc<Applied>>> {
        let history = self.shared.history.read();
        (seq >= history.floor).then(|| history.facts.iter().filter(|a| a.seq > seq).cloned().collect())
    }

    /// The position from which on every accepted fact is kept, and those facts.
    pub fn kept(&self) -> (Seq, Vec<Arc<Applied>>) {
        let history = self.shared.history.read();
        (history.floor, history.facts.iter().cloned().collect())
    }

    /// Asks the follower to compare with the log now.
    pub fn poke(&self) {
        self.shared.poke.notify_one();
    }

    /// Waits until the view reflects `seq`, or gives up.
    pub async fn reflects(&self, seq: Seq, patience: Duration) -> bool {
        let mut seen = self.shared.seen.subscribe();
        if tokio::time::timeout(ECHO.min(patience), seen.wait_for(|s| *s >= seq)).await.is_ok() {
            return true;
        }
        self.poke();
        tokio::time::timeout(patience, seen.wait_for(|s| *s >= seq)).await.is_ok()
    }

    /// Appends what `decide` makes of the view, if no other fact comes first; else decides again on the newer view.
    /// Gives the sequence of each fact. One append of a session at a time in this process, so that its DJ's words keep their order.
    pub async fn append(&self, mut decide: impl FnMut(&View) -> Result<Decision, Refusal>) -> Result<Vec<Seq>, Failed> {
        let _turn = self.shared.appending.lock().await;
        let patience = self.shared.broker.config().ack_deadline;
        for _ in 0..ATTEMPTS {
            let view = self.view();
            let (facts, timers) = match decide(&view)? {
                Decision::Append { facts, timers } => (facts, timers),
                Decision::Already(seq) => return Ok(vec![seq]),
            };
            if facts.is_empty() {
                return Ok(vec![]);
            }
            let lobby = lobby_after(&view, &facts, Millis::now());
            match self.shared.broker.append(&self.shared.id, view.last, &facts, lobby.as_ref(), &timers).await {
                Ok(appended) => {
                    let last = appended.seqs.last().copied().unwrap_or(view.last);
                    self.reflects(last, patience).await;
                    return Ok(appended.seqs);
                }
                Err(AppendError::Conflict { last }) => {
                    if !self.reflects(last.max(view.last + 1), patience).await {
                        return Err(away().into());
                    }
                }
                Err(AppendError::Broker(error)) => {
                    // Unknown, not failed: what was stored shows itself when the view has read on.
                    self.poke();
                    return Err(error.into());
                }
            }
        }
        Err(away().into())
    }
}

/// The task behind a session: one exit, one place where the view changes.
struct Follower {
    shared: Arc<Shared>,
    sessions: Sessions,
}

impl Follower {
    async fn run(self) {
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
                    } else if idle_since.elapsed() > LINGER && self.sessions.forget(&self.shared) {
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
                self.fold(broker.facts_after(id, begin.saturating_sub(1), PAGE).await?);
            }
            None => {
                let Some(newest) = broker.newest_fact(id).await? else { return Ok(()) };
                // The lobby has forgotten it, so the run is over; likes may still come for a week.
                if let Fact::Ended { begin, .. } = newest.record.fact {
                    self.fold(broker.facts_after(id, begin.saturating_sub(1), PAGE).await?);
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
        match self.shared.broker.newest_fact(&self.shared.id).await {
            Ok(Some(fact)) if fact.seq > self.shared.view.load().last => {
                metrics::watermark_ahead();
                self.read_on().await;
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(session = %self.shared.id, %error, "watermark could not be read"),
        }
    }

    /// Reads every fact after the last seen.
    async fn read_on(&self) {
        loop {
            let last = self.shared.view.load().last;
            let read = match last {
                0 => self.read_run().await.map(|()| false),
                last => self.shared.broker.facts_after(&self.shared.id, last, PAGE).await.map(|facts| {
                    let more = facts.len() >= PAGE;
                    self.fold(facts);
                    more
                }),
            };
            match read {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    // The watermark asks again in two seconds, and a reconnect at once.
                    tracing::debug!(session = %self.shared.id, %error, "facts could not be read");
                    return;
                }
            }
        }
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
