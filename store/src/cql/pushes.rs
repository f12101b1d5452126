//! Browsers that want to be told, and what they were told. The servers forget each row when its time is over; who pushes an announcement
//! is decided by them.

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use schemas::{Millis, PersonId, SessionId};
use scylla::DeserializeRow;
use scylla::statement::Consistency;
use scylla::statement::prepared::PreparedStatement;

use super::Cql;
use super::server::Server;
use super::values::{number, person};
use crate::metrics::Operation;
use crate::pushes::{DONE_MS, KEPT_MS};
use crate::{Claim, Forgotten, PushKey, Pushes, StoreError, Subscription, Subscriptions};

/// Subscriptions that are looked up at once.
const AT_ONCE: usize = 32;
/// Rows stay this many seconds longer than what they say, so that no clock but ours says when it ends.
const LONGER: i64 = 60;

pub struct PushTables {
    keep: PreparedStatement,
    point: PreparedStatement,
    unpoint: PreparedStatement,
    one: PreparedStatement,
    of_person: PreparedStatement,
    hush: PreparedStatement,
    forget: PreparedStatement,
    follow: PreparedStatement,
    unfollow: PreparedStatement,
    followers: PreparedStatement,
    claim: PreparedStatement,
    claimed: PreparedStatement,
    take_over: PreparedStatement,
    leave: PreparedStatement,
    note: PreparedStatement,
    told: PreparedStatement,
}

#[derive(DeserializeRow)]
struct Row {
    sha256: String,
    endpoint: Option<String>,
    p256dh: Option<String>,
    auth: Option<String>,
    key: Option<String>,
    person: Option<Vec<u8>>,
    quiet: Option<bool>,
    created_at: Option<i64>,
    seen_at: Option<i64>,
}

impl Row {
    /// None: it is gone, and a condition that was checked at the same moment left a part of it behind.
    fn subscription(self) -> Result<Option<Subscription>, StoreError> {
        let Row { sha256, endpoint: Some(endpoint), p256dh: Some(p256dh), auth: Some(auth), key: Some(key), person: Some(whose), .. } =
            self
        else {
            return Ok(None);
        };
        let (created_at, seen_at) = (Millis(self.created_at.unwrap_or_default()), Millis(self.seen_at.unwrap_or_default()));
        let (person, quiet) = (person(&whose)?, self.quiet.unwrap_or_default());
        Ok(Some(Subscription { sha256, endpoint, p256dh, auth, key, person, quiet, created_at, seen_at }))
    }
}

fn seconds(millis: i64) -> i32 {
    i32::try_from(millis.max(0) / 1_000 + LONGER).unwrap_or(i32::MAX)
}

pub const KEPT: i64 = KEPT_MS / 1_000;
pub const DONE: i64 = DONE_MS / 1_000;

impl PushTables {
    pub async fn prepare(server: &Server) -> Result<Self, StoreError> {
        let mut claimed = server.to_read("SELECT holder, until, done FROM pushes WHERE session = ? AND seq = ?").await?;
        // Sees who claimed it, also while the second asks.
        claimed.set_consistency(Consistency::LocalSerial);
        Ok(PushTables {
            keep: server
                .to_write(&format!("INSERT INTO push_subscriptions (sha256, endpoint, p256dh, auth, key, person, quiet, created_at, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TTL {KEPT}"))
                .await?,
            point: server.to_write(&format!("INSERT INTO push_subscriptions_by_person (person, sha256) VALUES (?, ?) USING TTL {KEPT}")).await?,
            unpoint: server.to_write("DELETE FROM push_subscriptions_by_person WHERE person = ? AND sha256 = ?").await?,
            one: server
                .to_read("SELECT sha256, endpoint, p256dh, auth, key, person, quiet, created_at, seen_at FROM push_subscriptions WHERE sha256 = ?")
                .await?,
            of_person: server.to_read("SELECT sha256 FROM push_subscriptions_by_person WHERE person = ?").await?,
            // A row that is gone meanwhile must not come back with nothing but this in it.
            hush: server.to_claim(&format!("UPDATE push_subscriptions USING TTL {KEPT} SET quiet = ? WHERE sha256 = ? IF EXISTS")).await?,
            forget: server.to_write("DELETE FROM push_subscriptions WHERE sha256 = ?").await?,
            follow: server.to_write("INSERT INTO push_followers (session, sha256, until) VALUES (?, ?, ?) USING TTL ?").await?,
            unfollow: server.to_write("DELETE FROM push_followers WHERE session = ? AND sha256 = ?").await?,
            followers: server.to_read("SELECT sha256, until FROM push_followers WHERE session = ?").await?,
            claim: server
                .to_claim(&format!("INSERT INTO pushes (session, seq, holder, until, done) VALUES (?, ?, ?, ?, false) IF NOT EXISTS USING TTL {DONE}"))
                .await?,
            claimed,
            take_over: server
                .to_claim(&format!("UPDATE pushes USING TTL {DONE} SET holder = ?, until = ? WHERE session = ? AND seq = ? IF holder = ? AND until = ? AND done = false"))
                .await?,
            leave: server
                .to_claim(&format!("UPDATE pushes USING TTL {DONE} SET until = 0, done = ? WHERE session = ? AND seq = ? IF holder = ?"))
                .await?,
            note: server.to_write(&format!("INSERT INTO pushes_told (session, seq, sha256) VALUES (?, ?, ?) USING TTL {DONE}")).await?,
            told: server.to_read("SELECT sha256 FROM pushes_told WHERE session = ? AND seq = ?").await?,
        })
    }

