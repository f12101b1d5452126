//! Limits by address, for unknown visitors. A venue's network stands for a whole floor and is exempt: there people are
//! limited as people, by the message budgets.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use governor::clock::Clock;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;

use crate::Config;

/// Addresses remembered before full buckets are thrown away.
const REMEMBERED: usize = 100_000;

/// When somebody whose address holds all its sockets may look again whether one was closed.
const FULL: Duration = Duration::from_secs(10);

pub struct AddressLimits {
    venues: Vec<IpNet>,
    per_address: u32,
    connects: Option<DefaultKeyedRateLimiter<IpAddr>>,
    open: Arc<DashMap<IpAddr, u32>>,
}

/// An open socket's place; given back when dropped.
pub struct Seat {
    of: Option<(Arc<DashMap<IpAddr, u32>>, IpAddr)>,
}

impl AddressLimits {
    pub fn new(config: &Config) -> Self {
        AddressLimits {
            venues: config.venues.clone(),
            per_address: config.connections_per_address,
            connects: NonZeroU32::new(config.connects_per_minute).map(|n| RateLimiter::keyed(Quota::per_minute(n))),
            open: Arc::default(),
        }
    }

    /// A place for one more socket, or how long to wait for one. The networks of IPv6 customers are counted as one address.
    pub fn enter(&self, address: Option<IpAddr>) -> Result<Seat, Duration> {
        let Some(address) = address.map(network).filter(|a| !self.is_venue(*a)) else { return Ok(Seat { of: None }) };
        if let Some(connects) = &self.connects {
            if connects.len() > REMEMBERED {
                connects.retain_recent();
            }
            connects.check_key(&address).map_err(|full| full.wait_time_from(connects.clock().now()))?;
        }
        let mut open = self.open.entry(address).or_default();
        if *open >= self.per_address {
            return Err(FULL);
        }
        *open += 1;
        Ok(Seat { of: Some((self.open.clone(), address)) })
    }

    fn is_venue(&self, address: IpAddr) -> bool {
        self.venues.iter().any(|net| net.contains(&address))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some((open, address)) = self.of.take() {
            open.remove_if_mut(&address, |_, count| {
                *count = count.saturating_sub(1);
                *count == 0
            });
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            octets[8..].fill(0);
            // Loopback and the like stay what they are, so that a venue list can name them.
            if v6.is_loopback() { IpAddr::V6(v6) } else { IpAddr::from(octets) }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn limits(venues: &[&str]) -> AddressLimits {
        let config = Config {
            connections_per_address: 2,
            connects_per_minute: 5,
            venues: venues.iter().map(|v| v.parse().unwrap()).collect(),
            ..Config::default()
        };
        AddressLimits::new(&config)
    }

    #[test]
    fn a_stranger_has_few_sockets_and_gets_places_back() {
        let limits = limits(&[]);
        let address = Some("203.0.113.9".parse().unwrap());
        let first = limits.enter(address).unwrap();
        let _second = limits.enter(address).unwrap();
        assert_eq!(limits.enter(address).err(), Some(FULL));
        drop(first);
        assert!(limits.enter(address).is_ok());
    }

    #[test]
    fn connects_a_minute_are_counted_even_when_closed() {
        let limits = limits(&[]);
        let address = Some("203.0.113.9".parse().unwrap());
        assert!((0..5).all(|_| limits.enter(address).is_ok()));
        let wait = limits.enter(address).err().unwrap();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(12), "{wait:?}");
    }

    #[test]
    fn a_venue_is_not_a_person() {
        let limits = limits(&["198.51.100.0/24"]);
        let seats: Vec<_> = (0..500).map(|_| limits.enter(Some("198.51.100.7".parse().unwrap()))).collect();
        assert!(seats.iter().all(Result::is_ok));
    }
}
