//! What is looked at: the log up to the place where the store stands, and the store's rows of that moment.

use std::time::Duration;

use anyhow::bail;
use nats::{Broker, Eras};
use schemas::{Epoch, Pos, Seq, SessionId};
use store::{Live, RunState};
use tokio::time::{Instant, sleep};

use super::lost::Losses;
use super::recount::Recount;
use crate::past::{self, Run};

/// How often the store is asked again while it catches up.
const AGAIN: Duration = Duration::from_millis(100);

/// Log and store of one run, at one place.
pub struct Look {
    pub run: Run,
    /// Whether the session has a later run.
    pub runs: usize,
    pub epoch: Epoch,
    /// What the log lost of this run.
    pub losses: Losses,
    /// Where the store stands, and up to where was counted.
    pub position: Seq,
    /// Where the newest message of this run lay when this was asked.
    pub end: Seq,
    pub counted: Recount,
    pub folded: Option<RunState>,
    pub stored: Option<RunState>,
}

/// Looks at both. An error here means that nobody can tell whether they agree, and says why.
pub async fn look(broker: &Broker, store: &dyn Live, session: &SessionId, begin: Option<Seq>, wait: Duration) -> anyhow::Result<Look> {
    let runs = past::runs(broker, session).await?;
    let begin = match (begin, store.run(session).await?) {
        // The store's latest run may be one whose begin the log has let go.
        (None, Some(row)) if runs.last().is_none_or(|run| run.begin < row.begin) => Some(row.begin),
        (begin, _) => begin,
    };
    if let Some(begin) = begin.filter(|begin| runs.iter().all(|run| run.begin != *begin)) {
        if store.load_run(session, begin).await?.is_some() {
            if broker.eras(session.partition()).lost(begin) {
                bail!("{}", forgotten(&broker.eras(session.partition()), &runs, begin));
            }
            let (first, last) = broker.log_range(session.partition()).await?;
            bail!("the log no longer holds the begin of run {begin}: it begins at {first} and ends at {last}");
        }
        past::choose(&runs, Some(begin), session)?;
    }
    if runs.is_empty() {
        bail!("session {session} is known neither to the log nor to the store");
    }
    let run = past::choose(&runs, begin, session)?;
    let epoch = broker.epoch(session.partition());
    let end = broker.session_end(session).await?.unwrap_or(run.begin).min(run.last());
    let position = caught_up(broker, store, session, end, wait).await?;
    let (position, stored) = rows(store, session, run, position, wait).await?;
    let position = position.seq();
    let upto = position.min(run.last());
    let (mut counted, mut again) = (Recount::default(), workers::Refold::new(session.clone(), epoch));
    past::read(broker, session, run.begin, upto, |entry| {
        counted.take(&entry);
        again.take(&entry);
        true
    })
    .await?;
    if upto >= run.begin && counted.run.as_ref().is_none_or(|counted| counted.row.begin != run.begin) {
        bail!("the log let go of the begin of run {} while it was read", run.begin);
    }
    counted.finish();
    let losses = Losses::of(&broker.eras(session.partition()), run.begin, run.last());
    Ok(Look { run, runs: runs.len(), epoch, losses, position, end, counted, folded: again.rows(), stored })
}

/// A run of which the log has nothing any more: its rows stand, and nothing can be compared with them.
fn forgotten(eras: &Eras, runs: &[Run], begin: Seq) -> String {
    let era = eras.0.iter().find(|era| era.agreed < begin && begin < era.first);
    let lost = era.map_or(String::new(), |era| format!(": sequences {} to {}, as epoch {} says", era.agreed + 1, era.lost, era.epoch));
    let others: Vec<String> = runs.iter().map(|run| run.begin.to_string()).collect();
    let others = if others.is_empty() { String::new() } else { format!("; --run {} is still there", others.join(" or ")) };
    format!("run {begin} began in what the log lost{lost}. Its rows are kept as they were{others}")
}

/// Waits a moment for the store to come to `end`, and gives where it stands then.
async fn caught_up(broker: &Broker, store: &dyn Live, session: &SessionId, end: Seq, wait: Duration) -> anyhow::Result<Pos> {
    let deadline = Instant::now() + wait;
    loop {
        let saved = store.position(session.partition()).await?;
        if let Some(saved) = saved {
            // Asked after the position: the other way round a log that grows would seem to be rewound.
            let (_, last) = broker.log_range(session.partition()).await?;
            if saved.epoch() < broker.epoch(session.partition()) && Instant::now() < deadline {
                // An owner that comes to the new epoch notes it at once.
                sleep(AGAIN).await;
                continue;
            }
            comparable(saved, broker.epoch(session.partition()), last)?;
        }
        match saved {
            Some(saved) if saved.seq() >= end || Instant::now() >= deadline => return Ok(saved),
            None if Instant::now() >= deadline => {
                bail!("the store has folded nothing of partition {} yet; are the workers running on this store?", session.partition())
            }
            Some(_) | None => sleep(AGAIN).await,
        }
    }
}

/// A place in another log than this one says nothing about this one.
fn comparable(saved: Pos, epoch: Epoch, last: Seq) -> anyhow::Result<()> {
    if saved.epoch() != epoch {
        bail!("the store was folded from epoch {} of the log, and the log is in epoch {epoch}", saved.epoch());
    }
    if saved.seq() > last {
        bail!("the store is folded up to {}, but the log ends at {last}: it was rewound, or it is not the log of this store", saved.seq());
    }
    Ok(())
}

/// The rows as of a position: none reflects anything after it, so together they are of one moment. While the evening goes on a flush
/// may come between the two questions; then both are asked again.
async fn rows(
    store: &dyn Live,
    session: &SessionId,
    run: Run,
    mut position: Pos,
    wait: Duration,
) -> anyhow::Result<(Pos, Option<RunState>)> {
    let deadline = Instant::now() + wait.max(AGAIN * 10);
    loop {
        let state = store.load_run(session, run.begin).await?;
        let Some(ahead) = state.as_ref().and_then(newest).filter(|pos| *pos > position) else { return Ok((position, state)) };
        if Instant::now() >= deadline {
            bail!(
                "the store's rows go up to {} but its position is {}: a flush was cut short, and no worker has taken it up again",
                ahead.seq(),
                position.seq()
            );
        }
        sleep(AGAIN / 10).await;
        position = store.position(session.partition()).await?.map_or(position, |saved| saved.max(position));
    }
}

/// The newest place that any of the rows reflects.
fn newest(state: &RunState) -> Option<Pos> {
    let RunState { run, plays, likes, wishes, polls, votes } = state;
    let plays = plays.iter().map(|row| row.pos).chain(likes.iter().map(|row| row.pos));
    let others = wishes.iter().map(|row| row.pos).chain(polls.iter().map(|row| row.pos)).chain(votes.iter().map(|row| row.pos));
    plays.chain(others).chain([run.pos]).max()
}
