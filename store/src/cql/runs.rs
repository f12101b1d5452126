use std::cmp::Reverse;
use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use schemas::{Partition, Pos, SessionId};
use scylla::statement::prepared::PreparedStatement;
use scylla::{DeserializeRow, SerializeRow};

use super::server::{Server, Writes, whole_row};
use super::values::{self, natural, number, stamp, unreadable};
use crate::rows::RunRow;
use crate::{StoreError, spelling};

/// Questions that are under way at once while runs are looked up one by one.
const AT_ONCE: usize = 16;
/// Days that are read ahead on the way back to older runs.
const DAYS_AHEAD: usize = 8;
pub const DAY: i64 = 24 * 3600 * 1000;
/// The one partition of `days`.
pub const SHELF: i32 = 0;

const COLUMNS: &str =
    "session, begin_seq, pos, dj_name, slug, owner, join_code, began_at, ended_at, end_reason, tracks, likes, peak_listeners";

#[derive(SerializeRow, DeserializeRow)]
struct Columns {
    session: String,
    begin_seq: i64,
    pos: i64,
    dj_name: String,
    slug: String,
    owner: String,
    join_code: String,
    began_at: i64,
    ended_at: Option<i64>,
    end_reason: Option<String>,
    tracks: i64,
    likes: i64,
    peak_listeners: i64,
}

pub struct Runs {
    put: PreparedStatement,
    first_epoch: PreparedStatement,
    opened: PreparedStatement,
    closed: PreparedStatement,
    by_slug: PreparedStatement,
    ended: PreparedStatement,
    ended_on: PreparedStatement,
    of_session: PreparedStatement,
    one: PreparedStatement,
    is_there: PreparedStatement,
    open: PreparedStatement,
    of_slug: PreparedStatement,
    days: PreparedStatement,
    of_day: PreparedStatement,
}

impl Runs {
    pub async fn prepare(server: &Server) -> Result<Self, StoreError> {
        Ok(Runs {
            put: server.to_write(&whole_row("runs", COLUMNS)).await?,
            first_epoch: server.to_write("UPDATE runs USING TIMESTAMP ? SET epoch = ? WHERE session = ? AND begin_seq = ?").await?,
            opened: server.to_write("INSERT INTO open_runs (log_partition, session, begin_seq) VALUES (?, ?, ?) USING TIMESTAMP ?").await?,
            closed: server
                .to_write("DELETE FROM open_runs USING TIMESTAMP ? WHERE log_partition = ? AND session = ? AND begin_seq = ?")
                .await?,
            by_slug: server
                .to_write("INSERT INTO runs_by_slug (slug, session, begin_seq, ended_at, tracks) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?")
                .await?,
            ended: server
                .to_write("INSERT INTO runs_by_day (day, ended_at, begin_seq, session) VALUES (?, ?, ?, ?) USING TIMESTAMP ?")
                .await?,
            ended_on: server.to_write("INSERT INTO days (shelf, day) VALUES (?, ?) USING TIMESTAMP ?").await?,
            of_session: server.to_read("SELECT begin_seq, epoch, ended_at FROM runs WHERE session = ?").await?,
            one: server.to_read(&format!("SELECT {COLUMNS} FROM runs WHERE session = ? AND begin_seq = ?")).await?,
            is_there: server.to_read("SELECT begin_seq FROM runs WHERE session = ? AND begin_seq = ?").await?,
            open: server.to_read("SELECT session FROM open_runs WHERE log_partition = ?").await?,
            of_slug: server.to_read("SELECT session, begin_seq, ended_at, tracks FROM runs_by_slug WHERE slug = ?").await?,
            days: server.to_read("SELECT day FROM days WHERE shelf = ?").await?,
            of_day: server.to_read("SELECT ended_at, begin_seq, session FROM runs_by_day WHERE day = ? LIMIT ?").await?,
        })
    }

