//! What dancers hear of a change, and of a state they come into: facts in, messages out, nothing else.

use crate::ids::{PollId, SessionId};
use crate::server::{AnnouncementEntry, ServerMessage, TrackPayload};
use crate::state::State;
use crate::time::Millis;
use crate::track::Track;
use crate::view::{Change, OpenPoll, Run};

/// The messages of one change, in order. Only the last carries the position.
pub fn of_change(session: &SessionId, run: &Run, change: &Change) -> Vec<ServerMessage> {
    let session_id = session.clone();
    match change {
        Change::Begun => vec![ServerMessage::SessionStarted { session_id, dj_name: run.dj_name.clone(), start_time: run.began_at }],
        // 0.3.0 clients take a SESSION_STARTED as a new evening and wipe theirs, so a DJ's blip is not said at all.
        Change::Away | Change::Back => vec![],
        Change::Ended(_) => vec![ServerMessage::SessionEnded { session_id }],
        Change::Track(play) => vec![now_playing(session, run, &play.track), ServerMessage::TempoReset { session_id }],
        Change::Stopped => vec![ServerMessage::TrackStopped { session_id }],
        Change::Metadata(play) => vec![ServerMessage::MetadataUpdated { session_id, track: play.track.clone() }],
        Change::PollOpened(poll) => vec![poll_started(session, poll, None, None)],
        Change::PollClosed { poll, votes, .. } => vec![poll_ended(poll.opened.poll, votes)],
        Change::PollCancelled { poll, .. } => {
            vec![ServerMessage::PollEnded {
                poll_id: poll.opened.poll,
                results: vec![0; poll.opened.options.len()],
                total_votes: 0,
                winner_index: -1,
            }]
        }
        Change::Announced(entry) => vec![announcement(session, run, entry)],
        Change::AnnouncementEnded => vec![ServerMessage::AnnouncementCancelled { session_id }],
    }
}

pub fn now_playing(session: &SessionId, run: &Run, track: &Track) -> ServerMessage {
    ServerMessage::NowPlaying { session_id: session.clone(), dj_name: run.dj_name.clone(), track: track.clone() }
}

/// `votes`: the tally so far, which is not said of a poll that hides it; `mine`: this person's own vote, where it is known.
pub fn poll_started(session: &SessionId, poll: &OpenPoll, votes: Option<&[u64]>, mine: Option<u32>) -> ServerMessage {
    let votes = votes.filter(|_| !poll.opened.hide_results);
    ServerMessage::PollStarted {
        poll_id: poll.opened.poll,
        session_id: session.clone(),
        question: poll.opened.question.clone(),
        options: poll.opened.options.clone(),
        ends_at: poll.opened.ends_at,
        votes: votes.map(<[u64]>::to_vec),
        total_votes: votes.map(|v| v.iter().sum()),
        has_voted: mine.map(|_| true),
        voted_option_index: mine,
        allow_change: poll.opened.allow_change.then_some(true),
        hide_results: poll.opened.hide_results.then_some(true),
    }
}

fn poll_ended(poll_id: PollId, votes: &[u64]) -> ServerMessage {
    ServerMessage::PollEnded { poll_id, results: votes.to_vec(), total_votes: votes.iter().sum(), winner_index: winner(votes) }
}

/// The option with the most votes, the first of several; −1 when nobody voted.
pub fn winner(votes: &[u64]) -> i64 {
    match votes.iter().max() {
        None | Some(0) => -1,
        Some(most) => votes.iter().position(|v| v == most).map_or(-1, |i| i as i64),
    }
}

pub fn announcement(session: &SessionId, run: &Run, entry: &AnnouncementEntry) -> ServerMessage {
    ServerMessage::AnnouncementReceived {
        session_id: session.clone(),
        message: entry.message.clone(),
        dj_name: run.dj_name.clone(),
        timestamp: entry.timestamp,
        ends_at: entry.ends_at,
    }
}

/// What is heard of a derived state.
pub fn of_state(session: &SessionId, state: &State) -> ServerMessage {
    let session_id = session.clone();
    match state {
        State::Tally { poll, votes, .. } => {
            ServerMessage::PollUpdate { poll_id: *poll, session_id, votes: votes.clone(), total_votes: votes.iter().sum() }
        }
        State::Tempo { count, .. } => ServerMessage::TempoFeedback {
            session_id,
            faster: count.faster,
            slower: count.slower,
            perfect: count.perfect,
            total: count.total(),
        },
        State::Listeners { count, .. } => ServerMessage::ListenerCount { session_id, count: *count },
    }
}

pub fn like_received(track: &Track) -> ServerMessage {
    ServerMessage::LikeReceived { payload: TrackPayload { track: track.clone() } }
}

/// The active announcement at `now`, if there is one.
pub fn active(run: &Run, now: Millis) -> Option<&AnnouncementEntry> {
    run.announcement.as_ref().filter(|entry| entry.ends_at.is_none_or(|end| end > now))
}
