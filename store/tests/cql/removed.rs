//! An evening that was removed leaves no row in any table.

use schemas::Millis;
use schemas::track::Analysis;
use store::contract::sample::{EVENING, ended, evening, pos, session};
use store::cql::{Cql, migrate};
use store::{Fingerprint, Leaving, Live, Past};

use crate::server::{PRESENT, beside, tables, unmade};

#[tokio::test]
async fn no_table_holds_anything_of_it() {
    let _present = PRESENT.read().await;
    // Its keyspace is nobody's after it: what is taken away hides what others would write at the same places.
    let config = unmade();
    migrate(&config).await.unwrap();
    let (store, friday) = (Cql::open(&config).await.unwrap(), session("past-in-no-table"));
    let mut changes = evening(&friday, 10, pos(100));
    changes.runs = changes.runs.into_iter().map(|run| ended(run, EVENING)).collect();
    store.save(&changes).await.unwrap();
    let print = Fingerprint { key: changes.plays[0].key, analysis: Analysis { bpm: Some(99.0), ..Analysis::default() } };
    assert_eq!(store.save_fingerprints(&friday, 10, &[print]).await, Ok(1));

    let run = store.ended_before(friday.partition(), Millis::now(), 9).await.unwrap().remove(0);
    store.let_go(&run).await.unwrap();
    while !store.clear(&Leaving { session: friday.clone(), begin: 10 }, 2).await.unwrap() {}
    assert_eq!(store.ended_before(friday.partition(), Millis::now(), 9).await, Ok(vec![]));
    let beside = beside(&config).await;
    for table in tables(&beside, &config).await {
        let found = beside.query_unpaged(format!("SELECT * FROM {table}"), ()).await.unwrap().into_rows_result().unwrap().rows_num();
        // Where the fold stands, and which sums to read anew.
        let stays = matches!(table.as_str(), "positions" | "shelves" | "swept_shelves");
        assert_eq!(found > 0, stays, "{table}: {found} rows");
    }
}
