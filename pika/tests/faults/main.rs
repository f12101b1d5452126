//! What happens when something breaks, with real processes that are really killed, frozen, starved of disk or started wrongly.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod disk;
mod floor;
mod kill;
mod leaving;
mod outage;
mod rewound;
mod start;
