//! Nothing of Web Push is kept longer than it matters.

use schemas::{Millis, PersonId};
use store::contract::pushes::subscription;
use store::contract::sample::session;
use store::pushes::{DONE_MS, KEPT_MS};
use store::{Claim, PushKey, Pushes, Subscriptions};

use crate::file::fresh;

#[tokio::test]
async fn a_sweep_forgets_what_is_over() {
    let (store, friday, now) = (fresh(), session("friday-night"), Millis::now());
    let (phone, push) = (subscription(PersonId::random(), 'a'), PushKey { session: friday.clone(), seq: 100 });
    store.subscribe(&phone).await.unwrap();
    store.follow(&friday, &phone.sha256, now.plus(2 * KEPT_MS)).await.unwrap();
    assert_eq!(store.claim_push(&push, "one", now, now.plus(1_000)).await, Ok(Claim::Ours));
    store.note_told(&push, &phone.sha256).await.unwrap();
    store.leave_push(&push, "one", true).await.unwrap();
    store.sweep_subscriptions(now.plus(DONE_MS), 100).await.unwrap();
    assert_eq!(store.claim_push(&push, "two", now, now).await, Ok(Claim::Done), "it could still be met");
    assert_eq!(store.followers(&friday, now, 9).await, Ok(vec![phone.clone()]));
    store.sweep_subscriptions(phone.seen_at.plus(KEPT_MS + 1), 100).await.unwrap();
    assert_eq!(store.subscription(&phone.sha256).await, Ok(None));
    assert_eq!(store.told(&push).await, Ok(vec![]));
    assert_eq!(store.claim_push(&push, "two", now, now).await, Ok(Claim::Ours));
    store.sweep_subscriptions(now.plus(2 * KEPT_MS), 100).await.unwrap();
    store.subscribe(&phone).await.unwrap();
    assert_eq!(store.followers(&friday, now, 9).await, Ok(vec![]), "what it followed is over too");
}
