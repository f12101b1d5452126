//! The lobby index: which sessions are on, kept in memory by following the lobby subjects.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use schemas::lobby::{LobbyRecord, LobbyStatus};
use schemas::{Millis, Partition, Seq, SessionId};
use tokio::sync::broadcast;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::connection::{Broker, BrokerError};
use crate::direct::Stored;
use crate::follow::{Followed, Follower, From};
use crate::subjects::{self, LIVE, LIVE_LOBBY_ALL, Leaf};

/// Fifty thousand sessions are read in a third of a second.
const FIRST_SET: Duration = Duration::from_secs(15);
/// Changes waiting for a slow receiver in this process. Beyond it the receiver goes by [`Lobby::on`].
const CHANGES: usize = 1_024;
/// The broker drops the record of an ended session after an hour and says nothing; so does the index.
const ENDED_KEPT: Duration = Duration::from_secs(3600);

#[derive(Clone, Debug)]
pub struct LobbyEntry {
    pub session: SessionId,
    /// The record's own sequence; records of one session only move forward.
    pub seq: Seq,
    pub record: Arc<LobbyRecord>,
}

impl LobbyEntry {
    /// Where the run began.
    pub fn begin(&self) -> Seq {
        self.record.begin(self.seq)
    }

    fn is_on(&self) -> bool {
        match self.record.status {
            LobbyStatus::Live | LobbyStatus::Away => true,
            LobbyStatus::Ended => false,
        }
    }

    fn rank(&self) -> Rank {
        (self.record.status == LobbyStatus::Away, Reverse(self.record.began_at), self.session.clone())
    }
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
pub struct Lobby {
    shared: Arc<Shared>,
}

struct Shared {
    index: RwLock<Index>,
    changes: broadcast::Sender<LobbyChange>,
}

impl Lobby {
    /// Reads all records (waits until the initial set is read), then follows until `stop`; mends itself over reconnects.
    pub async fn follow(broker: &Broker, stop: CancellationToken) -> Result<Lobby, BrokerError> {
        let mut follower = Follower::open(broker, LIVE, vec![LIVE_LOBBY_ALL.to_owned()], From::Latest).await?;
        let lobby = Lobby { shared: Arc::new(Shared { index: RwLock::default(), changes: broadcast::Sender::new(CHANGES) }) };
        timeout(FIRST_SET, lobby.read_all(&mut follower)).await.map_err(|_| BrokerError::late())??;
        let (followed, broker) = (lobby.clone(), broker.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                error = followed.read_on(broker, follower) => tracing::error!(%error, "the lobby is no longer followed"),
            }
        });
        Ok(lobby)
    }

    pub fn get(&self, session: &SessionId) -> Option<LobbyEntry> {
        self.shared.index.read().sessions.get(session).cloned()
    }

    /// Sessions that are on (live first, newest begun first, then those whose DJ is away).
    pub fn on(&self) -> Vec<LobbyEntry> {
        self.first_on(usize::MAX)
    }

    /// The first so many of [`Lobby::on`], at a cost that does not grow with the rest.
    pub fn first_on(&self, limit: usize) -> Vec<LobbyEntry> {
        let index = self.shared.index.read();
        index.on.iter().take(limit).filter_map(|(_, _, session)| index.sessions.get(session).cloned()).collect()
    }

    pub fn count_on(&self) -> usize {
        self.shared.index.read().on.len()
    }

    /// The session with this join code (case-insensitive) among those that are on.
    pub fn by_code(&self, code: &str) -> Option<SessionId> {
        self.shared.index.read().codes.get(&code.trim().to_ascii_uppercase()).cloned()
    }

    /// Changes after the initial set. A receiver that lags should go by `on()`.
    pub fn changes(&self) -> broadcast::Receiver<LobbyChange> {
        self.shared.changes.subscribe()
    }

    /// In a new epoch the log may hold fewer records, or older ones: the index is made anew, and what went is told as ended.
    async fn read_anew(&self, follower: &mut Follower, mut waiting: u64) -> Result<(), BrokerError> {
        let mut fresh = Index::default();
        while waiting > 0 {
            waiting = match follower.next().await? {
                Followed::Opened { waiting } => waiting,
                Followed::Message { message, waiting } => {
                    if let Some(entry) = read_entry(&message) {
                        fresh.take(entry, Instant::now());
                    }
                    waiting
                }
            };
        }
        let before = {
            let mut index = self.shared.index.write();
            std::mem::replace(&mut *index, fresh)
        };
        let index = self.shared.index.read();
        let gone = before.sessions.values().filter(|entry| entry.is_on() && !index.is_on(&entry.session)).cloned().map(LobbyChange::Ended);
        let came = index.sessions.values().filter(|entry| entry.is_on() && !before.is_on(&entry.session)).cloned().map(LobbyChange::Began);
        for change in gone.chain(came) {
            let _ = self.shared.changes.send(change);
        }
        Ok(())
    }

    async fn read_all(&self, follower: &mut Follower) -> Result<(), BrokerError> {
        loop {
            let waiting = match follower.next().await? {
                // With nothing stored no message comes at all.
                Followed::Opened { waiting } => waiting,
                Followed::Message { message, waiting } => {
                    self.take(&message);
                    waiting
                }
            };
            if waiting == 0 {
                return Ok(());
            }
        }
    }

    async fn read_on(&self, broker: Broker, mut follower: Follower) -> BrokerError {
        let mut epoch = broker.epoch();
        loop {
            let read = match follower.next().await {
                Ok(Followed::Message { message, .. }) => {
                    self.take(&message);
                    Ok(())
                }
                Ok(Followed::Opened { waiting }) if broker.epoch() != epoch => {
                    epoch = broker.epoch();
                    self.read_anew(&mut follower, waiting).await
                }
                Ok(Followed::Opened { .. }) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = read {
                return error;
            }
        }
    }

    fn take(&self, message: &Stored) {
        let Some(entry) = read_entry(message) else { return };
        let change = self.shared.index.write().take(entry, Instant::now());
        if let Some(change) = change {
            // Nobody may be listening.
            let _ = self.shared.changes.send(change);
        }
    }
}

