//! What the server says, field by field as the contract has it.

use serde::{Deserialize, Serialize};

use crate::client::{Preference, Reaction};
use crate::ids::{Epoch, PollId, Seq, SessionId};
use crate::time::Millis;
use crate::track::Track;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
pub enum ServerMessage {
    SessionRegistered {
        session_id: SessionId,
        dj_name: String,
        authenticated: bool,
    },
    SessionStarted {
        session_id: SessionId,
        dj_name: String,
        start_time: Millis,
    },
    SessionsList {
        sessions: Vec<SessionEntry>,
    },
    NowPlaying {
        session_id: SessionId,
        dj_name: String,
        track: Track,
    },
    TrackStopped {
        session_id: SessionId,
    },
    MetadataUpdated {
        session_id: SessionId,
        track: Track,
    },
    SessionEnded {
        session_id: SessionId,
    },
    SessionExpired {
        session_id: SessionId,
        reason: String,
    },
    SessionValid {
        session_id: SessionId,
        is_valid: bool,
    },
    LikeReceived {
        payload: TrackPayload,
    },
    ListenerCount {
        session_id: SessionId,
        count: u64,
    },
    TempoFeedback {
        session_id: SessionId,
        faster: u64,
        slower: u64,
        perfect: u64,
        total: u64,
    },
    TempoReset {
        session_id: SessionId,
    },
    PollStarted {
        poll_id: PollId,
        session_id: SessionId,
        question: String,
        options: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ends_at: Option<Millis>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        votes: Option<Vec<u64>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total_votes: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        has_voted: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        voted_option_index: Option<u32>,
        /// Extension: said only where a vote may be changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        allow_change: Option<bool>,
        /// Extension: said only where nobody but the DJ hears the votes before the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hide_results: Option<bool>,
    },
    PollUpdate {
        poll_id: PollId,
        session_id: SessionId,
        votes: Vec<u64>,
        total_votes: u64,
    },
    PollEnded {
        poll_id: PollId,
        results: Vec<u64>,
        total_votes: u64,
        winner_index: i64,
    },
    VoteConfirmed {
        poll_id: PollId,
        option_index: u32,
        votes: Vec<u64>,
        total_votes: u64,
    },
    VoteRejected {
        poll_id: PollId,
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        votes: Option<Vec<u64>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total_votes: Option<u64>,
    },
    ReactionReceived {
        session_id: SessionId,
        reaction: Reaction,
    },
    AnnouncementReceived {
        session_id: SessionId,
        message: String,
        dj_name: String,
        timestamp: Millis,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ends_at: Option<Millis>,
    },
    AnnouncementCancelled {
        session_id: SessionId,
    },
    Ack {
        message_id: String,
        status: AckStatus,
        timestamp: Millis,
    },
    Nack {
        message_id: String,
        error: String,
        timestamp: Millis,
    },
    Pong {
        timestamp: Millis,
    },
    /// Extension: only to sockets that asked for positions.
    Subscribed {
        session_id: Option<SessionId>,
        epoch: Epoch,
        #[serde(rename = "seq")]
        at: Seq,
        recovered: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Extension: only to sockets that asked for positions or chose one of our subprotocols.
    Goaway {
        reconnect_in_ms: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AckStatus {
    Ok,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TrackPayload {
    pub track: Track,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionEntry {
    #[schema(value_type = String)]
    pub session_id: SessionId,
    pub dj_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_track: Option<Track>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_announcement: Option<AnnouncementEntry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnnouncementEntry {
    pub message: String,
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Millis>,
}

impl ServerMessage {
    pub fn ack(message_id: String, now: Millis) -> Self {
        ServerMessage::Ack { message_id, status: AckStatus::Ok, timestamp: now }
    }

    pub fn nack(message_id: String, error: impl ToString, now: Millis) -> Self {
        ServerMessage::Nack { message_id, error: error.to_string(), timestamp: now }
    }
}

/// A message as it is sent: with its position, where the socket asked for positions.
#[derive(Debug, Serialize)]
pub struct Positioned<'a> {
    #[serde(flatten)]
    pub message: &'a ServerMessage,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
}

/// The position beside a message, for clients that read one.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct PositionOf {
    #[serde(default)]
    pub seq: Option<Seq>,
}

/// A person's standing wishes, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TempoCount {
    pub faster: u64,
    pub slower: u64,
    pub perfect: u64,
}

impl TempoCount {
    pub fn total(self) -> u64 {
        self.faster + self.slower + self.perfect
    }

    pub fn of(&mut self, preference: Preference) -> Option<&mut u64> {
        match preference {
            Preference::Faster => Some(&mut self.faster),
            Preference::Slower => Some(&mut self.slower),
            Preference::Perfect => Some(&mut self.perfect),
            Preference::Clear => None,
        }
    }
}
