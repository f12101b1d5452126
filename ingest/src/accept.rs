//! The story of a message: who may say it, whether it is too soon, what it becomes, where it is stored.

use schemas::caller::{Admitted, Caller};
use schemas::client::{ClientMessage, Incoming};
use schemas::error::Refusal;
use schemas::rules::{Goes, Kind};
use schemas::{Code, Millis, OpKey};

use crate::{Ingest, metrics};

impl Ingest {
    /// Admits one message. `Ok` only once it is stored under fsync.
    pub async fn accept(&self, caller: &Caller, incoming: Incoming) -> Result<Admitted, Refusal> {
        let kind = incoming.message.kind();
        let watch = metrics::watch(kind);
        let result = self.judge(caller, kind, incoming).await;
        watch.done(&result);
        result
    }

    async fn judge(&self, caller: &Caller, kind: Kind, incoming: Incoming) -> Result<Admitted, Refusal> {
        if !self.inner.broker.is_open() {
            // Refused at once instead of queued: an answer that comes after the DJ has repeated himself is worse than none.
            return Err(Code::Unavailable.into());
        }
        let now = Millis::now();
        let op = incoming.message_id.as_deref().map(OpKey::of);
        let rule = kind.rule();
        if let ClientMessage::RegisterSession(register) = &incoming.message {
            self.inner.budgets.spend(kind, rule.budget, caller, None)?;
            return self.register(caller, register, op, now).await.map(Admitted::Registered);
        }
        let session = self.session_of(caller, &incoming.message).await?;
        self.authorised(caller, rule.who, &session)?;
        if rule.goes == Goes::Out
            && let Some(seq) = session.view().run.as_ref().and_then(|run| run.applied(op))
        {
            // A repeat of the DJ's own word spends no budget. Dancers' ids are their own and are compared in the fold, person by person.
            return Ok(Admitted::Stored(Some(seq)));
        }
        self.inner.budgets.spend(kind, rule.budget, caller, Some(session.id()))?;
        let seq = match rule.goes {
            Goes::Out => self.append(&session, &incoming.message, op, now).await?,
            Goes::In => self.claim(caller, &session, &incoming.message, incoming.message_id.as_deref(), now).await?,
            Goes::Answer => None,
        };
        Ok(Admitted::Stored(seq))
    }
}
