//! The server hangs, and dies. Whoever asks is told in time, and the same store goes on once it is back.

use std::time::{Duration, Instant};

use store::contract::sample::{evening, load, loaded, pos, session};
use store::cql::{Cql, migrate};
use store::{Live, StoreError};

use crate::server::{CASSANDRA, PRESENT, unmade};

const DEADLINE: Duration = Duration::from_secs(1);
/// The deadline, and enough for a busy machine.
const IN_TIME: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(60);

fn unavailable<T>(answer: Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}

#[tokio::test]
async fn a_server_that_hangs_or_dies_is_said_in_time_and_all_goes_on_when_it_is_back() {
    let _alone = PRESENT.write().await;
    let mut config = unmade();
    migrate(&config).await.unwrap();
    config.deadline = DEADLINE;
    let store = Cql::open(&config).await.unwrap();
    let friday = session("through-it-all");
    let flushes = [100, 200, 300].map(|at| evening(&friday, 10, pos(at)));
    store.save(&flushes[0]).await.unwrap();

    CASSANDRA.signal("STOP");
    let asked = Instant::now();
    assert!(unavailable(store.save(&flushes[1]).await));
    assert!(unavailable(store.load(&friday).await));
    assert!(unavailable(store.ping().await));
    assert!(asked.elapsed() < IN_TIME * 3, "{:?}", asked.elapsed());
    CASSANDRA.signal("CONT");
    // It may have done what nobody heard of. Saving it again is how that is found out.
    saved(&store, &flushes[1]).await;
    assert_eq!(load(&store, &friday).await, loaded(&flushes[1]));

    CASSANDRA.signal("KILL");
    let asked = Instant::now();
    assert!(unavailable(store.save(&flushes[2]).await));
    assert!(unavailable(store.position(friday.partition()).await));
    assert!(asked.elapsed() < IN_TIME * 2, "{:?}", asked.elapsed());
    CASSANDRA.start_again();
    let back = Instant::now();
    saved(&store, &flushes[2]).await;
    println!("saved again {:?} after the server's return", back.elapsed());
    assert_eq!(load(&store, &friday).await, loaded(&flushes[2]));
    assert_eq!(store.position(friday.partition()).await, Ok(Some(flushes[2].upto)));
}

async fn saved(store: &Cql, changes: &store::Changes) {
    let again = async {
        while unavailable(store.save(changes).await) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("the store did not come back");
}
