//! Stories against a real nats-server. One program, so that it is linked once.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod codes;
mod epochs;
mod lagging;
mod lease;
mod lobby;
mod log;
mod notes;
mod outage;
mod partition;
mod server;
mod shards;
mod state;
