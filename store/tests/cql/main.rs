//! The contract on a real CQL server, one for the whole run. What only such a server can promise is in the files beside.
#![allow(clippy::unwrap_used)]

mod backup;
mod cassandra;
#[path = "../flushes/mod.rs"]
mod flushes;
mod server;

store::live_promises!(crate::server::fresh().await);
store::token_promises!(crate::server::fresh().await);
store::account_promises!(crate::server::fresh().await);

mod forgotten;
mod migrations;
mod outage;
mod places;
mod property;
mod removed;
