//! Stores for these tests: all on one Cassandra, each with a keyspace that nobody else uses meanwhile.

use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use futures_util::future::try_join_all;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::ExecutionError;
use store::cql::{Config, Cql, migrate};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

use crate::cassandra::Cassandra;

pub static CASSANDRA: LazyLock<Cassandra> = LazyLock::new(Cassandra::boot);

/// Held by whoever needs the server to be there; taken as a whole by whoever takes the server away.
pub static PRESENT: LazyLock<Arc<RwLock<()>>> = LazyLock::new(Arc::default);

/// Making the tables of a keyspace takes seconds, emptying them a tenth of one. So keyspaces are used again.
static FREE: Mutex<Vec<Config>> = Mutex::new(Vec::new());

static KEYSPACES: AtomicU32 = AtomicU32::new(0);

/// A keyspace that does not exist yet.
pub fn unmade() -> Config {
    let number = KEYSPACES.fetch_add(1, Ordering::Relaxed);
    let mut config: Config = format!("{}/test_{number}", CASSANDRA.place).parse().unwrap();
    config.deadline = Duration::from_secs(10);
    config
}

/// A store without a row. It gives its keyspace back when dropped.
pub struct Fresh {
    store: Cql,
    pub config: Config,
    _present: OwnedRwLockReadGuard<()>,
}

impl Deref for Fresh {
    type Target = Cql;

    fn deref(&self) -> &Cql {
        &self.store
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        FREE.lock().unwrap().push(self.config.clone());
    }
}

pub async fn fresh() -> Fresh {
    let present = PRESENT.clone().read_owned().await;
    let free = FREE.lock().unwrap().pop();
    let config = match free {
        Some(config) => {
            empty(&config).await;
            config
        }
        None => {
            let config = unmade();
            migrate(&config).await.unwrap();
            config
        }
    };
    Fresh { store: Cql::open(&config).await.unwrap(), config, _present: present }
}

/// A session beside the store's own, to look at what it does.
pub async fn beside(config: &Config) -> Session {
    let session = SessionBuilder::new().known_nodes(&config.nodes).build().await.unwrap();
    session.use_keyspace(&config.keyspace, true).await.unwrap();
    session
}

/// All tables but those of the migrations.
pub async fn tables(session: &Session, config: &Config) -> Vec<String> {
    let ask = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
    let answer = session.query_unpaged(ask, (&config.keyspace,)).await.unwrap().into_rows_result().unwrap();
    let names = answer.rows::<(String,)>().unwrap().map(|row| row.unwrap().0);
    names.filter(|name| !name.starts_with("migration")).collect()
}

async fn empty(config: &Config) {
    let session = &beside(config).await;
    let empty = tables(session, config).await.into_iter().map(|table| async move {
        // Looking is a hundred times quicker than emptying.
        let found = session.query_unpaged(format!("SELECT * FROM {table} LIMIT 1"), ()).await?;
        if found.into_rows_result().unwrap().rows_num() > 0 {
            session.query_unpaged(format!("TRUNCATE {table}"), ()).await?;
        }
        Ok::<_, ExecutionError>(())
    });
    try_join_all(empty).await.unwrap();
}
