//! The connection to the broker, and whether it is there right now.
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Config {
    /// `nats://host:port`, several for a cluster.
    pub servers: Vec<String>,
    /// Copies of each stream: 1 on one machine, 3 in a cluster.
    pub replicas: usize,
    /// How long the log is kept; always longer than the longest session.
    pub keep: Duration,
    /// How long a publish may wait for its PubAck before its outcome counts as unknown.
    pub ack_deadline: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config { servers: vec!["nats://127.0.0.1:4222".into()], replicas: 1, keep: Duration::from_secs(30 * 24 * 3600), ack_deadline: Duration::from_secs(2) }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Not there, or no answer in time. The outcome of a publish is unknown.
    #[error("the broker is temporarily unavailable: {0}")]
    Unavailable(String),
    /// It answered, and refused. Trying again will not help.
    #[error("the broker refused: {0}")]
    Refused(String),
    /// A message in the log cannot be read by this version.
    #[error("unreadable message at {subject} {seq}: {why}")]
    Unreadable { subject: String, seq: u64, why: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerEvent {
    Connected,
    Disconnected,
    /// A subscription of this client dropped messages: whoever follows something must read again.
    Lagged,
}

/// A cheap handle, cloned freely; all clones share one connection.
#[derive(Clone)]
pub struct Broker {}

impl Broker {
    /// Connects (waiting up to `patience`), and makes or updates the streams and buckets.
    pub async fn connect(config: Config, patience: Duration) -> Result<Broker, BrokerError> {
        todo!()
    }
    /// Whether the connection is up at this moment. While it is not, publishing answers `Unavailable` at once; nothing is queued.
    pub fn available(&self) -> bool {
        todo!()
    }
    pub fn events(&self) -> tokio::sync::broadcast::Receiver<BrokerEvent> {
        todo!()
    }
    /// The log's epoch (KV `PIKA`, key `epoch`; 1 when first made).
    pub fn epoch(&self) -> schemas::Epoch {
        todo!()
    }
    pub(crate) fn client(&self) -> &async_nats::Client {
        todo!()
    }
    pub fn config(&self) -> &Config {
        todo!()
    }
}
