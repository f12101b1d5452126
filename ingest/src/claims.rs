//! What people say that the fold judges later: stamped, committed in groups, acknowledged once stored.

use std::collections::HashSet;

use futures_util::future::join_all;
use nats::Session;
use schemas::caller::Caller;
use schemas::claim::{Claim, ClaimRecord, Speaker};
use schemas::client::ClientMessage;
use schemas::error::Refusal;
use schemas::view::Run;
use schemas::{Code, Millis, OpKey, Seq, Track, TrackKey};

use crate::Ingest;
use crate::likes::{Like, Taken};

impl Ingest {
    pub(crate) async fn claim(
        &self,
        caller: &Caller,
        session: &Session,
        message: &ClientMessage,
        message_id: Option<&str>,
        now: Millis,
    ) -> Result<Option<Seq>, Refusal> {
        use ClientMessage as M;
        let view = session.view();
        let run = view.run.as_ref().ok_or(Refusal::from(Code::SessionNotFound))?;
        let op = message_id.map(OpKey::of);
        match message {
            M::SendLike(m) => {
                let track = m.payload.track.key();
                run.judge(&Claim::Like { track }, now)?;
                return match self.inner.likes.admit((session.id().clone(), run.begin, caller.person, track), op)? {
                    Like::Stored(seq) => Ok(Some(seq)),
                    Like::First(taken) => self.store_like(caller, session, track, Some(taken), op, now).await.map(Some),
                };
            }
            M::SendBulkLike(m) => return self.bulk(caller, session, run, &m.payload.tracks, message_id, now).await,
            M::RemoveLike(m) => self.inner.likes.forget(&(session.id().clone(), run.begin, caller.person, m.payload.track.key())),
            // A claim as it stands, or none: `claim_of` names each.
            _ => {}
        }
        let Some(claim) = claim_of(message) else { return Ok(None) };
        run.judge(&claim, now)?;
        self.commit(caller, session, claim, op, now).await.map(Some)
    }

    /// As [`Ingest::commit`], for a like; `taken` is its place in the memory, if that is not another message's.
    fn store_like<'a>(
        &'a self,
        caller: &Caller,
        session: &Session,
        track: TrackKey,
        taken: Option<Taken>,
        op: Option<OpKey>,
        now: Millis,
    ) -> impl Future<Output = Result<Seq, Refusal>> + use<'a> {
        let stored = self.commit(caller, session, Claim::Like { track }, op, now);
        let like = taken.map(|taken| self.inner.likes.under_way(taken));
        async move {
            let seq = stored.await?;
            like.into_iter().for_each(|like| like.stored(seq));
            Ok(seq)
        }
    }

    /// Likes that waited on a phone without a network. Tracks that were never played are left out; each other counts once. One that is
    /// under way for another message is stored again: nobody knows yet whether that one will be.
    async fn bulk(
        &self,
        caller: &Caller,
        session: &Session,
        run: &Run,
        tracks: &[Track],
        message_id: Option<&str>,
        now: Millis,
    ) -> Result<Option<Seq>, Refusal> {
        let mut waiting = Vec::new();
        let mut own = HashSet::new();
        for (i, track) in tracks.iter().map(Track::key).enumerate() {
            if let Err(code) = run.judge(&Claim::Like { track }, now) {
                if tracks.len() == 1 {
                    return Err(code.into());
                }
                continue;
            }
            if !own.insert(track) {
                continue;
            }
            let op = message_id.map(|id| OpKey::of(&format!("{id}/{i}")));
            let taken = match self.inner.likes.begin((session.id().clone(), run.begin, caller.person, track), op) {
                Ok(taken) => Some(taken),
                Err(held) if held.seq.is_some() => continue,
                Err(_) => None,
            };
            waiting.push(self.store_like(caller, session, track, taken, op, now));
        }
        // All of them are waited for, so that each that is stored is remembered.
        let stored = join_all(waiting).await.into_iter().collect::<Result<Vec<Seq>, Refusal>>()?;
        Ok(stored.into_iter().max())
    }

    /// The claim is in its lane when this returns, and stays there if nobody waits for where it is stored.
    fn commit(
        &self,
        caller: &Caller,
        session: &Session,
        claim: Claim,
        op: Option<OpKey>,
        now: Millis,
    ) -> impl Future<Output = Result<Seq, Refusal>> + use<> {
        let record = ClaimRecord { at: now, by: speaker(caller, &claim), op, claim };
        let stored = self.inner.committer.commit(session.id(), caller.node.as_ref(), record);
        async move { stored.await.map_err(|_| Code::Unavailable.into()) }
    }
}

/// What a message claims, where it is a claim. A bulk of likes is several, and is taken apart before.
pub fn claim_of(message: &ClientMessage) -> Option<Claim> {
    use ClientMessage as M;
    Some(match message {
        M::SendLike(m) => Claim::Like { track: m.payload.track.key() },
        M::RemoveLike(m) => Claim::Unlike { track: m.payload.track.key() },
        M::SendTempoRequest(m) => Claim::Tempo { preference: m.preference },
        M::SendReaction(m) => Claim::React { reaction: m.reaction },
        M::VoteOnPoll(m) => Claim::Vote { poll: m.poll_id, option: u32::try_from(m.option_index).unwrap_or(u32::MAX) },
        M::EndPoll(m) => Claim::ClosePoll { poll: m.poll_id },
        M::CancelPoll(m) => Claim::CancelPoll { poll: m.poll_id },
        M::RegisterSession(_)
        | M::BroadcastTrack(_)
        | M::MetadataUpdated(_)
        | M::TrackStopped(_)
        | M::EndSession(_)
        | M::Subscribe(_)
        | M::SendBulkLike(_)
        | M::StartPoll(_)
        | M::SendAnnouncement(_)
        | M::CancelAnnouncement(_)
        | M::GetSessions
        | M::ValidateSession(_)
        | M::Ping => return None,
    })
}

/// In whose name a claim stands in the log.
pub fn speaker(caller: &Caller, claim: &Claim) -> Speaker {
    match claim {
        Claim::ClosePoll { .. } | Claim::CancelPoll { .. } => Speaker::Owner,
        Claim::Like { .. } | Claim::Unlike { .. } | Claim::Tempo { .. } | Claim::Vote { .. } | Claim::React { .. } | Claim::Peak { .. } => {
            Speaker::Person { id: caller.person, known: caller.known }
        }
    }
}
