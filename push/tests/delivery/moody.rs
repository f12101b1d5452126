//! A store that a story takes away, stops, or breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use schemas::{Millis, Seq};
use store::sqlite::Sqlite;
use store::{Claim, PushKey, Pushes, StoreError};
use tokio::sync::RwLock;

pub struct Moody {
    store: Arc<Sqlite>,
    pub away: AtomicBool,
    /// Who was told is said as soon as nobody writes here.
    pub gate: RwLock<()>,
    /// The next who asks who was told panics.
    pub broken: AtomicBool,
}

impl Moody {
    pub fn over(store: Arc<Sqlite>) -> Moody {
        Moody { store, away: AtomicBool::new(false), gate: RwLock::new(()), broken: AtomicBool::new(false) }
    }

    fn here(&self) -> Result<(), StoreError> {
        let away = self.away.load(Ordering::SeqCst);
        if away { Err(StoreError::Unavailable("away".to_owned())) } else { Ok(()) }
    }
}

#[async_trait]
impl Pushes for Moody {
    async fn claim_push(&self, push: &PushKey, holder: &str, now: Millis, until: Millis) -> Result<Claim, StoreError> {
        self.here()?;
        self.store.claim_push(push, holder, now, until).await
    }

    async fn leave_push(&self, push: &PushKey, holder: &str, done: bool) -> Result<(), StoreError> {
        self.here()?;
        self.store.leave_push(push, holder, done).await
    }

    async fn note_told(&self, push: &PushKey, sha256: &str) -> Result<(), StoreError> {
        self.here()?;
        self.store.note_told(push, sha256).await
    }

    async fn told(&self, push: &PushKey) -> Result<Vec<String>, StoreError> {
        self.here()?;
        let _open = self.gate.read().await;
        assert!(!self.broken.swap(false, Ordering::SeqCst), "a defect, as the story wants it");
        self.store.told(push).await
    }
}

/// Many sessions, none of which anything is known of.
pub fn session(n: Seq) -> schemas::SessionId {
    schemas::SessionId::parse(&format!("session-{n}")).unwrap()
}
