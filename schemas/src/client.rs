//! What a client may say. [`decode`] turns hostile bytes into a [`ClientMessage`] that keeps every limit, or says why not.

use serde::{Deserialize, Serialize};

use crate::codec::Codec;
use crate::error::{Code, Refusal};
use crate::ids::{Epoch, PollId, Seq, SessionId};
use crate::limits::{ANNOUNCEMENT_SECONDS, BULK_TRACKS, POLL_OPTIONS, POLL_SECONDS};
use crate::rules::Kind;
use crate::text::{DjName, Text};
use crate::time::Millis;
use crate::track::Track;

/// A message and the id under which its sender wants an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    pub message_id: Option<String>,
    pub message: ClientMessage,
}

/// Written as the wire has it, `type` included.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClientMessage {
    RegisterSession(RegisterSession),
    BroadcastTrack(BroadcastTrack),
    MetadataUpdated(SessionTrack),
    TrackStopped(SessionOnly),
    EndSession(SessionOnly),
    Subscribe(Subscribe),
    SendLike(SendLike),
    RemoveLike(SendLike),
    SendBulkLike(SendBulkLike),
    SendTempoRequest(SendTempoRequest),
    StartPoll(StartPoll),
    EndPoll(PollOnly),
    CancelPoll(PollOnly),
    VoteOnPoll(VoteOnPoll),
    SendReaction(SendReaction),
    SendAnnouncement(SendAnnouncement),
    CancelAnnouncement(SessionOnly),
    GetSessions,
    ValidateSession(SessionOnly),
    Ping,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisterSession {
    #[serde(default)]
    pub session_id: Option<SessionId>,
    #[serde(default)]
    pub dj_name: Option<DjName>,
    /// A DJ token, or the ownerToken of the session. Empty means none.
    #[serde(default)]
    pub token: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BroadcastTrack {
    pub session_id: SessionId,
    pub track: Track,
    /// When it was played, if the message waited for the network (publish API).
    #[serde(default)]
    pub played_at: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionTrack {
    pub session_id: SessionId,
    pub track: Track,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionOnly {
    pub session_id: SessionId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscribe {
    #[serde(default)]
    pub session_id: Option<SessionId>,
    #[serde(default)]
    pub resume: Option<Resume>,
}

/// `true`: tell me positions; `{epoch, seq}`: I was there.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Resume {
    Wanted(bool),
    At { epoch: Epoch, seq: Seq },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendLike {
    #[serde(default)]
    pub session_id: Option<SessionId>,
    pub payload: LikePayload,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LikePayload {
    pub track: Track,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendBulkLike {
    #[serde(default)]
    pub session_id: Option<SessionId>,
    pub payload: BulkPayload,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BulkPayload {
    #[schemars(length(max = BULK_TRACKS))]
    pub tracks: Vec<Track>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Preference {
    Faster,
    Slower,
    Perfect,
    Clear,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendTempoRequest {
    pub session_id: SessionId,
    pub preference: Preference,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartPoll {
    pub session_id: SessionId,
    pub question: Text<1, 500>,
    #[schemars(length(min = *POLL_OPTIONS.start(), max = *POLL_OPTIONS.end()))]
    pub options: Vec<Text<1, 100>>,
    #[serde(default)]
    #[schemars(range(min = *POLL_SECONDS.start(), max = *POLL_SECONDS.end()))]
    pub duration_seconds: Option<u32>,
    #[serde(default)]
    pub allow_change: bool,
    /// Extension: until the poll is closed only its DJ hears how the votes stand; cancelled, or ended with its session, it is never said.
    #[serde(default)]
    pub hide_results: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PollOnly {
    pub poll_id: PollId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VoteOnPoll {
    pub poll_id: PollId,
    /// Signed, so that a negative index is an invalid option and not an unreadable message.
    pub option_index: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    ThankYou,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendReaction {
    pub session_id: SessionId,
    pub reaction: Reaction,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendAnnouncement {
    pub session_id: SessionId,
    pub message: Text<1, 200>,
    #[serde(default)]
    #[schemars(range(min = *ANNOUNCEMENT_SECONDS.start(), max = *ANNOUNCEMENT_SECONDS.end()))]
    pub duration_seconds: Option<u32>,
    #[serde(default)]
    pub push: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    message_id: Option<String>,
}

/// Why bytes are no message, with the id to answer under where one could be read.
#[derive(Debug)]
pub struct Undecodable {
    pub message_id: Option<String>,
    pub refusal: Refusal,
}

/// Reads one message. Two passes: the first finds the kind, which decides how large and of what shape the rest may be.
pub fn decode(codec: Codec, bytes: &[u8]) -> Result<Incoming, Undecodable> {
    let envelope: Envelope = codec.decode(bytes).map_err(|_| Undecodable { message_id: None, refusal: Code::InvalidMessage.into() })?;
    let message_id = envelope.message_id;
    let decoded = match envelope.kind.as_deref().map(Kind::parse) {
        Some(Some(kind)) if bytes.len() <= kind.rule().bytes => body(kind, codec, bytes),
        Some(Some(_)) => Err(Code::TooLarge.into()),
        Some(None) => Err(Code::UnknownMessage.into()),
        None => Err(Refusal::with(Code::InvalidMessage, "Invalid message: no type")),
    };
    match decoded {
        Ok(message) => Ok(Incoming { message_id, message }),
        Err(refusal) => Err(Undecodable { message_id, refusal }),
    }
}

fn body(kind: Kind, codec: Codec, bytes: &[u8]) -> Result<ClientMessage, Refusal> {
    use ClientMessage as M;
    fn read<'a, T: Deserialize<'a>>(codec: Codec, bytes: &'a [u8]) -> Result<T, Refusal> {
        codec.decode(bytes).map_err(|e| Refusal::with(Code::InvalidMessage, format!("Invalid message: {e}")))
    }
    let message = match kind {
        Kind::RegisterSession => M::RegisterSession(read(codec, bytes)?),
        Kind::BroadcastTrack => M::BroadcastTrack(read(codec, bytes)?),
        Kind::MetadataUpdated => M::MetadataUpdated(read(codec, bytes)?),
        Kind::TrackStopped => M::TrackStopped(read(codec, bytes)?),
        Kind::EndSession => M::EndSession(read(codec, bytes)?),
        Kind::Subscribe => M::Subscribe(read(codec, bytes)?),
        Kind::SendLike => M::SendLike(read(codec, bytes)?),
        Kind::RemoveLike => M::RemoveLike(read(codec, bytes)?),
        Kind::SendBulkLike => M::SendBulkLike(read(codec, bytes)?),
        Kind::SendTempoRequest => M::SendTempoRequest(read(codec, bytes)?),
        Kind::StartPoll => M::StartPoll(read(codec, bytes)?),
        Kind::EndPoll => M::EndPoll(read(codec, bytes)?),
        Kind::CancelPoll => M::CancelPoll(read(codec, bytes)?),
        Kind::VoteOnPoll => M::VoteOnPoll(read(codec, bytes)?),
        Kind::SendReaction => M::SendReaction(read(codec, bytes)?),
        Kind::SendAnnouncement => M::SendAnnouncement(read(codec, bytes)?),
        Kind::CancelAnnouncement => M::CancelAnnouncement(read(codec, bytes)?),
        Kind::GetSessions => M::GetSessions,
        Kind::ValidateSession => M::ValidateSession(read(codec, bytes)?),
        Kind::Ping => M::Ping,
    };
    check(&message).map_err(|words| Refusal::with(Code::InvalidMessage, format!("Invalid message: {words}")))?;
    Ok(message)
}

/// The limits that concern more than one value.
fn check(message: &ClientMessage) -> Result<(), String> {
    match message {
        ClientMessage::StartPoll(p) => {
            if !POLL_OPTIONS.contains(&p.options.len()) {
                return Err(format!("a poll has {} to {} options", POLL_OPTIONS.start(), POLL_OPTIONS.end()));
            }
            in_range("durationSeconds", p.duration_seconds, POLL_SECONDS)
        }
        ClientMessage::SendAnnouncement(a) => in_range("durationSeconds", a.duration_seconds, ANNOUNCEMENT_SECONDS),
        ClientMessage::SendBulkLike(b) if b.payload.tracks.len() > BULK_TRACKS => Err(format!("at most {BULK_TRACKS} tracks")),
        ClientMessage::RegisterSession(r) => match r.token.as_deref().map_or(0, str::len) {
            0 | 10..=2000 => Ok(()),
            _ => Err("token must be empty or have 10 to 2000 characters".to_owned()),
        },
        _ => Ok(()),
    }
}

fn in_range(name: &str, value: Option<u32>, range: std::ops::RangeInclusive<u32>) -> Result<(), String> {
    match value {
        Some(v) if !range.contains(&v) => Err(format!("{name} must be {} to {}", range.start(), range.end())),
        _ => Ok(()),
    }
}

impl ClientMessage {
    pub fn kind(&self) -> Kind {
        use ClientMessage as M;
        match self {
            M::RegisterSession(_) => Kind::RegisterSession,
            M::BroadcastTrack(_) => Kind::BroadcastTrack,
            M::MetadataUpdated(_) => Kind::MetadataUpdated,
            M::TrackStopped(_) => Kind::TrackStopped,
            M::EndSession(_) => Kind::EndSession,
            M::Subscribe(_) => Kind::Subscribe,
            M::SendLike(_) => Kind::SendLike,
            M::RemoveLike(_) => Kind::RemoveLike,
            M::SendBulkLike(_) => Kind::SendBulkLike,
            M::SendTempoRequest(_) => Kind::SendTempoRequest,
            M::StartPoll(_) => Kind::StartPoll,
            M::EndPoll(_) => Kind::EndPoll,
            M::CancelPoll(_) => Kind::CancelPoll,
            M::VoteOnPoll(_) => Kind::VoteOnPoll,
            M::SendReaction(_) => Kind::SendReaction,
            M::SendAnnouncement(_) => Kind::SendAnnouncement,
            M::CancelAnnouncement(_) => Kind::CancelAnnouncement,
            M::GetSessions => Kind::GetSessions,
            M::ValidateSession(_) => Kind::ValidateSession,
            M::Ping => Kind::Ping,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(text: &str) -> Result<Incoming, Undecodable> {
        decode(Codec::Json, text.as_bytes())
    }

    #[test]
    fn a_refused_message_keeps_its_id() {
        let refused = json(r#"{"type":"DANCE","messageId":"m1"}"#).unwrap_err();
        assert_eq!((refused.message_id.as_deref(), refused.refusal.code), (Some("m1"), Code::UnknownMessage));
        let refused =
            json(r#"{"type":"START_POLL","messageId":"m2","sessionId":"friday-night","question":"?","options":["one"]}"#).unwrap_err();
        assert_eq!((refused.message_id.as_deref(), refused.refusal.code), (Some("m2"), Code::InvalidMessage));
    }

    #[test]
    fn limits_hold_in_both_codecs() {
        let poll = |seconds: u32| serde_json::json!({"type":"START_POLL","sessionId":"friday-night","question":"?","options":["a","b"],"durationSeconds":seconds});
        for (seconds, fine) in [(29, false), (30, true), (300, true), (301, false)] {
            assert_eq!(decode(Codec::Json, poll(seconds).to_string().as_bytes()).is_ok(), fine);
            assert_eq!(decode(Codec::MsgPack, &Codec::MsgPack.encode(&poll(seconds))).is_ok(), fine);
        }
    }

    #[test]
    fn resume_has_two_forms() {
        let resume = |text: &str| match json(text).unwrap().message {
            ClientMessage::Subscribe(s) => s.resume,
            other => panic!("{other:?}"),
        };
        assert_eq!(resume(r#"{"type":"SUBSCRIBE","resume":true}"#), Some(Resume::Wanted(true)));
        assert_eq!(resume(r#"{"type":"SUBSCRIBE","resume":{"epoch":1,"seq":7}}"#), Some(Resume::At { epoch: 1, seq: 7 }));
        assert_eq!(resume(r#"{"type":"SUBSCRIBE","sessionId":"friday-night"}"#), None);
    }

    #[test]
    fn only_bulk_likes_may_be_large() {
        let pad = "x".repeat(11 * 1024);
        let refused = json(&format!(r#"{{"type":"PING","messageId":"m","pad":"{pad}"}}"#)).unwrap_err();
        assert_eq!(refused.refusal.code, Code::TooLarge);
        assert!(json(&format!(r#"{{"type":"SEND_BULK_LIKE","payload":{{"tracks":[]}},"pad":"{pad}"}}"#)).is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode(Codec::Json, &bytes);
            let _ = decode(Codec::MsgPack, &bytes);
        }
    }
}
