//! Decoders against bytes that mean harm, and values against their own copies. CONTRIBUTING.md says how to let it run for long.
#![allow(clippy::unwrap_used)]

mod client;
mod hostile;
mod log_bodies;
mod names;
