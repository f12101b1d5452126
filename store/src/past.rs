//! The past family: evenings that were kept long enough, and taking them away.
//!
//! An evening goes in steps, and any of them may be its worker's last. `let_go` takes away what leads to it, and notes that it is leaving;
//! from then on nobody is shown any of it. `clear` then removes what is left, and the note last. So whatever a reader meets is a
//! whole evening or none, and whoever comes next goes on from the note.

use async_trait::async_trait;
use schemas::{Millis, Partition, Seq, SessionId};

use crate::StoreError;
use crate::rows::RunRow;

/// An evening that is leaving.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leaving {
    pub session: SessionId,
    pub begin: Seq,
}

#[async_trait]
pub trait Past: Send + Sync {
    /// Runs of this partition that ended before this moment, the oldest end first, so many at most. With each come the earlier runs of
    /// its session of which no end is known: nobody is in them.
    async fn ended_before(&self, partition: Partition, before: Millis, most: usize) -> Result<Vec<RunRow>, StoreError>;

    /// Evenings of this partition that were let go of and may still have rows.
    async fn leaving(&self, partition: Partition) -> Result<Vec<Leaving>, StoreError>;

    /// Takes the evening away from everybody who looks: it is in no list, no sum of runs and nobody's likes any more. Of a row that was
    /// written since `run` was read nothing is taken, where the store can tell; then it is not leaving, and `false` is given. Again it
    /// changes nothing.
    async fn let_go(&self, run: &RunRow) -> Result<bool, StoreError>;

    /// Removes about so many rows of an evening that is leaving. `true`: nothing is left of it. Any number may do it at once. Of one that is
    /// not noted as leaving nothing is taken, where the store can tell.
    async fn clear(&self, leaving: &Leaving, most: usize) -> Result<bool, StoreError>;
}
