//! Taking evenings away. Without transactions the order is what keeps it right: first, together, the note that one is leaving, what leads to
//! it and what is summed of it, then its own partitions, which nobody finds any more, and the note last.
//!
//! All is deleted at the last place there is, so a row that is written late does not come back; but the note and the fingerprints, which
//! have no place, and days, which are others' too.

use std::collections::BTreeSet;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use schemas::{Millis, Partition, Pos, Seq, SessionId};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlValue;

use super::runs::{DAY, SHELF};
use super::server::{Server, Writes, all};
use super::sums::shelf_of;
use super::values::{self, BUCKETS, natural, number, stamp};
use super::{Cql, Tables};
use crate::metrics::Operation;
use crate::past::Leaving;
use crate::rows::RunRow;
use crate::{Past, StoreError};

/// Days, and runs, that are looked at side by side.
const AT_ONCE: usize = 16;
/// Where deletions lie: [`Pos::MAX`].
const LAST: i64 = Pos::MAX.0 as i64;

pub struct PastTables {
    days: PreparedStatement,
    of_day: PreparedStatement,
    any_of_day: PreparedStatement,
    empty_day: PreparedStatement,
    unlist: PreparedStatement,
    note: PreparedStatement,
    noted: PreparedStatement,
    forget: PreparedStatement,
    /// What leads to a run, and what is summed of it.
    runs: PreparedStatement,
    open_runs: PreparedStatement,
    runs_by_slug: PreparedStatement,
    run_sums: PreparedStatement,
    play_sums: PreparedStatement,
    played: PreparedStatement,
    mark: PreparedStatement,
    likes_of: PreparedStatement,
    likers: PreparedStatement,
    likes_upto: PreparedStatement,
    /// Whole partitions: of a run, and of a run's buckets.
    of_run: Vec<PreparedStatement>,
    fingerprints: PreparedStatement,
    of_bucket: Vec<PreparedStatement>,
}

impl PastTables {
    pub async fn prepare(server: &Server) -> Result<Self, StoreError> {
        let delete = async |table: &str, key: &str| {
            let key = key.split(", ").collect::<Vec<_>>().join(" = ? AND ");
            server.to_write(&format!("DELETE FROM {table} USING TIMESTAMP {LAST} WHERE {key} = ?")).await
        };
        let run = "session, begin_seq";
        Ok(PastTables {
            days: server.to_read("SELECT day FROM days WHERE shelf = ? AND day <= ?").await?,
            of_day: server.to_read("SELECT ended_at, begin_seq, session FROM runs_by_day WHERE day = ? AND ended_at < ?").await?,
            any_of_day: server.to_read("SELECT begin_seq FROM runs_by_day WHERE day = ? LIMIT 1").await?,
            empty_day: server.to_write("DELETE FROM days USING TIMESTAMP ? WHERE shelf = ? AND day = ?").await?,
            unlist: delete("runs_by_day", "day, ended_at, begin_seq, session").await?,
            note: server.to_write("INSERT INTO leaving (log_partition, session, begin_seq) VALUES (?, ?, ?)").await?,
            noted: server.to_read("SELECT session, begin_seq FROM leaving WHERE log_partition = ?").await?,
            forget: server.to_write("DELETE FROM leaving WHERE log_partition = ? AND session = ? AND begin_seq = ?").await?,
            runs: delete("runs", run).await?,
            open_runs: delete("open_runs", "log_partition, session, begin_seq").await?,
            runs_by_slug: delete("runs_by_slug", "slug, session, begin_seq").await?,
            run_sums: delete("run_sums", "log_partition, shelf, session, begin_seq").await?,
            play_sums: delete("play_sums", "log_partition, shelf, session, begin_seq").await?,
            played: server.to_read("SELECT play FROM plays WHERE session = ? AND begin_seq = ?").await?,
            mark: server.to_write("INSERT INTO swept_shelves (bucket, log_partition, shelf, at) VALUES (0, ?, ?, ?)").await?,
            likes_of: server.to_read("SELECT person FROM likes WHERE session = ? AND begin_seq = ? AND bucket = ? LIMIT ?").await?,
            likers: delete("likers", "person, session, begin_seq").await?,
            likes_upto: server
                .to_write(&format!(
                    "DELETE FROM likes USING TIMESTAMP {LAST} WHERE session = ? AND begin_seq = ? AND bucket = ? AND person <= ?"
                ))
                .await?,
            of_run: vec![delete("plays", run).await?, delete("polls", run).await?],
            fingerprints: server.to_write("DELETE FROM fingerprints WHERE session = ? AND begin_seq = ?").await?,
            of_bucket: vec![
                delete("likes", "session, begin_seq, bucket").await?,
                delete("wishes", "session, begin_seq, bucket").await?,
                delete("votes", "session, begin_seq, bucket").await?,
            ],
        })
    }

