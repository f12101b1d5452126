//! What must happen outside the fold because something was heard. Each of these may be lost or done twice without harm.

use std::time::Instant;

use nats::connection::BrokerEvent;
use schemas::fact::EndReason;
use schemas::state::StateKind;
use schemas::view::{Change, OpenPoll};
use schemas::{Millis, SessionId};

use super::{Consumer, Done};
use crate::metrics::{self, Trouble};

impl Consumer {
    pub(super) fn follow(&mut self, session: &SessionId, change: &Change, stamp: Millis) {
        match change {
            Change::Begun => {
                self.work.seats.forget_listeners(session);
                self.say_again(session);
            }
            Change::PollClosed { poll, .. } => {
                if let Some(late) = poll.opened.ends_at.map(|due| stamp.since(due)).filter(|late| *late >= 0) {
                    metrics::poll_closed_late_by(late);
                }
                self.cancel_timer(session, poll, stamp);
            }
            Change::PollCancelled { poll, .. } => self.cancel_timer(session, poll, stamp),
            Change::Ended(reason) => {
                self.withdraw(session);
                self.ended(session, *reason);
            }
            // One that is not to be pushed takes the place of one that was.
            Change::Announced(_) => {
                self.withdraw(session);
                self.announce(session);
            }
            Change::AnnouncementEnded => self.withdraw(session),
            Change::Away | Change::Back | Change::Track(_) | Change::Stopped | Change::Metadata(_) | Change::PollOpened(_) => {}
        }
    }

    fn cancel_timer(&mut self, session: &SessionId, poll: &OpenPoll, stamp: Millis) {
        if poll.opened.ends_at.is_none_or(|due| due <= stamp) {
            return;
        }
        let (share, session, poll) = (self.share.clone(), session.clone(), poll.opened.poll);
        self.jobs.spawn(async move {
            if share.broker.cancel_timer(&session, poll).await.is_err() {
                metrics::trouble(Trouble::Publish);
            }
            Done::Aside
        });
    }

    fn ended(&mut self, session: &SessionId, reason: EndReason) {
        metrics::session_ended(reason);
        self.crowds.forget_dj(session);
        let Some(run) = self.work.seats.get(session).and_then(|seat| seat.fold.view.run.clone()) else { return };
        let (share, session) = (self.share.clone(), session.clone());
        self.jobs.spawn(async move {
            if !run.join_code.is_empty() && share.broker.release_code(&run.join_code).await.is_err() {
                metrics::trouble(Trouble::Publish);
            }
            // Whoever looks at the end still sees how many were there. A session that began again meanwhile has states of its own.
            tokio::time::sleep(share.config.clear_delay).await;
            let over = share.broker.newest_fact(&session).await.is_ok_and(|fact| fact.is_some_and(|f| f.record.fact.kind() == "ended"));
            if over && share.broker.clear_states(&session).await.is_err() {
                metrics::trouble(Trouble::State);
            }
            Done::Cleared(session)
        });
    }

    /// The broker may not have a session's states.
    pub(super) fn say_again(&mut self, session: &SessionId) {
        if let Some(seat) = self.work.seats.get_mut(session) {
            StateKind::ALL.into_iter().for_each(|kind| seat.outlet.forget(kind));
            self.work.seats.stir([session.clone()]);
        }
    }

    pub(super) fn heard(&mut self, event: BrokerEvent) {
        match event {
            BrokerEvent::Connected => {
                // The broker may have been restarted, and its memory with it.
                for session in self.work.seats.sessions() {
                    self.say_again(&session);
                }
                self.listen_anew();
            }
            BrokerEvent::Lagged => self.listen_anew(),
            // A new epoch is noticed by the clock, which reads what holds and not what was told.
            BrokerEvent::Disconnected | BrokerEvent::Epoch => {}
        }
    }

    /// Reports were missed. Who was not seen may be here.
    fn listen_anew(&mut self) {
        self.listening = Instant::now();
        let share = self.share.clone();
        self.jobs.spawn(async move {
            // Unheard, it costs a quarter of a minute: the nodes report by themselves.
            if share.broker.ask_presence(share.partition).await.is_err() {
                metrics::trouble(Trouble::Note);
            }
            Done::Aside
        });
    }
}
