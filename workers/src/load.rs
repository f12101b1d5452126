//! Taking a session up where its rows stand: rows from the store, the view from the log's facts.

use schemas::fact::PlacedFact;
use schemas::{Pos, Seq, SessionId};

use crate::Error;
use crate::fold::Fold;
use crate::partition::Share;

/// Facts are read in pages of this many; most evenings are one page.
const PAGE: usize = 1_000;

/// The fold of a session as of `upto`: the log's facts after it are left for the reader to bring.
pub async fn load(share: &Share, session: &SessionId, upto: Pos) -> Result<Fold, Error> {
    match share.store.load(session).await? {
        None => Ok(Fold::new(session.clone())),
        Some(state) => {
            let facts = facts(share, session, state.run.begin, upto.seq()).await?;
            Ok(Fold::restore(session.clone(), state, &facts, upto))
        }
    }
}

async fn facts(share: &Share, session: &SessionId, begin: Seq, upto: Seq) -> Result<Vec<PlacedFact>, Error> {
    let mut facts = Vec::new();
    let mut after = begin.saturating_sub(1);
    while after < upto {
        let page = share.broker.facts_after(session, after, PAGE).await?;
        let Some(last) = page.last().map(|fact| fact.seq) else { break };
        after = last;
        facts.extend(page);
    }
    Ok(facts)
}
