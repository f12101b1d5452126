//! The stores of these stories: a file each, or a keyspace each on one server.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use accounts::Stores;
use store::cql::{Config, Cql, migrate};
use store::sqlite::Sqlite;

use crate::cassandra::Cassandra;
use crate::world::World;

pub fn file() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Sqlite::open(&folder.path().join("pika.db")).unwrap());
    World::over(Stores { accounts: store.clone(), secrets: store.clone(), audit: store.clone(), tokens: store }, folder)
}

static CASSANDRA: LazyLock<Cassandra> = LazyLock::new(Cassandra::boot);
static KEYSPACES: AtomicU32 = AtomicU32::new(0);
/// Keyspaces that a story is done with. Making one takes seconds.
static FREE: std::sync::Mutex<Vec<Config>> = std::sync::Mutex::new(Vec::new());

/// Gives its keyspace back.
struct Used(Config);

impl Drop for Used {
    fn drop(&mut self) {
        FREE.lock().unwrap().push(self.0.clone());
    }
}

pub async fn cql() -> World {
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
    let store = Arc::new(Cql::open(&config).await.unwrap());
    World::over(Stores { accounts: store.clone(), secrets: store.clone(), audit: store.clone(), tokens: store }, Used(config))
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
