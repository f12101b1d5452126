//! End to end: real processes, a real nats-server, real sockets. Each file is a feature; each test a story.
#![allow(clippy::unwrap_used)]

mod support;

mod contract;
