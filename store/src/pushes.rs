//! Web Push: which browsers want to be told of which session, and which announcements were pushed to whom. What a claim promises
//! is in [`Pushes::claim_push`].

use async_trait::async_trait;
use schemas::{Millis, PersonId, Seq, SessionId};

use crate::StoreError;

/// A browser that is not seen for this long, in milliseconds, is not pushed to any more: sixty days.
pub const KEPT_MS: i64 = 60 * 24 * 3_600_000;
/// What is known of an announcement's pushes is kept for a day, which is longer than any announcement is pushed.
pub const DONE_MS: i64 = 24 * 3_600_000;

/// A browser's subscription at its push service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Of the endpoint, in hex: what it is called here.
    pub sha256: String,
    /// Whoever knows it and a key of ours can push to this browser, so it is shown to nobody.
    pub endpoint: String,
    /// The browser's public key and the secret it shares with us, in base64url.
    pub p256dh: String,
    pub auth: String,
    /// The public key of ours that the browser was given.
    pub key: String,
    pub person: PersonId,
    /// Its person chose not to be told of announcements.
    pub quiet: bool,
    pub created_at: Millis,
    /// When its page was last here.
    pub seen_at: Millis,
}

/// One announcement: its session, and its place in the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PushKey {
    pub session: SessionId,
    pub seq: Seq,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    Ours,
    /// Somebody else's until then.
    Held(Millis),
    /// It was pushed to everybody.
    Done,
}

/// What a sweep forgot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    pub subscriptions: u64,
    pub follows: u64,
    pub pushes: u64,
    /// Some of them may be left.
    pub more: bool,
}

#[async_trait]
pub trait Subscriptions: Send + Sync {
    /// Keeps a subscription, or what is new of it. One that another person has is theirs, unless the same secret is shown: then the
    /// browser changed hands. Else it is `Taken`.
    async fn subscribe(&self, subscription: &Subscription) -> Result<(), StoreError>;
    async fn subscription(&self, sha256: &str) -> Result<Option<Subscription>, StoreError>;
    /// A person's subscriptions, the one that was seen longest ago first.
    async fn subscriptions_of(&self, person: PersonId) -> Result<Vec<Subscription>, StoreError>;
    /// Sets whether a person is told of announcements, for all their browsers.
    async fn hush(&self, person: PersonId, quiet: bool) -> Result<(), StoreError>;
    /// Removes it. One that is gone is no error.
    async fn unsubscribe(&self, subscription: &Subscription) -> Result<(), StoreError>;
    /// This browser is told of the session's announcements until then.
    async fn follow(&self, session: &SessionId, sha256: &str, until: Millis) -> Result<(), StoreError>;
    async fn unfollow(&self, session: &SessionId, sha256: &str) -> Result<(), StoreError>;
    /// Who follows now, as often as they are subscribed: so many at most, those that were there last.
    async fn followers(&self, session: &SessionId, now: Millis, most: usize) -> Result<Vec<Subscription>, StoreError>;
    /// Forgets browsers that were not seen for long, follows that are over and announcements of yesterday, so many of each at most,
    /// where the store does not do so by itself.
    async fn sweep_subscriptions(&self, now: Millis, most: usize) -> Result<Forgotten, StoreError>;
}

#[async_trait]
pub trait Pushes: Send + Sync {
    /// Claims an announcement until then, or renews one's claim. Of any number who ask at once one gets it; a claim that has run out is
    /// free, and one that was finished is never given out again.
    async fn claim_push(&self, push: &PushKey, holder: &str, now: Millis, until: Millis) -> Result<Claim, StoreError>;
    /// Gives a claim of ours free, or says that it is done for ever.
    async fn leave_push(&self, push: &PushKey, holder: &str, done: bool) -> Result<(), StoreError>;
    /// This browser needs no push of it any more.
    async fn note_told(&self, push: &PushKey, sha256: &str) -> Result<(), StoreError>;
    async fn told(&self, push: &PushKey) -> Result<Vec<String>, StoreError>;
}
