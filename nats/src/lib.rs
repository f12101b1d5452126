//! The broker room: the only one that spells a subject. It keeps the log (`LIVE`), the derived state (`STATE`), the lobby,
//! leases and join codes on a real nats-server with JetStream, and gives the others typed functions over them.
//!
//! It promises: what [`Broker::append`] and [`Broker::publish_packs`] return `Ok` for is stored under fsync; an error of kind
//! [`BrokerError::Unavailable`] means *unknown*; a [`sessions::Session`] shows every fact once, in order, or says that it
//! cannot. It knows nothing of sockets, stores or HTTP.

pub mod subjects;
pub mod server;
pub mod connection;
pub mod streams;
pub mod direct;
pub mod batch;
pub mod log;
pub mod state;
pub mod notes;
pub mod lobby;
pub mod lease;
pub mod codes;
mod feed;
pub mod sessions;

pub use connection::{Broker, BrokerError, Config};
pub use lobby::{Lobby, LobbyChange};
pub use sessions::{Applied, Decision, Failed, Session, Sessions, Update};
pub use log::{AppendError, Appended, Entry, Timer};
