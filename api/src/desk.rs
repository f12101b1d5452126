//! What every handler has at hand, and the one way it asks the store.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use schemas::Code;
use schemas::secrets::ClusterKey;
use store::{RunRow, StoreError, TopTrack, Totals};

use crate::config::Config;
use crate::failure::Failure;
use crate::fresh::Fresh;
use crate::limits::Limits;
use crate::listeners::Listeners;
use crate::stage::Stage;

pub(crate) struct Desk {
    pub config: Config,
    pub stage: Arc<dyn Stage>,
    pub live: Arc<dyn store::Live>,
    pub tokens: Arc<dyn store::Tokens>,
    pub accounts: accounts::Accounts,
    pub mailbox: Option<accounts::Mailbox>,
    pub key: ClusterKey,
    pub limits: Limits,
    pub push: push::Push,
    pub listeners: Listeners,
    pub top_tracks: Fresh<Vec<TopTrack>>,
    pub totals: Fresh<Totals>,
    /// As many as anybody may ask for.
    pub recent: Fresh<Vec<RunRow>>,
}

/// What a desk is made of, less the stage.
pub(crate) struct Parts {
    pub config: Config,
    pub live: Arc<dyn store::Live>,
    pub tokens: Arc<dyn store::Tokens>,
    pub accounts: accounts::Accounts,
    pub mailbox: Option<accounts::Mailbox>,
    pub key: ClusterKey,
    pub limits: Limits,
    pub push: push::Push,
    pub listeners: Listeners,
}

impl Desk {
    pub fn new(parts: Parts, stage: Arc<dyn Stage>) -> Self {
        let Parts { config, live, tokens, accounts, mailbox, key, limits, push, listeners } = parts;
        let fresh = config.stats_fresh;
        let (top_tracks, totals, recent) = (Fresh::new(fresh), Fresh::new(fresh), Fresh::new(config.recent_fresh));
        Desk { config, stage, live, tokens, accounts, mailbox, key, limits, push, listeners, top_tracks, totals, recent }
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
pub(crate) async fn within<T, E: From<StoreError>>(deadline: Duration, question: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    tokio::time::timeout(deadline, question)
        .await
        .unwrap_or_else(|_| Err(StoreError::Unavailable(format!("no answer in {} ms", deadline.as_millis())).into()))
}
