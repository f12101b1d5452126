//! How fast each push service is asked. One that says wait is left alone for that long, by all announcements of this process; one that
//! has too much of a browser is, only when it says so of several in a row.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// After the first failure, and the longest that failures alone make it.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// A service that asks for no wait, or hardly any, is left alone for this long.
const LEAST: Duration = Duration::from_millis(250);
/// However long somebody asks to wait: by then announcements are too old.
const BOUND: Duration = Duration::from_secs(600);
/// A browser that its service has too much of, if it does not say until when.
const A_WHILE: Duration = Duration::from_secs(5);
/// So many different browsers in a row, and it is the service that has too much.
const SEVERAL: usize = 4;
/// Services that are remembered. There are five; an operator who allows any has strangers write their names.
const SERVICES: usize = 1_000;

pub(crate) struct Pace {
    all: Arc<Semaphore>,
    each: usize,
    services: Mutex<HashMap<String, Service>>,
}

struct Service {
    seats: Arc<Semaphore>,
    not_before: Instant,
    failures: u32,
    /// Browsers that it had too much of since it last took a push.
    full: Vec<String>,
}

/// A place among the requests that are under way.
pub(crate) struct Turn {
    _all: OwnedSemaphorePermit,
    _each: OwnedSemaphorePermit,
}

impl Pace {
    pub fn new(all: usize, each: usize) -> Self {
        Pace { all: Arc::new(Semaphore::new(all)), each, services: Mutex::default() }
    }

    /// Waits until this service may be asked, which is not before `from`. None: that would be later than `until`.
    pub async fn turn(&self, origin: &str, from: Instant, until: Instant) -> Option<Turn> {
        loop {
            let open = self.of(origin, |service| service.not_before).max(from);
            if open > until {
                return None;
            }
            // Even a wait that is over takes a clock's tick.
            if open > Instant::now() {
                tokio::time::sleep_until(open).await;
            }
            let seats = self.of(origin, |service| service.seats.clone());
            let seated = async { (seats.acquire_owned().await.ok(), self.all.clone().acquire_owned().await.ok()) };
            let (Some(each), Some(all)) = tokio::time::timeout_at(until, seated).await.ok()? else { return None };
            // Whoever had the seat before may have been told to wait.
            if self.of(origin, |service| service.not_before) <= Instant::now() {
                return Some(Turn { _all: all, _each: each });
            }
        }
    }

    pub fn accepted(&self, origin: &str) {
        self.of(origin, |service| {
            service.failures = 0;
            service.full.clear();
        });
    }

    /// The service asked for a wait.
    pub fn wait(&self, origin: &str, wait: Duration) {
        self.of(origin, |service| service.not_before = service.not_before.max(Instant::now() + wait.clamp(LEAST, BOUND)));
    }

    /// The service has too much of this browser, or of all if it said so of several. How long the browser is left alone.
    pub fn patience(&self, origin: &str, browser: &str, wait: Option<Duration>) -> Duration {
        let wait = wait.unwrap_or(A_WHILE).clamp(LEAST, BOUND);
        let several = self.of(origin, |service| {
            if !service.full.iter().any(|one| one == browser) {
                service.full.push(browser.to_owned());
            }
            service.full.len() >= SEVERAL
        });
        if several {
            self.of(origin, |service| service.full.clear());
            self.wait(origin, wait);
        }
        wait
    }

    /// The service failed. Each time it is left alone for twice as long; requests that were under way together count as one.
    pub fn failed(&self, origin: &str) {
        let dither = rand::random_range(0.8..1.2);
        self.of(origin, |service| {
            let now = Instant::now();
            if service.not_before <= now {
                service.failures = (service.failures + 1).min(7);
                service.not_before = now + (FIRST * 2u32.pow(service.failures - 1)).min(LONGEST).mul_f64(dither);
            }
        });
    }

    fn of<T>(&self, origin: &str, look: impl FnOnce(&mut Service) -> T) -> T {
        let mut services = self.services.lock();
        if services.len() >= SERVICES && !services.contains_key(origin) {
            let now = Instant::now();
            services.retain(|_, service| service.not_before > now || service.seats.available_permits() < self.each);
        }
        let new = || Service { seats: Arc::new(Semaphore::new(self.each)), not_before: Instant::now(), failures: 0, full: Vec::new() };
        look(services.entry(origin.to_owned()).or_insert_with(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[tokio::test]
    async fn a_service_that_says_wait_is_left_alone_and_no_other_is() {
        let pace = Pace::new(4, 2);
        let now = Instant::now();
        let far = now + Duration::from_secs(3_600);
        pace.wait("slow", Duration::from_secs(7));
        assert!(pace.turn("quick", now, Instant::now() + Duration::from_millis(100)).await.is_some());
        assert!(pace.turn("slow", now, Instant::now() + Duration::from_secs(2)).await.is_none(), "the end comes before its turn");
        pace.wait("slow", Duration::from_secs(3));
        assert!(pace.of("slow", |service| service.not_before) > Instant::now() + Duration::from_secs(5), "a shorter wait shortens none");
        pace.failed("broken");
        let first = pace.of("broken", |service| service.not_before).duration_since(Instant::now());
        pace.failed("broken");
        assert_eq!(pace.of("broken", |service| service.failures), 1, "failures that were under way together are one");
        assert!(first > Duration::from_millis(700) && first < Duration::from_millis(1_300), "{first:?}");
        pace.accepted("broken");
        assert_eq!(pace.of("broken", |service| service.failures), 0);
        let (one, two) = (pace.turn("quick", now, far).await, pace.turn("quick", now, far).await);
        assert!(one.is_some() && two.is_some());
        assert!(pace.turn("quick", now, Instant::now() + Duration::from_millis(50)).await.is_none(), "a third beside two seats");
        drop(one);
        assert!(pace.turn("quick", now, far).await.is_some());
        let asked = Instant::now();
        pace.wait("hasty", Duration::ZERO);
        assert!(pace.turn("hasty", now, far).await.is_some());
        assert!(asked.elapsed() >= LEAST, "it was asked again after {:?}", asked.elapsed());
    }

    #[tokio::test]
    async fn a_browser_that_has_enough_is_left_alone_and_its_service_only_when_several_have() {
        let (pace, now) = (Pace::new(4, 2), Instant::now());
        let (soon, minute) = (now + Duration::from_secs(5), Some(Duration::from_secs(60)));
        for _ in 0..2 * SEVERAL {
            assert_eq!(pace.patience("push", "phone", minute), Duration::from_secs(60));
        }
        assert!(pace.turn("push", now, soon).await.is_some(), "another browser's");
        assert!(pace.turn("push", now + Duration::from_secs(60), soon).await.is_none(), "the phone's");
        assert_eq!(pace.patience("push", "phone", Some(Duration::from_secs(86_400))), BOUND);
        pace.accepted("push");
        for browser in 0..SEVERAL {
            assert!(pace.turn("push", now, soon).await.is_some(), "{browser}");
            pace.patience("push", &browser.to_string(), minute);
        }
        assert!(pace.turn("push", now, soon).await.is_none());
    }

    #[tokio::test]
    async fn two_services_that_hang_take_no_seat_of_a_third() {
        let (config, now) = (Config::default(), Instant::now());
        let (pace, mut hanging) = (Pace::new(config.requests, config.requests_each), Vec::new());
        for n in 0..2 * config.requests_each {
            hanging.push(pace.turn(["one", "two"][n % 2], now, now + Duration::from_secs(5)).await);
        }
        assert!(hanging.iter().all(Option::is_some));
        assert!(pace.turn("three", now, now + Duration::from_secs(1)).await.is_some());
    }
}
