//! Promises about the audit log.

use schemas::{AccountId, Millis};

use super::people::entry;
use crate::{Audit, AuditEntry};

/// Stores that forget by themselves go by the time of day, so these entries are of today and of some months before.
fn at(entry: AuditEntry, days_ago: i64) -> AuditEntry {
    AuditEntry { at: Millis::now().plus(-days_ago * 86_400_000), ..entry }
}

pub async fn entries_are_told_newest_first(store: &dyn Audit) {
    let (ada, eve) = (AccountId::random(), AccountId::random());
    let old = at(entry(Some(ada), 1), 100);
    let middle = at(entry(Some(eve), 2), 40);
    let new = at(entry(Some(ada), 3), 1);
    let nobodys = AuditEntry { actor: None, ..at(entry(None, 4), 0) };
    for entry in [&new, &nobodys, &old, &middle, &new] {
        store.note(entry).await.expect("noted");
    }
    let later = Millis::now().plus(1_000);
    assert_eq!(store.audit(later, 10).await, Ok(vec![nobodys.clone(), new.clone(), middle.clone(), old.clone()]));
    assert_eq!(store.audit(later, 2).await, Ok(vec![nobodys, new.clone()]));
    assert_eq!(store.audit(new.at, 10).await, Ok(vec![middle.clone(), old.clone()]), "the next page begins before the last entry");
    assert_eq!(store.audit_of(ada, 10).await, Ok(vec![new.clone(), old]));
    assert_eq!(store.audit_of(ada, 1).await, Ok(vec![new]));
    assert_eq!(store.audit_of(AccountId::random(), 10).await, Ok(vec![]));
}

pub async fn a_sweep_drops_what_is_older_and_nothing_else(store: &dyn Audit) {
    let ada = AccountId::random();
    let days = [300, 299, 250, 90, 31, 1];
    for (nth, days_ago) in (1..).zip(days) {
        store.note(&at(entry(Some(ada), nth), days_ago)).await.expect("noted");
    }
    let nobodys = at(entry(None, 9), 200);
    store.note(&nobodys).await.expect("noted");
    let before = Millis::now().plus(-60 * 86_400_000);
    assert_eq!(store.sweep_audit(before, 2).await, Ok(2), "so many at most");
    assert_eq!(store.sweep_audit(before, 500).await, Ok(3), "the rest: two of a person, one of nobody");
    assert_eq!(store.sweep_audit(before, 500).await, Ok(0));
    let left: Vec<String> = store.audit_of(ada, 10).await.expect("entries").into_iter().map(|entry| entry.id).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    let all = store.audit(Millis::now().plus(1_000), 10).await.expect("entries");
    assert!(all.iter().all(|entry| entry.at >= before) && all.len() == 2, "{all:?}");
}
