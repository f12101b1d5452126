//! Leases: each partition has one owner among the workers. KV bucket `LEASES`: `worker.<id>` heartbeats, `part.<p>` the owner, compare-and-set.
use schemas::Partition;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::connection::{Broker, BrokerError};

#[derive(Clone, Debug)]
pub struct LeaseConfig {
    /// How often a worker says that it lives. A worker silent for `expiry` is dead.
    pub heartbeat: std::time::Duration,
    pub expiry: std::time::Duration,
}

impl Default for LeaseConfig {
    fn default() -> Self {
        LeaseConfig { heartbeat: std::time::Duration::from_millis(500), expiry: std::time::Duration::from_millis(2000) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseChange {
    Gained(Partition),
    /// Stop writing for it at once; another owner may exist already.
    Lost(Partition),
}

/// Takes part in sharing the partitions until `stop`, then gives all back. Fair shares: each living worker aims at ceil(64 / workers).
/// While the KV itself does not answer nobody takes over and owners keep what they hold. A share moves within 3 s of a worker's death.
pub async fn share(
    broker: Broker,
    worker: String,
    config: LeaseConfig,
    changes: mpsc::Sender<LeaseChange>,
    stop: CancellationToken,
) -> Result<(), BrokerError> {
    todo!()
}
