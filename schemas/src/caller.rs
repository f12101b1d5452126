//! Who is speaking: what the node that took the message knows of its sender. Made by the doors, read by admission.

use crate::ids::{NodeId, OpKey, PersonId, Seq, SessionId};
use crate::note::DjIdentity;

#[derive(Clone, Debug)]
pub struct Caller {
    pub person: PersonId,
    /// Whether the person came with a cookie or token of ours. Without one they are new at each connection.
    pub known: bool,
    /// Whether they are signed in to an account.
    pub account: bool,
    /// Keyed hash of the address, for the return of an anonymous DJ.
    pub address: Option<OpKey>,
    /// The node that wants to hear the verdicts; the publish API wants none.
    pub node: Option<NodeId>,
    /// The DJ of a token that was shown.
    pub dj: Option<DjIdentity>,
    /// The session that this socket subscribed to.
    pub subscribed: Option<SessionId>,
    /// Runs of which this caller proved to be the owner, by begin sequence.
    pub owned: Vec<(SessionId, Seq)>,
}

impl Caller {
    pub fn new(person: PersonId, known: bool) -> Self {
        Caller { person, known, account: false, address: None, node: None, dj: None, subscribed: None, owned: Vec::new() }
    }

    /// Whoever proved to be a DJ is no guest, with an account or without.
    pub fn is_guest(&self) -> bool {
        !self.account && self.dj.is_none()
    }

    pub fn owns(&self, session: &SessionId, begin: Seq) -> bool {
        self.owned.iter().any(|(s, b)| s == session && *b == begin)
    }
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Admitted {
    /// Stored, at this place (of the first copy, if it is a repeat). `None`: nothing had to be stored.
    Stored(Option<Seq>),
    /// The caller is the DJ of this run now.
    Registered(Registered),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    pub session: SessionId,
    pub begin: Seq,
    pub dj_name: String,
    pub join_code: String,
    pub authenticated: bool,
    pub dj: Option<DjIdentity>,
}
