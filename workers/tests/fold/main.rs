//! The workers against a real nats-server and a real file. One program, so that it is linked once.
#![allow(clippy::unwrap_used)]

mod support;

mod evening;
mod owners;
mod polls;
mod presence;
