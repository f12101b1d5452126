//! What every handler has at hand, and the one way it asks the store.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use schemas::Code;
use schemas::secrets::ClusterKey;
use store::{StoreError, TopTrack, Totals};

use crate::config::Config;
use crate::failure::Failure;
use crate::fresh::Fresh;
use crate::listeners::Listeners;
use crate::stage::Stage;

pub(crate) struct Desk {
    pub config: Config,
    pub stage: Arc<dyn Stage>,
    pub live: Arc<dyn store::Live>,
    pub tokens: Arc<dyn store::Tokens>,
    pub key: ClusterKey,
    pub listeners: Listeners,
    pub top_tracks: Fresh<Vec<TopTrack>>,
    pub totals: Fresh<Totals>,
}

impl Desk {
    pub fn new(
        config: Config,
        stage: Arc<dyn Stage>,
        live: Arc<dyn store::Live>,
        tokens: Arc<dyn store::Tokens>,
        key: ClusterKey,
        listeners: Listeners,
    ) -> Self {
        let fresh = config.stats_fresh;
        Desk { config, stage, live, tokens, key, listeners, top_tracks: Fresh::new(fresh), totals: Fresh::new(fresh) }
    }

    /// The store's answer, within the deadline. Whatever keeps the store from answering is logged here and nowhere else.
    pub async fn stored<T>(&self, question: impl Future<Output = Result<T, StoreError>>) -> Result<T, Failure> {
        within(self.config.store_deadline, question).await.map_err(|error| {
            let code = match &error {
                StoreError::Unavailable(_) => Code::Unavailable,
                StoreError::Corrupt(_) => Code::Internal,
                StoreError::Taken => Code::Conflict,
            };
            if code != Code::Conflict {
                tracing::warn!(error = %error, "the store did not answer a question");
            }
            code.into()
        })
    }
}

/// A store that does not answer in time is an unavailable one.
pub(crate) async fn within<T>(deadline: Duration, question: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(deadline, question)
        .await
        .unwrap_or_else(|_| Err(StoreError::Unavailable(format!("no answer in {} ms", deadline.as_millis()))))
}
