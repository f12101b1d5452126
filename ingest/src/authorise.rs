//! Which session a message concerns, and whether its sender may say that there.

use nats::Session;
use schemas::caller::Caller;
use schemas::client::ClientMessage;
use schemas::error::Refusal;
use schemas::rules::{Kind, Who};
use schemas::view::Run;
use schemas::{Code, PollId, SessionId};

use crate::Ingest;

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
            M::EndPoll(m) | M::CancelPoll(m) => return self.session_with_poll(caller, m.poll_id).await,
            M::VoteOnPoll(m) => return self.session_with_poll(caller, m.poll_id).await,
            M::RegisterSession(_) | M::Subscribe(_) | M::GetSessions | M::Ping => None,
        };
        let id = named.ok_or(Refusal::from(Code::NotSubscribed))?;
        let session = self.meet(id).await?;
        if session.view().run.is_none() {
            return Err(Code::SessionNotFound.into());
        }
        Ok(session)
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

    /// A poll is looked up among the sessions that this caller is in, because its number alone names no session.
    async fn session_with_poll(&self, caller: &Caller, poll: PollId) -> Result<Session, Refusal> {
        let candidates = caller.owned.iter().map(|(s, _)| s).chain(caller.subscribed.as_ref());
        for id in candidates {
            let session = self.meet(id).await?;
            if session.view().run.as_ref().is_some_and(|run| has_poll(run, poll)) {
                return Ok(session);
            }
        }
        Err(Code::PollNotFound.into())
    }

    pub(crate) async fn meet(&self, id: &SessionId) -> Result<Session, Refusal> {
        self.inner.sessions.meet(id).await.map_err(|_| Code::Unavailable.into())
    }

    /// Reads on in what this caller owns; gives whether there was something to read.
    pub(crate) async fn catch_up(&self, caller: &Caller) -> Result<bool, Refusal> {
        let mut moved = false;
        for (id, _) in &caller.owned {
            moved |= caught_up(&self.meet(id).await?).await?;
        }
        Ok(moved)
    }

    pub(crate) fn authorised(&self, caller: &Caller, who: Who, session: &Session) -> Result<(), Refusal> {
        match who {
            Who::Anyone | Who::Dancer => Ok(()),
            Who::Owner => {
                let view = session.view();
                let run = view.run.as_ref().ok_or(Refusal::from(Code::SessionNotFound))?;
                if !caller.owns(session.id(), run.begin) && !self.is_owner(caller, run) {
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

pub(crate) async fn caught_up(session: &Session) -> Result<bool, Refusal> {
    session.catch_up().await.map_err(|_| Code::Unavailable.into())
}

fn has_poll(run: &Run, poll: PollId) -> bool {
    run.poll.as_ref().is_some_and(|open| open.opened.poll == poll) || run.closed.contains_key(&poll)
}
