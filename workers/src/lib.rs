//! The workers: they fold the log into rows, results and counts, one owner a partition.
//!
//! They promise: an entry is folded once, in the log's order, whatever dies in between; rows are on disk before the position that
//! covers them; each vote is counted or has a rejection that the log justifies, and at the close the tally is the count of the
//! rows; what time brings (a poll's due time, a DJ who does not come back, an abandoned session) happens as soon as an owner can write;
//! an evening that was kept long enough goes whole, and never one that the log still tells of.
//! Two owners of one partition by mistake do no harm.
//!
//! They know nothing of sockets, HTTP or tokens, and never judge who may say something: that was decided before it was stored.

mod again;
mod announcer;
mod config;
mod consumer;
mod duties;
mod effects;
mod errands;
mod evening;
mod flush;
mod fold;
mod keeper;
mod likes;
mod load;
mod metrics;
mod momentum;
mod partition;
mod polls;
mod presence;
mod reconcile;
mod retention;
mod rows;
mod seats;
mod shown;
mod states;
mod tempo;
#[cfg(test)]
mod tests;
mod work;

use std::collections::HashMap;
use std::sync::Arc;

use nats::lease::{self, LeaseChange};
use nats::{Broker, BrokerError};
use schemas::{NodeId, Partition, Pos, Seq};
use store::{Live, Past, StoreError};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// The pure steps of an owner, for whoever drives them with another broker, store and clock than the real ones: the simulation.
pub mod steps {
    pub use crate::duties::Duty;
    pub use crate::errands::{Errands, Ran, system};
    pub use crate::flush::Flush;
    pub use crate::fold::Fold;
    pub use crate::partition::resume;
    pub use crate::presence::Crowds;
    pub use crate::work::{Step, Work};
}

pub use again::Refold;
pub use announcer::{Announcer, Nobody, Standing};
pub use config::Config;
pub use keeper::compare;

use crate::metrics::Trouble;
use crate::partition::Share;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log ends before what was folded of it. A new epoch must be declared before anything is folded.
    #[error("the log ends at {last}, but it is folded up to {saved:?}: it was rewound, or it is not the log of this store")]
    Rewound { saved: Pos, last: Seq },
}

/// Takes its share of the partitions and works on them until `stop`; then saves what it folded and gives the leases back.
pub async fn run(
    config: Config,
    broker: Broker,
    store: Arc<dyn Live>,
    past: Arc<dyn Past>,
    announcer: Arc<dyn Announcer>,
    stop: CancellationToken,
) -> Result<(), Error> {
    metrics::describe();
    let config = Arc::new(config);
    // All 64 partitions may change hands in one step.
    let (changed, mut changes) = mpsc::channel(usize::from(schemas::limits::PARTITIONS));
    let leave = CancellationToken::new();
    let worker = NodeId::random().as_str().to_owned();
    let leases = lease::share(broker.clone(), worker, config.lease.clone(), changed, leave.clone());
    let mut leases = AbortOnDropHandle::new(tokio::spawn(leases));
    let _keeper = AbortOnDropHandle::new(tokio::spawn(keeper::keep(broker.clone(), store.clone(), leave.clone())));
    let mut owners =
        Owners { share: (config, broker, store, announcer), past, stop: stop.clone(), held: HashMap::new(), tasks: JoinSet::new() };
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(change) = changes.recv() => match change {
                LeaseChange::Gained(partition) => owners.take(partition),
                LeaseChange::Lost(partition) => owners.lose(partition),
            },
            Some(ended) = owners.tasks.join_next(), if !owners.tasks.is_empty() => owners.mend(ended),
            ended = &mut leases => return flat(ended),
        }
    }
    // Saved first, released then: the next owner finds the rows as we leave them.
    owners.leave().await;
    leave.cancel();
    flat(leases.await)
}

/// Folds one partition until `stop`, without a lease: for whoever knows that nobody else folds it, or can bear that somebody does.
pub async fn own(config: Config, broker: Broker, store: Arc<dyn Live>, partition: Partition, stop: CancellationToken) {
    let share = Share { partition, epoch: broker.epoch(partition), config: Arc::new(config), broker, store, announcer: Arc::new(Nobody) };
    partition::own(share, stop).await;
}

fn flat(ended: Result<Result<(), BrokerError>, JoinError>) -> Result<(), Error> {
    match ended {
        Ok(ended) => Ok(ended?),
        Err(error) => Err(BrokerError::Unavailable(format!("the lease keeper ended: {error}")).into()),
    }
}

/// The partitions that this process owns, one task each.
struct Owners {
    share: (Arc<Config>, Broker, Arc<dyn Live>, Arc<dyn Announcer>),
    past: Arc<dyn Past>,
    stop: CancellationToken,
    /// Cancelled when a partition is lost: its task ends at once, without another write.
    held: HashMap<Partition, CancellationToken>,
    tasks: JoinSet<(Partition, CancellationToken)>,
}

impl Owners {
    fn take(&mut self, partition: Partition) {
        let lost = CancellationToken::new();
        if let Some(before) = self.held.insert(partition, lost.clone()) {
            before.cancel();
        }
        let (config, broker, store, announcer) = self.share.clone();
        let share = Share { partition, epoch: broker.epoch(partition), config, broker, store, announcer };
        let (past, stop) = (self.past.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            // Ends with the ownership, in whatever step it is.
            let _sweeper = AbortOnDropHandle::new(tokio::spawn(retention::keep(share.clone(), past, stop.clone())));
            // A panic is a defect in one entry's handling; the partition is opened again like after a crash of the process.
            let mut owner = AbortOnDropHandle::new(tokio::spawn(partition::own(share, stop)));
            tokio::select! {
                () = lost.cancelled() => {}
                ended = &mut owner => if let Err(error) = ended {
                    metrics::trouble(Trouble::Panic);
                    tracing::error!(partition = partition.0, %error, "a partition's owner failed; it starts again");
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                },
            }
            (partition, lost)
        });
    }

    fn lose(&mut self, partition: Partition) {
        if let Some(lost) = self.held.remove(&partition) {
            lost.cancel();
        }
    }

    /// Starts a partition again that is still ours and whose task ended.
    fn mend(&mut self, ended: Result<(Partition, CancellationToken), JoinError>) {
        if let Ok((partition, lost)) = ended
            && !lost.is_cancelled()
            && !self.stop.is_cancelled()
        {
            self.take(partition);
        }
    }

    /// Waits until every task has saved and ended. Each bounds its own time.
    async fn leave(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
