//! A stage that a test sets, and stores that do not answer.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use nats::lobby::LobbyEntry;
use parking_lot::Mutex;
use schemas::lobby::{LobbyRecord, LobbyStatus};
use schemas::{Partition, PersonId, Pos, Seq, SessionId};
use store::{Changes, Fingerprint, Live, PersonLike, PlayRow, Recap, RunRow, RunState, StoreError, TopTrack, Totals};

use crate::stage::Stage;

#[derive(Default)]
pub struct FakeStage {
    away: AtomicBool,
    entries: Mutex<Vec<LobbyEntry>>,
}

impl FakeStage {
    pub fn put(&self, name: &str, record: LobbyRecord) {
        let session = super::session(name);
        let mut entries = self.entries.lock();
        entries.retain(|entry| entry.session != session);
        entries.push(LobbyEntry { session, seq: 20, record: record.into() });
    }

    pub fn lose_broker(&self) {
        self.away.store(true, Ordering::Relaxed);
    }
}

impl Stage for FakeStage {
    fn available(&self) -> bool {
        !self.away.load(Ordering::Relaxed)
    }

    fn on(&self) -> Vec<LobbyEntry> {
        let mut on: Vec<_> = self.entries.lock().iter().filter(|entry| entry.record.status != LobbyStatus::Ended).cloned().collect();
        on.sort_by_key(|entry| (entry.record.status == LobbyStatus::Away, Reverse(entry.record.began_at), entry.session.clone()));
        on
    }

    fn get(&self, session: &SessionId) -> Option<LobbyEntry> {
        self.entries.lock().iter().find(|entry| entry.session == *session).cloned()
    }

    fn by_code(&self, code: &str) -> Option<SessionId> {
        self.on().into_iter().find(|entry| entry.record.join_code == code).map(|entry| entry.session)
    }

    fn count_on(&self) -> usize {
        self.on().len()
    }
}

/// A store that never answers the way a route wants.
pub enum Absent {
    /// It says so.
    Gone,
    /// It says nothing.
    Hung,
    /// What it reads cannot be understood.
    Damaged,
    /// It brings its caller down.
    Panics,
}

impl Absent {
    async fn answer<T>(&self) -> Result<T, StoreError> {
        match self {
            Absent::Gone => Err(StoreError::Unavailable("no such host".to_owned())),
            Absent::Hung => std::future::pending().await,
            Absent::Damaged => Err(StoreError::Corrupt("secret details of the file".to_owned())),
            Absent::Panics => panic!("a fault of ours"),
        }
    }
}

#[async_trait]
impl Live for Absent {
    async fn position(&self, _: Partition) -> Result<Option<Pos>, StoreError> {
        self.answer().await
    }
    async fn save(&self, _: &Changes) -> Result<(), StoreError> {
        self.answer().await
    }
    async fn load(&self, _: &SessionId) -> Result<Option<RunState>, StoreError> {
        self.answer().await
    }
    async fn load_run(&self, _: &SessionId, _: Seq) -> Result<Option<RunState>, StoreError> {
        self.answer().await
    }
    async fn open_runs(&self, _: Partition) -> Result<Vec<SessionId>, StoreError> {
        self.answer().await
    }
    async fn run(&self, _: &SessionId) -> Result<Option<RunRow>, StoreError> {
        self.answer().await
    }
    async fn recent_runs(&self, _: usize) -> Result<Vec<RunRow>, StoreError> {
        self.answer().await
    }
    async fn history(&self, _: &SessionId, _: Seq, _: usize) -> Result<Vec<PlayRow>, StoreError> {
        self.answer().await
    }
    async fn recap(&self, _: &SessionId) -> Result<Option<Recap>, StoreError> {
        self.answer().await
    }
    async fn save_fingerprints(&self, _: &SessionId, _: Seq, _: &[Fingerprint]) -> Result<usize, StoreError> {
        self.answer().await
    }
    async fn top_tracks(&self, _: usize) -> Result<Vec<TopTrack>, StoreError> {
        self.answer().await
    }
    async fn totals(&self) -> Result<Totals, StoreError> {
        self.answer().await
    }
    async fn dj_runs(&self, _: &str, _: usize) -> Result<(Vec<RunRow>, u64, u64), StoreError> {
        self.answer().await
    }
    async fn person_likes(&self, _: PersonId, _: usize) -> Result<(Vec<PersonLike>, u64), StoreError> {
        self.answer().await
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.answer().await
    }
}
