//! What an operator asks of a cluster of brokers: which server leads the log, and that another one does.

use schemas::Partition;
use serde::Deserialize;

use crate::connection::{Broker, BrokerError};

#[derive(Deserialize)]
struct Info {
    cluster: Option<Group>,
}

#[derive(Deserialize)]
struct Group {
    leader: Option<String>,
}

#[derive(Deserialize)]
struct Done {}

impl Broker {
    /// The name of the server that leads the log of a partition. `None` while nobody does, and on a broker that is alone.
    pub async fn log_leader(&self, partition: Partition) -> Result<Option<String>, BrokerError> {
        let info: Info = self.api(&format!("STREAM.INFO.{}", self.log(partition).stream()), &serde_json::json!({})).await?;
        Ok(info.cluster.and_then(|group| group.leader))
    }

    /// Asks the leader of a partition's log to hand over to another server, which it does without a pause.
    pub async fn step_down(&self, partition: Partition) -> Result<(), BrokerError> {
        let Done {} = self.api(&format!("STREAM.LEADER.STEPDOWN.{}", self.log(partition).stream()), &serde_json::json!({})).await?;
        Ok(())
    }
}
