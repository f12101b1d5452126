//! Epochs: how a log that is no longer the one it was is noticed and declared.
//!
//! A log can be lost: its stream deleted, an older backup restored, its tail gone with a disk that lied. Sequences would then be
//! given out a second time, and a position would mean two things. So a process admits nothing unless it finds the log to go on
//! from what it has seen and from what was declared last; whoever knows the store, a worker, compares the two and declares a new
//! epoch. A declaration moves the log's end beyond everything that was ever given out: **no sequence is used twice**, rows of
//! what was lost stay what they were, and a client's place in the old epoch is answered with a state and the reason.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use schemas::{Epoch, Millis, Pos, Seq};
use serde::{Deserialize, Serialize};

use crate::batch::{BATCH, Outgoing};
use crate::connection::{Broker, BrokerError, BrokerEvent};
use crate::log::{AppendError, LogInfo};
use crate::subjects::{self, EPOCH_KEY, LIVE, VOID};
use crate::{metrics, streams};

/// A new epoch begins this far behind the newest position that is known. The rows know less than was given out, by what the
/// workers had not saved; that is bounded well below this (`unsaved_entries`, 64 partitions of some thousands in the worst case).
const MARGIN: Seq = 100_000;
/// How often a process compares the log with what it has seen of it.
pub(crate) const COMPARED: Duration = Duration::from_secs(2);

/// One epoch, as it was declared. The list of them is the bucket's only value, so that it changes whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Era {
    pub epoch: Epoch,
    /// The first sequence that this epoch gives out.
    pub first: Seq,
    /// Up to here the log holds what it held in the epoch before.
    pub agreed: Seq,
    /// The newest position known to be lost; what lies after `agreed` and up to here was acknowledged and is gone from the log.
    pub lost: Seq,
    pub at: Millis,
    /// When the stream was made, as the broker says: another stream of the same name is another log.
    pub stream: String,
    /// `false` while the declaration is under way: nothing is admitted then.
    pub declared: bool,
}

/// What whoever declares knows of the log, beside what the broker says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// The highest epoch of any row.
    pub epoch: Epoch,
    /// The highest sequence that any partition was folded up to.
    pub high: Seq,
    /// Up to here the log was compared with the rows and holds what was folded. `None`: it was not compared, only measured.
    pub agreed: Option<Seq>,
}

/// Every epoch of this log, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Eras(pub Vec<Era>);

impl Eras {
    pub fn current(&self) -> Option<&Era> {
        self.0.last()
    }

    /// Whether what was given this sequence is gone from the log.
    pub fn lost(&self, seq: Seq) -> bool {
        self.0.iter().any(|era| era.agreed < seq && seq < era.first)
    }

    /// The place in the current epoch from which a reader goes on that stood at `saved`: what the log lost is behind it, what it
    /// holds in place of that is before it. `None` for a place in an epoch that nobody declared.
    pub fn resume(&self, saved: Pos) -> Option<Pos> {
        let current = self.current()?;
        let since = self.0.iter().filter(|era| era.epoch > saved.epoch());
        let seq = since.map(|era| era.agreed).min().map_or(saved.seq(), |agreed| agreed.min(saved.seq()));
        (saved.epoch() <= current.epoch).then(|| Pos::new(current.epoch, seq))
    }
}

/// Why a log is not the one that was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Doubt {
    /// Nobody has compared this log with a store yet.
    Undeclared,
    /// A declaration is under way, or whoever made it died over it.
    Unfinished,
    /// There is no stream.
    Missing,
    /// The stream was made again.
    Another,
    /// An epoch is known that was never declared for this log.
    Forgotten { known: Epoch },
    /// It ends before what was seen of it.
    Rewound { last: Seq, seen: Seq },
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Doubt::Undeclared => f.write_str("no worker has compared it with the store yet"),
            Doubt::Unfinished => f.write_str("a new epoch is being declared"),
            Doubt::Missing => f.write_str("its stream is gone"),
            Doubt::Another => f.write_str("its stream was made again"),
            Doubt::Forgotten { known } => write!(f, "epoch {known} was declared, and it does not know of it"),
            Doubt::Rewound { last, seen } => write!(f, "it ends at {last}, and {seen} was acknowledged"),
        }
    }
}

