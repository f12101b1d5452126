//! The contract on SQLite. What only a file can promise is in `durable.rs`.
#![allow(clippy::unwrap_used)]

mod file;
#[path = "../flushes/mod.rs"]
mod flushes;

store::live_promises!(crate::file::fresh());
store::token_promises!(crate::file::fresh());
store::account_promises!(crate::file::fresh());

mod durable;
mod faults;
mod forgotten;
mod property;
mod removed;