    pub fn save<'a>(&'a self, server: &'a Server, run: &RunRow, writes: &mut Writes<'a>) -> Result<(), StoreError> {
        let columns = columns(run)?;
        let (session, begin, pos) = (columns.session.clone(), columns.begin_seq, columns.pos);
        let partition = i32::from(run.session.partition().0);
        let (slug, ended_at, tracks) = (columns.slug.clone(), columns.ended_at, columns.tracks);
        let epoch = i32::try_from(run.pos.epoch()).map_err(|e| unreadable("epoch", e))?;
        let first = stamp(Pos(Pos::MAX.0 - u64::from(run.pos.epoch())))?;
        let key = session.clone();
        writes.push(Box::pin(async move {
            let statements = vec![self.put.clone(), self.first_epoch.clone()];
            server.put_together(statements, (columns, (first, epoch, key, begin))).await
        }));
        let key = session.clone();
        writes.push(Box::pin(async move {
            match ended_at {
                None => server.put(&self.opened, (partition, key, begin, pos)).await,
                Some(_) => server.put(&self.closed, (pos, partition, key, begin)).await,
            }
        }));
        if !slug.is_empty() {
            let key = session.clone();
            writes.push(Box::pin(async move { server.put(&self.by_slug, (slug, key, begin, ended_at, tracks, pos)).await }));
        }
        if let Some(at) = ended_at {
            let day = at.div_euclid(DAY);
            writes.push(Box::pin(async move {
                server.put(&self.ended, (day, at, begin, session, pos)).await?;
                server.put(&self.ended_on, (SHELF, day, pos)).await
            }));
        }
        Ok(())
    }

    /// Which run of the session is the latest: the last to begin in the last epoch in which one began.
    async fn latest_of(&self, server: &Server, session: &SessionId) -> Result<Option<Found>, StoreError> {
        let found: Vec<Found> = server.rows(&self.of_session, (session.as_str(),)).await?;
        Ok(found.into_iter().max_by_key(|run| (run.epoch, run.begin_seq)))
    }

    pub async fn latest(&self, server: &Server, session: &SessionId) -> Result<Option<RunRow>, StoreError> {
        match self.latest_of(server, session).await? {
            Some(found) => self.one(server, session.as_str(), found.begin_seq).await,
            None => Ok(None),
        }
    }

    pub async fn one(&self, server: &Server, session: &str, begin: i64) -> Result<Option<RunRow>, StoreError> {
        values::maybe(server.first(&self.one, (session, begin)).await?, row)
    }

    pub async fn is_there(&self, server: &Server, session: &str, begin: i64) -> Result<bool, StoreError> {
        Ok(server.first::<(i64,)>(&self.is_there, (session, begin)).await?.is_some())
    }

    pub async fn open(&self, server: &Server, partition: Partition) -> Result<Vec<SessionId>, StoreError> {
        let candidates: Vec<(String,)> = server.rows(&self.open, (i32::from(partition.0),)).await?;
        let candidates: BTreeSet<String> = candidates.into_iter().map(|(session,)| session).collect();
        let candidates = stream::iter(candidates).map(|session| async move {
            let session = values::session(&session)?;
            let latest = self.latest_of(server, &session).await?;
            Ok(latest.is_some_and(|run| run.ended_at.is_none()).then_some(session))
        });
        candidates.buffered(AT_ONCE).try_filter_map(async |open| Ok(open)).try_collect().await
    }

    /// Runs of the same session that began before this one and of which no end is known.
    pub async fn endless_before(&self, server: &Server, run: &RunRow) -> Result<Vec<RunRow>, StoreError> {
        let found: Vec<Found> = server.rows(&self.of_session, (run.session.as_str(),)).await?;
        let begin = number(run.begin)?;
        let Some(this) = found.iter().find(|found| found.begin_seq == begin).map(|found| (found.epoch, found.begin_seq)) else {
            return Ok(Vec::new());
        };
        let mut earlier = Vec::new();
        for found in found.iter().filter(|found| found.ended_at.is_none() && (found.epoch, found.begin_seq) < this) {
            earlier.extend(self.one(server, run.session.as_str(), found.begin_seq).await?);
        }
        Ok(earlier)
    }

    /// Goes back day by day. A row that its run has left behind, because it ended at another time, is passed over.
    pub async fn recent(&self, server: &Server, limit: usize) -> Result<Vec<RunRow>, StoreError> {
        let days: Vec<(i64,)> = server.rows(&self.days, (SHELF,)).await?;
        let days = stream::iter(days).map(|(day,)| async move {
            let limit = i32::try_from(limit).unwrap_or(i32::MAX);
            let ended: Vec<(i64, i64, String)> = server.rows(&self.of_day, (day, limit)).await?;
            Ok::<_, StoreError>(ended)
        });
        let mut days = std::pin::pin!(days.buffered(DAYS_AHEAD));
        let mut recent = Vec::new();
        while recent.len() < limit {
            let Some(ended) = days.try_next().await? else { break };
            let runs = stream::iter(ended).map(|(at, begin, session)| async move {
                let run = self.one(server, &session, begin).await?;
                Ok::<_, StoreError>(run.filter(|run| run.ended.is_some_and(|(ended, _)| ended.0 == at)))
            });
            let runs: Vec<RunRow> = runs.buffered(AT_ONCE).try_filter_map(async |run| Ok(run)).try_collect().await?;
            recent.extend(runs);
        }
        recent.truncate(limit);
        Ok(recent)
    }

    pub async fn by_slug(&self, server: &Server, slug: &str, limit: usize) -> Result<(Vec<RunRow>, u64, u64), StoreError> {
        // A key may not be empty, and no name makes such a slug.
        if slug.is_empty() {
            return Ok((Vec::new(), 0, 0));
        }
        let runs: Vec<(String, i64, Option<i64>, i64)> = server.rows(&self.of_slug, (slug,)).await?;
        let mut runs: Vec<_> =
            runs.into_iter().filter_map(|(session, begin, ended_at, tracks)| Some((ended_at?, begin, session, tracks))).collect();
        let count = runs.len() as u64;
        let tracks = natural("tracks", runs.iter().map(|(.., tracks)| tracks).sum())?;
        runs.sort_by_key(|(ended_at, begin, ..)| Reverse((*ended_at, *begin)));
        runs.truncate(limit);
        let runs = stream::iter(runs).map(|(_, begin, session, _)| async move { self.one(server, &session, begin).await });
        let runs = runs.buffered(AT_ONCE).try_filter_map(async |run| Ok(run.filter(|run| run.ended.is_some())));
        Ok((runs.try_collect().await?, count, tracks))
    }
}

