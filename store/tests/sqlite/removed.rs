//! An evening that was removed leaves no row in any table, also when the file was closed in the middle.

use schemas::Millis;
use schemas::track::Analysis;
use store::contract::sample::{EVENING, ended, evening, pos, session};
use store::sqlite::contents;
use store::{Fingerprint, Leaving, Live, Past, RunRow};

use crate::file::fresh;

#[tokio::test]
async fn no_table_holds_anything_of_it() {
    let (store, friday) = (fresh(), session("past-in-no-table"));
    let mut changes = evening(&friday, 10, pos(100));
    changes.runs = changes.runs.into_iter().map(|run| ended(run, EVENING)).collect();
    store.save(&changes).await.unwrap();
    let print = Fingerprint { key: changes.plays[0].key, analysis: Analysis { bpm: Some(99.0), ..Analysis::default() } };
    assert_eq!(store.save_fingerprints(&friday, 10, &[print]).await, Ok(1));

    let run = store.ended_before(friday.partition(), Millis::now(), 9).await.unwrap().remove(0);
    store.let_go(&run).await.unwrap();
    let mut store = store;
    loop {
        store = store.reopened();
        let leaving = store.leaving(friday.partition()).await.unwrap();
        let Some(leaving) = leaving.first() else { break };
        store.clear(leaving, 3).await.unwrap();
    }
    for (table, found) in contents(&store.path()).unwrap() {
        let stays = matches!(table.as_str(), "positions" | "totals");
        assert_eq!(found > 0, stays, "{table}: {found} rows");
    }
    assert_eq!(store.totals().await, Ok(store::Totals::default()));
}

/// A row that was written since whoever removes it looked is not what they looked at.
#[tokio::test]
async fn an_evening_that_changed_meanwhile_stays() {
    let (store, friday) = (fresh(), session("past-and-changed"));
    let mut changes = evening(&friday, 10, pos(100));
    changes.runs = changes.runs.into_iter().map(|run| ended(run, EVENING)).collect();
    store.save(&changes).await.unwrap();
    let seen = changes.runs[0].clone();
    let liked = RunRow { likes: 3, pos: pos(400), ..seen.clone() };
    store.save(&store::Changes { runs: vec![liked.clone()], upto: pos(400), ..changes }).await.unwrap();
    let whole = store.load(&friday).await;
    assert_eq!(store.let_go(&seen).await, Ok(false), "it is not leaving");
    assert_eq!(store.run(&friday).await, Ok(Some(liked)));
    assert_eq!(store.leaving(friday.partition()).await, Ok(vec![]));
    assert_eq!(store.clear(&Leaving { session: friday.clone(), begin: 10 }, 500).await, Ok(true));
    assert_eq!(store.load(&friday).await, whole, "of what is not leaving nothing is taken");
}
