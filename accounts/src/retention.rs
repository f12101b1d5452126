//! What is kept for a time: tokens that nobody uses, secrets that have expired, browsers that do not come back, the audit log.

use schemas::Millis;
use store::{Kind, SWEEP_PAUSE, SWEEP_ROWS, Swept};
use tokio::time::sleep;

use crate::Accounts;
use crate::audit::Action;
use crate::error::AccountError;

impl Accounts {
    /// Removes tokens that nobody used for too long, and what else has grown old, a few rows at a time so that others come between. Any
    /// number of processes may do it. What was removed is in `swept`, also after an error.
    pub async fn tidy(&self, now: Millis, swept: &mut Swept) -> Result<(), AccountError> {
        let inner = &self.inner;
        while whole_step(inner.stores.secrets.sweep_secrets(now, SWEEP_ROWS).await?, Kind::Secret, swept) {
            sleep(SWEEP_PAUSE).await;
        }
        loop {
            let forgotten = inner.stores.subscriptions.sweep_subscriptions(now, SWEEP_ROWS).await?;
            swept.add(Kind::Subscription, forgotten.subscriptions);
            swept.add(Kind::Follow, forgotten.follows);
            swept.add(Kind::Push, forgotten.pushes);
            if !forgotten.more {
                break;
            }
            sleep(SWEEP_PAUSE).await;
        }
        let before = now.before(inner.config.audit_kept);
        while whole_step(inner.stores.audit.sweep_audit(before, SWEEP_ROWS).await?, Kind::Audit, swept) {
            sleep(SWEEP_PAUSE).await;
        }
        if inner.config.token_unused.is_zero() {
            return Ok(());
        }
        let before = now.before(inner.config.token_unused);
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
    removed >= SWEEP_ROWS as u64
}
