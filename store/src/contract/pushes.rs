//! Promises about Web Push: who is subscribed, and who pushes what.

use schemas::{Millis, PersonId};

use super::sample::session;
use crate::{Claim, PushKey, Pushes, StoreError, Subscription, Subscriptions};

/// A subscription with a value in every column. The stores that forget by themselves go by the time of day.
pub fn subscription(person: PersonId, digit: char) -> Subscription {
    Subscription {
        sha256: digit.to_string().repeat(64),
        endpoint: format!("https://push.example/{digit}"),
        p256dh: "BLn9b-VR0ca83knDNZ32".to_owned(),
        auth: format!("secret {digit}"),
        key: "BAbc".to_owned(),
        person,
        quiet: false,
        created_at: Millis::now(),
        seen_at: Millis::now(),
    }
}

fn hour(hours: i64) -> Millis {
    Millis::now().plus(hours * 3_600_000)
}

pub async fn a_subscription_comes_back_as_it_was(store: &dyn Subscriptions) {
    let ada = PersonId::random();
    let (phone, laptop) = (subscription(ada, 'a'), Subscription { seen_at: hour(1), ..subscription(ada, 'b') });
    for subscription in [&laptop, &phone, &subscription(PersonId::random(), 'c')] {
        store.subscribe(subscription).await.expect("kept");
    }
    assert_eq!(store.subscription(&phone.sha256).await, Ok(Some(phone.clone())));
    assert_eq!(store.subscriptions_of(ada).await, Ok(vec![phone.clone(), laptop.clone()]));
    let again = Subscription { key: "BNew".to_owned(), seen_at: hour(2), ..phone.clone() };
    store.subscribe(&again).await.expect("its page was here again");
    assert_eq!(store.subscriptions_of(ada).await, Ok(vec![laptop, again]));
    for none in ["", "unknown"] {
        assert_eq!(store.subscription(none).await, Ok(None));
    }
}

pub async fn a_subscription_changes_hands_only_with_its_secret(store: &dyn Subscriptions) {
    let (ada, eve) = (PersonId::random(), PersonId::random());
    let hers = subscription(ada, 'd');
    store.subscribe(&hers).await.expect("kept");
    let guessed = Subscription { person: eve, auth: "another".to_owned(), ..hers.clone() };
    assert_eq!(store.subscribe(&guessed).await, Err(StoreError::Taken));
    assert_eq!(store.subscription(&hers.sha256).await, Ok(Some(hers.clone())));
    let lent = Subscription { person: eve, ..hers.clone() };
    store.subscribe(&lent).await.expect("the same browser");
    assert_eq!(store.subscriptions_of(ada).await, Ok(vec![]));
    assert_eq!(store.subscriptions_of(eve).await, Ok(vec![lent]));
}

pub async fn followers_are_whoever_is_subscribed_now(store: &dyn Subscriptions) {
    let (friday, monday) = (session("friday-night"), session("monday-night"));
    let [ada, eve, bob] = ['e', 'f', '0'].map(|digit| subscription(PersonId::random(), digit));
    for one in [&ada, &eve, &bob] {
        store.subscribe(one).await.expect("kept");
        store.follow(&friday, &one.sha256, hour(2)).await.expect("follows");
    }
    store.follow(&friday, &ada.sha256, hour(5)).await.expect("follows longer");
    store.follow(&monday, &eve.sha256, hour(9)).await.expect("follows another one too");
    store.unsubscribe(&bob).await.expect("gone");
    store.unsubscribe(&bob).await.expect("gone twice is no error");
    let names = async |session, at| {
        let mut found = store.followers(session, at, 9).await.expect("an answer");
        found.sort_by(|one, other| one.sha256.cmp(&other.sha256));
        found
    };
    assert_eq!(names(&friday, hour(0)).await, vec![ada.clone(), eve.clone()]);
    assert_eq!(names(&friday, hour(3)).await, vec![ada.clone()], "the other one's time is over");
    assert_eq!(names(&monday, hour(0)).await, vec![eve.clone()]);
    assert_eq!(store.followers(&friday, hour(0), 1).await, Ok(vec![ada.clone()]), "the one that was there last");
    store.unfollow(&friday, &ada.sha256).await.expect("turned off");
    assert_eq!(names(&friday, hour(0)).await, vec![eve]);
    assert_eq!(store.subscription(&bob.sha256).await, Ok(None));
}

