//! Owning one partition: open it where its rows stand, consume it, and open it again when its streams end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use nats::connection::BrokerEvent;
use nats::log::Entry;
use nats::notes::Question;
use nats::{Broker, BrokerError};
use schemas::note::{AskMine, Mine, Presence};
use schemas::{Epoch, Partition, Pos, Seq};
use store::Live;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::config::Config;
use crate::consumer::{Consumer, Leave};
use crate::fold::Fold;
use crate::load::load;
use crate::metrics::{self, Trouble};

/// Sessions that are taken up side by side when a partition is opened.
const LOADS: usize = 8;

/// What every piece of work for one partition needs. Cloned freely.
#[derive(Clone)]
pub struct Share {
    pub partition: Partition,
    pub epoch: Epoch,
    pub config: Arc<Config>,
    pub broker: Broker,
    pub store: Arc<dyn Live>,
}

/// A partition with all its inputs open.
pub struct Opened {
    pub position: Pos,
    pub folds: Vec<Fold>,
    pub entries: BoxStream<'static, Result<Entry, BrokerError>>,
    pub presence: BoxStream<'static, Presence>,
    pub questions: BoxStream<'static, Question<AskMine, Mine>>,
    pub events: broadcast::Receiver<BrokerEvent>,
}

/// Owns a partition until `stop`. Dropping the future instead leaves it at once, without another write.
pub async fn own(mut share: Share, stop: CancellationToken) {
    let mut backoff = Backoff::default();
    loop {
        share.epoch = share.broker.epoch();
        let opened = tokio::select! {
            () = stop.cancelled() => return,
            opened = open(&share) => opened,
        };
        match opened {
            Ok(opened) => {
                tracing::debug!(
                    partition = share.partition.0,
                    from = opened.position.seq(),
                    open = opened.folds.len(),
                    "owning a partition"
                );
                backoff = Backoff::default();
                match Consumer::new(share.clone(), opened).run(&stop).await {
                    Leave::Stopped => return,
                    Leave::Reopen => {}
                }
            }
            Err(error) => {
                metrics::trouble(if matches!(error, Error::Rewound { .. }) { Trouble::Rewound } else { Trouble::Load });
                tracing::warn!(partition = share.partition.0, %error, "a partition cannot be opened; it is tried again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = backoff.wait() => {}
        }
    }
}

async fn open(share: &Share) -> Result<Opened, Error> {
    let Share { partition, epoch, broker, store, .. } = share;
    let position = starting_point(share).await?;
    let events = broker.events();
    let presence = broker.presence(*partition).await?;
    let questions = broker.mine_asked(*partition).await?;
    // Timers run for quiet sessions too, so every open run is taken up, not only those that somebody speaks in.
    let sessions = store.open_runs(*partition).await?;
    let loads = stream::iter(sessions).map(|session| async move { load(share, &session, position).await });
    let folds: Vec<Result<Fold, Error>> = loads.buffer_unordered(LOADS).collect().await;
    let folds = folds.into_iter().collect::<Result<Vec<_>, _>>()?;
    let entries = broker.read_partition(*partition, position.seq()).await?;
    broker.ask_presence(*partition).await?;
    debug_assert_eq!(position.epoch(), *epoch);
    Ok(Opened { position, folds, entries, presence, questions, events })
}

async fn starting_point(share: &Share) -> Result<Pos, Error> {
    let saved = share.store.position(share.partition).await?;
    let (_, last) = share.broker.log_range().await?;
    resume(saved, share.epoch, last)
}

/// Where the fold goes on. A place of an older epoch is no place in this log: the fold begins at the log's beginning, and the rows,
/// which carry their positions, take no harm. A place beyond the log's end means that the log was rewound and nobody has declared
/// it: then nothing may be folded, because new entries would take the places of lost ones.
fn resume(saved: Option<Pos>, epoch: Epoch, last: Seq) -> Result<Pos, Error> {
    match saved {
        Some(saved) if saved.epoch() > epoch || saved.epoch() == epoch && saved.seq() > last => Err(Error::Rewound { saved, last }),
        Some(saved) if saved.epoch() == epoch => Ok(saved),
        Some(_) | None => Ok(Pos::new(epoch, 0)),
    }
}

/// Waits that double from a tenth of a second to five, for what must be tried until it works.
pub struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Backoff(Duration::from_millis(100))
    }
}

impl Backoff {
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(Duration::from_secs(5));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_rewound_log_is_not_folded_until_an_epoch_is_declared() {
        assert_eq!(resume(None, 1, 50).unwrap(), Pos::new(1, 0));
        assert_eq!(resume(Some(Pos::new(1, 50)), 1, 50).unwrap(), Pos::new(1, 50));
        assert!(matches!(resume(Some(Pos::new(1, 51)), 1, 50), Err(Error::Rewound { .. })));
        assert!(matches!(resume(Some(Pos::new(2, 5)), 1, 50), Err(Error::Rewound { .. })));
        assert_eq!(resume(Some(Pos::new(1, 51)), 2, 50).unwrap(), Pos::new(2, 0));
    }
}
