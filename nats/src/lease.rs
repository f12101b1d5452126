//! Leases: each partition has one owner among the workers. KV bucket `LEASES`: `worker.<id>` heartbeats, `part.<p>` the owner, compare-and-set.
//!
//! Each worker looks at the whole bucket a few times a second and decides for itself; the compare-and-set of a key settles
//! what two decide alike. Nobody compares clocks: a worker is dead when its heartbeat has not changed for `expiry` of the
//! observer's own time, counted only while the bucket answers.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use futures_util::future::join_all;
use schemas::{Partition, Seq};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use crate::connection::{Broker, BrokerError};
use crate::direct::Get;
use crate::log::AppendError;
use crate::subjects::{self, BUCKET_LEASES, LEASES_ALL, LeaseKey, headers};

/// Looks at the bucket for each heartbeat, so that a death is seen soon after it counts as one.
const LOOKS: u32 = 2;
/// The broker forgets the heartbeat of a worker that is long dead.
const HEARTBEAT_KEPT: &str = "60s";
/// Giving all back at the end; who is not done by then is taken for dead two seconds later.
const FAREWELL: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
pub struct LeaseConfig {
    /// How often a worker says that it lives. A worker silent for `expiry` is dead.
    pub heartbeat: Duration,
    pub expiry: Duration,
}

