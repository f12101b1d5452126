//! Looking back at evenings: `pika audit` and `pika replay` beside real processes, a real nats-server and a real SQLite file.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod agree;
mod evening;
mod lost;
mod replay;
mod unknown;
