//! Following sessions. A [`Session`] holds the view of one session, fed by the broker's republished facts, and mends every
//! gap from the log: a broken chain, a reconnect, a lag event, a watermark that is ahead of what was seen.
//!
//! Its promise: [`Update::Fact`] carries every accepted fact once and in order while the session is followed; a receiver
//! that lags reads [`Session::since`] instead. Appending goes through the view too: facts are decided on what the log holds
//! up to its last fact, and the log refuses them if another came first.

mod follower;
mod history;
mod plan;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use dashmap::DashMap;
use parking_lot::RwLock;
use schemas::error::Refusal;
use schemas::fact::FactRecord;
use schemas::note::Applause;
use schemas::server::ServerMessage;
use schemas::state::{State, StateKind};
use schemas::view::{Change, View, lobby_after};
use schemas::{Code, Epoch, Millis, Seq, SessionId};
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::follower::Follower;
use self::history::History;
use self::plan::Plan;
use crate::connection::{Broker, BrokerError};
use crate::log::{AppendError, Timer};

/// Updates waiting for a slow receiver in this process; beyond it the receiver reads [`Session::since`].
const UPDATES: usize = 512;
/// How long an append waits for its own facts to come back over the feed before it reads the log itself.
const ECHO: Duration = Duration::from_millis(250);
/// The leader of the log is asked about one session this often at most, whoever is refused.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// Races with other writers of the same session that one append survives. More means something keeps writing.
const ATTEMPTS: usize = 8;
/// Sessions one process follows at the most, so that made-up ids cannot fill its memory; a venue has a few, a continent thousands.
const FOLLOWED: usize = 20_000;

/// The pure steps of a follower, for whoever drives them without a broker: the simulation.
pub mod steps {
    pub use super::follower::{Heard, apply, heard};
    pub use super::history::History;
}

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
    /// A new epoch: view, history and states are those of the log as it is now, and what was told before may not be in it.
    Anew,
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meeting {
    Reading,
    Ready,
    Failed,
}

struct Shared {
    id: SessionId,
    broker: Broker,
    /// The epoch that the view was read in.
    epoch: AtomicU32,
    view: ArcSwap<View>,
    seen: watch::Sender<Seq>,
    ready: watch::Sender<Meeting>,
    updates: broadcast::Sender<Update>,
    history: RwLock<History>,
    states: RwLock<Vec<State>>,
    poke: Notify,
    appending: tokio::sync::Mutex<()>,
    asked: tokio::sync::Mutex<Asked>,
}

/// What the log's leader said last of the newest fact, and when it was asked.
#[derive(Default)]
struct Asked {
    at: Option<Instant>,
    newest: Seq,
}

impl Sessions {
    pub fn new(broker: Broker, stop: CancellationToken) -> Self {
        Sessions { broker, followed: Arc::default(), stop }
    }

    /// The session, followed from now on. One that was not followed before is given once its view reflects everything that the log held when this
    /// was called.
    pub async fn meet(&self, id: &SessionId) -> Result<Session, BrokerError> {
        // The usual case, also while the broker is away: the sockets of its sessions live on. Reading is boxed, so that a message of a
        // session that is known holds no room for it.
        match self.known(id) {
            Some(known) => Ok(known),
            None => Box::pin(self.meet_anew(id)).await,
        }
    }

