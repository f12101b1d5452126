//! Epochs: how a log that is no longer the one it was is noticed and declared.
//!
//! A log can be lost: its stream deleted, an older backup restored, its tail gone with a disk that lied. Sequences would then be
//! given out a second time, and a position would mean two things. So a process admits nothing unless it finds the log to go on
//! from what it has seen and from what was declared last; whoever knows the store, a worker, compares the two and declares a new
//! epoch. A declaration moves the log's end beyond everything that was ever given out: **no sequence is used twice**, rows of
//! what was lost stay what they were, and a client's place in the old epoch is answered with a state and the reason.

mod declaring;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::try_join_all;
use schemas::{Epoch, Millis, Partition, Pos, Seq};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};

use crate::connection::{Broker, BrokerError, BrokerEvent};
use crate::log::LogInfo;
use crate::metrics;
use crate::shard::Shard;

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// One stream of the log, as this process knows it.
pub(crate) struct Log {
    pub shard: Shard,
    /// 0 before the first was declared.
    epoch: AtomicU32,
    eras: ArcSwap<Eras>,
    /// Whether the log goes on from what this process knows of it.
    sound: watch::Sender<bool>,
    /// The newest sequence that this process saw given out.
    seen: AtomicU64,
    /// The first sequence that the log gave out again, with the epoch in which it was proven short; 0 until then. Whatever is stored
    /// meanwhile makes it no longer, and of another epoch it says nothing.
    short: AtomicU64,
    /// One comparison at a time, so that an older answer never overrules a newer one.
    comparing: Mutex<()>,
}

impl Log {
    pub fn new(shard: Shard) -> Log {
        Log {
            shard,
            epoch: AtomicU32::new(0),
            eras: ArcSwap::default(),
            sound: watch::Sender::new(false),
            seen: AtomicU64::new(0),
            short: AtomicU64::new(0),
            comparing: Mutex::default(),
        }
    }

    pub fn stream(&self) -> String {
        self.shard.stream()
    }

    fn epoch(&self) -> Epoch {
        self.epoch.load(Ordering::Acquire)
    }

    /// Notes a sequence that the log has given out.
    pub fn saw(&self, seq: Seq) {
        self.seen.fetch_max(seq, Ordering::AcqRel);
    }

    /// Refuses while the log is in doubt.
    pub fn admits(&self) -> Result<(), BrokerError> {
        if *self.sound.borrow() { Ok(()) } else { Err(BrokerError::Unavailable("the log is in doubt".to_owned())) }
    }

    fn doubt(&self, eras: &Eras, log: Option<&LogInfo>, seen: Seq, known: Epoch) -> Option<Doubt> {
        doubt(eras, log, seen, known).or_else(|| self.proven_end(eras).map(|last| Doubt::Rewound { last, seen }))
    }

    /// Where the log ended when it was proven short in the epoch that holds.
    fn proven_end(&self, eras: &Eras) -> Option<Seq> {
        let short = Pos(self.short.load(Ordering::Acquire));
        let ours = eras.current().is_some_and(|era| era.epoch == short.epoch());
        short.seq().checked_sub(1).filter(|_| ours)
    }

    fn proven_short(&self, eras: &Eras, first: Seq) {
        let epoch = eras.current().map_or(0, |era| era.epoch);
        self.short.store(Pos::new(epoch, first).0, Ordering::Release);
    }

    /// Takes over what was found. Gives whether an epoch is new.
    fn judge(&self, eras: Eras, log: Option<&LogInfo>, seen: Seq) -> bool {
        let current = eras.current().filter(|era| era.declared).map(|era| era.epoch);
        let newer = current.filter(|epoch| *epoch > self.epoch());
        // In a new epoch the log ends where its declaration says, whatever was seen of the one before.
        let doubt = self.doubt(&eras, log, if newer.is_some() { 0 } else { seen }, self.epoch());
        if let Some(doubt) = doubt {
            if self.sound.send_replace(false) {
                metrics::log_in_doubt();
                tracing::error!(log.stream = self.stream(), log.doubt = %doubt, "the log is not what it was; nothing is admitted until a worker has declared a new epoch");
            }
            return false;
        }
        self.eras.store(Arc::new(eras));
        if let Some(epoch) = newer {
            self.epoch.store(epoch, Ordering::Release);
            self.seen.store(log.map_or(0, |log| log.last), Ordering::Release);
            metrics::epoch(self.stream(), epoch);
            self.sound.send_replace(true);
            tracing::info!(log.stream = self.stream(), log.epoch = epoch, "the log's epoch");
        } else if !self.sound.send_replace(true) {
            tracing::info!(log.stream = self.stream(), "the log is what it was");
        }
        newer.is_some()
    }
}

impl Broker {
    /// The streams of the log.
    pub fn shards(&self) -> impl Iterator<Item = Shard> {
        self.logs().iter().map(|log| log.shard)
    }

    /// The stream that a partition lies on.
    pub(crate) fn log(&self, partition: Partition) -> &Log {
        &self.logs()[Shard::index(partition, self.logs().len())]
    }

    /// The epoch of a partition's log; 0 before the first was declared.
    pub fn epoch(&self, partition: Partition) -> Epoch {
        self.log(partition).epoch()
    }

    pub(crate) fn epoch_of(&self, shard: Shard) -> Epoch {
        self.logs().iter().find(|log| log.shard == shard).map_or(0, Log::epoch)
    }

    /// Whether every stream of the log is the one that was declared.
    pub fn is_sound(&self) -> bool {
        self.logs().iter().all(|log| *log.sound.borrow())
    }

    /// Whether everything may be written now: the broker is there, and its log is the one that was declared.
    pub fn is_open(&self) -> bool {
        self.available() && self.is_sound()
    }

    /// Whether something of this partition may be written now.
    pub fn admits(&self, partition: Partition) -> bool {
        self.available() && *self.log(partition).sound.borrow()
    }

    /// Returns once the partition's log is sound.
    pub async fn sound(&self, partition: Partition) {
        let mut sound = self.log(partition).sound.subscribe();
        // The sender lives as long as this handle.
        let _ = sound.wait_for(|sound| *sound).await;
    }

    /// The epochs of a partition's log as this process knows them.
    pub fn eras(&self, partition: Partition) -> Arc<Eras> {
        self.log(partition).eras.load_full()
    }

    /// Compares once, for a tool that was not there before.
    pub async fn compare(&self) -> Result<(), BrokerError> {
        self.compare_logs().await
    }

    /// Compares every stream with what was declared and what this process has seen, and holds admission or lets it go on.
    pub(crate) async fn compare_logs(&self) -> Result<(), BrokerError> {
        try_join_all(self.logs().iter().map(|log| self.compare_log(log))).await.map(drop)
    }

    async fn compare_log(&self, log: &Log) -> Result<(), BrokerError> {
        let _turn = log.comparing.lock().await;
        // In this order: what is acknowledged after `seen` was taken cannot be missing in a log that is looked at later.
        let seen = log.seen.load(Ordering::Acquire);
        let info = self.log_info(log).await?;
        let (_, eras) = self.read_eras(log).await?;
        self.judge(log, eras, info.as_ref(), seen);
        Ok(())
    }

    fn judge(&self, log: &Log, eras: Eras, info: Option<&LogInfo>, seen: Seq) {
        if log.judge(eras, info, seen) {
            self.tell(BrokerEvent::Epoch);
        }
    }
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
