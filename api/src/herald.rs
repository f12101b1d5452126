//! Telling every node that a secret does not hold any more, by the stream of revocations that they follow.

use accounts::Herald;
use async_trait::async_trait;

pub struct Told(pub nats::Broker);

#[async_trait]
impl Herald for Told {
    async fn ended(&self, sha256: &str) -> Result<(), String> {
        self.0.revoke(sha256).await.map_err(|error| error.to_string())
    }
}
