//! How often somebody may try what costs much or what guessers do: counted for each person where the person is known, and for each
//! address else. A venue's address stands for a whole floor, so there only people are counted.

mod left;
mod rates;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use futures_util::StreamExt;
use ipnet::IpNet;
use schemas::Code;
use schemas::note::Tried;
use schemas::secrets::ClusterKey;
use tokio::sync::{Mutex, mpsc};

use self::left::Left;
pub(crate) use self::left::told;
pub(crate) use self::rates::Limit;
pub use self::rates::{Rate, Rates};
use crate::failure::Failure;

/// Who is counted.
#[derive(Clone, Copy, Debug)]
enum Who<'w> {
    Address(IpAddr),
    Person(&'w str),
}

/// Keys of one limit before those that are full again are forgotten.
const KEYS: usize = 50_000;
/// Tries that wait to be told to other processes. One that finds no room is counted here alone.
const UNTOLD: usize = 1_024;
/// How many times its limit somebody may be in debt: as many processes may have let them through at once.
const DEBT: u64 = 16;
/// How long to wait before following again, when the broker is away.
const RETRY: Duration = Duration::from_secs(1);

/// The limits of this process, which counts what others let through too. Cloned freely; all clones are one.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    venues: Vec<IpNet>,
    /// None: lifted.
    buckets: Option<HashMap<Limit, Bucket>>,
    key: ClusterKey,
    /// What this process is called among those that count.
    me: u64,
    began: Instant,
    tell: mpsc::Sender<Tried>,
    untold: Mutex<mpsc::Receiver<Tried>>,
}

/// A bucket for everybody, that fills evenly. For each is kept when it will be full again, in nanoseconds since the process began.
struct Bucket {
    times: u64,
    each: u64,
    full_at: DashMap<u64, u64>,
}

impl Bucket {
    fn new(rate: Rate, factor: f64) -> Self {
        let times = ((f64::from(rate.times) * factor) as u64).max(1);
        let each = u64::try_from(rate.within.as_nanos()).unwrap_or(u64::MAX) / times;
        Bucket { times, each: each.max(1), full_at: DashMap::new() }
    }

    /// Takes one, or says how long until there is one; and what is left.
    fn take(&self, who: u64, now: u64) -> (Left, Result<(), Duration>) {
        self.forget(now);
        let mut full_at = self.full_at.entry(who).or_insert(now);
        let would_be = (*full_at).max(now).saturating_add(self.each);
        let holds = now.saturating_add(self.each * self.times);
        let taken = if would_be > holds { Err(Duration::from_nanos(would_be - holds)) } else { Ok(()) };
        if taken.is_ok() {
            *full_at = would_be;
        }
        let reset = Duration::from_nanos(full_at.saturating_sub(now)).as_secs() + 1;
        (Left { limit: self.times, remaining: holds.saturating_sub(*full_at) / self.each, reset }, taken)
    }

    /// One was taken elsewhere, whether there was one or not: it is missing later.
    fn taken(&self, who: u64, now: u64) {
        self.forget(now);
        let mut full_at = self.full_at.entry(who).or_insert(now);
        let most = now.saturating_add(self.each.saturating_mul(self.times).saturating_mul(DEBT));
        *full_at = (*full_at).max(now).saturating_add(self.each).min(most);
    }

    fn forget(&self, now: u64) {
        if self.full_at.len() > KEYS {
            self.full_at.retain(|_, full_at| *full_at > now);
        }
    }
}

impl Limits {
    /// The key keeps what is told between processes from being an address or a name.
    pub fn new(rates: &Rates, key: &ClusterKey) -> Self {
        let buckets = || Limit::ALL.iter().map(|limit| (*limit, Bucket::new(rates.of(*limit), rates.factor))).collect();
        let (tell, untold) = mpsc::channel(UNTOLD);
        Limits(Arc::new(Inner {
            venues: rates.venues.clone(),
            buckets: (rates.factor > 0.0).then(buckets),
            key: key.clone(),
            me: rand::random(),
            began: Instant::now(),
            tell,
            untold: Mutex::new(untold),
        }))
    }

