//! Doing what a duty asks, through the broker; and when to try again.

use std::time::{Duration, Instant};

use nats::AppendError;
use schemas::claim::{Claim, ClaimRecord, Pack, Speaker};
use schemas::fact::FactRecord;
use schemas::lobby::LobbyRecord;
use schemas::view::{View, lobby_after};
use schemas::{Millis, Seq, SessionId};

use crate::duties::Duty;
use crate::metrics::{self, Trouble};
use crate::partition::Share;

/// A request to close is repeated when nothing came of it for this long.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// A fact that was said, or that came first, is read back within milliseconds; after this long its reader must have lost it, and trying
/// again is safe because the broker compares positions.
const READ_BACK: Duration = Duration::from_secs(5);

/// How an errand went.
#[derive(Debug)]
pub enum Ran {
    /// The newest fact is at this place, ours or another's: nothing can be decided before it is folded.
    Newest(Seq),
    /// The lobby holds this record, which was made when the newest fact was at this place.
    Shown(Box<LobbyRecord>, Seq),
    Asked,
    Failed,
}

/// One session's errands, one at a time.
#[derive(Default)]
pub struct Errands {
    busy: bool,
    until: Seq,
    not_before: Option<Instant>,
    failures: u32,
}

impl Errands {
    /// Whether a duty may be done now, given the newest fact that is folded.
    pub fn free(&self, last: Seq, now: Instant) -> bool {
        !self.busy && (last >= self.until && self.until > 0 || self.not_before.is_none_or(|at| now >= at))
    }

    pub fn begin(&mut self) {
        self.busy = true;
    }

    pub fn end(&mut self, ran: &Ran, now: Instant) {
        self.busy = false;
        self.until = 0;
        let wait = match ran {
            Ran::Newest(seq) => {
                (self.until, self.failures) = (*seq, 0);
                if *seq > 0 { READ_BACK } else { Duration::from_millis(100) }
            }
            Ran::Shown(..) => {
                self.failures = 0;
                Duration::ZERO
            }
            Ran::Asked => {
                self.failures = 0;
                ASK_AGAIN
            }
            Ran::Failed => {
                self.failures = (self.failures + 1).min(6);
                Duration::from_millis(100) * 2u32.pow(self.failures - 1)
            }
        };
        self.not_before = Some(now + wait);
    }
}

pub async fn run(share: &Share, session: &SessionId, view: &View, duty: Duty) -> Ran {
    let refused = |error: AppendError, what: &str| match error {
        AppendError::Conflict { last } => Ran::Newest(last),
        AppendError::Broker(error) => {
            metrics::trouble(Trouble::Append);
            tracing::warn!(session = %session, what, %error, "an owner's word was not stored; it is tried again");
            Ran::Failed
        }
    };
    match duty {
        Duty::Say(fact) => {
            let now = Millis::now();
            let kind = fact.kind();
            let facts = [FactRecord { at: now, op: None, fact }];
            let lobby = lobby_after(view, &facts, now);
            // Guarded by what was folded: of two owners, and of two tries, one is stored.
            match share.broker.append(session, view.last, &facts, lobby.as_ref(), &[]).await {
                Ok(appended) => {
                    tracing::info!(session = %session, fact = kind, seq = appended.seqs.last(), "said a fact");
                    Ran::Newest(appended.seqs.last().copied().unwrap_or(0))
                }
                Err(error) => refused(error, kind),
            }
        }
        Duty::Show(record) => match share.broker.show(session, view.last, &record).await {
            Ok(()) => Ran::Shown(record, view.last),
            Err(error) => refused(error, "lobby"),
        },
        Duty::AskClose(poll) => {
            tracing::info!(session = %session, poll = poll.get(), "a poll's timer did not close it; its owner asks");
            if publish(share, vec![(session.clone(), system(Claim::ClosePoll { poll }))]).await { Ran::Asked } else { Ran::Failed }
        }
    }
}

/// A claim by this worker.
pub fn system(claim: Claim) -> Pack {
    Pack { node: None, claims: vec![ClaimRecord { at: Millis::now(), by: Speaker::System, op: None, claim }] }
}

pub async fn publish(share: &Share, packs: Vec<(SessionId, Pack)>) -> bool {
    let stored = share.broker.publish_packs(&packs).await;
    if let Err(error) = &stored {
        metrics::trouble(Trouble::Publish);
        tracing::warn!(partition = share.partition.0, %error, "could not publish a worker's claims");
    }
    stored.is_ok()
}
