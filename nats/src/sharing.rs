//! Storing packs, and which of them share a message of the log. A message costs the broker and everybody who reads it about the same whatever it holds, so
//! a window in which many sessions say little is stored in few of them.

use std::collections::{HashMap, HashSet};

use futures_util::future::try_join_all;
use schemas::claim::{Pack, PlacedPack};
use schemas::{Partition, Seq, SessionId};

use crate::batch::{BATCH, Outgoing};
use crate::connection::{Broker, BrokerError};
use crate::direct::Stored;
use crate::epoch::Log;
use crate::log::AppendError;
use crate::subjects;
use crate::traces::{self, Trace};

/// Claims in a message that several sessions share: fifty kilobytes or so, far below what the broker takes.
const CLAIMS: usize = 512;

/// For each message the packs that it holds, by their places in the list. Those of one session keep their order, and no message
/// holds a session twice: its claims have one place in the log.
pub fn messages(packs: &[(SessionId, Pack)]) -> Vec<Vec<usize>> {
    let mut messages: Vec<Vec<usize>> = Vec::new();
    let mut open: HashMap<Partition, Open> = HashMap::new();
    for (n, (session, pack)) in packs.iter().enumerate() {
        let partition = session.partition();
        match open.get_mut(&partition).filter(|open| open.claims + pack.claims.len() <= CLAIMS && !open.sessions.contains(session)) {
            Some(open) => {
                messages[open.at].push(n);
                open.claims += pack.claims.len();
                open.sessions.insert(session);
            }
            None => {
                open.insert(partition, Open { at: messages.len(), claims: pack.claims.len(), sessions: HashSet::from([session]) });
                messages.push(vec![n]);
            }
        }
    }
    messages
}

/// The message of a partition that may still take more.
struct Open<'a> {
    at: usize,
    claims: usize,
    sessions: HashSet<&'a SessionId>,
}

impl Broker {
    /// Stores packs of any sessions with one fsync for each stream of the log; at most 1,000 packs. Gives each pack's sequence, in order;
    /// packs of sessions of one partition share messages ([`messages`]), and so a sequence.
    ///
    /// With one copy of the log the messages are an atomic batch. With several the broker groups by itself and they go one by one.
    /// So after an error some may be stored: as ever, the outcome of `Unavailable` is unknown.
    pub async fn publish_packs(&self, packs: &[(SessionId, Pack)]) -> Result<Vec<Seq>, BrokerError> {
        self.publish_traced_packs(packs, |_| None).await
    }

    /// As [`Broker::publish_packs`], with the context of a claim of the pack at this place in the list, if one of them has one.
    pub async fn publish_traced_packs<'a>(
        &self,
        packs: &[(SessionId, Pack)],
        trace: impl Fn(usize) -> Option<&'a Trace>,
    ) -> Result<Vec<Seq>, BrokerError> {
        if packs.len() > BATCH {
            return Err(BrokerError::Refused(format!("{} packs at once", packs.len())));
        }
        // For each stream the messages that go there, and which packs each holds.
        let mut shares: Vec<(&Log, Vec<Vec<usize>>)> = Vec::new();
        for message in messages(packs) {
            let log = self.log(packs[message[0]].0.partition());
            match shares.iter_mut().find(|(known, _)| std::ptr::eq(*known, log)) {
                Some((_, share)) => share.push(message),
                None => shares.push((log, vec![message])),
            }
        }
        for log in self.logs().iter().filter(|log| packs.is_empty() || shares.iter().any(|(known, _)| std::ptr::eq(*known, *log))) {
            log.admits()?;
        }
        let trace = &trace;
        let stored = shares.iter().map(|(log, share)| async move {
            let messages = share.iter().map(|message| {
                let mut outgoing = outgoing(message.iter().map(|n| &packs[*n]));
                if let Some(trace) = message.iter().find_map(|n| trace(*n)) {
                    trace.write(&mut outgoing.headers);
                }
                outgoing
            });
            self.publish_share(log, messages.collect()).await
        });
        let stored = try_join_all(stored).await?;
        let mut seqs = vec![0; packs.len()];
        for (message, seq) in shares.iter().flat_map(|(_, share)| share).zip(stored.into_iter().flatten()) {
            message.iter().for_each(|n| seqs[*n] = seq);
        }
        Ok(seqs)
    }

    async fn publish_share(&self, log: &Log, messages: Vec<Outgoing>) -> Result<Vec<Seq>, BrokerError> {
        if self.config().replicas > 1 {
            let sent = messages.into_iter().map(|message| async {
                let seq = self.put(message).await.map_err(AppendError::unguarded)?;
                log.saw(seq);
                Ok(seq)
            });
            return try_join_all(sent).await;
        }
        let count = messages.len() as u64;
        let last = self.put_all(messages).await.map_err(AppendError::unguarded)?;
        log.saw(last);
        let first = (last + 1).saturating_sub(count);
        Ok((first..first + count).collect())
    }
}