    /// Takes one try of this person, or says when the next is due.
    pub(crate) fn person(&self, limit: Limit, person: &str) -> Result<(), Failure> {
        self.spend(limit, Who::Person(person))
    }

    /// Takes one try of this address, unless a venue stands behind it. An IPv6 network is one address.
    pub(crate) fn address(&self, limit: Limit, address: Option<IpAddr>) -> Result<(), Failure> {
        let Some(address) = address.map(|address| address.to_canonical()) else { return Ok(()) };
        if self.0.venues.iter().any(|venue| venue.contains(&address)) {
            return Ok(());
        }
        let network = match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
        };
        self.spend(limit, Who::Address(network))
    }

    fn spend(&self, limit: Limit, who: Who) -> Result<(), Failure> {
        let inner = &self.0;
        let Some(bucket) = inner.buckets.as_ref().and_then(|all| all.get(&limit)) else { return Ok(()) };
        let who = inner.number(who);
        let (left, taken) = bucket.take(who, inner.now());
        if limit.is_of_one_caller() {
            left.note();
        }
        taken.map_err(|wait| {
            let seconds = wait.as_secs() + 1;
            let mut failure = Failure::with(Code::Rate, format!("Too many attempts; try again in {seconds} seconds"));
            failure.1 = Some(seconds);
            failure
        })?;
        let _ = inner.tell.try_send(Tried { by: inner.me, limit: limit.name().to_owned(), who });
        Ok(())
    }

    /// Counts what another process let through.
    fn hear(&self, tried: &Tried) {
        let inner = &self.0;
        let limit = Limit::ALL.iter().copied().find(|limit| limit.name() == tried.limit);
        let bucket = inner.buckets.as_ref().zip(limit).and_then(|(all, limit)| all.get(&limit));
        if let Some(bucket) = bucket.filter(|_| tried.by != inner.me) {
            bucket.taken(tried.who, inner.now());
        }
    }
}

