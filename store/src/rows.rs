//! The rows, one struct a table. Every row of the live family carries `pos`, the place in the log that it reflects.

use schemas::client::Preference;
use schemas::fact::{EndReason, Owner};
use schemas::server::TempoCount;
use schemas::track::{Analysis, Track};
use schemas::{Millis, OpKey, Partition, PersonId, PollId, Pos, Seq, SessionId, TrackKey};

/// One evening: a session and the sequence at which it began.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    pub session: SessionId,
    pub begin: Seq,
    pub pos: Pos,
    pub dj_name: String,
    /// `dj_name` as it stands in an address: lower case, words joined by `-`.
    pub slug: String,
    pub owner: Owner,
    pub join_code: String,
    pub began_at: Millis,
    pub ended: Option<(Millis, EndReason)>,
    pub tracks: u64,
    pub likes: u64,
    pub peak_listeners: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PlayRow {
    pub session: SessionId,
    pub begin: Seq,
    /// The sequence of the track's fact names the play.
    pub play: Seq,
    pub pos: Pos,
    pub key: TrackKey,
    pub track: Track,
    pub played_at: Millis,
    pub likes: u64,
    pub tempo: TempoCount,
}

/// A person's like of a track in a run. Taken back, it stays as a tombstone (`on == false`), so that a late copy of the like
/// cannot bring it back.
#[derive(Clone, Debug, PartialEq)]
pub struct LikeRow {
    pub session: SessionId,
    pub begin: Seq,
    pub person: PersonId,
    pub key: TrackKey,
    pub pos: Pos,
    pub on: bool,
    /// The play it counts for.
    pub play: Seq,
    pub liked_at: Millis,
    /// The last 16 messageIds applied to this row, oldest first.
    pub ops: Vec<OpKey>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct WishRow {
    pub session: SessionId,
    pub begin: Seq,
    pub play: Seq,
    pub person: PersonId,
    pub pos: Pos,
    /// `Clear` is a tombstone.
    pub preference: Preference,
    pub ops: Vec<OpKey>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PollRow {
    pub session: SessionId,
    pub begin: Seq,
    pub poll: PollId,
    pub pos: Pos,
    pub question: String,
    pub options: Vec<String>,
    pub allow_change: bool,
    pub opened: Seq,
    pub opened_at: Millis,
    pub ends_at: Option<Millis>,
    /// The play during which it was opened.
    pub play: Option<Seq>,
    pub status: PollStatus,
    /// Votes by option: of the votes so far, or the final tally.
    pub votes: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollStatus {
    Open,
    /// Votes ended at `close`; the result may not be said yet.
    Closing {
        close: Seq,
        at: Millis,
        void: bool,
    },
    Closed {
        close: Seq,
        at: Millis,
    },
    Cancelled {
        close: Seq,
        at: Millis,
    },
}

/// The vote that counts for its (poll, person).
#[derive(Clone, Debug, PartialEq)]
pub struct VoteRow {
    pub session: SessionId,
    pub begin: Seq,
    pub poll: PollId,
    pub person: PersonId,
    pub pos: Pos,
    pub option: u32,
    /// Whether the person came with an identity of ours.
    pub known: bool,
    pub ops: Vec<OpKey>,
}

/// One flush of one partition's fold. A backend stores the rows and then, or with them, the position.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    pub partition: Partition,
    /// Everything up to here is in these rows or in earlier ones.
    pub upto: Pos,
    pub runs: Vec<RunRow>,
    pub plays: Vec<PlayRow>,
    pub likes: Vec<LikeRow>,
    pub wishes: Vec<WishRow>,
    pub polls: Vec<PollRow>,
    pub votes: Vec<VoteRow>,
}

/// Everything of one run that the fold needs to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct RunState {
    pub run: RunRow,
    pub plays: Vec<PlayRow>,
    pub likes: Vec<LikeRow>,
    pub wishes: Vec<WishRow>,
    pub polls: Vec<PollRow>,
    pub votes: Vec<VoteRow>,
}

/// A run's tracks and polls as the recap shows them, in the order played; analysis filled from fingerprints where a play had none.
#[derive(Clone, Debug, PartialEq)]
pub struct Recap {
    pub run: RunRow,
    pub plays: Vec<PlayRow>,
    pub polls: Vec<PollRow>,
}

/// What a DJ's analysis found out about a track after it was played.
#[derive(Clone, Debug, PartialEq)]
pub struct Fingerprint {
    pub key: TrackKey,
    pub analysis: Analysis,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TopTrack {
    pub artist: String,
    pub title: String,
    pub likes: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub sessions: u64,
    pub tracks: u64,
    pub likes: u64,
}

/// A person's own like, with the evening it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonLike {
    pub session: SessionId,
    pub begin: Seq,
    pub play: Seq,
    pub artist: String,
    pub title: String,
    pub liked_at: Millis,
    pub dj_name: String,
    pub began_at: Millis,
}
