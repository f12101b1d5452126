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
