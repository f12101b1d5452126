//! Keyspaces on one CQL server, one for each story at a time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use store::cql::{Config, Cql, migrate};

use super::cassandra::Cassandra;

static CASSANDRA: LazyLock<Cassandra> = LazyLock::new(Cassandra::boot);
static KEYSPACES: AtomicU32 = AtomicU32::new(0);
/// Keyspaces that a story is done with. Making one takes seconds.
static FREE: std::sync::Mutex<Vec<Config>> = std::sync::Mutex::new(Vec::new());

/// Gives its keyspace back.
pub struct Used(Config);

impl Drop for Used {
    fn drop(&mut self) {
        FREE.lock().unwrap().push(self.0.clone());
    }
}

/// An empty one, until what comes with it is dropped.
pub async fn keyspace() -> (Arc<Cql>, Used) {
    let free = FREE.lock().unwrap().pop();
    let config = match free {
        Some(config) => {
            empty(&config).await;
            config
        }
        None => {
            let number = KEYSPACES.fetch_add(1, Ordering::Relaxed);
            let mut config: Config = format!("{}/people_{number}", CASSANDRA.place).parse().unwrap();
            config.deadline = Duration::from_secs(10);
            migrate(&config).await.unwrap();
            config
        }
    };
    (Arc::new(Cql::open(&config).await.unwrap()), Used(config))
}

const TABLES: [&str; 9] =
    ["accounts", "account_names", "secrets", "secrets_by_account", "audit_by_month", "audit_by_account", "djs", "tokens", "tokens_by_name"];

async fn empty(config: &Config) {
    let session = scylla::client::session_builder::SessionBuilder::new().known_nodes(&config.nodes).build().await.unwrap();
    session.use_keyspace(&config.keyspace, true).await.unwrap();
    for table in TABLES.into_iter().chain(["tokens_by_dj"]) {
        session.query_unpaged(format!("TRUNCATE {table}"), ()).await.unwrap();
    }
}
