//! Which session a message concerns, and whether its sender may say that there.

use nats::{Failed, Session};
use schemas::caller::Caller;
use schemas::client::ClientMessage;
use schemas::error::Refusal;
use schemas::rules::{Kind, Who};
use schemas::view::{Run, View};
use schemas::{Code, PollId, SessionId};

use crate::Ingest;

/// Sessions of a caller's own among which a poll is looked for: the ones he came to last.
const OWNED: usize = 4;

impl Ingest {
    pub(crate) async fn session_of(&self, caller: &Caller, message: &ClientMessage) -> Result<Session, Refusal> {
        use ClientMessage as M;
        let named = match message {
            M::BroadcastTrack(m) => Some(&m.session_id),
            M::MetadataUpdated(m) => Some(&m.session_id),
            M::TrackStopped(m) | M::EndSession(m) | M::CancelAnnouncement(m) | M::ValidateSession(m) => Some(&m.session_id),
            M::SendTempoRequest(m) => Some(&m.session_id),
            M::StartPoll(m) => Some(&m.session_id),
            M::SendReaction(m) => Some(&m.session_id),
            M::SendAnnouncement(m) => Some(&m.session_id),
            M::SendLike(m) | M::RemoveLike(m) => m.session_id.as_ref().or(caller.subscribed.as_ref()),
            M::SendBulkLike(m) => m.session_id.as_ref().or(caller.subscribed.as_ref()),
            M::EndPoll(m) | M::CancelPoll(m) => return self.session_with_poll(caller, Who::Owner, m.poll_id).await,
            M::VoteOnPoll(m) => return self.session_with_poll(caller, Who::Dancer, m.poll_id).await,
            M::RegisterSession(_) | M::Subscribe(_) | M::GetSessions | M::Ping => None,
        };
        self.meet(named.ok_or(Refusal::from(Code::NotSubscribed))?).await
    }

    /// Whether somebody without an account may say this here.
    pub(crate) fn allowed(&self, caller: &Caller, kind: Kind) -> Result<(), Refusal> {
        match kind.needs() {
            Some(needed) if caller.is_guest() && !self.inner.config.guests.may(needed) => {
                Err(Refusal::with(Code::Forbidden, format!("{}: sign in first", Code::Forbidden.words())))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A poll is looked up among the sessions that this caller is in, because its number alone names no session. Dancers have heard of
    /// it from the very view that is looked at; what a DJ has heard may be newer.
    async fn session_with_poll(&self, caller: &Caller, who: Who, poll: PollId) -> Result<Session, Refusal> {
        let candidates = caller.owned.iter().rev().take(OWNED).map(|(session, _)| session).chain(caller.subscribed.as_ref());
        let found = |view: &View| match &view.run {
            Some(run) if has_poll(run, poll) => Ok(()),
            Some(_) | None => Err(Code::PollNotFound.into()),
        };
        let mut without = Vec::new();
        for id in candidates {
            let session = self.meet(id).await?;
            if found(&session.view()).is_ok() {
                return Ok(session);
            }
            without.push(session);
        }
        for session in without.into_iter().filter(|_| who == Who::Owner) {
            match Box::pin(session.judge(found)).await.map_err(Failed::refusal) {
                Ok(()) => return Ok(session),
                Err(refusal) if refusal.code == Code::Unavailable => return Err(refusal),
                Err(_) => {}
            }
        }
        Err(Code::PollNotFound.into())
    }

    pub(crate) async fn meet(&self, id: &SessionId) -> Result<Session, Refusal> {
        self.inner.sessions.meet(id).await.map_err(|_| Code::Unavailable.into())
    }

    pub(crate) fn authorised(&self, caller: &Caller, who: Who, view: &View) -> Result<(), Refusal> {
        match who {
            Who::Anyone | Who::Dancer => Ok(()),
            Who::Owner => {
                let run = view.run.as_ref().ok_or(Refusal::from(Code::SessionNotFound))?;
                if !caller.owns(&view.session, run.begin) && !self.is_owner(caller, run) {
                    return Err(Code::NotOwner.into());
                }
                Ok(())
            }
        }
    }

    /// Whether what the caller brought along proves ownership: a DJ's token, or the identity that began an anonymous run.
    pub(crate) fn is_owner(&self, caller: &Caller, run: &Run) -> bool {
        use schemas::fact::Owner;
        match &run.owner {
            Owner::Dj { id } => caller.dj.as_ref().is_some_and(|dj| dj.id == *id),
            Owner::Person { person, .. } => caller.known && caller.person == *person,
        }
    }
}

fn has_poll(run: &Run, poll: PollId) -> bool {
    run.poll.as_ref().is_some_and(|open| open.opened.poll == poll) || run.closed.contains_key(&poll)
}
