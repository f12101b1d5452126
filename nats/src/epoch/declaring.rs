//! Declaring an epoch, and moving a log's end beyond everything that it ever gave out.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use schemas::{Epoch, Millis, Seq};
use tokio::time::sleep;

use super::{Doubt, Era, Eras, Known, Log, MARGIN};
use crate::batch::{BATCH, Outgoing};
use crate::connection::{Broker, BrokerError};
use crate::log::{AppendError, LogInfo};
use crate::shard::Shard;
use crate::{metrics, streams, subjects};

/// So often, this far apart, a stream must be found gone before it is made again: servers that have just met may not know all of them.
const LOOKS: usize = 3;
const AGAIN: Duration = Duration::from_millis(1_200);

struct Ground {
    known: Known,
    seen: Seq,
    doubt: Option<Doubt>,
    info: LogInfo,
    eras: Eras,
    revision: Seq,
}

fn void(log: &Log) -> Outgoing {
    Outgoing { subject: log.shard.void(), headers: HeaderMap::new(), payload: Bytes::new() }
}

fn declared_by_another() -> BrokerError {
    BrokerError::unavailable("another worker declares an epoch")
}

impl Broker {
    /// Declares an epoch of a stream if the log needs one: it is new, it was lost or rewound, or the store knows more of it than it
    /// holds. Gives the epoch that holds. Several workers may do this at once; one of them wins, the others find it done.
    pub async fn declare(&self, shard: Shard, known: Known) -> Result<Epoch, BrokerError> {
        let log = self.logs().iter().find(|log| log.shard == shard).ok_or_else(|| BrokerError::Refused("no such stream".to_owned()))?;
        let _turn = log.comparing.lock().await;
        let seen = log.seen.load(Ordering::Acquire);
        let known = Known { epoch: known.epoch.max(log.epoch()), ..known };
        if let Some(ground) = self.ground(log, known, seen).await? {
            let eras = self.declare_anew(log, ground).await?;
            let info = self.log_info(log).await?;
            self.judge(log, eras, info.as_ref(), 0);
        }
        Ok(log.epoch())
    }

    /// What a declaration stands on; `None` where the log is as it should be.
    async fn ground(&self, log: &Log, known: Known, seen: Seq) -> Result<Option<Ground>, BrokerError> {
        let (mut info, eras, revision) = self.found(log, seen).await?;
        let doubt = log.doubt(&eras, Some(&info), seen.max(known.high), known.epoch);
        let differs = known.agreed.is_some_and(|agreed| agreed < known.high);
        if doubt.is_none() && !differs {
            self.judge(log, eras, Some(&info), seen);
            return Ok(None);
        }
        if let Some(Doubt::Rewound { seen: high, .. }) = doubt {
            info.last = match log.proven_end(&eras) {
                Some(end) => end,
                None => self.end(log).await?,
            };
            if info.last >= high && !differs {
                // It may be so long because somebody has moved it on since the epochs were read.
                if self.read_eras(log).await?.0 != revision {
                    return Err(declared_by_another());
                }
                self.judge(log, eras, Some(&info), seen);
                return Ok(None);
            }
            log.proven_short(&eras, info.last + 1);
        }
        Ok(Some(Ground { known, seen, doubt, info, eras, revision }))
    }

    /// The log's stream, and its epochs with their revision. A stream that stays gone is made anew.
    async fn found(&self, log: &Log, seen: Seq) -> Result<(LogInfo, Eras, Seq), BrokerError> {
        for look in 1..=LOOKS + 1 {
            let info = self.log_info(log).await?;
            let (revision, eras) = self.read_eras(log).await?;
            match info {
                Some(info) => return Ok((info, eras, revision)),
                None if look < LOOKS => {
                    self.judge(log, eras, None, seen);
                    sleep(AGAIN).await;
                }
                None if look == LOOKS => streams::ensure_logs(self.context(), self.config()).await?,
                None => {}
            }
        }
        Err(BrokerError::unavailable("there is no log"))
    }

    /// Where the log ends, by a message that nobody reads. A leader that was held still, and servers that are choosing one, say
    /// what they have, which may be too little; nobody but the leader whom most of them follow can store something.
    async fn end(&self, log: &Log) -> Result<Seq, BrokerError> {
        Ok(self.put(void(log)).await.map_err(AppendError::unguarded)?.saturating_sub(1))
    }

