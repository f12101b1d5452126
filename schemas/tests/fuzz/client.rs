//! What a client may say: whatever is accepted keeps every limit, and says the same when it is said again.

use schemas::client::{ClientMessage, Incoming, Resume, decode};
use schemas::codec::Codec;
use schemas::track::Track;
use schemas::{PollId, SessionId};
use serde_json::json;

use crate::hostile::{corpus, hunt};

const BOTH: [Codec; 2] = [Codec::Json, Codec::MsgPack];

#[test]
fn whatever_a_client_says_is_refused_or_keeps_every_limit() {
    hunt("client::decode", &corpus("client"), |bytes| {
        for codec in BOTH {
            if let Ok(incoming) = decode(codec, bytes) {
                keeps_limits(&incoming);
                says_the_same(&incoming);
            }
        }
    });
}

#[test]
fn the_real_messages_of_the_corpus_are_all_accepted() {
    let messages: Vec<serde_json::Value> = serde_json::from_slice(include_bytes!("corpus/publish/protocol.json")).unwrap();
    let mut kinds = std::collections::BTreeSet::new();
    for message in messages {
        for codec in BOTH {
            let incoming = decode(codec, &codec.encode(&message)).unwrap_or_else(|why| panic!("{message}: {why:?}"));
            kinds.insert(incoming.message.kind().wire());
            says_the_same(&incoming);
        }
    }
    assert_eq!(kinds.len(), schemas::rules::Kind::ALL.len(), "a kind of message is not in the corpus: {kinds:?}");
}

fn says_the_same(incoming: &Incoming) {
    let mut value = serde_json::to_value(&incoming.message).unwrap();
    if let Some(id) = &incoming.message_id {
        value["messageId"] = json!(id);
    }
    for codec in BOTH {
        let bytes = codec.encode(&value);
        // The other form may be longer, and then it is too large.
        if bytes.len() <= incoming.message.kind().rule().bytes {
            let again = decode(codec, &bytes).unwrap_or_else(|why| panic!("{incoming:?} is refused when it is said again: {why:?}"));
            assert_eq!(again, *incoming, "in {codec:?}");
        }
    }
}

fn keeps_limits(incoming: &Incoming) {
    use ClientMessage as M;
    match &incoming.message {
        M::RegisterSession(m) => {
            m.session_id.as_ref().map(session).unwrap_or_default();
            if let Some(name) = &m.dj_name {
                text(name.as_str(), 1, 100);
                assert!(!name.as_str().contains(['<', '>', '"', '\'']));
            }
            assert!(m.token.as_ref().is_none_or(|token| token.is_empty() || (10..=2000).contains(&token.len())));
        }
        M::BroadcastTrack(m) => {
            session(&m.session_id);
            track(&m.track);
            if let Some(at) = m.played_at {
                assert_ne!(at.to_string(), "1970-01-01T00:00:00.000Z".repeat(usize::from(at.0 != 0)), "a time that cannot be written");
            }
        }
        M::MetadataUpdated(m) => {
            session(&m.session_id);
            track(&m.track);
        }
        M::TrackStopped(m) | M::EndSession(m) | M::CancelAnnouncement(m) | M::ValidateSession(m) => session(&m.session_id),
        M::Subscribe(m) => {
            m.session_id.as_ref().map(session).unwrap_or_default();
            assert!(matches!(m.resume, None | Some(Resume::Wanted(_) | Resume::At { .. })));
        }
        M::SendLike(m) | M::RemoveLike(m) => {
            m.session_id.as_ref().map(session).unwrap_or_default();
            track(&m.payload.track);
        }
        M::SendBulkLike(m) => {
            m.session_id.as_ref().map(session).unwrap_or_default();
            assert!(m.payload.tracks.len() <= 100);
            m.payload.tracks.iter().for_each(track);
        }
        M::SendTempoRequest(m) => session(&m.session_id),
        M::StartPoll(m) => {
            session(&m.session_id);
            text(m.question.as_str(), 1, 500);
            assert!((2..=10).contains(&m.options.len()));
            m.options.iter().for_each(|option| text(option.as_str(), 1, 100));
            assert!(m.duration_seconds.is_none_or(|seconds| (30..=300).contains(&seconds)));
        }
        M::EndPoll(m) | M::CancelPoll(m) => poll(m.poll_id),
        M::VoteOnPoll(m) => poll(m.poll_id),
        M::SendReaction(m) => session(&m.session_id),
        M::SendAnnouncement(m) => {
            session(&m.session_id);
            text(m.message.as_str(), 1, 200);
            assert!(m.duration_seconds.is_none_or(|seconds| (60..=3600).contains(&seconds)));
        }
        M::GetSessions | M::Ping => {}
    }
}

fn session(id: &SessionId) {
    let id = id.as_str();
    assert!((8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{id:?}");
}

fn poll(id: PollId) {
    assert!(id.get() < 1 << 53);
}

fn text(text: &str, least: usize, most: usize) {
    let length = text.chars().count();
    assert!((least..=most).contains(&length), "{length} characters");
    assert_eq!(text.trim(), text);
    let marks = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
    assert!(!text.chars().any(marks), "{text:?}");
}

fn track(track: &Track) {
    text(track.title.as_str(), 1, 500);
    text(track.artist.as_str(), 1, 500);
    let a = &track.analysis;
    assert!(a.bpm.is_none_or(|bpm| (40.0..=300.0).contains(&bpm)));
    if let Some(key) = &a.key {
        text(key, 1, 10);
    }
    for share in [a.energy, a.danceability, a.brightness, a.acousticness, a.groove].into_iter().flatten() {
        assert!((0.0..=100.0).contains(&share), "{share}");
    }
}
