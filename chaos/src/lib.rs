//! Breaking things on purpose: a whole cluster in processes of its own on loopback, blows drawn from a seed, and a witness who
//! plays an evening meanwhile and knows at the end whether anything was lost or counted twice.
//!
//! It promises that the same seed strikes the same blows at the same times; what they meet is up to the machine. It knows
//! processes and connections and nothing of messages: what is right is judged by `pika-loadtest` and `pika audit`.

pub mod brokers;
pub mod child;
pub mod fleet;
pub mod link;
pub mod ports;
pub mod roles;
pub mod schedule;
pub mod witness;