fn doubt(eras: &Eras, log: Option<&LogInfo>, seen: Seq, known: Epoch) -> Option<Doubt> {
    let Some(log) = log else { return Some(Doubt::Missing) };
    let Some(era) = eras.current() else { return Some(Doubt::Undeclared) };
    if !era.declared {
        return Some(Doubt::Unfinished);
    }
    if era.stream != log.created {
        return Some(Doubt::Another);
    }
    if era.epoch < known {
        return Some(Doubt::Forgotten { known });
    }
    let seen = seen.max(era.first.saturating_sub(1));
    (log.last < seen).then_some(Doubt::Rewound { last: log.last, seen })
}

impl Broker {
    /// Whether the log is the one that was declared: only then anything is admitted to it.
    pub fn is_sound(&self) -> bool {
        *self.shared().sound.borrow()
    }

    /// Whether something may be written now: the broker is there, and its log is the one that was declared.
    pub fn is_open(&self) -> bool {
        self.available() && self.is_sound()
    }

    /// Returns once the log is sound.
    pub async fn sound(&self) {
        let mut sound = self.shared().sound.subscribe();
        // The sender lives as long as this handle.
        let _ = sound.wait_for(|sound| *sound).await;
    }

    /// The epochs as this process knows them.
    pub fn eras(&self) -> std::sync::Arc<Eras> {
        self.shared().eras.load_full()
    }

    /// Notes a sequence that the log has given out.
    pub(crate) fn saw(&self, seq: Seq) {
        self.shared().seen.fetch_max(seq, Ordering::AcqRel);
    }

    /// Refuses while the log is in doubt.
    pub(crate) fn admits(&self) -> Result<(), BrokerError> {
        if self.is_sound() { Ok(()) } else { Err(BrokerError::Unavailable("the log is in doubt".to_owned())) }
    }

    /// Compares the log with what was declared and what this process has seen, and holds admission or lets it go on.
    pub(crate) async fn compare_log(&self) -> Result<(), BrokerError> {
        let _turn = self.shared().comparing.lock().await;
        // In this order: what is acknowledged after `seen` was taken cannot be missing in a log that is looked at later.
        let seen = self.shared().seen.load(Ordering::Acquire);
        let log = self.log_info().await?;
        let (_, eras) = self.read_eras().await?;
        self.judge(eras, log.as_ref(), seen);
        Ok(())
    }

    fn judge(&self, eras: Eras, log: Option<&LogInfo>, seen: Seq) {
        let shared = self.shared();
        let current = eras.current().filter(|era| era.declared).map(|era| era.epoch);
        let newer = current.is_some_and(|epoch| epoch > self.epoch());
        // In a new epoch the log ends where its declaration says, whatever was seen of the one before.
        let doubt = doubt(&eras, log, if newer { 0 } else { seen }, self.epoch());
        match &doubt {
            Some(doubt) => {
                if shared.sound.send_replace(false) {
                    metrics::log_in_doubt();
                    tracing::error!(log.doubt = %doubt, "the log is not what it was; nothing is admitted until a worker has declared a new epoch");
                }
            }
            None => {
                shared.eras.store(std::sync::Arc::new(eras));
                if let Some(epoch) = current.filter(|_| newer) {
                    self.set_epoch(epoch);
                    shared.seen.store(log.map_or(0, |log| log.last), Ordering::Release);
                    metrics::epoch(epoch);
                    shared.sound.send_replace(true);
                    tracing::info!(log.epoch = epoch, "the log's epoch");
                    self.tell(BrokerEvent::Epoch);
                } else if !shared.sound.send_replace(true) {
                    tracing::info!("the log is what it was");
                }
            }
        }
    }