fn read_entry(message: &Stored) -> Option<LobbyEntry> {
    let Some((_, session, Leaf::Lobby)) = subjects::parse_live(&message.subject) else { return None };
    match message.body::<LobbyRecord>() {
        Ok(record) => Some(LobbyEntry { session, seq: message.seq, record: Arc::new(record) }),
        Err(error) => {
            crate::metrics::unreadable();
            tracing::error!(%error, "a lobby record is skipped");
            None
        }
    }
}

impl Broker {
    /// The sessions of a partition that are on, as the log says now.
    pub async fn sessions_on(&self, partition: Partition) -> Result<Vec<SessionId>, BrokerError> {
        let mut follower = Follower::open(self, LIVE, vec![subjects::lobbies(partition)], From::Latest).await?;
        let mut index = Index::default();
        let read = async {
            loop {
                let waiting = match follower.next().await? {
                    Followed::Opened { waiting } => waiting,
                    Followed::Message { message, waiting } => {
                        if let Some(entry) = read_entry(&message) {
                            index.take(entry, Instant::now());
                        }
                        waiting
                    }
                };
                if waiting == 0 {
                    return Ok(index.on.into_iter().map(|(_, _, session)| session).collect());
                }
            }
        };
        timeout(FIRST_SET, read).await.map_err(|_| BrokerError::late())?
    }
}

/// Live before away, then the newest begun first.
type Rank = (bool, Reverse<Millis>, SessionId);

#[derive(Default)]
struct Index {
    sessions: HashMap<SessionId, LobbyEntry>,
    codes: HashMap<String, SessionId>,
    on: BTreeSet<Rank>,
    /// When sessions ended, oldest first.
    ended: VecDeque<(Instant, SessionId, Seq)>,
}

