//! Promises about DJs and their tokens.

use super::sample::EVENING;
use crate::{DjToken, StoreError, Tokens};

/// A hash as the callers make it: 64 hexadecimal digits.
fn hash(digit: char) -> String {
    digit.to_string().repeat(64)
}

async fn add(store: &dyn Tokens, name: &str, digit: char) -> DjToken {
    store.add_token(name, &hash(digit), EVENING).await.expect("a new token is added")
}

pub async fn tokens_by_hash(store: &dyn Tokens) {
    let added = add(store, "DJ Hash", 'a').await;
    assert_eq!((added.name.as_str(), added.created_at, added.last_used), ("DJ Hash", EVENING, None));
    let found = store.find_token(&hash('a'), EVENING).await.expect("found").expect("it lives");
    assert_eq!(found.dj, added.dj);
    assert_eq!(store.find_token(&hash('b'), EVENING).await, Ok(None));
    assert_eq!(store.find_token("", EVENING).await, Ok(None));
}

pub async fn a_token_is_added_once(store: &dyn Tokens) {
    add(store, "DJ Once", 'c').await;
    assert_eq!(store.add_token("DJ Once", &hash('c'), EVENING).await, Err(StoreError::Taken));
    assert_eq!(store.add_token("DJ Somebody Else", &hash('c'), EVENING).await, Err(StoreError::Taken));
    store.revoke_tokens("DJ Once", EVENING).await.expect("revoked");
    assert_eq!(store.add_token("DJ Once", &hash('c'), EVENING).await, Err(StoreError::Taken), "a revoked token never lives again");
    assert_eq!(store.list_tokens().await, Ok(vec![]), "a token that was refused left a DJ behind");
}

pub async fn one_dj_for_all_tokens_of_a_name(store: &dyn Tokens) {
    let (first, second) = (add(store, "DJ Two Tokens", 'd').await, add(store, "DJ Two Tokens", 'e').await);
    let other = add(store, "DJ Two", 'f').await;
    assert_eq!(first.dj, second.dj);
    assert_ne!(first.dj, other.dj);
    store.revoke_tokens("DJ Two Tokens", EVENING).await.expect("revoked");
    assert_eq!(add(store, "DJ Two Tokens", '0').await.dj, first.dj, "a DJ whose tokens were revoked is the same DJ with a new one");
}

pub async fn names_compare_without_case(store: &dyn Tokens) {
    let (first, second) = (add(store, "DJ Żółć", '1').await, add(store, "dj żÓŁĆ ", '2').await);
    assert_eq!((first.dj, first.name.as_str()), (second.dj, "DJ Żółć"));
    assert_eq!(second.name, "DJ Żółć", "the name is spelled as it was at first");
    let mut hashes = store.revoke_tokens("DJ ŻÓŁĆ", EVENING).await.expect("revoked");
    hashes.sort();
    assert_eq!(hashes, [hash('1'), hash('2')]);
}

pub async fn last_use_is_kept_to_the_minute(store: &dyn Tokens) {
    add(store, "DJ Minute", '3').await;
    let used = async |seconds: i64| {
        let at = EVENING.plus(seconds * 1000);
        let found = store.find_token(&hash('3'), at).await.expect("found").expect("it lives");
        let listed = store.list_tokens().await.expect("a list").remove(0);
        assert_eq!(listed, found);
        found.last_used.expect("it was used just now").since(EVENING)
    };
    assert_eq!(used(59).await, 0);
    assert_eq!(used(61).await, 60_000);
    assert_eq!(used(1).await, 60_000, "a node whose clock is behind moves it back");
}

pub async fn revoked_tokens_are_gone(store: &dyn Tokens) {
    add(store, "DJ Gone", '4').await;
    add(store, "DJ Gone", '5').await;
    let stays = add(store, "DJ Stays", '6').await;
    let mut hashes = store.revoke_tokens("DJ Gone", EVENING.plus(1)).await.expect("revoked");
    hashes.sort();
    assert_eq!(hashes, [hash('4'), hash('5')], "every node must be told of each");
    assert_eq!(store.find_token(&hash('4'), EVENING).await, Ok(None));
    assert_eq!(store.find_token(&hash('5'), EVENING).await, Ok(None));
    assert_eq!(store.list_tokens().await, Ok(vec![stays]));
    assert_eq!(store.revoke_tokens("DJ Gone", EVENING).await, Ok(vec![]), "they are revoked already");
    assert_eq!(store.revoke_tokens("DJ Never", EVENING).await, Ok(vec![]));
}

pub async fn a_dj_has_several_tokens_by_their_labels(store: &dyn Tokens) {
    let first = add(store, "DJ Several", '7').await;
    let second = store.add_token_of(&first.dj, &first.name, "laptop", &hash('8'), EVENING.plus(1)).await.expect("added");
    assert_eq!((second.dj.as_str(), second.name.as_str(), second.label.as_str()), (first.dj.as_str(), "DJ Several", "laptop"));
    assert_eq!(store.add_token_of(&first.dj, &first.name, "again", &hash('8'), EVENING).await, Err(StoreError::Taken));
    assert_eq!(store.add_token_of("nobody", "DJ Several", "x", &hash('9'), EVENING).await, Err(StoreError::Taken), "there is no such DJ");
    add(store, "DJ Other", 'a').await;
    assert_eq!(store.tokens_of(&first.dj).await, Ok(vec![first.clone(), second.clone()]));
    assert_eq!(store.find_token(&hash('8'), EVENING).await.map(|found| found.map(|found| found.label)), Ok(Some("laptop".to_owned())));
    assert_eq!(store.tokens_of("nobody").await, Ok(vec![]));
}

pub async fn one_of_several_tokens_is_revoked(store: &dyn Tokens) {
    let first = add(store, "DJ One", 'b').await;
    let second = store.add_token_of(&first.dj, &first.name, "laptop", &hash('c'), EVENING).await.expect("added");
    assert_eq!(store.revoke_token(&first.sha256, EVENING).await, Ok(true));
    assert_eq!(store.revoke_token(&first.sha256, EVENING).await, Ok(false));
    assert_eq!(store.revoke_token(&hash('0'), EVENING).await, Ok(false));
    assert_eq!(store.tokens_of(&first.dj).await, Ok(vec![second.clone()]));
    assert_eq!(store.list_tokens().await, Ok(vec![second.clone()]));
    assert_eq!(
        store.revoke_tokens("dj one", EVENING).await,
        Ok(vec![second.sha256]),
        "tokens that they made are the operator's to revoke too"
    );
    assert_eq!(store.tokens_of(&first.dj).await, Ok(vec![]));
}
