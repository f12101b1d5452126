//! Reading one session's part of the log once, from a place to a place: for those who look back.

use schemas::{Seq, SessionId};

use crate::connection::{Broker, BrokerError};
use crate::follow::{Followed, Follower, From};
use crate::log::{Entry, entry};
use crate::subjects;

/// A stretch of a session's log. It mends itself over reconnects without skipping or repeating, as every reader here.
pub struct Reading {
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
        Ok(Reading { follower, upto, left: 0, over: after >= upto })
    }

    /// Where the session's newest fact or pack lies; `None` when the log holds none.
    pub async fn session_end(&self, session: &SessionId) -> Result<Option<Seq>, BrokerError> {
        let [out, claims] = subjects::said(session);
        let stream = self.log(session.partition()).stream();
        let (fact, pack) = (self.last_on(&stream, &out).await?, self.last_on(&stream, &claims).await?);
        Ok(fact.into_iter().chain(pack).map(|message| message.seq).max())
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
                    if message.seq <= self.upto {
                        return Ok(Some(entry(message)));
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
