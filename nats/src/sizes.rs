//! How large the streams are, for the gauges, and what a doctor asks of a server. Nothing decides on these numbers.

use schemas::Millis;
use serde::Deserialize;
use serde_json::json;

use crate::connection::{Broker, BrokerError};
use crate::shard::Shard;
use crate::{metrics, subjects};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSize {
    pub stream: String,
    pub bytes: u64,
    pub messages: u64,
    /// Copies that there should be, and those that are there and not behind.
    pub replicas: u64,
    pub current: u64,
}

impl Broker {
    /// Asks for the size of each stream. A stream that does not answer is an error, because a sum without it would be wrong.
    pub async fn sizes(&self) -> Result<Vec<StreamSize>, BrokerError> {
        let buckets = [subjects::BUCKET_PIKA, subjects::BUCKET_LEASES, subjects::BUCKET_CODES].map(subjects::bucket_stream);
        let beside = [subjects::STATE.to_owned(), subjects::REVOKED.to_owned()];
        let mut sizes = Vec::new();
        for stream in Shard::all(self.config().shards).map(Shard::stream).chain(beside).chain(buckets) {
            let info: Info = self.api(&format!("STREAM.INFO.{stream}"), &json!({})).await?;
            sizes.push(info.size(stream));
        }
        Ok(sizes)
    }

    /// The version that the server says of itself.
    pub fn server_version(&self) -> String {
        self.client().server_info().version
    }

    /// The server's clock, as it says when it is asked for a stream; `None` if it says nothing of it.
    pub async fn clock(&self, stream: &str) -> Result<Option<Millis>, BrokerError> {
        let info: serde_json::Value = self.api(&format!("STREAM.INFO.{stream}"), &json!({})).await?;
        Ok(info["ts"].as_str().and_then(Millis::parse))
    }

    /// The same, said to the gauges.
    pub async fn measure(&self) -> Result<(), BrokerError> {
        for size in self.sizes().await? {
            metrics::stream(&size);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Info {
    config: Settled,
    state: State,
    #[serde(default)]
    cluster: Option<Cluster>,
}

#[derive(Deserialize)]
struct Settled {
    num_replicas: u64,
}

#[derive(Deserialize)]
struct State {
    bytes: u64,
    messages: u64,
}

#[derive(Default, Deserialize)]
struct Cluster {
    #[serde(default)]
    leader: Option<String>,
    #[serde(default)]
    replicas: Vec<Replica>,
}

#[derive(Deserialize)]
struct Replica {
    current: bool,
    #[serde(default)]
    offline: bool,
}

impl Info {
    fn size(self, stream: String) -> StreamSize {
        // A server without a cluster names no leader: what it holds is the one copy.
        let current = self.cluster.map_or(1, |cluster| {
            let followers = cluster.replicas.iter().filter(|replica| replica.current && !replica.offline).count() as u64;
            followers + u64::from(cluster.leader.is_some())
        });
        StreamSize { stream, bytes: self.state.bytes, messages: self.state.messages, replicas: self.config.num_replicas.max(1), current }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn size(info: serde_json::Value) -> StreamSize {
        serde_json::from_value::<Info>(info).unwrap().size("LIVE".to_owned())
    }

    #[test]
    fn copies_that_are_away_or_behind_do_not_count() {
        let state = json!({"bytes": 7, "messages": 3, "first_seq": 1, "last_seq": 3});
        let alone = size(json!({"config": {"num_replicas": 1}, "state": state}));
        assert_eq!((alone.bytes, alone.messages, alone.replicas, alone.current), (7, 3, 1, 1));
        let cluster = json!({"leader": "a", "replicas": [
            {"name": "b", "current": true}, {"name": "c", "current": true, "offline": true}, {"name": "d", "current": false}]});
        let three = size(json!({"config": {"num_replicas": 3}, "state": state, "cluster": cluster}));
        assert_eq!((three.replicas, three.current), (3, 2));
        let leaderless = size(json!({"config": {"num_replicas": 3}, "state": state, "cluster": {"replicas": [{"current": true}]}}));
        assert_eq!(leaderless.current, 1);
    }
}
