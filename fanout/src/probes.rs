//! "Is this session's DJ still there?", asked by another node before an anonymous session changes hands.

use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use futures_util::future::join_all;
use nats::Broker;
use schemas::SessionId;

use crate::hubs::Hubs;

/// Answers for a session as long as a DJ's socket of it is here.
pub fn answer(broker: Broker, hubs: Hubs, session: SessionId) {
    tokio::spawn(async move {
        let Ok(mut questions) = broker.dj_probes(&session).await else {
            hubs.known(&session).inspect(|hub| hub.answering.store(false, Ordering::Release));
            return;
        };
        let mut check = tokio::time::interval(std::time::Duration::from_secs(1));
        loop {
            let lines = || hubs.known(&session).map(|hub| hub.dj_lines()).unwrap_or_default();
            tokio::select! {
                question = questions.next() => {
                    let Some(question) = question else { break };
                    // Each socket answers within its own deadline of 3 s: a sign of life, or its end.
                    let probes: Vec<_> = lines().iter().map(|line| line.probe()).collect();
                    let alive = join_all(probes).await.into_iter().any(|answer| answer.unwrap_or(false));
                    question.answer(alive).await;
                }
                // Nobody should wait for this node's answer once its last DJ's socket is gone.
                _ = check.tick() => if lines().is_empty() { break },
            }
        }
        if let Some(hub) = hubs.known(&session) {
            hub.answering.store(false, Ordering::Release);
        }
    });
}
