//! Taking a session up where its rows stand: rows from the store, the view from the log's facts.

use schemas::{Pos, SessionId};

use crate::Error;
use crate::fold::Fold;
use crate::partition::Share;

/// The fold of a session as of `upto`: the log's facts after it are left for the reader to bring. Gives too whether its rows had to
/// be brought in line with a log that lost something.
pub async fn load(share: &Share, session: &SessionId, upto: Pos) -> Result<(Fold, bool), Error> {
    let Some(state) = share.store.load(session).await? else {
        let behind = share.broker.newest_seq(session).await?.filter(|newest| *newest > upto.seq());
        let mut fold = Fold::new(session.clone());
        fold.behind = behind;
        return Ok((fold, false));
    };
    let eras = share.broker.eras(share.partition);
    let mut begin = state.run.begin;
    if eras.lost(begin) {
        // The log knows an older run, or none.
        let record = share.broker.lobby_record(session).await?;
        begin = record.map_or(begin, |(own, record)| record.begin(own));
    }
    let facts = share.broker.whole_facts_after(session, begin.saturating_sub(1)).await?;
    let mut fold = Fold::restore(session.clone(), state, &facts, upto);
    fold.behind = facts.last().map(|fact| fact.seq).filter(|newest| *newest > upto.seq());
    let changed = fold.reconcile(|seq| eras.lost(seq), upto);
    Ok((fold, changed))
}