/// What tells which run is the latest.
#[derive(DeserializeRow)]
struct Found {
    begin_seq: i64,
    epoch: i32,
    ended_at: Option<i64>,
}

fn columns(run: &RunRow) -> Result<Columns, StoreError> {
    Ok(Columns {
        session: run.session.to_string(),
        begin_seq: number(run.begin)?,
        pos: stamp(run.pos)?,
        dj_name: run.dj_name.clone(),
        slug: run.slug.clone(),
        owner: values::to_json(&run.owner)?,
        join_code: run.join_code.clone(),
        began_at: run.began_at.0,
        ended_at: run.ended.map(|(at, _)| at.0),
        end_reason: run.ended.map(|(_, reason)| spelling::of_reason(reason).to_owned()),
        tracks: number(run.tracks)?,
        likes: number(run.likes)?,
        peak_listeners: number(run.peak_listeners)?,
    })
}

fn row(found: Columns) -> Result<RunRow, StoreError> {
    let reason = values::maybe(found.end_reason, |word| spelling::reason(&word).map_err(|e| unreadable("end_reason", e)))?;
    Ok(RunRow {
        session: values::session(&found.session)?,
        begin: natural("begin_seq", found.begin_seq)?,
        pos: values::pos(found.pos)?,
        dj_name: found.dj_name,
        slug: found.slug,
        owner: values::json("owner", &found.owner)?,
        join_code: found.join_code,
        began_at: schemas::Millis(found.began_at),
        ended: values::millis(found.ended_at).zip(reason),
        tracks: natural("tracks", found.tracks)?,
        likes: natural("likes", found.likes)?,
        peak_listeners: natural("peak_listeners", found.peak_listeners)?,
    })
}
