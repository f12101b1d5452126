//! What the fold promises, beside the code.
#![allow(clippy::unwrap_used)]

mod crowds;
mod cuts;
mod likes;
mod lost;
mod scene;
pub mod shelf;
mod timers;
mod votes;
