//! How often somebody may try what costs much or what guessers do: counted for each person where the person is known, and for each
//! address else. A venue's address stands for a whole floor, so there only people are counted.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, QuantaClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use ipnet::IpNet;
use schemas::Code;

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Limit {
    Register,
    SignIn,
    /// Making DJ's tokens anew.
    Regenerate,
    /// Asking for letters.
    Letters,
    /// Codes that somebody types: from letters, from devices.
    Codes,
    /// Devices that want to be let in, and how often they ask.
    Devices,
    Polls,
    /// Everything else that a signed-in person changes.
    Changes,
    /// Pages that tell what broke in them.
    ClientErrors,
    /// How many of those are written down, over all of them.
    ClientErrorLines,
}

/// So many, in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub times: u32,
    pub within: Duration,
}

impl Rate {
    pub const fn per_minutes(times: u32, minutes: u64) -> Self {
        Rate { times, within: Duration::from_secs(minutes * 60) }
    }
}

/// What an operator may set of it.
#[derive(Clone, Debug)]
pub struct Rates {
    pub register: Rate,
    pub sign_in: Rate,
    pub regenerate: Rate,
    pub letters: Rate,
    pub codes: Rate,
    pub devices: Rate,
    pub polls: Rate,
    pub changes: Rate,
    pub client_errors: Rate,
    /// Of all callers together.
    pub client_error_lines: Rate,
    /// Networks whose address stands for a whole floor.
    pub venues: Vec<IpNet>,
    /// Multiplies all of them; 0 lifts them.
    pub factor: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Rates {
            register: Rate::per_minutes(5, 15),
            sign_in: Rate::per_minutes(5, 15),
            regenerate: Rate::per_minutes(3, 60),
            letters: Rate::per_minutes(5, 60),
            codes: Rate::per_minutes(10, 15),
            devices: Rate::per_minutes(10, 15),
            polls: Rate::per_minutes(20, 1),
            changes: Rate::per_minutes(60, 1),
            client_errors: Rate::per_minutes(10, 1),
            client_error_lines: Rate::per_minutes(60, 1),
            venues: Vec::new(),
            factor: 1.0,
        }
    }
}

type Limiter = RateLimiter<u64, DashMapStateStore<u64>, QuantaClock, StateInformationMiddleware>;

pub(crate) struct Limits {
    venues: Vec<IpNet>,
    /// None: lifted.
    limiters: Option<Vec<(Limit, Rate, Limiter)>>,
    clock: QuantaClock,
}

/// Who is counted.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) enum Who<'w> {
    Address(IpAddr),
    Person(&'w str),
}

/// Keys of one limiter before those that are full again are forgotten.
const KEYS: usize = 50_000;

impl Limits {
    pub fn new(rates: &Rates) -> Self {
        let of = |limit: Limit, rate: Rate| {
            let times = (f64::from(rate.times) * rates.factor).max(1.0) as u32;
            let times = NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN);
            let each = rate.within / times.get();
            let quota = Quota::with_period(each.max(Duration::from_nanos(1))).unwrap_or(Quota::per_second(times)).allow_burst(times);
            let limiter = RateLimiter::dashmap(quota).with_middleware::<StateInformationMiddleware>();
            (limit, Rate { times: times.get(), ..rate }, limiter)
        };
        let all = [
            (Limit::Register, rates.register),
            (Limit::SignIn, rates.sign_in),
            (Limit::Regenerate, rates.regenerate),
            (Limit::Letters, rates.letters),
            (Limit::Codes, rates.codes),
            (Limit::Devices, rates.devices),
            (Limit::Polls, rates.polls),
            (Limit::Changes, rates.changes),
            (Limit::ClientErrors, rates.client_errors),
            (Limit::ClientErrorLines, rates.client_error_lines),
        ];
        let limiters = (rates.factor > 0.0).then(|| all.into_iter().map(|(limit, rate)| of(limit, rate)).collect());
        Limits { venues: rates.venues.clone(), limiters, clock: QuantaClock::default() }
    }

    /// Takes one try of this person, or says when the next is due.
    pub fn person(&self, limit: Limit, person: &str) -> Result<Spent, Failure> {
        self.spend(limit, Who::Person(person))
    }

    /// Takes one try of this address, unless a venue stands behind it. An IPv6 network is one address.
    pub fn address(&self, limit: Limit, address: Option<IpAddr>) -> Result<Spent, Failure> {
        let Some(address) = address.map(|address| address.to_canonical()) else { return Ok(Spent::default()) };
        if self.venues.iter().any(|venue| venue.contains(&address)) {
            return Ok(Spent::default());
        }
        let network = match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
        };
        self.spend(limit, Who::Address(network))
    }

    fn spend(&self, limit: Limit, who: Who) -> Result<Spent, Failure> {
        let found = self.limiters.as_ref().and_then(|all| all.iter().find(|(of, ..)| *of == limit));
        let Some((_, rate, limiter)) = found else { return Ok(Spent::default()) };
        if limiter.len() > KEYS {
            limiter.retain_recent();
        }
        let mut hash = DefaultHasher::new();
        who.hash(&mut hash);
        match limiter.check_key(&hash.finish()) {
            Ok(state) => {
                let (times, remaining) = (rate.times, state.remaining_burst_capacity());
                let each = rate.within.as_secs() / u64::from(times.max(1));
                Ok(Spent { of: Some((times, remaining, each * u64::from(times - remaining.min(times)))) })
            }
            Err(until) => {
                let seconds = until.wait_time_from(self.clock.now()).as_secs() + 1;
                let mut failure = Failure::with(Code::Rate, format!("Too many attempts; try again in {seconds} seconds"));
                failure.1 = Some(seconds);
                Err(failure)
            }
        }
    }
}

/// What is left of a limit, for the headers that tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    /// How often at most, how often still, and seconds until all of it is there again.
    of: Option<(u32, u32, u64)>,
}

impl Spent {
    pub fn tell(self, headers: &mut HeaderMap) {
        let Some((limit, remaining, reset)) = self.of else { return };
        for (name, value) in
            [("ratelimit-limit", u64::from(limit)), ("ratelimit-remaining", u64::from(remaining)), ("ratelimit-reset", reset)]
        {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn tries(limits: &Limits, address: &str) -> usize {
        (0..20).filter(|_| limits.address(Limit::SignIn, Some(address.parse().unwrap())).is_ok()).count()
    }

    #[test]
    fn an_address_has_so_many_tries_and_is_told_when_there_are_more() {
        let limits = Limits::new(&Rates { venues: vec!["192.0.2.0/24".parse().unwrap()], ..Rates::default() });
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
        let limits = Limits::new(&Rates::default());
        assert_eq!((0..20).filter(|_| limits.person(Limit::SignIn, "ada@example.org").is_ok()).count(), 5);
        assert!(limits.person(Limit::SignIn, "eve@example.org").is_ok());
        let lifted = Limits::new(&Rates { factor: 0.0, ..Rates::default() });
        assert_eq!((0..20).filter(|_| lifted.person(Limit::SignIn, "ada@example.org").is_ok()).count(), 20);
    }
}
