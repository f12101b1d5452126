//! The live family: what the workers write and the api reads of evenings.

use async_trait::async_trait;
use schemas::{Partition, PersonId, Pos, Seq, SessionId};

use crate::StoreError;
use crate::rows::{Changes, Fingerprint, PersonLike, PlayRow, Recap, RunRow, RunState, TopTrack, Totals};

#[async_trait]
pub trait Live: Send + Sync {
    /// Where the fold of this partition stands; `None` before its first save.
    async fn position(&self, partition: Partition) -> Result<Option<Pos>, StoreError>;

    /// Stores a flush. Rows whose stored `pos` is newer stay as they are; the position never moves back.
    async fn save(&self, changes: &Changes) -> Result<(), StoreError>;

    /// The state of the session's latest run, or none. What was saved before this call is in it.
    async fn load(&self, session: &SessionId) -> Result<Option<RunState>, StoreError>;

    /// The same of any run of the session.
    async fn load_run(&self, session: &SessionId, begin: Seq) -> Result<Option<RunState>, StoreError>;

    /// Sessions of this partition whose latest run has not ended.
    async fn open_runs(&self, partition: Partition) -> Result<Vec<SessionId>, StoreError>;

    /// The latest run of a session: of the last epoch in which one began, the last to begin. Its `pos` does not tell, because a
    /// late like moves an old run's past a new one's.
    async fn run(&self, session: &SessionId) -> Result<Option<RunRow>, StoreError>;

    /// Runs that ended, newest end first.
    async fn recent_runs(&self, limit: usize) -> Result<Vec<RunRow>, StoreError>;

    /// Plays of a run, newest first; analysis filled from fingerprints where a play had none.
    async fn history(&self, session: &SessionId, begin: Seq, limit: usize) -> Result<Vec<PlayRow>, StoreError>;

    /// The latest run's recap.
    async fn recap(&self, session: &SessionId) -> Result<Option<Recap>, StoreError>;

    /// Keeps what an analysis found, for this run only; gives how many of the run's distinct tracks were matched.
    async fn save_fingerprints(&self, session: &SessionId, begin: Seq, prints: &[Fingerprint]) -> Result<usize, StoreError>;

    /// The most liked tracks of all time, most likes first.
    async fn top_tracks(&self, limit: usize) -> Result<Vec<TopTrack>, StoreError>;

    async fn totals(&self) -> Result<Totals, StoreError>;

    /// A DJ's ended runs by slug, newest first, and the totals `(runs, tracks)` over all of them.
    async fn dj_runs(&self, slug: &str, limit: usize) -> Result<(Vec<RunRow>, u64, u64), StoreError>;

    /// A person's standing likes, newest first, and how many there are in all.
    async fn person_likes(&self, person: PersonId, limit: usize) -> Result<(Vec<PersonLike>, u64), StoreError>;

    /// Whether the store answers, for `/health`.
    async fn ping(&self) -> Result<(), StoreError>;
}
