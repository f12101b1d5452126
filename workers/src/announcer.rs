//! Announcements that are to reach dancers whose page is closed. A worker only says which stand; whoever pushes them is behind a trait,
//! because it asks machines on the Internet.

use schemas::{Millis, Seq, SessionId};

use crate::consumer::Consumer;

/// An announcement that its DJ wants to be pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub session: SessionId,
    /// Its place in the log, which names it: a log never gives one out twice.
    pub seq: Seq,
    pub dj_name: String,
    pub message: String,
    /// When the log took it.
    pub at: Millis,
    /// When it ends by itself.
    pub ends_at: Option<Millis>,
}

/// Told of every announcement that stands, at least once: when it is folded, and again by each new owner of its partition. So a kill
/// at any moment loses none, and whoever pushes must know what was pushed. It must not wait.
pub trait Announcer: Send + Sync {
    fn announce(&self, standing: Standing);
    /// No announcement of this session that lies before this place stands any more.
    fn withdraw(&self, session: &SessionId, before: Seq);
    /// This worker does not know any more what stands of this session: its next owner says it.
    fn leave(&self, session: &SessionId);
}

/// For whoever folds a log again, or alone: dancers that are away were told then, or by somebody else.
pub struct Nobody;

impl Announcer for Nobody {
    fn announce(&self, _: Standing) {}
    fn withdraw(&self, _: &SessionId, _: Seq) {}
    fn leave(&self, _: &SessionId) {}
}

impl Consumer {
    /// The fact that was folded last ended what was announced before it.
    pub(crate) fn withdraw(&self, session: &SessionId) {
        if let Some(seat) = self.work.seats.get(session) {
            self.share.announcer.withdraw(session, seat.fold.view.last);
        }
    }

    /// A fact was folded. With the last of those that the session had when it was taken up, what stands is known.
    pub(crate) fn catch_up(&mut self, session: &SessionId, seq: Seq) {
        if let Some(seat) = self.work.seats.get_mut(session)
            && seat.fold.behind.is_some_and(|newest| newest <= seq)
        {
            seat.fold.behind = None;
            self.announce(session);
        }
    }

    /// Says which announcement of the session stands, as soon as that is known.
    pub(crate) fn announce(&self, session: &SessionId) {
        let seat = self.work.seats.get(session).filter(|seat| seat.fold.behind.is_none());
        let run = seat.and_then(|seat| seat.fold.view.live());
        let Some((run, (push, entry))) = run.and_then(|run| Some((run, run.push.zip(run.announcement.as_ref())?))) else { return };
        self.share.announcer.announce(Standing {
            session: session.clone(),
            seq: push.seq,
            dj_name: run.dj_name.clone(),
            message: entry.message.clone(),
            at: push.stamp,
            ends_at: entry.ends_at,
        });
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        for session in self.work.seats.sessions() {
            self.share.announcer.leave(&session);
        }
    }
}
