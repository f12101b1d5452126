//! The lobby: one record a session, rolled up on its own subject, which answers "what is on?" without reading an evening.
//!
//! Who is in the lobby changes in one step with the fact that says so. What plays there and what is announced follows the facts
//! within moments: the session's owner among the workers writes it once it has folded them.

use serde::{Deserialize, Serialize};

use crate::ids::{Seq, SessionId};
use crate::server::{AnnouncementEntry, SessionEntry};
use crate::time::Millis;
use crate::track::Track;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LobbyRecord {
    pub dj_name: String,
    pub join_code: String,
    pub began_at: Millis,
    pub status: LobbyStatus,
    pub begin: Begin,
    pub track: Option<Track>,
    pub announcement: Option<AnnouncementEntry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LobbyStatus {
    Live,
    Away,
    Ended,
}

/// Where the run's first fact lies. The record that travels in one batch with that fact cannot know the sequence yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Begin {
    At(Seq),
    /// This many messages before this record.
    Before(u64),
}

impl LobbyRecord {
    /// The begin sequence, given the record's own sequence.
    pub fn begin(&self, own: Seq) -> Seq {
        match self.begin {
            Begin::At(seq) => seq,
            Begin::Before(n) => own.saturating_sub(n),
        }
    }

    /// The record with the sequence of its begin, given its own.
    pub fn placed(self, own: Seq) -> Self {
        LobbyRecord { begin: Begin::At(self.begin(own)), ..self }
    }

    /// Whether both say the same of who is on; what plays and what is announced may differ.
    fn stands_as(&self, other: &LobbyRecord) -> bool {
        let LobbyRecord { dj_name, join_code, began_at, status, begin, track: _, announcement: _ } = self;
        (dj_name, join_code, began_at, status, begin) == (&other.dj_name, &other.join_code, &other.began_at, &other.status, &other.begin)
    }

    /// The record that must travel with the facts that make `self` into `after`, or none when they do not change who is on.
    pub fn travels(&self, after: LobbyRecord) -> Option<LobbyRecord> {
        (!self.stands_as(&after)).then_some(after)
    }

    /// The entry for SESSIONS_LIST; an announcement that has run out is left out.
    pub fn entry(&self, session: &SessionId, now: Millis) -> SessionEntry {
        SessionEntry {
            session_id: session.clone(),
            dj_name: self.dj_name.clone(),
            started_at: Some(self.began_at),
            current_track: self.track.clone(),
            active_announcement: self.announcement.clone().filter(|a| a.ends_at.is_none_or(|end| end > now)),
        }
    }
}
