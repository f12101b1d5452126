//! Nothing of Web Push is kept longer than it matters: the servers forget each row by themselves.

use schemas::{Millis, PersonId};
use store::contract::pushes::subscription;
use store::contract::sample::session;
use store::pushes::{DONE_MS, KEPT_MS};
use store::{Claim, PushKey, Pushes, Subscriptions};

use crate::server::{beside, fresh};

#[tokio::test]
async fn every_value_says_when_it_is_forgotten() {
    let (store, friday, now) = (fresh().await, session("friday-night"), Millis::now());
    let (phone, push) = (subscription(PersonId::random(), 'a'), PushKey { session: friday.clone(), seq: 100 });
    store.subscribe(&phone).await.unwrap();
    store.hush(phone.person, true).await.unwrap();
    store.follow(&friday, &phone.sha256, now.plus(3_600_000)).await.unwrap();
    for (holder, at) in [("one", now), ("two", now.plus(1_000))] {
        assert_eq!(store.claim_push(&push, holder, at, at.plus(1_000)).await, Ok(Claim::Ours));
    }
    store.leave_push(&push, "two", true).await.unwrap();
    let session = beside(&store.config).await;
    for (table, column, seconds) in [
        ("push_subscriptions", "endpoint", KEPT_MS / 1_000),
        ("push_subscriptions", "quiet", KEPT_MS / 1_000),
        ("push_followers", "until", 3_600 + 60),
        ("pushes", "holder", DONE_MS / 1_000),
        ("pushes", "until", DONE_MS / 1_000),
        ("pushes", "done", DONE_MS / 1_000),
    ] {
        let answer = session.query_unpaged(format!("SELECT TTL({column}) FROM {table}"), ()).await.unwrap().into_rows_result().unwrap();
        let left: Vec<Option<i32>> = answer.rows::<(Option<i32>,)>().unwrap().map(|row| row.unwrap().0).collect();
        let right = |left: &Option<i32>| left.is_some_and(|left| (seconds - 60..=seconds).contains(&i64::from(left)));
        assert!(left.len() == 1 && left.iter().all(right), "{table}.{column}: {left:?}, not {seconds}");
    }
}
