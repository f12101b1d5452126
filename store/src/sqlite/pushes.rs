//! Browsers that want to be told, and what they were told.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use schemas::{Millis, PersonId, SessionId};

use super::{Sqlite, rows};
use crate::metrics::Operation;
use crate::pushes::{DONE_MS, KEPT_MS};
use crate::{Claim, Forgotten, PushKey, Pushes, StoreError, Subscription, Subscriptions};

#[async_trait]
impl Subscriptions for Sqlite {
    async fn subscribe(&self, subscription: &Subscription) -> Result<(), StoreError> {
        let subscription = subscription.clone();
        self.write(Operation::Subscribe, move |c| subscribe(c, &subscription)).await?.then_some(()).ok_or(StoreError::Taken)
    }

    async fn subscription(&self, sha256: &str) -> Result<Option<Subscription>, StoreError> {
        let sha256 = sha256.to_owned();
        self.read(Operation::FindSubscriptions, move |c| find(c, &sha256)).await
    }

    async fn subscriptions_of(&self, person: PersonId) -> Result<Vec<Subscription>, StoreError> {
        self.read(Operation::FindSubscriptions, move |c| of(c, person)).await
    }

    async fn hush(&self, person: PersonId, quiet: bool) -> Result<(), StoreError> {
        self.write(Operation::Subscribe, move |c| hush(c, person, quiet)).await
    }

    async fn unsubscribe(&self, subscription: &Subscription) -> Result<(), StoreError> {
        let sha256 = subscription.sha256.clone();
        self.write(Operation::Unsubscribe, move |c| unsubscribe(c, &sha256)).await
    }

    async fn follow(&self, session: &SessionId, sha256: &str, until: Millis) -> Result<(), StoreError> {
        let (session, sha256) = (session.clone(), sha256.to_owned());
        self.write(Operation::Subscribe, move |c| follow(c, &session, &sha256, until)).await
    }

    async fn unfollow(&self, session: &SessionId, sha256: &str) -> Result<(), StoreError> {
        let (session, sha256) = (session.clone(), sha256.to_owned());
        self.write(Operation::Unsubscribe, move |c| unfollow(c, &session, &sha256)).await
    }

    async fn followers(&self, session: &SessionId, now: Millis, most: usize) -> Result<Vec<Subscription>, StoreError> {
        let session = session.clone();
        self.read(Operation::Followers, move |c| followers(c, &session, now, most)).await
    }

    async fn sweep_subscriptions(&self, now: Millis, most: usize) -> Result<Forgotten, StoreError> {
        self.write(Operation::Sweep, move |c| sweep(c, now, most)).await
    }
}

#[async_trait]
impl Pushes for Sqlite {
    async fn claim_push(&self, push: &PushKey, holder: &str, now: Millis, until: Millis) -> Result<Claim, StoreError> {
        let (push, holder) = (push.clone(), holder.to_owned());
        self.write(Operation::ClaimPush, move |c| claim(c, &push, &holder, now, until)).await
    }

    async fn leave_push(&self, push: &PushKey, holder: &str, done: bool) -> Result<(), StoreError> {
        let (push, holder) = (push.clone(), holder.to_owned());
        self.write(Operation::ClaimPush, move |c| leave(c, &push, &holder, done)).await
    }

    async fn note_told(&self, push: &PushKey, sha256: &str) -> Result<(), StoreError> {
        let (push, sha256) = (push.clone(), sha256.to_owned());
        self.write(Operation::NoteTold, move |c| note_told(c, &push, &sha256)).await
    }

    async fn told(&self, push: &PushKey) -> Result<Vec<String>, StoreError> {
        let push = push.clone();
        self.read(Operation::Followers, move |c| told(c, &push)).await
    }
}

pub(super) fn subscribe(c: &Connection, new: &Subscription) -> rusqlite::Result<bool> {
    let sql = "INSERT INTO push_subscriptions (sha256, endpoint, p256dh, auth, key, person, quiet, created_at, seen_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (sha256) DO UPDATE SET p256dh = excluded.p256dh, auth = excluded.auth, key = excluded.key, person = excluded.person,
            quiet = excluded.quiet, seen_at = excluded.seen_at
        WHERE person = excluded.person OR auth = excluded.auth";
    let values = params![new.sha256, new.endpoint, new.p256dh, new.auth, new.key, new.person.0, new.quiet, new.created_at.0, new.seen_at.0];
    rows::change(c, sql, values).map(|changed| changed == 1)
}

pub(super) fn find(c: &Connection, sha256: &str) -> rusqlite::Result<Option<Subscription>> {
    rows::first(c, "SELECT * FROM push_subscriptions WHERE sha256 = ?", [sha256], row)
}

pub(super) fn of(c: &Connection, person: PersonId) -> rusqlite::Result<Vec<Subscription>> {
    rows::all(c, "SELECT * FROM push_subscriptions WHERE person = ? ORDER BY seen_at", [person.0], row)
}

pub(super) fn hush(c: &Connection, person: PersonId, quiet: bool) -> rusqlite::Result<()> {
    rows::change(c, "UPDATE push_subscriptions SET quiet = ? WHERE person = ?", params![quiet, person.0]).map(drop)
}

pub(super) fn unsubscribe(c: &Connection, sha256: &str) -> rusqlite::Result<()> {
    rows::change(c, "DELETE FROM push_followers WHERE sha256 = ?", [sha256])?;
    rows::change(c, "DELETE FROM push_subscriptions WHERE sha256 = ?", [sha256]).map(drop)
}