impl Default for LeaseConfig {
    fn default() -> Self {
        LeaseConfig { heartbeat: Duration::from_millis(500), expiry: Duration::from_millis(2000) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseChange {
    Gained(Partition),
    /// Stop writing for it at once; another owner may exist already.
    Lost(Partition),
}

/// Takes part in sharing the partitions until `stop`, then gives all back. Fair shares: of n living workers each holds 64 / n,
/// and as many as the rest one more.
/// While the KV itself does not answer nobody takes over and owners keep what they hold. A share moves within 3 s of a worker's death.
///
/// `worker` names this life of the worker: one that starts again under another name never meets its own past. Ends with an
/// error only for a name that is none, and with `Ok` when `changes` has no receiver any more.
pub async fn share(
    broker: Broker,
    worker: String,
    config: LeaseConfig,
    changes: mpsc::Sender<LeaseChange>,
    stop: CancellationToken,
) -> Result<(), BrokerError> {
    let fine = !worker.is_empty() && worker.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !fine {
        return Err(BrokerError::Refused(format!("{worker:?} cannot name a worker")));
    }
    let mut look = tokio::time::interval(config.heartbeat / LOOKS);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sharer = Sharer {
        broker,
        worker,
        roll: Roll::new(config.expiry),
        held: BTreeMap::new(),
        told: BTreeMap::new(),
        giving: BTreeMap::new(),
        heartbeat: 0,
    };
    let mut looks = 0;
    loop {
        let next = sharer.untold();
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            permit = changes.reserve(), if next.is_some() => match permit {
                Ok(permit) => if let Some(change) = next {
                    sharer.tell(&change);
                    permit.send(change);
                },
                Err(_) => break,
            },
            _ = look.tick() => {
                let beat = looks % LOOKS == 0;
                looks = looks.wrapping_add(1);
                if let Err(error) = sharer.turn(beat).await {
                    tracing::debug!(lease.worker = sharer.worker, %error, "the leases do not answer");
                }
            }
        }
    }
    if timeout(FAREWELL, sharer.leave()).await.is_err() {
        tracing::warn!(lease.worker = sharer.worker, "the leases could not be given back in time");
    }
    Ok(())
}

struct Sharer {
    broker: Broker,
    worker: String,
    roll: Roll,
    /// What this worker owns, with the revision by which it does.
    held: BTreeMap<Partition, Seq>,
    /// What the receiver of changes was told of it.
    told: BTreeMap<Partition, Seq>,
    /// What it gives up, until the receiver has heard of it: writing stops before another may begin.
    giving: BTreeMap<Partition, Seq>,
    /// Where the newest own heartbeat lies.
    heartbeat: Seq,
}

/// The bucket at one look.
#[derive(Default)]
struct Seen {
    /// Revision of each worker's heartbeat.
    workers: HashMap<String, Seq>,
    /// Owner and revision of each partition that has ever had one. No owner: it was given back.
    parts: HashMap<Partition, (Option<String>, Seq)>,
}

impl Sharer {
    /// What the receiver has to hear next. A loss comes first, also when the partition was won back since: somebody else
    /// may have written in between.
    fn untold(&self) -> Option<LeaseChange> {
        let lost = self.told.iter().find(|(p, revision)| self.held.get(p) != Some(revision));
        let gained = || self.held.keys().find(|p| !self.told.contains_key(p));
        lost.map(|(p, _)| LeaseChange::Lost(*p)).or_else(|| gained().map(|p| LeaseChange::Gained(*p)))
    }

    fn tell(&mut self, change: &LeaseChange) {
        match change {
            LeaseChange::Lost(p) => {
                self.told.remove(p);
            }
            LeaseChange::Gained(p) => {
                if let Some(revision) = self.held.get(p) {
                    self.told.insert(*p, *revision);
                }
            }
        }
    }

    /// One look and what follows from it.
    async fn turn(&mut self, beat: bool) -> Result<(), BrokerError> {
        if beat {
            self.beat().await?;
        }
        let told = self.giving.extract_if(.., |p, _| !self.told.contains_key(p)).collect();
        self.release(told).await;
        let Some(seen) = self.look().await? else { return Ok(()) };
        self.lose(&seen);
        let alive = self.roll.call(&seen.workers, &self.worker, Instant::now());
        let fair = fair_share(&alive, &self.worker);
        if self.held.len() > fair {
            for _ in fair..self.held.len() {
                self.giving.extend(self.held.pop_last());
            }
        } else if self.held.len() < fair {
            self.take(&seen, &alive, fair - self.held.len()).await;
        }
        Ok(())
    }

    async fn beat(&mut self) -> Result<(), BrokerError> {
        let mut kept = HeaderMap::new();
        kept.insert(headers::TTL, HEARTBEAT_KEPT);
        let message = crate::batch::Outgoing { subject: subjects::lease_worker(&self.worker), headers: kept, payload: Bytes::new() };
        let at = self.broker.put(message).await.map_err(AppendError::unguarded)?;
        if at < self.heartbeat {
            // The bucket was made anew; what it said of us before is void.
            self.held.clear();
        }
        self.heartbeat = at;
        Ok(())
    }

    /// `None`: a replica answered that has not even seen our last heartbeat.
    async fn look(&self) -> Result<Option<Seen>, BrokerError> {
        let get = Get { multi_last: Some(vec![LEASES_ALL.to_owned()]), ..Get::default() };
        let page = self.broker.get_page(&subjects::bucket_stream(BUCKET_LEASES), &get).await?;
        if page.up_to.unwrap_or(0) < self.heartbeat {
            return Ok(None);
        }
        let mut seen = Seen::default();
        for message in page.messages {
            let deleted = message.headers.get(headers::KV_OPERATION).is_some();
            match subjects::lease_key(&message.subject) {
                Some(LeaseKey::Worker(_)) if deleted => {}
                Some(LeaseKey::Worker(worker)) => {
                    seen.workers.insert(worker, message.seq);
                }
                Some(LeaseKey::Part(partition)) => {
                    let owner = (!deleted).then(|| String::from_utf8_lossy(&message.payload).into_owned());
                    seen.parts.insert(partition, (owner, message.seq));
                }
                None => {}
            }
        }
        Ok(Some(seen))
    }

    /// What somebody else holds now. A look that is older than our claim says nothing of it.
    fn lose(&mut self, seen: &Seen) {
        self.held.retain(|partition, revision| seen.parts.get(partition).is_none_or(|(_, newest)| newest <= revision));
    }

    /// Claims what nobody alive owns.
    async fn take(&mut self, seen: &Seen, alive: &[String], count: usize) {
        let mut free: Vec<(Partition, Seq)> = Partition::all()
            .filter(|partition| !self.held.contains_key(partition) && !self.giving.contains_key(partition))
            .filter_map(|partition| match seen.parts.get(&partition) {
                None => Some((partition, 0)),
                Some((None, revision)) => Some((partition, *revision)),
                // Our own name without our holding it is a claim whose answer never came.
                Some((Some(owner), revision)) if *owner == self.worker || !alive.contains(owner) => Some((partition, *revision)),
                Some((Some(_), _)) => None,
            })
            .collect();
        // Workers that start together begin at different places, or they would race for every key.
        let rank = alive.iter().position(|name| *name == self.worker).unwrap_or(0);
        if !free.is_empty() {
            let start = rank * free.len() / alive.len().max(1);
            free.rotate_left(start);
        }
        free.truncate(count);
        let (broker, worker) = (&self.broker, &self.worker);
        let claims = free.into_iter().map(|(partition, revision)| async move {
            let owner = Bytes::copy_from_slice(worker.as_bytes());
            let put = broker.put_expecting(subjects::lease_part(partition), HeaderMap::new(), owner, revision).await;
            put.ok().map(|revision| (partition, revision))
        });
        // Another one was faster, or it is unknown: the next look tells.
        self.held.extend(join_all(claims).await.into_iter().flatten());
    }

    async fn leave(&mut self) {
        let mut all: Vec<(Partition, Seq)> = std::mem::take(&mut self.held).into_iter().collect();
        all.extend(std::mem::take(&mut self.giving));
        self.release(all).await;
        let mut gone = HeaderMap::new();
        gone.insert(headers::KV_OPERATION, "DEL");
        gone.insert(headers::TTL, HEARTBEAT_KEPT);
        let message = crate::batch::Outgoing { subject: subjects::lease_worker(&self.worker), headers: gone, payload: Bytes::new() };
        if let Err(error) = self.broker.put(message).await {
            tracing::debug!(lease.worker = self.worker, %error, "the last heartbeat stays");
        }
    }

    async fn release(&self, given: Vec<(Partition, Seq)>) {
        let broker = &self.broker;
        let released = given.into_iter().map(|(partition, revision)| async move {
            let mut deleted = HeaderMap::new();
            deleted.insert(headers::KV_OPERATION, "DEL");
            broker.put_expecting(subjects::lease_part(partition), deleted, Bytes::new(), revision).await
        });
        for error in join_all(released).await.into_iter().filter_map(Result::err) {
            // Taken by another, or the next look finds our name on a key that we do not hold.
            tracing::debug!(lease.worker = self.worker, %error, "a lease was not given back");
        }
    }
}

/// So many partitions are this worker's: names in order, the first ones have one more when 64 does not divide.
fn fair_share(alive: &[String], worker: &str) -> usize {
    let all = Partition::all().count();
    let rank = alive.iter().position(|name| name == worker).unwrap_or(alive.len());
    all / alive.len().max(1) + usize::from(rank < all % alive.len().max(1))
}

/// Who lives, by what this observer has seen.
struct Roll {
    expiry: Duration,
    /// The newest heartbeat of each worker, and when it was first seen.
    heard: HashMap<String, (Seq, Instant)>,
    called: Option<Instant>,
}

impl Roll {
    fn new(expiry: Duration) -> Self {
        Roll { expiry, heard: HashMap::new(), called: None }
    }

    /// The names of the living in order; `me` is always one of them.
    fn call(&mut self, workers: &HashMap<String, Seq>, me: &str, now: Instant) -> Vec<String> {
        // While the bucket was silent nobody could be heard, so that time proves nothing.
        let blind = self.called.is_some_and(|before| now - before > self.expiry / 2);
        self.called = Some(now);
        self.heard.retain(|name, _| workers.contains_key(name));
        let mut alive = vec![me.to_owned()];
        for (name, revision) in workers {
            let (newest, since) = self.heard.entry(name.clone()).or_insert((*revision, now));
            if blind || newest != revision {
                (*newest, *since) = (*revision, now);
            }
            if name != me && now - *since < self.expiry {
                alive.push(name.clone());
            }
        }
        alive.sort();
        alive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_fair_and_none_is_left_over() {
        for n in [1_usize, 2, 3, 5, 40, 64, 100] {
            let alive: Vec<String> = (0..n).map(|i| format!("w{i:03}")).collect();
            let shares: Vec<usize> = alive.iter().map(|name| fair_share(&alive, name)).collect();
            assert_eq!(shares.iter().sum::<usize>(), 64, "{n} workers");
            assert!(shares.iter().all(|share| (64 / n..=64_usize.div_ceil(n)).contains(share)), "{shares:?}");
        }
    }

    #[test]
    fn a_silent_worker_is_dead_only_for_who_could_hear() {
        let mut roll = Roll::new(Duration::from_secs(2));
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let heartbeats = |me: Seq, other: Seq| HashMap::from([("me".to_owned(), me), ("other".to_owned(), other)]);
        for (ms, living) in [(0, 2), (500, 2), (1_000, 2), (1_500, 2), (1_990, 2), (2_000, 1), (2_500, 1)] {
            assert_eq!(roll.call(&heartbeats(ms, 1), "me", at(ms)).len(), living, "after {ms} ms of silence");
        }
        // A word from the dead, then the bucket itself is away for a minute.
        assert_eq!(roll.call(&heartbeats(3_000, 2), "me", at(3_000)).len(), 2);
        assert_eq!(roll.call(&heartbeats(3_001, 2), "me", at(63_000)).len(), 2);
        assert_eq!(roll.call(&heartbeats(3_002, 2), "me", at(64_000)).len(), 2);
        assert_eq!(roll.call(&heartbeats(3_003, 2), "me", at(65_000)).len(), 1);
    }
}
