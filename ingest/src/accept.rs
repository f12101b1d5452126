//! The story of a message: who may say it, whether it is too soon, what it becomes, where it is stored.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use nats::traces::TARGET;
use nats::{Failed, Session};
use schemas::caller::{Admitted, Caller};
use schemas::client::{ClientMessage, Incoming};
use schemas::error::Refusal;
use schemas::rules::{Goes, Kind, Who};
use schemas::view::View;
use schemas::{Code, Millis, OpKey, Seq};
use tracing::field::Empty;
use tracing::{Instrument, Span, trace_span};

use crate::facts::Word;
use crate::{Ingest, metrics};

/// What became of a message at the door.
enum Entered {
    /// It is a repeat, and stands here.
    Already(Seq),
    In(Session),
}

impl Ingest {
    /// Admits one message. `Ok` only once it is stored under fsync.
    pub async fn accept(&self, caller: &Caller, incoming: &Incoming) -> Result<Admitted, Refusal> {
        let watch = metrics::watch(incoming.message.kind());
        let span = span(incoming);
        let result = self.judge(caller, incoming).instrument(span.clone()).await;
        span.record("outcome", metrics::outcome(&result));
        watch.done(&result);
        result
    }

    /// The same for a door that goes on meanwhile, as a socket does. It is compiled here, with the rest of this room.
    pub fn accept_owned(&self, caller: Arc<Caller>, incoming: Incoming) -> BoxFuture<'static, Result<Admitted, Refusal>> {
        Box::pin(self.clone().own(caller, incoming))
    }

    #[allow(clippy::manual_async_fn)] // An async function would hold its arguments twice.
    fn own(self, caller: Arc<Caller>, incoming: Incoming) -> impl Future<Output = Result<Admitted, Refusal>> + Send + 'static {
        async move { self.accept(&caller, &incoming).await }
    }

    /// Admits what a DJ says to one session at once, all of it for everyone to hear: one write stores it, and dancers hear it together.
    pub async fn accept_together(&self, caller: &Caller, said: &[&Incoming]) -> Vec<Result<Admitted, Refusal>> {
        let watches: Vec<_> = said.iter().map(|incoming| metrics::watch(incoming.message.kind())).collect();
        let span = said.first().map_or_else(Span::none, |first| span(first));
        let results = self.judge_together(caller, said).instrument(span.clone()).await;
        // The first that was refused tells more than those that were not.
        let telling = results.iter().find(|result| result.is_err()).or(results.first());
        if let Some(result) = telling {
            span.record("outcome", metrics::outcome(result));
        }
        watches.into_iter().zip(&results).for_each(|(watch, result)| watch.done(result));
        results
    }

    async fn judge(&self, caller: &Caller, incoming: &Incoming) -> Result<Admitted, Refusal> {
        let now = Millis::now();
        // A dancer's claim waits in this for its group, thousands at a time. What only others' messages take is boxed, here and below, or each
        // claim would hold room for it.
        if let ClientMessage::RegisterSession(register) = &incoming.message {
            let (kind, op) = (Kind::RegisterSession, op_of(incoming));
            self.allowed(caller, kind)?;
            if !self.inner.broker.available() || !self.inner.broker.is_open() {
                return Err(Code::Unavailable.into());
            }
            self.inner.budgets.spend(kind, kind.rule().budget, caller, None)?;
            return Box::pin(self.register(caller, register, op, now)).await.map(Admitted::Registered);
        }
        let session = match self.let_in(caller, incoming).await? {
            Entered::Already(seq) => return Ok(Admitted::Stored(Some(seq))),
            Entered::In(session) => session,
        };
        let seq = match incoming.message.kind().rule().goes {
            Goes::Out => Box::pin(self.append(&session, &[word(incoming)], now)).await?.pop().unwrap_or(Ok(None))?,
            Goes::In => self.claim(caller, &session, &incoming.message, incoming.message_id.as_deref(), now).await?,
            Goes::Answer => None,
        };
        Ok(Admitted::Stored(seq))
    }

    async fn judge_together(&self, caller: &Caller, said: &[&Incoming]) -> Vec<Result<Admitted, Refusal>> {
        let mut results = Vec::with_capacity(said.len());
        let mut entered: Option<Session> = None;
        let mut words = Vec::new();
        let mut away = false;
        for incoming in said {
            let let_in = if away { Err(Code::Unavailable.into()) } else { self.let_in(caller, incoming).await };
            // None may pass one that has to be said again.
            away |= let_in.as_ref().is_err_and(|refusal| refusal.code == Code::Unavailable);
            // None: it waits for what is stored.
            results.push(match let_in {
                Ok(Entered::Already(seq)) => Some(Ok(Admitted::Stored(Some(seq)))),
                Ok(Entered::In(session)) => {
                    entered = Some(session);
                    words.push(word(incoming));
                    None
                }
                Err(refusal) => Some(Err(refusal)),
            });
        }
        let mut stored = match &entered {
            Some(session) => match self.append(session, &words, Millis::now()).await {
                Ok(stored) => stored,
                Err(refusal) => words.iter().map(|_| Err(refusal.clone())).collect(),
            },
            None => Vec::new(),
        }
        .into_iter();
        let mut next = || stored.next().unwrap_or_else(|| Err(Code::Internal.into())).map(Admitted::Stored);
        results.into_iter().map(|result| result.unwrap_or_else(&mut next)).collect()
    }

    /// Who may say it, whether it is a repeat, and whether it comes too soon.
    async fn let_in(&self, caller: &Caller, incoming: &Incoming) -> Result<Entered, Refusal> {
        let broker = &self.inner.broker;
        if !broker.available() {
            // Refused at once instead of queued: an answer that comes after the DJ has repeated himself is worse than none.
            return Err(Code::Unavailable.into());
        }
        let kind = incoming.message.kind();
        let rule = kind.rule();
        self.allowed(caller, kind)?;
        let entered = self.find(caller, incoming).await?;
        if let Entered::In(session) = &entered {
            self.inner.budgets.spend(kind, rule.budget, caller, Some(session.id()))?;
        }
        Ok(entered)
    }

    /// The session that a message concerns, if its sender may say that there now.
    async fn find(&self, caller: &Caller, incoming: &Incoming) -> Result<Entered, Refusal> {
        let rule = incoming.message.kind().rule();
        let session = self.session_of(caller, &incoming.message).await?;
        if !self.inner.broker.admits(session.id().partition()) {
            return Err(Code::Unavailable.into());
        }
        let judge = |view: &View| {
            let run = view.run.as_ref().ok_or(Refusal::from(Code::SessionNotFound))?;
            self.authorised(caller, rule.who, view)?;
            // A repeat of the DJ's own word spends no budget. Dancers' ids are their own and are compared in the fold, person by person.
            let repeated = if rule.goes == Goes::Out { run.applied(op_of(incoming)) } else { None };
            match repeated {
                None if rule.who == Who::Owner && run.ended() => Err(Code::SessionOver.into()),
                repeated => Ok(repeated),
            }
        };
        let already = match rule.who {
            // What a DJ has heard may be newer than what is known here.
            Who::Owner => Box::pin(session.judge(judge)).await.map_err(Failed::refusal)?,
            Who::Anyone | Who::Dancer => judge(&session.view())?,
        };
        Ok(already.map_or(Entered::In(session), Entered::Already))
    }
}

/// Where the trace of a message begins: whatever its sender says of traces is not believed.
fn span(incoming: &Incoming) -> Span {
    trace_span!(target: TARGET, "ingest.accept", otel.kind = "server", message.kind = incoming.message.kind().wire(), outcome = Empty)
}

fn op_of(incoming: &Incoming) -> Option<OpKey> {
    incoming.message_id.as_deref().map(OpKey::of)
}

fn word(incoming: &Incoming) -> Word<'_> {
    Word { message: &incoming.message, op: op_of(incoming) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<F>(_: impl FnOnce(Ingest, Arc<Caller>, Incoming) -> F) -> usize {
        size_of::<F>()
    }

    /// The allocator of glibc keeps blocks of up to 1,032 bytes at hand for each thread (tcache in its `malloc.c`). When this was larger, a like in a
    /// session of its own cost a third more (`make bench BENCH="--only durable"`).
    #[test]
    fn what_a_claim_waits_in_is_small() {
        assert!(size(Ingest::own) <= 1_032, "{} bytes", size(Ingest::own));
    }
}
