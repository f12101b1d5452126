//! Tickets: what a page that cannot send its session with a socket's opening shows instead, once and soon.

use std::time::Duration;

use schemas::Millis;
use store::SecretKind;

use crate::Accounts;
use crate::caller::Caller;
use crate::error::AccountError;
use crate::tokens::fresh;

impl Accounts {
    /// A ticket for one socket, and how long it holds. The socket ends with the session that asks.
    pub async fn ticket(&self, caller: &Caller, now: Millis) -> Result<(String, Duration), AccountError> {
        let session = caller.require_session()?;
        let holds = self.inner.config.ticket;
        let mut ticket = fresh(SecretKind::Ticket, Some(caller.id()), holds, now);
        ticket.kept.family = session.sha256.clone();
        self.inner.stores.secrets.add_secret(&ticket.kept).await?;
        Ok((ticket.shown, holds))
    }
}