    /// Goes forward from the oldest day. A day without a run is taken off the list, and so is a row that its run has left behind: what
    /// ended so long ago ends at no other time any more.
    async fn ended_before(
        &self,
        server: &Server,
        tables: &Tables,
        partition: Partition,
        before: Millis,
        most: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let mut days: Vec<(i64,)> = server.rows(&self.days, (SHELF, before.0.div_euclid(DAY))).await?;
        days.sort_unstable();
        let mut found: Vec<RunRow> = Vec::new();
        for (day,) in days {
            if found.len() >= most {
                break;
            }
            let ended: Vec<(i64, i64, String)> = server.rows(&self.of_day, (day, before.0)).await?;
            let whole_day = (day + 1) * DAY <= before.0;
            if ended.is_empty() && whole_day && server.first::<(i64,)>(&self.any_of_day, (day,)).await?.is_none() {
                // Other evenings may end on a day, so it goes at a place of our own: the partition that wrote it last stands at no earlier one.
                if let Some(pos) = tables.positions.of(server, partition).await? {
                    server.put(&self.empty_day, (stamp(pos)?, SHELF, day)).await?;
                }
                continue;
            }
            let mut ours: Vec<(i64, i64, SessionId)> = Vec::new();
            for (at, begin, session) in ended {
                let session = values::session(&session)?;
                if session.partition() == partition {
                    ours.push((at, begin, session));
                }
            }
            ours.sort();
            let runs = stream::iter(ours).map(|(at, begin, session)| async move {
                let run = tables.runs.one(server, session.as_str(), begin).await?;
                let run = run.filter(|run| run.ended.is_some_and(|(ended, _)| ended.0 == at));
                if run.is_none() {
                    server.put(&self.unlist, (day, at, begin, session.as_str())).await?;
                }
                Ok::<_, StoreError>(run)
            });
            let runs: Vec<RunRow> = runs.buffered(AT_ONCE).try_filter_map(async |run| Ok(run)).try_collect().await?;
            for run in runs {
                for earlier in tables.runs.endless_before(server, &run).await? {
                    if !found.contains(&earlier) {
                        found.push(earlier);
                    }
                }
                found.push(run);
            }
        }
        found.truncate(most);
        Ok(found)
    }

    async fn leaving(&self, server: &Server, partition: Partition) -> Result<Vec<Leaving>, StoreError> {
        let found: Vec<(String, i64)> = server.rows(&self.noted, (i32::from(partition.0),)).await?;
        let leaving =
            |(session, begin): (String, i64)| Ok(Leaving { session: values::session(&session)?, begin: natural("begin_seq", begin)? });
        found.into_iter().map(leaving).collect()
    }

    /// The servers do all of the batch or nothing or, after a while, still do all of it: it is logged. A note without the rest would have
    /// the evening's rows removed from under its run.
    async fn let_go(&self, server: &Server, run: &RunRow) -> Result<(), StoreError> {
        let (partition, session, begin) = (i32::from(run.session.partition().0), run.session.as_str(), number(run.begin)?);
        let (in_partition, of_run) = (CqlValue::Int(partition), [CqlValue::Text(session.to_owned()), CqlValue::BigInt(begin)]);
        let keyed = |before: &[CqlValue]| [before, &of_run].concat();
        let in_its_partition = keyed(std::slice::from_ref(&in_partition));
        let mut together = vec![(&self.note, in_its_partition.clone()), (&self.runs, keyed(&[])), (&self.open_runs, in_its_partition)];
        if !run.slug.is_empty() {
            together.push((&self.runs_by_slug, keyed(&[CqlValue::Text(run.slug.clone())])));
        }
        if let Some((Millis(at), _)) = run.ended {
            let [session, begin] = of_run.clone();
            together.push((&self.unlist, vec![CqlValue::BigInt(at.div_euclid(DAY)), CqlValue::BigInt(at), begin, session]));
        }
        let shelf = |shelf| [in_partition.clone(), CqlValue::BigInt(shelf)];
        together.push((&self.run_sums, keyed(&shelf(shelf_of(run.begin)?))));
        let summed = self.shelves(server, &run.session, run.begin).await?;
        for play_sums in &summed {
            together.push((&self.play_sums, keyed(&shelf(*play_sums))));
        }
        server.put_all_or_none(together).await?;
        self.swept(server, &run.session, run.begin, summed).await
    }

