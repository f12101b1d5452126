//! The live family: each method is one transaction.

use async_trait::async_trait;
use rusqlite::Connection;
use schemas::{Partition, PersonId, Pos, Seq, SessionId};

use super::{Sqlite, fingerprints, likes, plays, polls, positions, runs, votes, wishes};
use crate::metrics::Operation;
use crate::rows::{Changes, Fingerprint, PersonLike, PlayRow, Recap, RunRow, RunState, TopTrack, Totals};
use crate::{Live, StoreError};

#[async_trait]
impl Live for Sqlite {
    async fn position(&self, partition: Partition) -> Result<Option<Pos>, StoreError> {
        self.read(Operation::Position, move |c| positions::of(c, partition)).await
    }

    async fn save(&self, changes: &Changes) -> Result<(), StoreError> {
        let changes = changes.clone();
        self.write(Operation::Save, move |c| save(c, &changes)).await
    }

    async fn load(&self, session: &SessionId) -> Result<Option<RunState>, StoreError> {
        let session = session.clone();
        self.read(Operation::Load, move |c| load(c, &session)).await
    }

    async fn load_run(&self, session: &SessionId, begin: Seq) -> Result<Option<RunState>, StoreError> {
        let session = session.clone();
        self.read(Operation::Load, move |c| load_run(c, &session, begin)).await
    }

    async fn open_runs(&self, partition: Partition) -> Result<Vec<SessionId>, StoreError> {
        self.read(Operation::OpenRuns, move |c| runs::open(c, partition)).await
    }

    async fn run(&self, session: &SessionId) -> Result<Option<RunRow>, StoreError> {
        let session = session.clone();
        self.read(Operation::Run, move |c| runs::latest(c, &session)).await
    }

    async fn recent_runs(&self, limit: usize) -> Result<Vec<RunRow>, StoreError> {
        self.read(Operation::RecentRuns, move |c| runs::recent(c, limit)).await
    }

    async fn history(&self, session: &SessionId, begin: Seq, limit: usize) -> Result<Vec<PlayRow>, StoreError> {
        let session = session.clone();
        self.read(Operation::History, move |c| history(c, &session, begin, limit)).await
    }

    async fn recap(&self, session: &SessionId) -> Result<Option<Recap>, StoreError> {
        let session = session.clone();
        self.read(Operation::Recap, move |c| recap(c, &session)).await
    }

    async fn save_fingerprints(&self, session: &SessionId, begin: Seq, prints: &[Fingerprint]) -> Result<usize, StoreError> {
        let (session, prints) = (session.clone(), prints.to_vec());
        self.write(Operation::SaveFingerprints, move |c| fingerprints::save(c, &session, begin, &prints)).await
    }

    async fn top_tracks(&self, limit: usize) -> Result<Vec<TopTrack>, StoreError> {
        self.read(Operation::TopTracks, move |c| plays::top(c, limit)).await
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        self.read(Operation::Totals, runs::totals).await
    }

    async fn dj_runs(&self, slug: &str, limit: usize) -> Result<(Vec<RunRow>, u64, u64), StoreError> {
        let slug = slug.to_owned();
        self.read(Operation::DjRuns, move |c| runs::by_slug(c, &slug, limit)).await
    }

    async fn person_likes(&self, person: PersonId, limit: usize) -> Result<(Vec<PersonLike>, u64), StoreError> {
        self.read(Operation::PersonLikes, move |c| likes::of_person(c, person, limit)).await
    }

    /// Goes both ways: a file that another process keeps locked answers questions and still takes no save.
    async fn ping(&self) -> Result<(), StoreError> {
        self.read(Operation::Ping, |c| runs::totals(c).map(drop)).await?;
        self.write(Operation::Ping, |_| Ok(())).await
    }
}

/// Each row is written where its `pos` is greater than the stored one. At the same place the fold makes the same row, so a
/// stretch that is folded again after a crash writes nothing at all.
pub(super) fn save(c: &Connection, changes: &Changes) -> rusqlite::Result<()> {
    changes.runs.iter().try_for_each(|row| runs::save(c, row))?;
    changes.plays.iter().try_for_each(|row| plays::save(c, row))?;
    changes.likes.iter().try_for_each(|row| likes::save(c, row))?;
    changes.wishes.iter().try_for_each(|row| wishes::save(c, row))?;
    changes.polls.iter().try_for_each(|row| polls::save(c, row))?;
    changes.votes.iter().try_for_each(|row| votes::save(c, row))?;
    positions::save(c, changes.partition, changes.upto)
}

pub(super) fn load(c: &Connection, session: &SessionId) -> rusqlite::Result<Option<RunState>> {
    runs::latest(c, session)?.map(|run| state(c, run)).transpose()
}

pub(super) fn load_run(c: &Connection, session: &SessionId, begin: Seq) -> rusqlite::Result<Option<RunState>> {
    runs::of(c, session, begin)?.map(|run| state(c, run)).transpose()
}

fn state(c: &Connection, run: RunRow) -> rusqlite::Result<RunState> {
    let (session, begin) = (&run.session, run.begin);
    Ok(RunState {
        plays: plays::of_run(c, session, begin)?,
        likes: likes::of_run(c, session, begin)?,
        wishes: wishes::of_run(c, session, begin)?,
        polls: polls::of_run(c, session, begin)?,
        votes: votes::of_run(c, session, begin)?,
        run,
    })
}

pub(super) fn history(c: &Connection, session: &SessionId, begin: Seq, limit: usize) -> rusqlite::Result<Vec<PlayRow>> {
    let mut plays = plays::newest(c, session, begin, limit)?;
    fingerprints::fill(c, session, begin, &mut plays)?;
    Ok(plays)
}

pub(super) fn recap(c: &Connection, session: &SessionId) -> rusqlite::Result<Option<Recap>> {
    let Some(run) = runs::latest(c, session)? else { return Ok(None) };
    let mut plays = plays::in_order_played(c, session, run.begin)?;
    fingerprints::fill(c, session, run.begin, &mut plays)?;
    let polls = polls::of_run(c, session, run.begin)?;
    Ok(Some(Recap { run, plays, polls }))
}
