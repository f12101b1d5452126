//! Connecting, with patience: servers that are starting, or are being replaced, get some time.

use std::time::{Duration, Instant};

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;

use super::{Config, errors, server};
use crate::StoreError;

/// How long one attempt may take to open a connection.
const ATTEMPT: Duration = Duration::from_secs(3);
/// Between two attempts, doubling.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How often an idle connection is tried, and how long it may then be silent: a server that hangs without closing is noticed in ten
/// seconds, and its connections are opened anew.
const ALIVE: Duration = Duration::from_secs(5);

pub async fn connect(config: &Config) -> Result<Session, StoreError> {
    let began = Instant::now();
    let mut pause = PAUSE.0;
    loop {
        let error = match builder(config).build().await {
            Ok(session) => return Ok(session),
            Err(error) => errors::of_connecting(config, &error),
        };
        if began.elapsed() + pause > config.patience {
            return Err(error);
        }
        tracing::debug!(%error, "connecting to the store; it is tried again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

fn builder(config: &Config) -> SessionBuilder {
    let mut builder = SessionBuilder::new()
        .known_nodes(&config.nodes)
        .connection_timeout(ATTEMPT)
        .keepalive_interval(ALIVE)
        .keepalive_timeout(ALIVE)
        // Replication is all that routing needs to know, and of this keyspace alone.
        .keyspaces_to_fetch([config.keyspace.clone()])
        .fetch_full_schema_metadata(false)
        .default_execution_profile_handle(server::profile(config).into_handle());
    if let Some(login) = &config.login {
        builder = builder.user(&login.user, &login.password);
    }
    builder
}