    async fn meet_anew(&self, id: &SessionId) -> Result<Session, BrokerError> {
        if !self.broker.available() {
            return Err(away());
        }
        if self.followed.len() >= FOLLOWED && !self.followed.contains_key(id) {
            return Err(away());
        }
        let shared = self.followed.entry(id.clone()).or_insert_with(|| self.follow(id)).clone();
        let mut ready = shared.ready.subscribe();
        let deadline = self.broker.config().ack_deadline;
        let met = timeout(deadline, ready.wait_for(|r| *r != Meeting::Reading)).await.map_err(|_| away())?.map_err(|_| away())?;
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
            epoch: AtomicU32::new(0),
            view: ArcSwap::from_pointee(View::new(id.clone())),
            seen: watch::Sender::new(0),
            ready: watch::Sender::new(Meeting::Reading),
            updates: broadcast::Sender::new(UPDATES),
            history: RwLock::default(),
            states: RwLock::default(),
            poke: Notify::new(),
            appending: tokio::sync::Mutex::new(()),
            asked: tokio::sync::Mutex::default(),
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

    /// The epoch of the log that [`Session::view`] was read in.
    pub fn epoch(&self) -> Epoch {
        self.shared.epoch.load(Ordering::Acquire)
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
        self.shared.history.read().since(seq)
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
        let mut reflects = async || timeout(ECHO, seen.wait_for(|s| *s >= seq)).await.is_ok();
        let read_on = async {
            while !reflects().await {
                // Each time: the server that answers may lag behind, and the next one not.
                self.poke();
            }
        };
        timeout(ECHO + patience, read_on).await.is_ok()
    }

    /// Reads what the log's leader has and a view that ends at `seen` has not; gives whether there was something. Whoever is to tell
    /// somebody no, or that there was nothing to do, asks this first: he may have heard through a broker that is ahead of ours. A leader
    /// that was held still tells what it knew, until it hears of its successor a moment later.
    ///
    /// All who come while the leader is asked share the next question, and it is asked [`ASK_EVERY`] at most.
    pub async fn catch_up(&self, seen: Seq) -> Result<bool, BrokerError> {
        let came = Instant::now();
        let newest = {
            let mut asked = self.shared.asked.lock().await;
            if self.view().last != seen {
                return Ok(true);
            }
            if asked.at.is_none_or(|at| at < came) {
                if let Some(at) = asked.at {
                    sleep_until(at + ASK_EVERY).await;
                }
                let at = Instant::now();
                let newest = self.shared.broker.newest_at_leader(&self.shared.id).await?.unwrap_or_default();
                *asked = Asked { at: Some(at), newest };
            }
            asked.newest
        };
        if newest > seen && !self.reflects(newest, self.shared.broker.config().ack_deadline).await {
            return Err(away());
        }
        Ok(self.view().last != seen)
    }

    /// What `judge` makes of the view. It is not refused on a view that lags behind.
    pub async fn judge<T>(&self, judge: impl Fn(&View) -> Result<T, Refusal>) -> Result<T, Failed> {
        let view = self.view();
        match judge(&view) {
            Err(_) if self.catch_up(view.last).await? => Ok(judge(&self.view())?),
            told => Ok(told?),
        }
    }

    /// Appends what `decide` makes of the view, if no other fact comes first; else decides again on the newer view.
    /// Gives the sequence of each fact. One append of a session at a time in this process, so that its DJ's words keep their order.
    pub async fn append(&self, mut decide: impl FnMut(&View) -> Result<Decision, Refusal>) -> Result<Vec<Seq>, Failed> {
        let mut stored = self.append_each(1, |view, _| decide(view)).await?;
        Ok(stored.pop().unwrap_or(Ok(vec![]))?)
    }

    /// The same for several messages: each is decided on the view as those before it leave it, one that is refused appends
    /// nothing, and what the others append is stored together or not at all.
    pub async fn append_each(
        &self,
        messages: usize,
        mut decide: impl FnMut(&View, usize) -> Result<Decision, Refusal>,
    ) -> Result<Vec<Result<Vec<Seq>, Refusal>>, Failed> {
        let _turn = self.shared.appending.lock().await;
        let patience = self.shared.broker.config().ack_deadline;
        let mut caught_up = false;
        for _ in 0..ATTEMPTS {
            let view = self.view();
            let plan = Plan::of(&view, messages, Millis::now(), &mut decide);
            if plan.facts.is_empty() {
                // Nothing is written that would show whether this was the newest view.
                if !plan.only_repeats() && !caught_up {
                    caught_up = true;
                    if self.catch_up(view.last).await? {
                        continue;
                    }
                }
                return Ok(plan.stored(&[]));
            }
            let lobby = lobby_after(&view, &plan.facts, Millis::now());
            match self.shared.broker.append(&self.shared.id, view.last, &plan.facts, lobby.as_ref(), &plan.timers).await {
                Ok(appended) => {
                    let last = appended.seqs.last().copied().unwrap_or(view.last);
                    self.reflects(last, patience).await;
                    return Ok(plan.stored(&appended.seqs));
                }
                Err(AppendError::Conflict { last }) => {
                    if !self.reflects(last.max(view.last + 1), patience).await {
                        return Err(away().into());
                    }
                }
                Err(AppendError::Broker(error)) => {
                    // Unknown, not failed: what was stored shows itself when the view has read on.
                    tracing::warn!(session = %self.shared.id, %error, "a fact was not acknowledged by the broker");
                    self.poke();
                    return Err(error.into());
                }
            }
        }
        Err(away().into())
    }
}