impl Inner {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn number(&self, who: Who) -> u64 {
        let bytes = match who {
            Who::Address(IpAddr::V4(v4)) => self.key.derive("limit of an address", &v4.octets()),
            Who::Address(IpAddr::V6(v6)) => self.key.derive("limit of an address", &v6.octets()),
            Who::Person(person) => self.key.derive("limit of a person", person.as_bytes()),
        };
        bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// Tells other processes what this one lets through, and counts what they do. While the broker is away each counts for itself.
pub(crate) async fn share(broker: &nats::Broker, limits: &Limits) {
    let tell = async {
        let mut untold = limits.0.untold.lock().await;
        while let Some(tried) = untold.recv().await {
            if let Err(error) = broker.send_tried(&tried).await {
                tracing::debug!(%error, "a try could not be told to other processes");
            }
        }
    };
    let follow = async {
        loop {
            match broker.tried().await {
                Ok(mut tried) => {
                    while let Some(tried) = tried.next().await {
                        limits.hear(&tried);
                    }
                }
                Err(error) => tracing::warn!(%error, "what other processes let through is not counted for now"),
            }
            tokio::time::sleep(RETRY).await;
        }
    };
    tokio::join!(tell, follow);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn counting(rates: Rates) -> Limits {
        Limits::new(&rates, &ClusterKey::new(b"limits"))
    }

    fn tries(limits: &Limits, address: &str) -> usize {
        (0..20).filter(|_| limits.address(Limit::SignIn, Some(address.parse().unwrap())).is_ok()).count()
    }

    #[test]
    fn an_address_has_so_many_tries_and_is_told_when_there_are_more() {
        let limits = counting(Rates { venues: vec!["192.0.2.0/24".parse().unwrap()], ..Rates::default() });
        assert_eq!(tries(&limits, "198.51.100.1"), 5);
        assert_eq!(tries(&limits, "198.51.100.1"), 0);
        assert_eq!(tries(&limits, "::ffff:198.51.100.1"), 0, "the same address in other clothes");
        assert_eq!(tries(&limits, "198.51.100.2"), 5);
        assert_eq!(tries(&limits, "2001:db8::1") + tries(&limits, "2001:db8::2"), 5, "a network of IPv6 is one address");
        assert_eq!(tries(&limits, "192.0.2.7"), 20, "a venue is a whole floor");
        assert!(limits.address(Limit::Register, Some("198.51.100.1".parse().unwrap())).is_ok(), "each limit counts for itself");
        let refused = limits.address(Limit::SignIn, Some("198.51.100.1".parse().unwrap())).unwrap_err();
        assert!(refused.0.code == Code::Rate && (1..=181).contains(&refused.1.unwrap()), "{refused:?}");
    }

    #[test]
    fn a_person_is_counted_wherever_they_are() {
        let limits = counting(Rates::default());
        assert_eq!((0..20).filter(|_| limits.person(Limit::SignIn, "ada@example.org").is_ok()).count(), 5);
        assert!(limits.person(Limit::SignIn, "eve@example.org").is_ok());
        let lifted = counting(Rates { factor: 0.0, ..Rates::default() });
        assert_eq!((0..20).filter(|_| lifted.person(Limit::SignIn, "ada@example.org").is_ok()).count(), 20);
    }

    /// What one let through, heard by the other.
    fn tell(from: &Limits, to: &Limits) {
        let mut untold = from.0.untold.try_lock().unwrap();
        while let Ok(tried) = untold.try_recv() {
            to.hear(&tried);
            from.hear(&tried);
        }
    }

    #[test]
    fn two_processes_count_together() {
        let (one, other) = (counting(Rates::default()), counting(Rates::default()));
        let address: Option<IpAddr> = Some("198.51.100.1".parse().unwrap());
        let mut let_through = 0;
        for _ in 0..10 {
            for (here, there) in [(&one, &other), (&other, &one)] {
                let_through += usize::from(here.address(Limit::SignIn, address).is_ok());
                tell(here, there);
            }
        }
        assert_eq!(let_through, 5, "whoever goes from one to the other gains nothing");
    }

    #[test]
    fn whoever_is_faster_than_a_note_pays_for_it_later() {
        let (one, other) = (counting(Rates::default()), counting(Rates::default()));
        let address: Option<IpAddr> = Some("198.51.100.1".parse().unwrap());
        assert_eq!(tries(&one, "198.51.100.1") + tries(&other, "198.51.100.1"), 10, "each let its own through");
        tell(&one, &other);
        tell(&other, &one);
        for limits in [&one, &other] {
            let wait = limits.address(Limit::SignIn, address).unwrap_err().1.unwrap();
            assert!((1_000..=1_082).contains(&wait), "five more are owed, at three minutes each, and the next: {wait}");
        }
        let stranger = counting(Rates::default());
        stranger.hear(&Tried { by: 1, limit: "no such limit".to_owned(), who: 1 });
    }

    #[test]
    fn a_bucket_fills_evenly_and_is_forgotten_when_it_is_full() {
        let bucket = Bucket::new(Rate::per_minutes(5, 15), 1.0);
        let minute = 60_000_000_000;
        assert_eq!((0..9).filter(|_| bucket.take(1, 0).1.is_ok()).count(), 5);
        let takes = |at: u64| bucket.take(1, at).1.is_ok();
        assert!(!takes(3 * minute - 1) && takes(3 * minute) && !takes(3 * minute));
        assert_eq!((0..9).filter(|_| takes(60 * minute)).count(), 5);
        (0..100_000).for_each(|_| bucket.taken(2, 0));
        assert!(bucket.take(2, 15 * 16 * minute).1.is_ok(), "a debt has an end");
        (0..=KEYS as u64).for_each(|who| bucket.taken(who, 0));
        bucket.taken(1, 600 * minute);
        assert_eq!(bucket.full_at.len(), 1);
    }
}
