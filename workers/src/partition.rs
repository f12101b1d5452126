//! Owning one partition: open it where its rows stand, consume it, and open it again when its streams end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use nats::connection::BrokerEvent;
use nats::log::Entry;
use nats::notes::Question;
use nats::{Broker, BrokerError, Eras};
use schemas::note::{AskMine, Mine, Presence};
use schemas::state::State;
use schemas::{Epoch, Partition, Pos, Seq, SessionId};
use store::Live;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::announcer::Announcer;
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
    pub announcer: Arc<dyn Announcer>,
}

/// An open run, as its new owner finds it.
pub struct Taken {
    pub fold: Fold,
    /// Its rows had to be brought in line with the log.
    pub changed: bool,
    /// The listeners that the owner before said it had.
    pub said: Option<u64>,
}

/// A partition with all its inputs open.
pub struct Opened {
    pub position: Pos,
    /// What is saved stands in an older epoch.
    pub moved: bool,
    pub taken: Vec<Taken>,
    pub entries: BoxStream<'static, Result<Entry, BrokerError>>,
    pub presence: BoxStream<'static, Presence>,
    pub questions: BoxStream<'static, Question<AskMine, Mine>>,
    pub events: broadcast::Receiver<BrokerEvent>,
}

/// Owns a partition until `stop`. Dropping the future instead leaves it at once, without another write.
pub async fn own(mut share: Share, stop: CancellationToken) {
    let mut backoff = Backoff::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = share.broker.sound(share.partition) => {}
        }
        share.epoch = share.broker.epoch(share.partition);
        let opened = tokio::select! {
            () = stop.cancelled() => return,
            opened = open(&share) => opened,
        };
        match opened {
            Ok(opened) => {
                tracing::debug!(
                    partition = share.partition.0,
                    from = opened.position.seq(),
                    open = opened.taken.len(),
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
    let (position, moved) = starting_point(share).await?;
    let events = broker.events();
    let presence = broker.presence(*partition).await?;
    let questions = broker.mine_asked(*partition).await?;
    // Timers run for quiet sessions too, so every open run is taken up, not only those that somebody speaks in.
    let mut sessions = store.open_runs(*partition).await?;
    if moved {
        // An end that the log lost: the rows say that the run is over, the log that it is on.
        sessions.extend(broker.sessions_on(*partition).await?);
        sessions.sort();
        sessions.dedup();
    }
    let loads = stream::iter(sessions).map(|session| async move {
        let (fold, changed) = load(share, &session, position).await?;
        Ok(Taken { fold, changed, said: said_listeners(share, &session).await })
    });
    let taken: Vec<Result<Taken, Error>> = loads.buffer_unordered(LOADS).collect().await;
    let taken = taken.into_iter().collect::<Result<Vec<_>, _>>()?;
    let entries = broker.read_partition(*partition, position.seq()).await?;
    broker.ask_presence(*partition).await?;
    debug_assert_eq!(position.epoch(), *epoch);
    Ok(Opened { position, moved, taken, entries, presence, questions, events })
}

/// A count that cannot be read costs only that it may fall for a moment.
async fn said_listeners(share: &Share, session: &SessionId) -> Option<u64> {
    let states = share.broker.states(session).await.ok()?;
    states.into_iter().find_map(|state| match state {
        State::Listeners { count, .. } => Some(count),
        State::Tally { .. } | State::Tempo { .. } => None,
    })
}

/// Where the fold goes on, and whether that is in a newer epoch than it was left in.
async fn starting_point(share: &Share) -> Result<(Pos, bool), Error> {
    let saved = share.store.position(share.partition).await?;
    let (_, last) = share.broker.log_range(share.partition).await?;
    let position = resume(saved, &share.broker.eras(share.partition), share.epoch, last)?;
    Ok((position, saved.is_some_and(|saved| saved.epoch() < position.epoch())))
}

/// Where the fold goes on. In a newer epoch that is no later than where the logs agree. A place beyond the log's end means that the
/// log was rewound and nobody has declared it yet: then nothing may be folded, because new entries would take the places of lost ones.
pub fn resume(saved: Option<Pos>, eras: &Eras, epoch: Epoch, last: Seq) -> Result<Pos, Error> {
    let Some(saved) = saved else { return Ok(Pos::new(epoch, 0)) };
    let position = eras.resume(saved).filter(|position| position.epoch() == epoch && position.seq() <= last);
    position.ok_or(Error::Rewound { saved, last })
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
    use nats::epoch::Era;

    #[test]
    fn a_rewound_log_is_not_folded_until_an_epoch_is_declared() {
        let era = |epoch, first, agreed| Era {
            epoch,
            first,
            agreed,
            lost: first - 1,
            at: schemas::Millis(0),
            stream: String::new(),
            declared: true,
        };
        let (one, two) = (Eras(vec![era(1, 1, 0)]), Eras(vec![era(1, 1, 0), era(2, 900, 30)]));
        assert_eq!(resume(None, &one, 1, 50).unwrap(), Pos::new(1, 0));
        assert_eq!(resume(Some(Pos::new(1, 50)), &one, 1, 50).unwrap(), Pos::new(1, 50));
        assert!(matches!(resume(Some(Pos::new(1, 51)), &one, 1, 50), Err(Error::Rewound { .. })));
        assert!(matches!(resume(Some(Pos::new(2, 5)), &one, 1, 50), Err(Error::Rewound { .. })));
        assert_eq!(resume(Some(Pos::new(1, 51)), &two, 2, 950).unwrap(), Pos::new(2, 30));
        assert_eq!(resume(Some(Pos::new(1, 20)), &two, 2, 950).unwrap(), Pos::new(2, 20));
        assert_eq!(resume(Some(Pos::new(2, 910)), &two, 2, 950).unwrap(), Pos::new(2, 910));
    }
}
