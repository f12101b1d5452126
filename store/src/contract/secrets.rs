//! Promises about what people hold.

use schemas::{AccountId, Millis};

use super::people::secret;
use super::sample::EVENING;
use crate::{Secret, SecretKind, Secrets, StoreError, Use};

/// The stores that forget by themselves go by the time of day, so secrets of this test end an hour from now.
fn now() -> Millis {
    Millis::now()
}

fn held(kind: SecretKind, account: Option<AccountId>, digit: char) -> Secret {
    Secret { created_at: now(), expires_at: now().plus(3_600_000), ..secret(kind, account, digit) }
}

pub async fn a_secret_comes_back_until_it_expires(store: &dyn Secrets) {
    let owner = AccountId::random();
    for (kind, digit) in SecretKind::ALL.into_iter().zip("0123456789".chars()) {
        let secret = held(kind, Some(owner), digit);
        store.add_secret(&secret).await.expect("added");
        assert_eq!(store.secret(&secret.sha256, now()).await, Ok(Some(secret.clone())));
        assert_eq!(store.secret(&secret.sha256, secret.expires_at).await, Ok(None), "it has expired");
        assert_eq!(store.use_secret(&secret.sha256, secret.expires_at).await, Ok(Use::Gone), "it has expired");
        assert_eq!(store.add_secret(&secret).await, Err(StoreError::Taken));
    }
    assert_eq!(store.secret("unknown", now()).await, Ok(None));
    assert_eq!(store.secret("", now()).await, Ok(None));
    assert_eq!(store.use_secret("unknown", now()).await, Ok(Use::Gone));
    assert_eq!(store.use_secret("", now()).await, Ok(Use::Gone));
}

pub async fn a_secret_is_used_up_once(store: &dyn Secrets) {
    let refresh = held(SecretKind::Refresh, Some(AccountId::random()), 'a');
    store.add_secret(&refresh).await.expect("added");
    let at = now();
    let tries = futures_util::future::join_all((0..8).map(|_| store.use_secret(&refresh.sha256, at))).await;
    let first = tries.iter().filter(|answer| matches!(answer, Ok(Use::First(_)))).count();
    assert_eq!(first, 1, "{tries:?}");
    let used = Secret { used_at: Some(at), ..refresh.clone() };
    assert!(tries.iter().all(|answer| matches!(answer, Ok(Use::First(seen) | Use::Again(seen)) if *seen == used)), "{tries:?}");
    assert_eq!(store.use_secret(&refresh.sha256, at.plus(1)).await, Ok(Use::Again(used.clone())));
    assert_eq!(store.secret(&refresh.sha256, at).await, Ok(Some(used)));
}

pub async fn an_ended_secret_is_gone(store: &dyn Secrets) {
    let (owner, at) = (AccountId::random(), now());
    let session = held(SecretKind::Session, Some(owner), 'b');
    store.add_secret(&session).await.expect("added");
    store.end_secret(&session).await.expect("ended");
    store.end_secret(&session).await.expect("ending again is no error");
    store.touch_secret(&session, at).await.expect("no error");
    assert_eq!(store.assign_secret(&session, owner, at).await, Ok(false));
    assert_eq!(store.use_secret(&session.sha256, at).await, Ok(Use::Gone));
    assert_eq!(store.secret(&session.sha256, at).await, Ok(None), "something brought it back");
    assert_eq!(store.secrets_of(owner, SecretKind::Session, at).await, Ok(vec![]));
}

pub async fn a_secrets_last_use_is_kept_to_the_minute(store: &dyn Secrets) {
    let session = held(SecretKind::Session, Some(AccountId::random()), 'c');
    store.add_secret(&session).await.expect("added");
    let minute = crate::spelling::minute(now());
    store.touch_secret(&session, minute.plus(59_000)).await.expect("touched");
    let seen = async || store.secret(&session.sha256, now()).await.expect("an answer").expect("it is there").last_used;
    assert_eq!(seen().await, Some(minute));
    store.touch_secret(&session, minute.plus(61_000)).await.expect("touched");
    assert_eq!(seen().await, Some(minute.plus(60_000)));
    store.touch_secret(&session, minute).await.expect("touched");
    assert_eq!(seen().await, Some(minute.plus(60_000)), "a node whose clock is behind moves it back");
}

pub async fn nobodys_secret_becomes_one_accounts(store: &dyn Secrets) {
    let device = held(SecretKind::Device, None, 'd');
    store.add_secret(&device).await.expect("added");
    let (ada, eve) = (AccountId::random(), AccountId::random());
    assert_eq!(store.assign_secret(&device, ada, device.expires_at).await, Ok(false), "it has expired");
    assert_eq!(store.assign_secret(&device, ada, now()).await, Ok(true));
    assert_eq!(store.assign_secret(&device, eve, now()).await, Ok(false));
    let found = store.secret(&device.sha256, now()).await.expect("an answer").expect("it is there");
    assert_eq!(found, Secret { account: Some(ada), ..device });
}

pub async fn an_accounts_secrets_are_listed_by_kind(store: &dyn Secrets) {
    let (ada, eve) = (AccountId::random(), AccountId::random());
    let old = held(SecretKind::Session, Some(ada), '1');
    let new = Secret { created_at: old.created_at.plus(5_000), ..held(SecretKind::Session, Some(ada), '2') };
    for secret in [&old, &new, &held(SecretKind::Refresh, Some(ada), '3'), &held(SecretKind::Session, Some(eve), '4')] {
        store.add_secret(secret).await.expect("added");
    }
    assert_eq!(store.secrets_of(ada, SecretKind::Session, now()).await, Ok(vec![new.clone(), old.clone()]));
    assert_eq!(store.secrets_of(ada, SecretKind::Session, old.expires_at.plus(3_600_000)).await, Ok(vec![]));
    store.end_secret(&old).await.expect("ended");
    assert_eq!(store.secrets_of(ada, SecretKind::Session, now()).await, Ok(vec![new]));
    assert_eq!(store.secrets_of(AccountId::random(), SecretKind::Session, now()).await, Ok(vec![]));
}

pub async fn a_sweep_takes_only_what_has_expired(store: &dyn Secrets) {
    let session = held(SecretKind::Session, Some(AccountId::random()), 'e');
    store.add_secret(&session).await.expect("added");
    store.sweep_secrets(EVENING, 100).await.expect("swept");
    assert_eq!(store.secret(&session.sha256, now()).await, Ok(Some(session)));
}