    /// Declares an epoch if the log needs one: it is new, it was lost or rewound, or the store knows more of it than it holds.
    /// Gives the epoch that holds. Several workers may do this at once; one of them wins, the others find it done.
    pub async fn declare(&self, known: Known) -> Result<Epoch, BrokerError> {
        let _turn = self.shared().comparing.lock().await;
        let seen = self.shared().seen.load(Ordering::Acquire);
        let log = self.log_info().await?;
        if log.is_none() {
            streams::ensure(self.context(), self.config()).await?;
        }
        let (revision, eras) = self.read_eras().await?;
        let known = Known { epoch: known.epoch.max(self.epoch()), ..known };
        let doubt = doubt(&eras, log.as_ref(), seen.max(known.high), known.epoch);
        let differs = known.agreed.is_some_and(|agreed| agreed < known.high);
        if doubt.is_none() && !differs {
            self.judge(eras, log.as_ref(), seen);
            return Ok(self.epoch());
        }
        let log = self.log_info().await?.ok_or_else(|| BrokerError::unavailable("there is no log"))?;
        let eras = self.declare_anew(Ground { known, seen, doubt }, log, revision, eras).await?;
        let log = self.log_info().await?;
        self.judge(eras, log.as_ref(), 0);
        Ok(self.epoch())
    }

    async fn declare_anew(&self, ground: Ground, log: LogInfo, revision: Seq, mut eras: Eras) -> Result<Eras, BrokerError> {
        let unfinished = eras.0.pop_if(|era| !era.declared);
        let newest = eras.current().map_or(0, |era| era.epoch).max(ground.known.epoch);
        let begun = unfinished.as_ref().map_or(0, |era| era.lost);
        let high = ground.known.high.max(ground.seen).max(begun).max(eras.current().map_or(0, |era| era.first - 1));
        let agreed = match &unfinished {
            // The log may have been moved on already; what it held before that was noted first.
            Some(begun) => begun.agreed,
            None if ground.doubt == Some(Doubt::Undeclared) && ground.known.epoch == 0 => log.last,
            None => ground.known.agreed.unwrap_or(high).min(log.last),
        };
        let mut era =
            Era { epoch: newest + 1, first: 0, agreed, lost: high, at: Millis::now(), stream: log.created.clone(), declared: false };
        if era.epoch >= 1 << 10 {
            return Err(BrokerError::Refused("there are no epochs left: a position has room for 1023".to_owned()));
        }
        // First it is said that a declaration is under way, or somebody would find the log long enough again and go on in the old epoch.
        let list = |eras: &Eras, era: &Era| Eras(eras.0.iter().chain([era]).cloned().collect());
        let revision = self.write_eras(&list(&eras, &era), revision).await?;
        if agreed < high || unfinished.is_some() {
            tracing::error!(
                log.doubt = ground.doubt.as_ref().map(tracing::field::display),
                log.agreed = agreed,
                log.lost = high,
                log.epoch = era.epoch,
                "what lies between is lost from the log; its rows are kept, and a new epoch is declared"
            );
            metrics::lost(high.saturating_sub(agreed));
            self.move_on(&log, high + MARGIN).await?;
        }
        let last = self.log_info().await?.ok_or_else(|| BrokerError::unavailable("there is no log"))?.last;
        era = Era { first: last + 1, declared: true, ..era };
        let eras = list(&eras, &era);
        self.write_eras(&eras, revision).await?;
        tracing::info!(log.epoch = era.epoch, log.first = era.first, "an epoch of the log is declared");
        Ok(eras)
    }

    /// Brings the log's end to `target` at least. An empty log is told to; one that holds something is filled with messages that
    /// nobody reads and that are removed again, because the broker cannot skip sequences of a log that it keeps.
    async fn move_on(&self, log: &LogInfo, target: Seq) -> Result<(), BrokerError> {
        let mut last = log.last;
        if log.messages == 0 && last < target {
            self.purge_up_to(LIVE, target).await?;
            last = target.saturating_sub(1);
        }
        while last < target {
            let count = usize::try_from(target - last).unwrap_or(BATCH).min(BATCH);
            let void = || Outgoing { subject: VOID.to_owned(), headers: HeaderMap::new(), payload: Bytes::new() };
            last = self.put_all((0..count).map(|_| void()).collect()).await.map_err(AppendError::unguarded)?;
        }
        // One of them stays, so that the log's end is a message like any other.
        self.purge_to_last(LIVE, VOID).await
    }

