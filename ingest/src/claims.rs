//! What people say that the fold judges later: stamped, committed in groups, acknowledged once stored.

use std::collections::HashSet;

use nats::Session;
use schemas::caller::Caller;
use schemas::claim::{Claim, ClaimRecord, Speaker};
use schemas::client::ClientMessage;
use schemas::error::Refusal;
use schemas::view::Run;
use schemas::{Code, Millis, OpKey, Seq, Track};

use crate::Ingest;
use crate::likes::LikeKey;

/// What a like is at the door.
enum Like {
    /// It is the same as one before, which stands here.
    Stored(Seq),
    First(LikeKey),
}

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
                return match self.like(caller, session, run, &m.payload.track, op, now)? {
                    Like::Stored(seq) => Ok(Some(seq)),
                    Like::First(place) => self.store_like(caller, session, place, op, now).await.map(Some),
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

    fn like(&self, caller: &Caller, session: &Session, run: &Run, track: &Track, op: Option<OpKey>, now: Millis) -> Result<Like, Refusal> {
        run.judge(&Claim::Like { track: track.key() }, now)?;
        let place = (session.id().clone(), run.begin, caller.person, track.key());
        Ok(self.inner.likes.admit(&place, op)?.map_or(Like::First(place), Like::Stored))
    }

    /// As [`Ingest::commit`], for a like that has begun.
    fn store_like<'a>(
        &'a self,
        caller: &Caller,
        session: &Session,
        place: LikeKey,
        op: Option<OpKey>,
        now: Millis,
    ) -> impl Future<Output = Result<Seq, Refusal>> + use<'a> {
        let stored = self.commit(caller, session, Claim::Like { track: place.3 }, op, now);
        let like = self.inner.likes.under_way(place, op);
        async move {
            let seq = stored.await?;
            like.stored(seq);
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
        for (i, track) in tracks.iter().enumerate() {
            if let Err(code) = run.judge(&Claim::Like { track: track.key() }, now) {
                if tracks.len() == 1 {
                    return Err(code.into());
                }
                continue;
            }
            let place = (session.id().clone(), run.begin, caller.person, track.key());
            let op = message_id.map(|id| OpKey::of(&format!("{id}/{i}")));
            let before = self.inner.likes.begin(place.clone(), op);
            if !own.insert(place.3) || before.is_some_and(|before| before.seq.is_some()) {
                continue;
            }
            waiting.push(self.store_like(caller, session, place, op, now));
        }
        let stored = futures_util::future::try_join_all(waiting).await?;
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