    async fn subscribe(&self, server: &Server, new: &Subscription) -> Result<(), StoreError> {
        let before = self.find(server, &new.sha256).await?;
        if let Some(before) = before.as_ref().filter(|before| before.person != new.person) {
            if before.auth != new.auth {
                return Err(StoreError::Taken);
            }
            server.put(&self.unpoint, (&before.person.0[..], &new.sha256)).await?;
        }
        server.put(&self.point, (&new.person.0[..], &new.sha256)).await?;
        let row = (
            &new.sha256,
            &new.endpoint,
            &new.p256dh,
            &new.auth,
            &new.key,
            &new.person.0[..],
            new.quiet,
            before.map_or(new.created_at, |before| before.created_at).0,
            new.seen_at.0,
        );
        server.put(&self.keep, row).await
    }

    async fn find(&self, server: &Server, sha256: &str) -> Result<Option<Subscription>, StoreError> {
        // A key may not be empty, and nothing has such a hash.
        if sha256.is_empty() {
            return Ok(None);
        }
        let row: Option<Row> = server.first(&self.one, (sha256,)).await?;
        row.map_or(Ok(None), Row::subscription)
    }

    async fn all(&self, server: &Server, hashes: Vec<String>) -> Result<Vec<Subscription>, StoreError> {
        let found = stream::iter(hashes).map(|sha256| async move { self.find(server, &sha256).await });
        found.buffered(AT_ONCE).try_filter_map(async |found| Ok(found)).try_collect().await
    }

    async fn of(&self, server: &Server, person: PersonId) -> Result<Vec<Subscription>, StoreError> {
        let pointers: Vec<(String,)> = server.rows(&self.of_person, (&person.0[..],)).await?;
        let mut found = self.all(server, pointers.into_iter().map(|(sha256,)| sha256).collect()).await?;
        found.retain(|subscription| subscription.person == person);
        found.sort_by_key(|subscription| subscription.seen_at);
        Ok(found)
    }

    async fn hush(&self, server: &Server, person: PersonId, quiet: bool) -> Result<(), StoreError> {
        for subscription in self.of(server, person).await? {
            server.claim(&self.hush, (quiet, &subscription.sha256)).await?;
        }
        Ok(())
    }

    async fn unsubscribe(&self, server: &Server, gone: &Subscription) -> Result<(), StoreError> {
        // What follows with it leads nowhere, and is forgotten within a day.
        server.put(&self.forget, (&gone.sha256,)).await?;
        server.put(&self.unpoint, (&gone.person.0[..], &gone.sha256)).await
    }

    async fn followers(&self, server: &Server, session: &SessionId, now: Millis, most: usize) -> Result<Vec<Subscription>, StoreError> {
        let mut followers: Vec<(String, i64)> = server.rows(&self.followers, (session.as_str(),)).await?;
        followers.retain(|(_, until)| *until > now.0);
        followers.sort_by_key(|(_, until)| std::cmp::Reverse(*until));
        followers.truncate(most);
        self.all(server, followers.into_iter().map(|(sha256, _)| sha256).collect()).await
    }