pub async fn a_person_who_wants_quiet_has_it_on_all_browsers(store: &dyn Subscriptions) {
    let (ada, eve) = (PersonId::random(), PersonId::random());
    let hers = ['1', '2'].map(|digit| subscription(ada, digit));
    let others = subscription(eve, '3');
    for one in hers.iter().chain([&others]) {
        store.subscribe(one).await.expect("kept");
    }
    store.hush(ada, true).await.expect("hushed");
    let quiet = |found: Vec<Subscription>| found.iter().map(|one| one.quiet).collect::<Vec<_>>();
    assert_eq!(quiet(store.subscriptions_of(ada).await.expect("hers")), [true, true]);
    assert_eq!(quiet(store.subscriptions_of(eve).await.expect("another's")), [false]);
    store.hush(ada, false).await.expect("loud again");
    assert_eq!(quiet(store.subscriptions_of(ada).await.expect("hers")), [false, false]);
}

pub async fn a_sweep_leaves_who_was_seen(store: &dyn Subscriptions) {
    let ada = subscription(PersonId::random(), '4');
    store.subscribe(&ada).await.expect("kept");
    store.follow(&session("friday-night"), &ada.sha256, hour(1)).await.expect("follows");
    store.sweep_subscriptions(Millis::now(), 100).await.expect("swept");
    assert_eq!(store.followers(&session("friday-night"), hour(0), 9).await, Ok(vec![ada]));
}

pub async fn an_announcement_has_one_who_pushes_it(store: &dyn Pushes) {
    let (now, until) = (Millis::now(), hour(1));
    let push = PushKey { session: session("friday-night"), seq: 100 };
    let tries: Vec<String> = (0..8).map(|worker| format!("worker-{worker}")).collect();
    let claims = futures_util::future::join_all(tries.iter().map(|worker| store.claim_push(&push, worker, now, until))).await;
    assert_eq!(claims.iter().filter(|claim| **claim == Ok(Claim::Ours)).count(), 1, "{claims:?}");
    let (winner, loser) = claims.iter().position(|claim| *claim == Ok(Claim::Ours)).map(|at| (at, (at + 1) % 8)).expect("one");
    assert_eq!(store.claim_push(&push, &tries[winner], now, hour(2)).await, Ok(Claim::Ours), "it renews its own");
    assert!(matches!(store.claim_push(&push, &tries[loser], now, until).await, Ok(Claim::Held(_))));
    let other = PushKey { seq: 101, ..push.clone() };
    assert_eq!(store.claim_push(&other, &tries[loser], now, until).await, Ok(Claim::Ours), "another announcement is another claim");
}

pub async fn a_claim_that_ran_out_is_taken_over(store: &dyn Pushes) {
    let now = Millis::now();
    let push = PushKey { session: session("friday-night"), seq: 200 };
    assert_eq!(store.claim_push(&push, "killed", now, now.plus(1_000)).await, Ok(Claim::Ours));
    store.note_told(&push, "phone").await.expect("noted");
    store.note_told(&push, "phone").await.expect("noted twice is no error");
    assert_eq!(store.claim_push(&push, "next", now.plus(999), hour(1)).await, Ok(Claim::Held(now.plus(1_000))));
    assert_eq!(store.claim_push(&push, "next", now.plus(1_000), hour(1)).await, Ok(Claim::Ours));
    assert_eq!(store.told(&push).await, Ok(vec!["phone".to_owned()]), "what the other one did is known");
    store.leave_push(&push, "killed", true).await.expect("not its claim any more, so nothing");
    assert!(matches!(store.claim_push(&push, "third", now.plus(2_000), hour(1)).await, Ok(Claim::Held(_))));
    store.leave_push(&push, "next", false).await.expect("given back");
    assert_eq!(store.claim_push(&push, "third", now.plus(2_000), hour(1)).await, Ok(Claim::Ours));
}

pub async fn what_was_pushed_is_never_claimed_again(store: &dyn Pushes) {
    let now = Millis::now();
    let push = PushKey { session: session("friday-night"), seq: 300 };
    assert_eq!(store.claim_push(&push, "one", now, now.plus(1_000)).await, Ok(Claim::Ours));
    store.leave_push(&push, "one", true).await.expect("done");
    for holder in ["one", "two"] {
        assert_eq!(store.claim_push(&push, holder, now.plus(9_000), hour(1)).await, Ok(Claim::Done));
    }
    assert_eq!(store.told(&PushKey { seq: 301, ..push }).await, Ok(vec![]));
}
