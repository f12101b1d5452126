//! The broker room: the only one that spells a subject. It keeps the log (`LIVE`, one stream or several), the derived state (`STATE`), the lobby,
//! leases and join codes on a real nats-server with JetStream, and gives the others typed functions over them.
//!
//! It promises: what [`Broker::append`] and [`Broker::publish_packs`] return `Ok` for is stored under fsync; an error of kind
//! [`BrokerError::Unavailable`] means *unknown*; a [`sessions::Session`] shows every fact once, in order, or says that it
//! cannot. It knows nothing of sockets, stores or HTTP.

pub mod batch;
mod cluster;
pub mod codes;
pub mod connection;
pub mod direct;
pub mod epoch;
mod feed;
mod follow;
pub mod lease;
pub mod lobby;
pub mod log;
mod metrics;
pub mod notes;
pub mod reading;
pub mod server;
pub mod sessions;
pub mod shard;
pub mod sharing;
pub mod sizes;
pub mod snapshot;
pub mod state;
pub mod streams;
pub mod subjects;
pub mod traces;

pub use connection::{Broker, BrokerError, Config};
pub use epoch::{Eras, Known};
pub use lobby::{Lobby, LobbyChange};
pub use log::{AppendError, Appended, Entry, Timer};
pub use reading::Reading;
pub use sessions::{Applied, Decision, Failed, Session, Sessions, Update};
pub use shard::Shard;