pub(super) fn follow(c: &Connection, session: &SessionId, sha256: &str, until: Millis) -> rusqlite::Result<()> {
    let sql = "INSERT INTO push_followers (session, sha256, until) VALUES (?, ?, ?)
        ON CONFLICT (session, sha256) DO UPDATE SET until = excluded.until";
    rows::change(c, sql, params![session.as_str(), sha256, until.0]).map(drop)
}

pub(super) fn unfollow(c: &Connection, session: &SessionId, sha256: &str) -> rusqlite::Result<()> {
    rows::change(c, "DELETE FROM push_followers WHERE session = ? AND sha256 = ?", params![session.as_str(), sha256]).map(drop)
}

pub(super) fn followers(c: &Connection, session: &SessionId, now: Millis, most: usize) -> rusqlite::Result<Vec<Subscription>> {
    let sql = "SELECT s.* FROM push_followers f CROSS JOIN push_subscriptions s ON s.sha256 = f.sha256
        WHERE f.session = ? AND f.until > ? ORDER BY f.until DESC LIMIT ?";
    rows::all(c, sql, params![session.as_str(), now.0, most], row)
}

pub(super) fn sweep(c: &Connection, now: Millis, most: usize) -> rusqlite::Result<Forgotten> {
    let limit = rows::limit(most);
    let unseen = "DELETE FROM push_subscriptions WHERE sha256 IN (SELECT sha256 FROM push_subscriptions WHERE seen_at < ? LIMIT ?)";
    let over =
        "DELETE FROM push_followers WHERE (session, sha256) IN (SELECT session, sha256 FROM push_followers WHERE until <= ? LIMIT ?)";
    // Whom an announcement was told may be thousands, so they go first, and the announcement with the last of them.
    let told = "DELETE FROM pushes_told WHERE (session, seq, sha256) IN
          (SELECT t.session, t.seq, t.sha256 FROM pushes AS p CROSS JOIN pushes_told AS t ON t.session = p.session AND t.seq = p.seq
           WHERE p.claimed_at < ? LIMIT ?)";
    let done = "DELETE FROM pushes WHERE (session, seq) IN (SELECT session, seq FROM pushes WHERE claimed_at < ? LIMIT ?)";
    let subscriptions = rows::change(c, unseen, params![now.0 - KEPT_MS, limit])?;
    let follows = rows::change(c, over, params![now.0, limit])?;
    let told = rows::change(c, told, params![now.0 - DONE_MS, limit])?;
    let pushes = if told < most { rows::change(c, done, params![now.0 - DONE_MS, limit])? } else { 0 };
    let more = [subscriptions, follows, told, pushes].into_iter().any(|removed| removed >= most);
    Ok(Forgotten { subscriptions: subscriptions as u64, follows: follows as u64, pushes: pushes as u64, more })
}

pub(super) fn claim(c: &Connection, push: &PushKey, holder: &str, now: Millis, until: Millis) -> rusqlite::Result<Claim> {
    let sql = "INSERT INTO pushes (session, seq, holder, until, done, claimed_at) VALUES (?1, ?2, ?3, ?4, 0, ?5)
        ON CONFLICT (session, seq) DO UPDATE SET holder = excluded.holder, until = excluded.until
        WHERE done = 0 AND (holder = excluded.holder OR until <= ?5)";
    let (session, seq) = (push.session.as_str(), push.seq);
    if rows::change(c, sql, params![session, seq, holder, until.0, now.0])? == 1 {
        return Ok(Claim::Ours);
    }
    let held = "SELECT until, done FROM pushes WHERE session = ? AND seq = ?";
    let held = rows::first(c, held, params![session, seq], |row| Ok((row.get::<_, i64>("until")?, row.get::<_, bool>("done")?)))?;
    Ok(match held {
        Some((_, true)) => Claim::Done,
        Some((until, false)) => Claim::Held(Millis(until)),
        None => Claim::Held(now),
    })
}

pub(super) fn leave(c: &Connection, push: &PushKey, holder: &str, done: bool) -> rusqlite::Result<()> {
    let sql = "UPDATE pushes SET until = 0, done = ? WHERE session = ? AND seq = ? AND holder = ?";
    rows::change(c, sql, params![done, push.session.as_str(), push.seq, holder]).map(drop)
}

pub(super) fn note_told(c: &Connection, push: &PushKey, sha256: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO pushes_told (session, seq, sha256) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    rows::change(c, sql, params![push.session.as_str(), push.seq, sha256]).map(drop)
}

pub(super) fn told(c: &Connection, push: &PushKey) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT sha256 FROM pushes_told WHERE session = ? AND seq = ?";
    rows::all(c, sql, params![push.session.as_str(), push.seq], |row| row.get(0))
}

fn row(row: &Row) -> rusqlite::Result<Subscription> {
    Ok(Subscription {
        sha256: row.get("sha256")?,
        endpoint: row.get("endpoint")?,
        p256dh: row.get("p256dh")?,
        auth: row.get("auth")?,
        key: row.get("key")?,
        person: rows::person(row)?,
        quiet: row.get("quiet")?,
        created_at: rows::millis(row, "created_at")?,
        seen_at: rows::millis(row, "seen_at")?,
    })
}
