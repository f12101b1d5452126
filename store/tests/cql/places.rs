//! Every row of the live family lies under its place in the log, and no write under the time of day. Cassandra would take both; the
//! first later write would then be lost in silence.

use schemas::{Pos, Seq};
use scylla::client::session::Session;
use scylla::value::{CqlValue, Row};
use store::contract::sample::{EVENING, ended, evening, flush, pos, run, session};
use store::{Changes, Live, StoreError};

use crate::server::{beside, fresh, tables};

/// Not in the log, so written without a place.
const BESIDE_THE_LOG: [&str; 18] = [
    "accounts",
    "account_names",
    "audit_by_account",
    "audit_by_month",
    "djs",
    "fingerprints",
    "leaving",
    "push_followers",
    "push_subscriptions",
    "push_subscriptions_by_person",
    "pushes",
    "pushes_told",
    "secrets",
    "secrets_by_account",
    "swept_shelves",
    "tokens",
    "tokens_by_dj",
    "tokens_by_name",
];

/// The columns of a table's key, and how many of them name the partition.
async fn key(session: &Session, keyspace: &str, table: &str) -> Vec<String> {
    let ask = "SELECT column_name, kind FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?";
    let answer = session.query_unpaged(ask, (keyspace, table)).await.unwrap().into_rows_result().unwrap();
    let columns = answer.rows::<(String, String)>().unwrap().map(Result::unwrap);
    columns.filter(|(_, kind)| kind == "partition_key" || kind == "clustering").map(|(name, _)| name).collect()
}

async fn rows(session: &Session, columns: &str, table: &str) -> Vec<Vec<CqlValue>> {
    let answer = session.query_unpaged(format!("SELECT {columns} FROM {table}"), ()).await.unwrap().into_rows_result().unwrap();
    let rows = answer.rows::<Row>().unwrap().map(|row| row.unwrap().columns);
    rows.map(|columns| columns.into_iter().map(Option::unwrap).collect()).collect()
}

#[tokio::test]
async fn nothing_of_the_log_lies_behind_the_last_place() {
    let store = fresh().await;
    let friday = session("under-its-place");
    store.save(&evening(&friday, 10, pos(100))).await.unwrap();
    let over = ended(run(&friday, 200, pos(210)), EVENING);
    store.save(&Changes { runs: vec![over], ..flush(&friday, pos(210)) }).await.unwrap();

    let beside = beside(&store.config).await;
    for table in tables(&beside, &store.config).await {
        if BESIDE_THE_LOG.contains(&table.as_str()) {
            continue;
        }
        let key = key(&beside, &store.config.keyspace, &table).await;
        let written = rows(&beside, &key.join(", "), &table).await;
        assert!(!written.is_empty(), "no row of {table} is looked at");
        // A deletion takes away what was written at its place or before, and nothing else.
        let condition = key.join(" = ? AND ");
        let delete = format!("DELETE FROM {table} USING TIMESTAMP {} WHERE {condition} = ?", Pos::MAX.0);
        for row in written {
            beside.query_unpaged(delete.as_str(), row).await.unwrap();
        }
        let stay = rows(&beside, &key.join(", "), &table).await;
        assert_eq!(stay, Vec::<Vec<CqlValue>>::new(), "{table} was written later than the last place there is");
    }
}

/// A place that a server would take for the time of day is refused before anything is sent, for every kind of row.
#[tokio::test]
async fn a_place_in_the_future_is_refused() {
    let store = fresh().await;
    let friday = session("in-the-future");
    let now = Pos(EVENING.0 as u64 * 1000);
    let whole = evening(&friday, 10, pos(100));
    let nothing = flush(&friday, pos(100));
    let cases = [
        Changes { runs: whole.runs.iter().cloned().map(|row| store::RunRow { pos: now, ..row }).collect(), ..nothing.clone() },
        Changes { plays: whole.plays.iter().cloned().map(|row| store::PlayRow { pos: now, ..row }).collect(), ..nothing.clone() },
        Changes { likes: whole.likes.iter().cloned().map(|row| store::LikeRow { pos: now, ..row }).collect(), ..nothing.clone() },
        Changes { wishes: whole.wishes.iter().cloned().map(|row| store::WishRow { pos: now, ..row }).collect(), ..nothing.clone() },
        Changes { polls: whole.polls.iter().cloned().map(|row| store::PollRow { pos: now, ..row }).collect(), ..nothing.clone() },
        Changes { votes: whole.votes.iter().cloned().map(|row| store::VoteRow { pos: now, ..row }).collect(), ..nothing.clone() },
        Changes { upto: now, ..whole.clone() },
        Changes { upto: Pos(Pos::MAX.0 + 1), ..nothing.clone() },
    ];
    for changes in cases {
        let refused = store.save(&changes).await;
        assert!(matches!(&refused, Err(StoreError::Corrupt(why)) if why.contains("last place")), "{refused:?} for {changes:?}");
    }
    assert_eq!((store.load(&friday).await, store.position(friday.partition()).await), (Ok(None), Ok(None)), "part of it was written");

    let last = Changes { upto: Pos::MAX, ..nothing };
    assert_eq!(store.save(&last).await, Ok(()));
    assert_eq!(store.position(friday.partition()).await, Ok(Some(Pos::MAX)));
}

/// Deletions lie under their places too, so that what is written later in the log is not swallowed by one of the time of day.
#[tokio::test]
async fn an_end_takes_away_what_was_before_it_and_nothing_after() {
    let store = fresh().await;
    let friday = session("open-again");
    let open = async || store.open_runs(friday.partition()).await.unwrap();
    let at = |seq: Seq| run(&friday, 10, pos(seq));
    let save = async |row| store.save(&Changes { runs: vec![row], ..flush(&friday, pos(50)) }).await.unwrap();
    save(ended(at(20), EVENING)).await;
    save(at(15)).await;
    assert!(open().await.is_empty(), "an older row brought the run back");
    save(at(30)).await;
    assert_eq!(open().await, std::slice::from_ref(&friday), "the end swallowed a newer row");
    assert_eq!(store.run(&friday).await, Ok(Some(at(30))));
}
