//! The live family: rows first, then the marks of their shelves, then the position.

use async_trait::async_trait;
use schemas::{Partition, PersonId, Pos, Seq, SessionId};

use super::Cql;
use super::server::{Writes, all};
use super::values::stamp;
use crate::metrics::Operation;
use crate::rows::{Changes, Fingerprint, PersonLike, PlayRow, Recap, RunRow, RunState, TopTrack, Totals};
use crate::{Live, StoreError};

#[async_trait]
impl Live for Cql {
    async fn position(&self, partition: Partition) -> Result<Option<Pos>, StoreError> {
        self.measured(Operation::Position, self.tables.positions.of(&self.server, partition)).await
    }

    async fn save(&self, changes: &Changes) -> Result<(), StoreError> {
        self.measured(Operation::Save, save(self, changes)).await
    }

    async fn load(&self, session: &SessionId) -> Result<Option<RunState>, StoreError> {
        self.measured(Operation::Load, load(self, session)).await
    }

    async fn load_run(&self, session: &SessionId, begin: Seq) -> Result<Option<RunState>, StoreError> {
        self.measured(Operation::Load, load_run(self, session, begin)).await
    }

    async fn open_runs(&self, partition: Partition) -> Result<Vec<SessionId>, StoreError> {
        self.measured(Operation::OpenRuns, self.tables.runs.open(&self.server, partition)).await
    }

    async fn run(&self, session: &SessionId) -> Result<Option<RunRow>, StoreError> {
        self.measured(Operation::Run, self.tables.runs.latest(&self.server, session)).await
    }

    async fn recent_runs(&self, limit: usize) -> Result<Vec<RunRow>, StoreError> {
        self.measured(Operation::RecentRuns, self.tables.runs.recent(&self.server, limit)).await
    }

    async fn history(&self, session: &SessionId, begin: Seq, limit: usize) -> Result<Vec<PlayRow>, StoreError> {
        self.measured(Operation::History, history(self, session, begin, limit)).await
    }

    async fn recap(&self, session: &SessionId) -> Result<Option<Recap>, StoreError> {
        self.measured(Operation::Recap, recap(self, session)).await
    }

    async fn save_fingerprints(&self, session: &SessionId, begin: Seq, prints: &[Fingerprint]) -> Result<usize, StoreError> {
        let tables = &self.tables;
        let save = tables.fingerprints.save(&self.server, &tables.plays, session, begin, prints);
        self.measured(Operation::SaveFingerprints, save).await
    }

    async fn top_tracks(&self, limit: usize) -> Result<Vec<TopTrack>, StoreError> {
        self.measured(Operation::TopTracks, self.tables.sums.top_tracks(&self.server, limit)).await
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        self.measured(Operation::Totals, self.tables.sums.totals(&self.server)).await
    }

    async fn dj_runs(&self, slug: &str, limit: usize) -> Result<(Vec<RunRow>, u64, u64), StoreError> {
        self.measured(Operation::DjRuns, self.tables.runs.by_slug(&self.server, slug, limit)).await
    }

    async fn person_likes(&self, person: PersonId, limit: usize) -> Result<(Vec<PersonLike>, u64), StoreError> {
        let tables = &self.tables;
        let likes = tables.likes.of_person(&self.server, &tables.runs, &tables.plays, person, limit);
        self.measured(Operation::PersonLikes, likes).await
    }

    /// A read by most replicas. A write would need the same ones.
    async fn ping(&self) -> Result<(), StoreError> {
        let ask = self.tables.positions.of(&self.server, Partition(0));
        self.measured(Operation::Ping, ask).await.map(drop)
    }
}

/// Partitions are written one by one, so a reader may see a flush by halves; the fold itself never does, because it reads a run only
/// after a whole one. A flush that fails half-way is repeated whole by its worker, or folded again by the next.
async fn save(store: &Cql, changes: &Changes) -> Result<(), StoreError> {
    let (server, tables) = (&*store.server, &*store.tables);
    // Every place is looked at before anything is sent: a flush with one that cannot be is refused whole.
    stamp(changes.upto)?;
    let mut writes: Writes<'_> = Vec::new();
    changes.runs.iter().try_for_each(|run| tables.runs.save(server, run, &mut writes))?;
    tables.plays.save(server, &changes.plays, &mut writes)?;
    tables.likes.save(server, &changes.likes, &mut writes)?;
    tables.wishes.save(server, &changes.wishes, &mut writes)?;
    tables.polls.save(server, &changes.polls, &mut writes)?;
    tables.votes.save(server, &changes.votes, &mut writes)?;
    tables.sums.save(server, changes, &mut writes)?;
    all(writes).await?;
    tables.sums.mark(server, changes).await?;
    tables.positions.save(server, changes.partition, changes.upto).await
}

async fn load(store: &Cql, session: &SessionId) -> Result<Option<RunState>, StoreError> {
    let (server, tables) = (&*store.server, &*store.tables);
    match tables.runs.latest(server, session).await? {
        Some(run) => whole(store, run).await.map(Some),
        None => Ok(None),
    }
}

async fn load_run(store: &Cql, session: &SessionId, begin: Seq) -> Result<Option<RunState>, StoreError> {
    // What no column can hold is the begin of no run.
    let Ok(begin) = i64::try_from(begin) else { return Ok(None) };
    match store.tables.runs.one(&store.server, session.as_str(), begin).await? {
        Some(run) => whole(store, run).await.map(Some),
        None => Ok(None),
    }
}

async fn whole(store: &Cql, run: RunRow) -> Result<RunState, StoreError> {
    let (server, tables) = (&*store.server, &*store.tables);
    let (session, begin) = (&run.session, run.begin);
    let (plays, likes, wishes, polls, votes) = tokio::try_join!(
        tables.plays.of_run(server, session, begin),
        tables.likes.of_run(server, session, begin),
        tables.wishes.of_run(server, session, begin),
        tables.polls.of_run(server, session, begin),
        tables.votes.of_run(server, session, begin),
    )?;
    Ok(RunState { plays, likes, wishes, polls, votes, run })
}

async fn history(store: &Cql, session: &SessionId, begin: Seq, limit: usize) -> Result<Vec<PlayRow>, StoreError> {
    let (server, tables) = (&*store.server, &*store.tables);
    let mut plays = tables.plays.newest(server, session, begin, limit).await?;
    tables.fingerprints.fill(server, session, begin, &mut plays).await?;
    Ok(plays)
}

async fn recap(store: &Cql, session: &SessionId) -> Result<Option<Recap>, StoreError> {
    let (server, tables) = (&*store.server, &*store.tables);
    let Some(run) = tables.runs.latest(server, session).await? else { return Ok(None) };
    let (mut plays, polls) =
        tokio::try_join!(tables.plays.in_order_played(server, session, run.begin), tables.polls.of_run(server, session, run.begin))?;
    tables.fingerprints.fill(server, session, run.begin, &mut plays).await?;
    Ok(Some(Recap { run, plays, polls }))
}
