//! Group commit. One fsync per message caps a server near 3,000 messages a second whatever they hold, so claims that arrive
//! together share one: a pack per session, and the packs of all sessions of a window as one atomic batch.
//!
//! Each stream of the log has a lane and a lane has one group under way, so claims of a session that came through the same door
//! keep the order in which they were admitted. The window is whatever arrives while the lane's last group is under way: nothing
//! when idle.

use nats::traces::Trace;
use nats::{Broker, BrokerError};
use schemas::claim::{ClaimRecord, Pack};
use schemas::{NodeId, Seq, SessionId};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::metrics;

/// Claims waiting in one lane. Full means that the log is slower than the floor: the sender is told "Temporarily unavailable".
const WAITING: usize = 16_384;
/// Claims in one group: a few megabytes at the most, and tens of milliseconds of the log's time.
const GROUP: usize = 32_768;
/// Packs in one atomic batch: what the broker takes. A batch costs it several syncs whatever it holds, so a larger one is cheaper.
const PACKS: usize = 1_000;

pub struct Committer {
    lanes: Vec<mpsc::Sender<Waiting<Done>>>,
}

/// A claim that waits for its group, and in whose name the verdict is awaited.
pub struct Waiting<D> {
    pub session: SessionId,
    pub node: Option<NodeId>,
    pub record: ClaimRecord,
    /// Whom to tell where it is stored.
    pub done: D,
}

/// Whoever waits, and the context of what they are doing.
struct Done {
    stored: oneshot::Sender<Result<Seq, ()>>,
    trace: Option<Trace>,
}

#[derive(Debug)]
pub struct Unknown;

impl Committer {
    pub fn start(broker: Broker, pack_claims: usize, stop: CancellationToken) -> Self {
        let lanes = (0..broker.config().shards.max(1))
            .map(|_| {
                let (sender, receiver) = mpsc::channel(WAITING);
                tokio::spawn(lane(broker.clone(), receiver, pack_claims.max(1), stop.clone()));
                sender
            })
            .collect();
        Committer { lanes }
    }

    /// The claim's place in the log, once stored. An error means unknown. The claim is in its lane when this returns, and stays there if nobody
    /// waits for its place.
    pub fn commit(
        &self,
        session: &SessionId,
        node: Option<&NodeId>,
        record: ClaimRecord,
    ) -> impl Future<Output = Result<Seq, Unknown>> + use<> {
        let (sender, stored) = oneshot::channel();
        let done = Done { stored: sender, trace: Trace::current() };
        let lane = &self.lanes[usize::from(session.partition().0) % self.lanes.len()];
        // A lane that is full drops it, and with it the sender.
        let _ = lane.try_send(Waiting { session: session.clone(), node: node.cloned(), record, done });
        async move { stored.await.map_err(|_| Unknown)?.map_err(|()| Unknown) }
    }
}

async fn lane(broker: Broker, mut waiting: mpsc::Receiver<Waiting<Done>>, pack_claims: usize, stop: CancellationToken) {
    let mut group = Vec::new();
    // After `stop` the lane still empties: what was admitted gets its answer.
    while let Some(first) = next(&mut waiting, &stop).await {
        group.push(first);
        while group.len() < GROUP {
            let Ok(more) = waiting.try_recv() else { break };
            group.push(more);
        }
        publish(&broker, std::mem::take(&mut group), pack_claims).await;
    }
}

async fn next(waiting: &mut mpsc::Receiver<Waiting<Done>>, stop: &CancellationToken) -> Option<Waiting<Done>> {
    tokio::select! {
        biased;
        first = waiting.recv() => first,
        () = stop.cancelled() => waiting.try_recv().ok(),
    }
}

async fn publish(broker: &Broker, group: Vec<Waiting<Done>>, pack_claims: usize) {
    let (packs, answers) = pack(group, pack_claims);
    for (packs, answers) in packs.chunks(PACKS).zip(chunked(answers, PACKS)) {
        let started = std::time::Instant::now();
        let trace = |n: usize| answers.get(n)?.iter().find_map(|done: &Done| done.trace.as_ref());
        let result = broker.publish_traced_packs(packs, trace).await;
        let claims = packs.iter().map(|(_, pack)| pack.claims.len()).sum();
        metrics::group_committed(claims, packs.len(), started.elapsed(), result.is_ok());
        answer(result, answers);
    }
}

type Answers = Vec<Done>;

/// One pack per session, node and `pack_claims`, in the order of arrival, and whom to tell of each.
pub fn pack<D>(group: Vec<Waiting<D>>, pack_claims: usize) -> (Vec<(SessionId, Pack)>, Vec<Vec<D>>) {
    let mut packs: Vec<(SessionId, Pack)> = Vec::new();
    let mut answers: Vec<Vec<D>> = Vec::new();
    let mut open = std::collections::HashMap::<_, usize>::new();
    for waiting in group {
        let key = (waiting.session.clone(), waiting.node.clone());
        let at = match open.get(&key) {
            Some(&at) if Vec::len(&answers[at]) < pack_claims => at,
            Some(_) | None => {
                packs.push((waiting.session, Pack { node: waiting.node, claims: Vec::new() }));
                answers.push(Vec::new());
                open.insert(key, packs.len() - 1);
                packs.len() - 1
            }
        };
        packs[at].1.claims.push(waiting.record);
        answers[at].push(waiting.done);
    }
    (packs, answers)
}

fn chunked(answers: Vec<Answers>, size: usize) -> Vec<Vec<Answers>> {
    let mut chunks = Vec::new();
    let mut rest = answers.into_iter().peekable();
    while rest.peek().is_some() {
        chunks.push(rest.by_ref().take(size).collect());
    }
    chunks
}

fn answer(result: Result<Vec<Seq>, BrokerError>, answers: Vec<Answers>) {
    match result {
        Ok(seqs) => {
            for (seq, senders) in seqs.into_iter().zip(answers) {
                for done in senders {
                    let _ = done.stored.send(Ok(seq));
                }
            }
        }
        Err(error) => {
            tracing::warn!(%error, "a group of claims was not acknowledged by the broker");
            for done in answers.into_iter().flatten() {
                let _ = done.stored.send(Err(()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use schemas::claim::{Claim, Speaker};
    use schemas::{Millis, PersonId};

    fn waiting(session: &str, n: u64) -> Waiting<Done> {
        let record = ClaimRecord {
            at: Millis(n as i64),
            by: Speaker::Person { id: PersonId::random(), known: true },
            op: None,
            claim: Claim::Peak { listeners: n },
        };
        Waiting {
            session: SessionId::parse(session).unwrap(),
            node: None,
            record,
            done: Done { stored: oneshot::channel().0, trace: None },
        }
    }

    #[test]
    fn a_window_is_one_pack_a_session_in_order() {
        let group = (0..10).map(|n| waiting(if n % 2 == 0 { "even-session" } else { "odd-session" }, n)).collect();
        let (packs, answers) = pack(group, 512);
        assert_eq!(packs.len(), 2);
        for ((_, pack), answers) in packs.iter().zip(&answers) {
            assert_eq!(pack.claims.len(), answers.len());
            assert!(pack.claims.windows(2).all(|w| w[0].at < w[1].at));
        }
    }

    #[test]
    fn a_full_pack_opens_another_and_loses_nothing() {
        let (packs, _) = pack((0..25).map(|n| waiting("one-session", n)).collect(), 10);
        assert_eq!(packs.iter().map(|(_, p)| p.claims.len()).collect::<Vec<_>>(), [10, 10, 5]);
    }
}
