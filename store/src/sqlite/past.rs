//! Taking evenings away. Each method is one transaction, so a run and the note that it is leaving change places at once.

use std::collections::BTreeSet;

use async_trait::async_trait;
use rusqlite::{Connection, params};
use schemas::{Millis, Partition, TrackKey};

use super::{Sqlite, rows, runs};
use crate::metrics::Operation;
use crate::past::Leaving;
use crate::rows::RunRow;
use crate::{Past, StoreError};

#[async_trait]
impl Past for Sqlite {
    async fn ended_before(&self, partition: Partition, before: Millis, most: usize) -> Result<Vec<RunRow>, StoreError> {
        self.read(Operation::EndedBefore, move |c| ended_before(c, partition, before, most)).await
    }

    async fn leaving(&self, partition: Partition) -> Result<Vec<Leaving>, StoreError> {
        self.read(Operation::Leaving, move |c| leaving(c, partition)).await
    }

    async fn let_go(&self, run: &RunRow) -> Result<bool, StoreError> {
        let run = run.clone();
        self.write(Operation::LetGo, move |c| let_go(c, &run)).await
    }

    async fn clear(&self, leaving: &Leaving, most: usize) -> Result<bool, StoreError> {
        let leaving = leaving.clone();
        self.write(Operation::Clear, move |c| clear(c, &leaving, most)).await
    }
}

pub(super) fn ended_before(c: &Connection, partition: Partition, before: Millis, most: usize) -> rusqlite::Result<Vec<RunRow>> {
    let ended = "SELECT * FROM runs WHERE ended_at < ? AND partition = ? ORDER BY ended_at, begin LIMIT ?";
    let endless = "SELECT * FROM runs WHERE session = ?1 AND ended_at IS NULL AND (epoch, begin) <
          (SELECT later.epoch, later.begin FROM runs AS later WHERE later.session = ?1 AND later.begin = ?2)
        ORDER BY epoch, begin";
    let mut found: Vec<RunRow> = Vec::new();
    for run in rows::all(c, ended, params![before.0, partition.0, rows::limit(most)], runs::row)? {
        for earlier in rows::all(c, endless, params![run.session.as_str(), run.begin], runs::row)? {
            if !found.contains(&earlier) {
                found.push(earlier);
            }
        }
        found.push(run);
    }
    found.truncate(most);
    Ok(found)
}

pub(super) fn leaving(c: &Connection, partition: Partition) -> rusqlite::Result<Vec<Leaving>> {
    rows::all(c, "SELECT session, begin FROM leaving WHERE partition = ? ORDER BY session, begin", [partition.0], |row| {
        Ok(Leaving { session: rows::session(row)?, begin: row.get("begin")? })
    })
}

/// Readers come to an evening's rows by its run, and the sums over runs follow it.
pub(super) fn let_go(c: &Connection, run: &RunRow) -> rusqlite::Result<bool> {
    let (session, begin) = (run.session.as_str(), run.begin);
    let gone = "DELETE FROM runs WHERE session = ? AND begin = ? AND pos = ?";
    if rows::change(c, gone, params![session, begin, run.pos.0])? == 1 {
        let note = "INSERT INTO leaving (partition, session, begin) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
        rows::change(c, note, params![run.session.partition().0, session, begin])?;
    }
    is_leaving(c, &Leaving { session: run.session.clone(), begin })
}

fn is_leaving(c: &Connection, Leaving { session, begin }: &Leaving) -> rusqlite::Result<bool> {
    let noted = "SELECT EXISTS (SELECT 1 FROM leaving WHERE partition = ? AND session = ? AND begin = ?)";
    c.prepare_cached(noted)?.query_row(params![session.partition().0, session.as_str(), begin], |row| row.get(0))
}

/// What is left of an evening, table by table. A like goes with the way from its person to it.
const TABLES: [&str; 4] = [
    "DELETE FROM wishes WHERE (session, begin, play, person) IN
      (SELECT session, begin, play, person FROM wishes WHERE session = ? AND begin = ? LIMIT ?)",
    "DELETE FROM votes WHERE (session, begin, poll, person) IN
      (SELECT session, begin, poll, person FROM votes WHERE session = ? AND begin = ? LIMIT ?)",
    "DELETE FROM polls WHERE (session, begin, poll) IN (SELECT session, begin, poll FROM polls WHERE session = ? AND begin = ? LIMIT ?)",
    "DELETE FROM fingerprints WHERE (session, begin, track_key) IN
      (SELECT session, begin, track_key FROM fingerprints WHERE session = ? AND begin = ? LIMIT ?)",
];

pub(super) fn clear(c: &Connection, leaving: &Leaving, most: usize) -> rusqlite::Result<bool> {
    if !is_leaving(c, leaving)? {
        return Ok(true);
    }
    let mut left = most;
    left = left.saturating_sub(clear_plays(c, leaving, left)?);
    left = left.saturating_sub(clear_likes(c, leaving, left)?);
    for table in TABLES {
        left = left.saturating_sub(rows::change(c, table, params![leaving.session.as_str(), leaving.begin, rows::limit(left)])?);
    }
    // With room to spare there was nothing more.
    if left == 0 {
        return Ok(false);
    }
    let note = "DELETE FROM leaving WHERE partition = ? AND session = ? AND begin = ?";
    rows::change(c, note, params![leaving.session.partition().0, leaving.session.as_str(), leaving.begin])?;
    Ok(true)
}

/// The sums of tracks follow each play. A track that nobody likes in what is left is in no list, and a like to come makes it anew.
fn clear_plays(c: &Connection, leaving: &Leaving, most: usize) -> rusqlite::Result<usize> {
    let sql = "DELETE FROM plays WHERE (session, begin, play) IN
          (SELECT session, begin, play FROM plays WHERE session = ? AND begin = ? LIMIT ?)
        RETURNING track_key";
    let played = rows::all(c, sql, params![leaving.session.as_str(), leaving.begin, rows::limit(most)], rows::track_key)?;
    for key in played.iter().collect::<BTreeSet<&TrackKey>>() {
        rows::change(c, "DELETE FROM tracks WHERE track_key = ? AND likes = 0", [key.0])?;
    }
    Ok(played.len())
}

fn clear_likes(c: &Connection, leaving: &Leaving, most: usize) -> rusqlite::Result<usize> {
    let (session, begin) = (leaving.session.as_str(), leaving.begin);
    let sql = "DELETE FROM likes WHERE (session, begin, track_key, person) IN
          (SELECT session, begin, track_key, person FROM likes WHERE session = ? AND begin = ? LIMIT ?)
        RETURNING person";
    let removed = rows::all(c, sql, params![session, begin, rows::limit(most)], rows::person)?;
    for person in removed.iter().collect::<BTreeSet<_>>() {
        rows::change(c, "DELETE FROM likers WHERE person = ? AND session = ? AND begin = ?", params![person.0, session, begin])?;
    }
    Ok(removed.len())
}
