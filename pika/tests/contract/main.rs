//! The contract, against real processes, a real nats-server and real sockets. Each test is a story.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod deflate;
mod guests;
mod hostile;
mod limits;
mod log_files;
mod messages;
#[path = "../../../accounts/tests/people/providers.rs"]
mod providers;
mod quiet;
mod slow_requests;
