//! Accounts: who has one, under which names. An account is one row that is always written whole, by whoever read it last; a name
//! (an address, a slug, a DJ's name, a login elsewhere, who they are among the dancers) is a row of its own, so that of two who want it one gets it.

use async_trait::async_trait;
use schemas::{AccountId, Email, Millis, PersonId, Role};
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// A name that was claimed for an account which does not bear it was left behind by a step that never came to its end. After this
/// long, in milliseconds, it is free.
pub const STRAY_MS: i64 = 60_000;

/// When a name was claimed that outlives its account: never long enough ago to be stray.
pub(crate) const KEPT: Millis = Millis(i64::MAX);

#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub id: AccountId,
    /// How often it was written. Only the next version of what is stored is taken.
    pub version: u64,
    pub email: Email,
    pub verified_at: Option<Millis>,
    pub display_name: String,
    /// The display name as it stands in an address.
    pub slug: String,
    /// None: signs in elsewhere only.
    pub password: Option<PasswordHash>,
    /// Who they are among the dancers.
    pub person: PersonId,
    pub created_at: Millis,
    pub last_sign_in: Option<Millis>,
    pub suspended_at: Option<Millis>,
    pub roles: Vec<Grant>,
    /// Logins elsewhere that lead here.
    pub identities: Vec<Identity>,
    pub profile: Profile,
    pub preferences: Preferences,
}

impl Account {
    /// Names that are this account's own. The person stands first: whoever is refused another name gives the person back, and tries
    /// again as the same one.
    pub fn names(&self) -> Vec<Name> {
        let identities = self.identities.iter().map(Identity::name);
        let own = [
            Name::Person(self.person),
            Name::Email(self.email.clone()),
            Name::Slug(self.slug.clone()),
            Name::Dj(self.display_name.clone()),
        ];
        own.into_iter().chain(identities).collect()
    }

    pub fn bears(&self, name: &Name) -> bool {
        self.names().contains(name)
    }
}

/// A password's hash in PHC form, or bcrypt's. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(hidden)")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub role: Role,
    pub granted_at: Millis,
    /// Who granted it; none: it came with the account, or from the command line.
    pub granted_by: Option<AccountId>,
}

/// A login elsewhere: which provider, and who it says that this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub provider: String,
    pub subject: String,
    pub linked_at: Millis,
}

impl Identity {
    pub fn name(&self) -> Name {
        Name::Identity { provider: self.provider.clone(), subject: self.subject.clone() }
    }
}

/// What a person tells of themselves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    pub avatar_url: Option<String>,
    pub bio: String,
    pub genres: Vec<String>,
    pub website: Option<String>,
    /// Which network, and where there.
    pub social_links: std::collections::BTreeMap<String, String>,
}

/// What a person chose. Only what differs from the defaults is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    pub version: u64,
    pub chosen: serde_json::Map<String, serde_json::Value>,
}

/// What at most one account bears.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// Who somebody was among the dancers, and is for ever: whoever claimed a guest's likes and votes first keeps them, also when the
    /// account is gone.
    Person(PersonId),
    Email(Email),
    Slug(String),
    /// As DJs are named; shared with the DJs that an operator made.
    Dj(String),
    Identity {
        provider: String,
        subject: String,
    },
}

impl Name {
    /// The kind and the name as the tables hold them. A DJ's name stands in a table of its own.
    pub(crate) fn row(&self) -> Option<(&'static str, String)> {
        match self {
            Name::Person(person) => Some(("person", person.to_string())),
            Name::Email(email) => Some(("email", email.as_str().to_owned())),
            Name::Slug(slug) => Some(("slug", slug.clone())),
            Name::Identity { provider, subject } => Some(("identity", format!("{provider} {subject}"))),
            Name::Dj(_) => None,
        }
    }

    /// Whether it is kept when the account goes, and for ever.
    pub(crate) fn stays(&self) -> bool {
        match self {
            Name::Person(_) | Name::Dj(_) => true,
            Name::Email(_) | Name::Slug(_) | Name::Identity { .. } => false,
        }
    }
}

#[async_trait]
pub trait Accounts: Send + Sync {
    /// Makes the account and claims all its names, or is `Taken` and claims none.
    async fn add_account(&self, account: &Account) -> Result<(), StoreError>;
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;
    /// The account that bears this name now. A DJ's name leads nowhere.
    async fn account_named(&self, name: &Name) -> Result<Option<Account>, StoreError>;
    /// Writes the account whole, if what is stored has its version; `false`: somebody else wrote meanwhile, so read it again. Names
    /// are claimed before and released after.
    async fn save_account(&self, account: &Account) -> Result<bool, StoreError>;
    /// Claims a name; again by the same account is no error. `Taken` when it is somebody else's.
    async fn claim_name(&self, name: &Name, account: AccountId, now: Millis) -> Result<(), StoreError>;
    /// Gives the name free, if it is this account's.
    async fn release_name(&self, name: &Name, account: AccountId) -> Result<(), StoreError>;
    /// Removes the account and its names, but for two: nobody else may go live under the DJ's name of past evenings, and nobody else is
    /// the person that they were.
    async fn remove_account(&self, account: &Account) -> Result<(), StoreError>;
    /// Accounts in an order that is the store's own but does not change; the next page begins after the last one's id.
    async fn accounts(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<Account>, StoreError>;
}
