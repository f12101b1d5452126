//! Who is here, reported to the workers: each change within a moment, everything every 15 seconds (a setting).

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use nats::Broker;
use schemas::note::{Presence, PresenceChange, PresenceReport, Present, SessionPresence};
use schemas::{NodeId, Partition, SessionId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::hubs::Hubs;

/// Changes of one window travel together: a crowd that arrives is a few messages and not one each.
const WINDOW: Duration = Duration::from_millis(50);
/// Changes waiting to be sent. Beyond it they are dropped, and the next full set mends the count.
const WAITING: usize = 65_536;
/// People in one report: 20 bytes each, so that a report stays far below the broker's largest message.
const PEOPLE: usize = 10_000;

#[derive(Clone)]
pub struct Reporter {
    changes: mpsc::Sender<PresenceChange>,
}

impl Reporter {
    pub fn changed(&self, session: &SessionId, who: Present, here: bool) {
        let _ = self.changes.try_send(PresenceChange { session: session.clone(), who, here });
    }
}

pub struct Task {
    node: NodeId,
    changes: mpsc::Receiver<PresenceChange>,
}

pub fn channel(node: NodeId) -> (Reporter, Task) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Reporter { changes: sender }, Task { node, changes: receiver })
}

impl Task {
    pub async fn run(mut self, every: Duration, broker: Broker, hubs: Hubs, gone: CancellationToken) {
        let mut full = tokio::time::interval(every);
        let mut round = 0;
        let mut asked = broker.presence_asked().await.ok();
        loop {
            tokio::select! {
                change = self.changes.recv() => match change {
                    Some(change) => self.report(&broker, change).await,
                    None => return,
                },
                _ = full.tick() => {
                    round += 1;
                    for partition in Partition::all() {
                        self.report_all(&broker, &hubs, partition, round, false).await;
                    }
                }
                Some(partition) = next(&mut asked) => {
                    round += 1;
                    self.report_all(&broker, &hubs, partition, round, true).await;
                }
                () = gone.cancelled() => break,
            }
        }
        for partition in Partition::all() {
            self.send(&broker, partition, PresenceReport::Gone).await;
        }
    }

    async fn report(&mut self, broker: &Broker, first: PresenceChange) {
        tokio::time::sleep(WINDOW).await;
        let mut by_partition: HashMap<Partition, Vec<PresenceChange>> = HashMap::new();
        by_partition.entry(first.session.partition()).or_default().push(first);
        while let Ok(change) = self.changes.try_recv() {
            by_partition.entry(change.session.partition()).or_default().push(change);
        }
        for (partition, changes) in by_partition {
            for changes in changes.chunks(PEOPLE) {
                self.send(broker, partition, PresenceReport::Changes(changes.to_vec())).await;
            }
        }
    }

    /// `even_if_empty`: somebody asked, and an empty answer is an answer too.
    async fn report_all(&self, broker: &Broker, hubs: &Hubs, partition: Partition, round: u64, even_if_empty: bool) {
        let mut sessions: Vec<SessionPresence> = Vec::new();
        for hub in hubs.all().into_iter().filter(|hub| hub.id().partition() == partition) {
            for people in hub.people().chunks(PEOPLE) {
                sessions.push(SessionPresence { session: hub.id().clone(), people: people.to_vec() });
            }
        }
        if sessions.is_empty() && !even_if_empty {
            return;
        }
        let mut batches: Vec<Vec<SessionPresence>> = vec![Vec::new()];
        let mut people = 0;
        for session in sessions {
            people += session.people.len();
            if people > PEOPLE {
                batches.push(Vec::new());
                people = session.people.len();
            }
            if let Some(batch) = batches.last_mut() {
                batch.push(session);
            }
        }
        let parts = batches.len() as u32;
        for (part, sessions) in batches.into_iter().enumerate() {
            self.send(broker, partition, PresenceReport::Full { round, part: part as u32, parts, sessions }).await;
        }
    }

    async fn send(&self, broker: &Broker, partition: Partition, report: PresenceReport) {
        if let Err(error) = broker.send_presence(partition, &Presence { node: self.node.clone(), report }).await {
            // The next full set says it again.
            tracing::debug!(%partition, %error, "presence was not reported");
        }
    }
}

async fn next(asked: &mut Option<futures_util::stream::BoxStream<'static, Partition>>) -> Option<Partition> {
    match asked {
        Some(asked) => asked.next().await,
        None => std::future::pending().await,
    }
}
