//! Removing evenings that were kept long enough: a duty of a partition's owner. Nothing is decided by who owns it, so two owners by mistake
//! do the same twice; an owner that dies leaves a note in the store from which the next one goes on.

use std::sync::Arc;

use schemas::Millis;
use store::{Kind, Leaving, Past, RunRow, SWEEP_PAUSE, SWEEP_ROWS, Swept};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::partition::Share;

/// Evenings that are looked up at once.
const EVENINGS: usize = 16;
/// Clocks that differ by more are not believed.
const APART_MS: i64 = 3_600_000;

/// Looks every [`crate::Config::sweep`] until `stop`. The partitions of a process look one after the other and not all at once.
pub async fn keep(share: Share, past: Arc<dyn Past>, stop: CancellationToken) {
    let every = share.config.sweep;
    // Not at once: a machine that has just started may not know the time yet.
    let mut wait = every + every * u32::from(share.partition.0) / u32::from(schemas::limits::PARTITIONS);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(wait) => {}
        }
        wait = every;
        if !share.broker.available() || !share.broker.admits(share.partition) {
            continue;
        }
        let mut swept = Swept::default();
        let ended = sweep(&share, &*past, &mut swept).await;
        if !swept.is_empty() {
            tracing::info!(partition = share.partition.0, removed = %swept, "evenings that were kept long enough were removed");
        }
        if let Err(error) = ended {
            tracing::warn!(partition = share.partition.0, %error, "evenings that were kept long enough could not be removed; it is tried again");
        }
    }
}

/// First what somebody began, also where evenings are kept for ever now; then what is too old.
async fn sweep(share: &Share, past: &dyn Past, swept: &mut Swept) -> Result<(), Error> {
    for leaving in past.leaving(share.partition).await? {
        clear(past, &leaving, swept).await?;
    }
    let Some(kept) = share.config.evenings else { return Ok(()) };
    let Some(now) = agreed_time(share).await? else { return Ok(()) };
    let before = now.before(kept);
    loop {
        let mut removed = 0;
        for run in past.ended_before(share.partition, before, EVENINGS).await? {
            if in_the_log(share, &run).await? {
                continue;
            }
            if past.let_go(&run).await? {
                clear(past, &Leaving { session: run.session, begin: run.begin }, swept).await?;
                removed += 1;
            }
        }
        if removed == 0 {
            return Ok(());
        }
    }
}

/// The earlier of our time and the broker's; nothing where they are far apart, because one of them would remove what must stay.
async fn agreed_time(share: &Share) -> Result<Option<Millis>, Error> {
    let Some(stream) = share.broker.kept().into_iter().next() else { return Ok(None) };
    let theirs = share.broker.clock(&stream).await?;
    let now = earlier(Millis::now(), theirs);
    if now.is_none() {
        tracing::warn!(
            partition = share.partition.0,
            broker.time = theirs.map(|at| at.0),
            "our clock and the broker's are far apart: no evening is removed"
        );
    }
    Ok(now)
}

/// A broker that does not tell its time does not hinder.
fn earlier(ours: Millis, theirs: Option<Millis>) -> Option<Millis> {
    let theirs = theirs.unwrap_or(ours);
    (ours.since(theirs).abs() <= APART_MS).then_some(ours.min(theirs))
}

async fn clear(past: &dyn Past, leaving: &Leaving, swept: &mut Swept) -> Result<(), Error> {
    while !past.clear(leaving, SWEEP_ROWS).await? {
        sleep(SWEEP_PAUSE).await;
    }
    swept.add(Kind::Evening, 1);
    sleep(SWEEP_PAUSE).await;
    Ok(())
}

/// Whether the log still holds a fact of the evening. Then what it holds may be folded again, by an owner that died or into a store that was
/// put back, and what was removed would come back in part.
async fn in_the_log(share: &Share, run: &RunRow) -> Result<bool, Error> {
    let facts = share.broker.whole_facts_after(&run.session, run.begin.saturating_sub(1)).await?;
    Ok(facts.first().is_some_and(|fact| fact.seq <= run.pos.seq()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_too_old_by_one_clock_alone() {
        let now = Millis(1_700_000_000_000);
        assert_eq!(earlier(now, None), Some(now));
        for apart in [0, 1_000, APART_MS] {
            assert_eq!(earlier(now.plus(apart), Some(now)), Some(now));
            assert_eq!(earlier(now, Some(now.plus(apart))), Some(now));
        }
        for far in [APART_MS + 1, 370 * 86_400_000] {
            assert_eq!((earlier(now.plus(far), Some(now)), earlier(now, Some(now.plus(far)))), (None, None));
        }
    }
}
