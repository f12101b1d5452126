//! The keeper compares the log with the store, and declares a new epoch where the log is not the one that was folded. Nobody else
//! can: the broker does not know what it lost, and the nodes at the door know only what they have seen themselves.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::{StreamExt, TryStreamExt, stream};
use nats::connection::BrokerEvent;
use nats::{Broker, Known};
use store::Live;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::metrics::{self, Trouble};

/// How soon a doubt is looked into, and how often it is tried again.
const LOOK: Duration = Duration::from_millis(500);
/// Positions read side by side.
const READS: usize = 16;

/// Compares whenever the broker came back or the log is in doubt, until `stop`.
pub async fn keep(broker: Broker, store: Arc<dyn Live>, stop: CancellationToken) {
    let mut events = broker.events();
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut compared = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            event = events.recv() => if event != Ok(BrokerEvent::Disconnected) { compared = false },
            _ = look.tick() => {}
        }
        if !broker.available() || (compared && broker.is_sound()) {
            continue;
        }
        match compare(&broker, &*store).await {
            Ok(()) => compared = true,
            Err(error) => {
                metrics::trouble(Trouble::Rewound);
                tracing::warn!(%error, "the log could not be compared with the store; it is tried again");
            }
        }
    }
}

/// Compares once. A process that has the store does this before it admits anything.
pub async fn compare(broker: &Broker, store: &dyn Live) -> Result<(), Error> {
    // Side by side: each of them may wait for its servers.
    let compared = broker.shards().map(|shard| async move {
        let read = stream::iter(shard.partitions()).map(|partition| store.position(partition));
        let saved: Vec<_> = read.buffer_unordered(READS).try_collect().await?;
        let saved = || saved.iter().flatten();
        let known = Known {
            epoch: saved().map(|pos| pos.epoch()).max().unwrap_or(0),
            high: saved().map(|pos| pos.seq()).max().unwrap_or(0),
            agreed: None,
        };
        broker.declare(shard, known).await?;
        Ok::<_, Error>(())
    });
    try_join_all(compared).await.map(drop)
}
