//! Who is measured.

use clap::ValueEnum;
use serde::Serialize;

use crate::lean::dialect::Wrapping;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    Pika,
    /// Bun's native publish/subscribe topics.
    Bun,
    /// Socket.IO on Node.js.
    #[value(name = "socketio")]
    SocketIo,
    /// The ws library on Node.js.
    Ws,
    /// The least that a server fed by NATS can do.
    Bare,
    /// A nats-server alone, told message by message.
    #[value(skip)]
    JetStream,
}

impl Peer {
    pub const ALL: [Peer; 5] = [Peer::Bun, Peer::SocketIo, Peer::Ws, Peer::Bare, Peer::Pika];

    pub fn name(self) -> &'static str {
        match self {
            Peer::Pika => "Pika",
            Peer::Bun => "Bun",
            Peer::SocketIo => "Socket.IO",
            Peer::Ws => "ws",
            Peer::Bare => "bare",
            Peer::JetStream => "JetStream",
        }
    }

    pub fn wrapping(self) -> Wrapping {
        match self {
            Peer::SocketIo => Wrapping::SocketIo,
            Peer::Pika | Peer::Bun | Peer::Ws | Peer::Bare | Peer::JetStream => Wrapping::Bare,
        }
    }
}