impl Index {
    fn is_on(&self, session: &SessionId) -> bool {
        self.sessions.get(session).is_some_and(LobbyEntry::is_on)
    }

    fn take(&mut self, entry: LobbyEntry, now: Instant) -> Option<LobbyChange> {
        self.forget(now);
        let held = self.sessions.get(&entry.session).cloned();
        if held.as_ref().is_some_and(|held| held.seq >= entry.seq) {
            return None;
        }
        if let Some(held) = &held {
            self.on.remove(&held.rank());
            if self.codes.get(&held.record.join_code) == Some(&held.session) {
                self.codes.remove(&held.record.join_code);
            }
        }
        if entry.is_on() {
            self.on.insert(entry.rank());
            self.codes.insert(entry.record.join_code.clone(), entry.session.clone());
        } else {
            self.ended.push_back((now, entry.session.clone(), entry.seq));
        }
        self.sessions.insert(entry.session.clone(), entry.clone());
        let was_on = held.as_ref().filter(|held| held.is_on());
        Some(match was_on {
            _ if !entry.is_on() => LobbyChange::Ended(entry),
            Some(held) if held.begin() == entry.begin() => LobbyChange::Other(entry),
            Some(_) | None => LobbyChange::Began(entry),
        })
    }

    fn forget(&mut self, now: Instant) {
        while let Some((at, session, seq)) = self.ended.front() {
            if now.saturating_duration_since(*at) < ENDED_KEPT {
                return;
            }
            // It may have begun again since.
            if self.sessions.get(session).is_some_and(|held| held.seq == *seq) {
                self.sessions.remove(session);
            }
            self.ended.pop_front();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use schemas::lobby::Begin;

    fn entry(session: &str, seq: Seq, begin: Seq, status: LobbyStatus) -> LobbyEntry {
        let record = LobbyRecord {
            dj_name: "DJ".to_owned(),
            join_code: format!("C{begin}"),
            began_at: Millis(begin as i64),
            status,
            begin: Begin::At(begin),
            track: None,
            announcement: None,
        };
        LobbyEntry { session: SessionId::parse(session).unwrap(), seq, record: Arc::new(record) }
    }

    #[test]
    fn records_only_move_forward_and_ended_ones_are_forgotten() {
        let mut index = Index::default();
        let now = Instant::now();
        let mut take = |e: LobbyEntry, at: Instant| (index.take(e, at), index.on.len(), index.codes.len(), index.sessions.len());
        let live = LobbyStatus::Live;
        assert!(matches!(take(entry("friday-night", 5, 4, live), now), (Some(LobbyChange::Began(_)), 1, 1, 1)));
        assert!(matches!(take(entry("friday-night", 5, 4, live), now), (None, 1, 1, 1)));
        assert!(matches!(take(entry("friday-night", 9, 4, LobbyStatus::Away), now), (Some(LobbyChange::Other(_)), 1, 1, 1)));
        assert!(matches!(take(entry("friday-night", 7, 4, LobbyStatus::Ended), now), (None, 1, 1, 1)));
        assert!(matches!(take(entry("friday-night", 12, 4, LobbyStatus::Ended), now), (Some(LobbyChange::Ended(_)), 0, 0, 1)));
        assert!(matches!(take(entry("friday-night", 22, 21, live), now), (Some(LobbyChange::Began(_)), 1, 1, 1)));
        let later = now + ENDED_KEPT;
        assert!(matches!(take(entry("saturday-x", 30, 29, LobbyStatus::Ended), later), (Some(LobbyChange::Ended(_)), 1, 1, 2)));
        assert!(matches!(take(entry("sunday-xx", 40, 39, live), later + ENDED_KEPT), (Some(LobbyChange::Began(_)), 2, 2, 2)));
    }
}
