//! The stores of these stories: a file each, or a keyspace each on one server.

use std::sync::Arc;

use accounts::Stores;
use store::sqlite::Sqlite;

use crate::keyspaces::keyspace;
use crate::world::World;

pub fn file() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Sqlite::open(&folder.path().join("pika.db")).unwrap());
    World::over(
        Stores { accounts: store.clone(), secrets: store.clone(), audit: store.clone(), tokens: store.clone(), subscriptions: store },
        folder,
    )
}

pub async fn cql() -> World {
    let (store, used) = keyspace().await;
    World::over(
        Stores { accounts: store.clone(), secrets: store.clone(), audit: store.clone(), tokens: store.clone(), subscriptions: store },
        used,
    )
}