    async fn claim(&self, server: &Server, push: &PushKey, holder: &str, now: Millis, until: Millis) -> Result<Claim, StoreError> {
        let (session, seq) = (push.session.as_str(), number(push.seq)?);
        if server.claim(&self.claim, (session, seq, holder, until.0)).await? {
            return Ok(Claim::Ours);
        }
        let held: Option<(String, i64, bool)> = server.first(&self.claimed, (session, seq)).await?;
        let Some((whose, before, done)) = held else { return Ok(Claim::Held(now)) };
        if done {
            return Ok(Claim::Done);
        }
        if (whose == holder || before <= now.0) && server.claim(&self.take_over, (holder, until.0, session, seq, &whose, before)).await? {
            return Ok(Claim::Ours);
        }
        Ok(Claim::Held(Millis(before)))
    }
}

#[async_trait]
impl Subscriptions for Cql {
    async fn subscribe(&self, subscription: &Subscription) -> Result<(), StoreError> {
        self.measured(Operation::Subscribe, self.tables.pushes.subscribe(&self.server, subscription)).await
    }

    async fn subscription(&self, sha256: &str) -> Result<Option<Subscription>, StoreError> {
        self.measured(Operation::FindSubscriptions, self.tables.pushes.find(&self.server, sha256)).await
    }

    async fn subscriptions_of(&self, person: PersonId) -> Result<Vec<Subscription>, StoreError> {
        self.measured(Operation::FindSubscriptions, self.tables.pushes.of(&self.server, person)).await
    }

    async fn hush(&self, person: PersonId, quiet: bool) -> Result<(), StoreError> {
        self.measured(Operation::Subscribe, self.tables.pushes.hush(&self.server, person, quiet)).await
    }

    async fn unsubscribe(&self, subscription: &Subscription) -> Result<(), StoreError> {
        self.measured(Operation::Unsubscribe, self.tables.pushes.unsubscribe(&self.server, subscription)).await
    }

    async fn follow(&self, session: &SessionId, sha256: &str, until: Millis) -> Result<(), StoreError> {
        let stays = seconds(until.since(Millis::now()));
        let follow = self.server.put(&self.tables.pushes.follow, (session.as_str(), sha256, until.0, stays));
        self.measured(Operation::Subscribe, follow).await
    }

    async fn unfollow(&self, session: &SessionId, sha256: &str) -> Result<(), StoreError> {
        self.measured(Operation::Unsubscribe, self.server.put(&self.tables.pushes.unfollow, (session.as_str(), sha256))).await
    }

    async fn followers(&self, session: &SessionId, now: Millis, most: usize) -> Result<Vec<Subscription>, StoreError> {
        self.measured(Operation::Followers, self.tables.pushes.followers(&self.server, session, now, most)).await
    }

    async fn sweep_subscriptions(&self, _: Millis, _: usize) -> Result<Forgotten, StoreError> {
        Ok(Forgotten::default())
    }
}

#[async_trait]
impl Pushes for Cql {
    async fn claim_push(&self, push: &PushKey, holder: &str, now: Millis, until: Millis) -> Result<Claim, StoreError> {
        self.measured(Operation::ClaimPush, self.tables.pushes.claim(&self.server, push, holder, now, until)).await
    }

    async fn leave_push(&self, push: &PushKey, holder: &str, done: bool) -> Result<(), StoreError> {
        let seq = number(push.seq)?;
        let leave = self.server.claim(&self.tables.pushes.leave, (done, push.session.as_str(), seq, holder));
        self.measured(Operation::ClaimPush, leave).await.map(drop)
    }

    async fn note_told(&self, push: &PushKey, sha256: &str) -> Result<(), StoreError> {
        let seq = number(push.seq)?;
        self.measured(Operation::NoteTold, self.server.put(&self.tables.pushes.note, (push.session.as_str(), seq, sha256))).await
    }

    async fn told(&self, push: &PushKey) -> Result<Vec<String>, StoreError> {
        let seq = number(push.seq)?;
        let told: Vec<(String,)> =
            self.measured(Operation::Followers, self.server.rows(&self.tables.pushes.told, (push.session.as_str(), seq))).await?;
        Ok(told.into_iter().map(|(sha256,)| sha256).collect())
    }
}