    async fn declare_anew(&self, log: &Log, ground: Ground) -> Result<Eras, BrokerError> {
        let (mut eras, info) = (ground.eras, ground.info);
        let unfinished = eras.0.pop_if(|era| !era.declared);
        let newest = eras.current().map_or(0, |era| era.epoch).max(ground.known.epoch);
        let begun = unfinished.as_ref().map_or(0, |era| era.lost);
        let high = ground.known.high.max(ground.seen).max(begun).max(eras.current().map_or(0, |era| era.first - 1));
        let agreed = match &unfinished {
            // The log may have been moved on already; what it held before that was noted first.
            Some(begun) => begun.agreed,
            None if ground.doubt == Some(Doubt::Undeclared) && ground.known.epoch == 0 => info.last,
            None => ground.known.agreed.unwrap_or(high).min(info.last),
        };
        let mut era =
            Era { epoch: newest + 1, first: 0, agreed, lost: high, at: Millis::now(), stream: info.created.clone(), declared: false };
        if era.epoch >= 1 << 10 {
            return Err(BrokerError::Refused("there are no epochs left: a position has room for 1023".to_owned()));
        }
        // First it is said that a declaration is under way, or somebody would find the log long enough again and go on in the old epoch.
        let list = |eras: &Eras, era: &Era| Eras(eras.0.iter().chain([era]).cloned().collect());
        let revision = self.write_eras(log, &list(&eras, &era), ground.revision).await?;
        // Whoever began it may have known of more that was given out than we do. Before the first epoch nothing ever was.
        let taken_over = unfinished.is_some_and(|begun| begun.epoch > 1);
        let moved = if taken_over || agreed.min(info.last) < high { self.move_on(log, &info, high + MARGIN).await? } else { 0 };
        let last = self.log_info(log).await?.ok_or_else(|| BrokerError::unavailable("there is no log"))?.last.max(moved);
        era = Era { first: last + 1, declared: true, ..era };
        let eras = list(&eras, &era);
        if let Err(error) = self.write_eras(log, &eras, revision).await {
            // Its answer may be what was lost.
            if self.read_eras(log).await?.1 != eras {
                return Err(error);
            }
        }
        if agreed < high {
            tracing::error!(
                log.stream = log.stream(),
                log.doubt = ground.doubt.as_ref().map(tracing::field::display),
                log.agreed = agreed,
                log.lost = high,
                log.epoch = era.epoch,
                "what lies between is lost from the log; its rows are kept, and a new epoch was declared"
            );
            metrics::lost(high - agreed);
        }
        tracing::info!(log.stream = log.stream(), log.epoch = era.epoch, log.first = era.first, "an epoch of the log is declared");
        Ok(eras)
    }

    /// Brings the log's end to `target` at least. An empty log is told to; one that holds something is filled with messages that
    /// nobody reads and that are removed again, because the broker cannot skip sequences of a log that it keeps. Gives where it ends then.
    async fn move_on(&self, log: &Log, info: &LogInfo, target: Seq) -> Result<Seq, BrokerError> {
        let mut last = info.last;
        if info.messages == 0 && last < target {
            self.purge_up_to(&log.stream(), target).await?;
            last = target.saturating_sub(1);
        }
        while last < target {
            let count = usize::try_from(target - last).unwrap_or(BATCH).min(BATCH);
            last = self.put_all((0..count).map(|_| void(log)).collect()).await.map_err(AppendError::unguarded)?;
        }
        // One of them stays, so that the log's end is a message like any other.
        self.purge_to_last(&log.stream(), &log.shard.void()).await?;
        Ok(last)
    }

    /// Whether an epoch was ever declared for this broker's log.
    pub(crate) async fn was_declared(&self) -> Result<bool, BrokerError> {
        for log in self.logs() {
            if self.read_eras(log).await?.1.current().is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The list and its revision; 0 when nothing was ever declared.
    pub(crate) async fn read_eras(&self, log: &Log) -> Result<(Seq, Eras), BrokerError> {
        let read = self.last_on(&subjects::bucket_stream(subjects::BUCKET_PIKA), &log.shard.epoch_key()).await?;
        let Some(message) = read else { return Ok((0, Eras::default())) };
        let list = serde_json::from_slice(&message.payload).map_err(|e| message.unreadable(e))?;
        Ok((message.seq, Eras(list)))
    }

    pub(crate) async fn write_eras(&self, log: &Log, eras: &Eras, revision: Seq) -> Result<Seq, BrokerError> {
        let list = serde_json::to_vec(&eras.0).map_err(BrokerError::unavailable)?;
        self.put_expecting(log.shard.epoch_key(), HeaderMap::new(), list.into(), revision).await.map_err(|error| match error {
            AppendError::Conflict { .. } => declared_by_another(),
            AppendError::Broker(error) => error,
        })
    }
}