/// A pack alone on its session's own subject, several on the one that the partition's sessions share.
fn outgoing<'a>(packs: impl Iterator<Item = &'a (SessionId, Pack)>) -> Outgoing {
    let packs: Vec<_> = packs.collect();
    match packs[..] {
        [(session, pack)] => Outgoing::new(subjects::claims(session), pack),
        [(first, _), ..] => Outgoing::new(subjects::shared_claims(first.partition()), &packs),
        [] => unreachable!("a message holds a pack"),
    }
}

/// The packs of a message that sessions share, or why they cannot be read.
pub(crate) fn placed(message: &Stored, partition: Partition) -> Result<Vec<PlacedPack>, String> {
    let packs: Vec<(SessionId, Pack)> = message.try_body()?;
    if packs.is_empty() || packs.iter().any(|(session, _)| session.partition() != partition) {
        return Err("packs of no session, or of another partition's".to_owned());
    }
    let count = packs.len();
    // Whose it is of those who share the message is not said: each finds it.
    packs.iter().for_each(|(session, _)| traces::remember(session, message.seq, Some(&message.headers)));
    let placed = |(n, (session, pack))| PlacedPack { session, seq: message.seq, stamp: message.stamp, pack, more: count - 1 - n };
    Ok(packs.into_iter().enumerate().map(placed).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use schemas::Millis;
    use schemas::claim::{Claim, ClaimRecord, Speaker};

    use super::*;

    fn pack((session, claims): (usize, usize)) -> (SessionId, Pack) {
        let record = ClaimRecord { at: Millis(0), by: Speaker::System, op: None, claim: Claim::Peak { listeners: 1 } };
        (SessionId::parse(&format!("session-{session}")).unwrap(), Pack { node: None, claims: vec![record; claims] })
    }

    #[test]
    fn many_sessions_that_say_little_need_few_messages() {
        let packs: Vec<_> = (0..1_000).map(|session| pack((session, 1))).collect();
        assert_eq!(messages(&packs).len(), 64, "one a partition");
        assert_eq!(messages(&packs[..1]), [[0]]);
    }

    proptest! {
        #[test]
        fn every_pack_is_in_one_message_and_sessions_keep_their_order(said in proptest::collection::vec((0usize..40, 1usize..400), 0..200)) {
            let packs: Vec<_> = said.into_iter().map(pack).collect();
            let messages = messages(&packs);
            let mut all: Vec<usize> = messages.iter().flatten().copied().collect();
            let mut last = HashMap::new();
            for (at, message) in messages.iter().enumerate() {
                for n in message {
                    let session = &packs[*n].0;
                    prop_assert_eq!(session.partition(), packs[message[0]].0.partition());
                    prop_assert!(last.insert(session, (at, *n)).is_none_or(|(before, earlier)| before < at && earlier < *n));
                }
                let claims: usize = message.iter().map(|n| packs[*n].1.claims.len()).sum();
                prop_assert!(message.len() == 1 || claims <= CLAIMS);
            }
            all.sort_unstable();
            prop_assert_eq!(all, (0..packs.len()).collect::<Vec<_>>());
        }
    }
}
