//! What is kept for a time: tokens that nobody uses, secrets that have expired, browsers that do not come back, the audit log.

use std::time::Duration;

use schemas::Millis;
use store::{Kind, Swept};

use crate::Accounts;
use crate::audit::Action;
use crate::error::AccountError;

/// Rows that one step removes: some milliseconds of a store that others wait for.
const STEP: usize = 500;
/// Between two steps, so that whoever signs in comes first.
const PAUSE: Duration = Duration::from_millis(50);

impl Accounts {
    /// Removes tokens that nobody used for too long, and what else has grown old, a few rows at a time so that others come between. Any
    /// number of processes may do it. What was removed is in `swept`, also after an error.
    pub async fn tidy(&self, now: Millis, swept: &mut Swept) -> Result<(), AccountError> {
        let inner = &self.inner;
        let ago = |span: std::time::Duration| now.plus(-i64::try_from(span.as_millis()).unwrap_or(i64::MAX));
        while whole_step(inner.stores.secrets.sweep_secrets(now, STEP).await?, Kind::Secret, swept) {
            tokio::time::sleep(PAUSE).await;
        }
        loop {
            let forgotten = inner.stores.subscriptions.sweep_subscriptions(now, STEP).await?;
            swept.add(Kind::Subscription, forgotten.subscriptions);
            swept.add(Kind::Follow, forgotten.follows);
            swept.add(Kind::Push, forgotten.pushes);
            if !forgotten.more {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let before = ago(inner.config.audit_kept);
        while whole_step(inner.stores.audit.sweep_audit(before, STEP).await?, Kind::Audit, swept) {
            tokio::time::sleep(PAUSE).await;
        }
        if inner.config.token_unused.is_zero() {
            return Ok(());
        }
        let before = ago(inner.config.token_unused);
        for token in inner.stores.tokens.list_tokens().await? {
            if token.last_used.unwrap_or(token.created_at) < before {
                inner.end_token(&token.sha256, now).await?;
                inner.note(Action::TokenEnded, token.dj.parse().ok(), None, "unused", now).await?;
                swept.add(Kind::DjToken, 1);
            }
        }
        Ok(())
    }
}

/// Notes what a step removed, and tells whether there may be more.
fn whole_step(removed: u64, kind: Kind, swept: &mut Swept) -> bool {
    swept.add(kind, removed);
    removed >= STEP as u64
}
