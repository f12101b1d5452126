//! How the polls of an evening went, for the one who asked.

use schemas::{Millis, PollId};
use serde::Serialize;
use store::{PlayRow, PollRow, PollStatus};
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecapPoll {
    #[schema(value_type = u64)]
    pub id: PollId,
    pub question: String,
    pub options: Vec<String>,
    /// One number an option.
    pub votes: Vec<u64>,
    pub total_votes: u64,
    /// The first option with the most votes; -1 when nobody voted.
    pub winner_index: i64,
    pub winner: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Millis,
    /// Null while the poll is open.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Millis>,
    /// What played when it was asked, or null.
    pub current_track: Option<PollTrack>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PollTrack {
    pub title: String,
    pub artist: String,
}

impl RecapPoll {
    /// None for a poll that was cancelled: its votes are void, so they stand in no recap and in no total.
    pub fn of(poll: &PollRow, plays: &[PlayRow]) -> Option<Self> {
        let ended_at = match poll.status {
            PollStatus::Open => None,
            PollStatus::Closed { at, .. } | PollStatus::Closing { at, void: false, .. } => Some(at),
            PollStatus::Closing { void: true, .. } | PollStatus::Cancelled { .. } => return None,
        };
        let winner_index = schemas::say::winner(&poll.votes);
        let playing = poll.play.and_then(|play| plays.iter().find(|row| row.play == play));
        Some(RecapPoll {
            id: poll.poll,
            question: poll.question.clone(),
            options: poll.options.clone(),
            votes: poll.votes.clone(),
            total_votes: poll.votes.iter().sum(),
            winner_index,
            winner: usize::try_from(winner_index).ok().and_then(|i| poll.options.get(i).cloned()),
            started_at: poll.opened_at,
            ended_at,
            current_track: playing.map(|row| PollTrack { title: row.track.title.to_string(), artist: row.track.artist.to_string() }),
        })
    }
}
