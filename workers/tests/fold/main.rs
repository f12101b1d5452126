//! The workers against a real nats-server and a real store. One program, so that it is linked once.
#![allow(clippy::unwrap_used)]

#[path = "../../../store/tests/cql/cassandra.rs"]
mod cassandra;
mod support;

mod evening;
mod owners;
mod polls;
mod presence;
mod retention;
