//! The contract, against real processes, a real nats-server and real sockets. Each test is a story.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod messages;
