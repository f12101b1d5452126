//! Reading one session's part of the log once, from a place to a place: for those who look back.

use schemas::{Seq, SessionId};

use crate::connection::{Broker, BrokerError};
use crate::follow::{Followed, Follower, From};
use crate::log::{Entry, entries};
use crate::subjects;

/// A stretch of a session's log. It mends itself over reconnects without skipping or repeating, as every reader here.
pub struct Reading {
    session: SessionId,
    follower: Follower,
    upto: Seq,
    left: u64,
    over: bool,
}

impl Broker {
    /// Every fact and pack of the session after `after` up to and including `upto`, in order. What comes while it is read is in it as
    /// far as it lies before `upto`.
    pub async fn read_session(&self, session: &SessionId, after: Seq, upto: Seq) -> Result<Reading, BrokerError> {
        let follower =
            Follower::open(self, self.log(session.partition()).stream(), subjects::said(session).into(), From::After(after)).await?;
        Ok(Reading { session: session.clone(), follower, upto, left: 0, over: after >= upto })
    }

    /// Behind which nothing of the session lies now; `None` when the log holds nothing of it. What other sessions of its partition said
    /// meanwhile may lie before it.
    pub async fn session_end(&self, session: &SessionId) -> Result<Option<Seq>, BrokerError> {
        let stream = self.log(session.partition()).stream();
        let mut end = None;
        for subject in subjects::said(session) {
            end = end.max(self.last_on(&stream, &subject).await?.map(|message| message.seq));
        }
        Ok(end)
    }
}

impl Reading {
    /// The next one, or `None` when that was all.
    pub async fn next(&mut self) -> Result<Option<Entry>, BrokerError> {
        while !self.over {
            match self.follower.next().await? {
                Followed::Opened { waiting } => (self.left, self.over) = (waiting, waiting == 0),
                Followed::Message { message, waiting } => {
                    (self.left, self.over) = (waiting, waiting == 0 || message.seq >= self.upto);
                    // One that cannot be read may have been of this session.
                    let is_own = |entry: &Entry| entry.session().is_none_or(|session| *session == self.session);
                    if message.seq <= self.upto
                        && let Some(entry) = entries(message).into_iter().find(is_own)
                    {
                        return Ok(Some(entry));
                    }
                }
            }
        }
        Ok(None)
    }

    /// How many messages the broker has behind the last one; some may lie beyond the place where this ends.
    pub fn left(&self) -> u64 {
        self.left
    }
}