    /// Whether an epoch was ever declared for this broker's log.
    pub(crate) async fn was_declared(&self) -> Result<bool, BrokerError> {
        Ok(self.read_eras().await?.1.current().is_some())
    }

    /// The list and its revision; 0 when nothing was ever declared.
    async fn read_eras(&self) -> Result<(Seq, Eras), BrokerError> {
        let read = self.last_on(&subjects::bucket_stream(subjects::BUCKET_PIKA), EPOCH_KEY).await?;
        let Some(message) = read else { return Ok((0, Eras::default())) };
        let list = serde_json::from_slice(&message.payload).map_err(|e| message.unreadable(e))?;
        Ok((message.seq, Eras(list)))
    }

    async fn write_eras(&self, eras: &Eras, revision: Seq) -> Result<Seq, BrokerError> {
        let list = serde_json::to_vec(&eras.0).map_err(BrokerError::unavailable)?;
        self.put_expecting(EPOCH_KEY.to_owned(), HeaderMap::new(), list.into(), revision).await.map_err(|error| match error {
            AppendError::Conflict { .. } => BrokerError::unavailable("another worker declares an epoch"),
            AppendError::Broker(error) => error,
        })
    }
}

struct Ground {
    known: Known,
    seen: Seq,
    doubt: Option<Doubt>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn era(epoch: Epoch, first: Seq, agreed: Seq) -> Era {
        Era { epoch, first, agreed, lost: first.saturating_sub(1), at: Millis(0), stream: "made".to_owned(), declared: true }
    }

    fn log(last: Seq) -> LogInfo {
        LogInfo { created: "made".to_owned(), first: 1, last, messages: last }
    }

    #[test]
    fn a_log_is_sound_only_if_it_goes_on_from_what_was_seen_and_declared() {
        let eras = Eras(vec![era(1, 1, 0), era(2, 200, 50)]);
        assert_eq!(doubt(&eras, Some(&log(199)), 0, 2), None);
        assert_eq!(doubt(&eras, Some(&log(250)), 250, 2), None);
        assert_eq!(doubt(&eras, Some(&log(250)), 251, 2), Some(Doubt::Rewound { last: 250, seen: 251 }));
        assert_eq!(doubt(&eras, Some(&log(198)), 0, 2), Some(Doubt::Rewound { last: 198, seen: 199 }));
        assert_eq!(doubt(&eras, None, 0, 2), Some(Doubt::Missing));
        assert_eq!(doubt(&eras, Some(&LogInfo { created: "later".to_owned(), ..log(250) }), 0, 2), Some(Doubt::Another));
        assert_eq!(doubt(&Eras::default(), Some(&log(250)), 0, 2), Some(Doubt::Undeclared));
        assert_eq!(doubt(&eras, Some(&log(250)), 0, 3), Some(Doubt::Forgotten { known: 3 }));
        let begun = Eras(vec![era(1, 1, 0), Era { declared: false, ..era(2, 0, 50) }]);
        assert_eq!(doubt(&begun, Some(&log(250)), 0, 2), Some(Doubt::Unfinished), "however long it is");
    }

    #[test]
    fn a_reader_goes_on_where_the_logs_agree_and_never_later() {
        let eras = Eras(vec![era(1, 1, 0), era(2, 200, 50), era(3, 900, 400)]);
        assert_eq!(eras.resume(Pos::new(3, 950)), Some(Pos::new(3, 950)));
        assert_eq!(eras.resume(Pos::new(2, 450)), Some(Pos::new(3, 400)));
        assert_eq!(eras.resume(Pos::new(2, 300)), Some(Pos::new(3, 300)));
        assert_eq!(eras.resume(Pos::new(1, 120)), Some(Pos::new(3, 50)));
        assert_eq!(eras.resume(Pos::new(1, 20)), Some(Pos::new(3, 20)));
        assert_eq!(eras.resume(Pos::new(4, 20)), None);
        assert_eq!([50, 51, 199, 200, 400, 401, 899, 900].map(|seq| eras.lost(seq)), [false, true, true, false, false, true, true, false]);
    }
}