    /// Where plays of the run are summed.
    async fn shelves(&self, server: &Server, session: &SessionId, begin: Seq) -> Result<BTreeSet<i64>, StoreError> {
        let plays: Vec<(i64,)> = server.rows(&self.played, (session.as_str(), number(begin)?)).await?;
        plays.into_iter().map(|(play,)| shelf_of(natural("play", play)?)).collect()
    }

    /// Says that these shelves, and that of the run, have changed.
    async fn swept(&self, server: &Server, session: &SessionId, begin: Seq, mut shelves: BTreeSet<i64>) -> Result<(), StoreError> {
        shelves.insert(shelf_of(begin)?);
        for shelf in shelves {
            server.put(&self.mark, (i32::from(session.partition().0), shelf, Millis::now().0)).await?;
        }
        Ok(())
    }

    async fn clear(&self, server: &Server, leaving: &Leaving, most: usize) -> Result<bool, StoreError> {
        let (session, begin) = (leaving.session.as_str(), number(leaving.begin)?);
        let partition = i32::from(leaving.session.partition().0);
        // By its plays it is known where something was summed, so they stay until whoever keeps these sums was told.
        let shelves = self.shelves(server, &leaving.session, leaving.begin).await?;
        for shelf in &shelves {
            server.put(&self.play_sums, (partition, shelf, session, begin)).await?;
        }
        self.swept(server, &leaving.session, leaving.begin, shelves).await?;
        for table in &self.of_run {
            server.put(table, (session, begin)).await?;
        }
        server.put(&self.fingerprints, (session, begin)).await?;
        let mut removed = 0;
        for bucket in 0..BUCKETS {
            removed += self.clear_likes(server, leaving, bucket, most).await?;
            if removed >= most {
                return Ok(false);
            }
        }
        let mut deletions = Writes::new();
        for bucket in 0..BUCKETS {
            for table in &self.of_bucket {
                deletions.push(Box::pin(server.put(table, (session, begin, bucket))));
            }
        }
        all(deletions).await?;
        server.put(&self.forget, (partition, session, begin)).await?;
        Ok(true)
    }

    /// The ways from persons to a run's likes, and these likes with them: what a step did not get to is found by what is left.
    async fn clear_likes(&self, server: &Server, leaving: &Leaving, bucket: i32, most: usize) -> Result<usize, StoreError> {
        let (session, begin) = (leaving.session.as_str(), number(leaving.begin)?);
        let limit = i32::try_from(most).unwrap_or(i32::MAX);
        let found: Vec<(Vec<u8>,)> = server.rows(&self.likes_of, (session, begin, bucket, limit)).await?;
        let persons: BTreeSet<&Vec<u8>> = found.iter().map(|(person,)| person).collect();
        let mut ways = Writes::new();
        for person in &persons {
            ways.push(Box::pin(server.put(&self.likers, (person, session, begin))));
        }
        all(ways).await?;
        if let Some(last) = persons.last() {
            server.put(&self.likes_upto, (session, begin, bucket, last)).await?;
        }
        Ok(found.len())
    }
}

#[async_trait]
impl Past for Cql {
    async fn ended_before(&self, partition: Partition, before: Millis, most: usize) -> Result<Vec<RunRow>, StoreError> {
        let ended = self.tables.past.ended_before(&self.server, &self.tables, partition, before, most);
        self.measured(Operation::EndedBefore, ended).await
    }

    async fn leaving(&self, partition: Partition) -> Result<Vec<Leaving>, StoreError> {
        self.measured(Operation::Leaving, self.tables.past.leaving(&self.server, partition)).await
    }

    async fn let_go(&self, run: &RunRow) -> Result<bool, StoreError> {
        self.measured(Operation::LetGo, self.tables.past.let_go(&self.server, run)).await.map(|()| true)
    }

    async fn clear(&self, leaving: &Leaving, most: usize) -> Result<bool, StoreError> {
        self.measured(Operation::Clear, self.tables.past.clear(&self.server, leaving, most)).await
    }
}
