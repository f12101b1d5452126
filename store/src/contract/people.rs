//! Samples of accounts and what belongs to them.

use schemas::{AccountId, Email, PersonId, Role};

use super::sample::EVENING;
use crate::{Account, AuditEntry, Grant, Identity, PasswordHash, Preferences, Profile, Secret, SecretKind};

/// An account with a value in every column.
pub fn account(name: &str) -> Account {
    Account {
        id: AccountId::random(),
        version: 1,
        email: Email::parse(&format!("{name}@example.org")).expect("an address"),
        verified_at: Some(EVENING.plus(1)),
        display_name: format!("DJ {name}"),
        slug: format!("dj-{name}"),
        password: Some(PasswordHash("$argon2id$…".to_owned())),
        person: PersonId::random(),
        created_at: EVENING,
        last_sign_in: Some(EVENING.plus(2)),
        suspended_at: Some(EVENING.plus(3)),
        roles: vec![Grant { role: Role::Dj, granted_at: EVENING, granted_by: Some(AccountId([7; 16])) }],
        identities: vec![Identity { provider: "google".to_owned(), subject: format!("of-{name}"), linked_at: EVENING }],
        profile: Profile { bio: "Plays „slow“ ones".to_owned(), genres: vec!["Blues".to_owned()], ..Profile::default() },
        preferences: Preferences { version: 3, chosen: [("theme".to_owned(), "dark".into())].into_iter().collect() },
    }
}

pub fn secret(kind: SecretKind, account: Option<AccountId>, digit: char) -> Secret {
    Secret {
        sha256: digit.to_string().repeat(64),
        kind,
        account,
        family: "family".to_owned(),
        label: "Firefox on Linux".to_owned(),
        created_at: EVENING,
        expires_at: EVENING.plus(3_600_000),
        last_used: None,
        used_at: None,
        about: "new@example.org".to_owned(),
    }
}

pub fn entry(account: Option<AccountId>, second: i64) -> AuditEntry {
    AuditEntry {
        at: EVENING.plus(second * 1_000),
        id: format!("entry-{second}"),
        account,
        actor: Some(AccountId([8; 16])),
        action: "role_granted".to_owned(),
        detail: "dj".to_owned(),
    }
}
