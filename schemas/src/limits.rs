//! Every size and count that a message must keep to. Paces and budgets that an operator may change are settings of the
//! roles; what stands here is part of the contract.

/// A frame on the socket or one message of a batch, in bytes.
pub const FRAME_BYTES: usize = 10 * 1024;
/// SEND_BULK_LIKE alone may be this large: a hundred tracks queued offline.
pub const BULK_FRAME_BYTES: usize = 128 * 1024;
/// Tracks in one SEND_BULK_LIKE.
pub const BULK_TRACKS: usize = 100;
/// Messages in one POST of the publish API, and the bytes of its body.
pub const BATCH_MESSAGES: usize = 100;
pub const BATCH_BYTES: usize = 256 * 1024;
/// Options of a poll.
pub const POLL_OPTIONS: std::ops::RangeInclusive<usize> = 2..=10;
/// A poll's duration and an announcement's, in seconds.
pub const POLL_SECONDS: std::ops::RangeInclusive<u32> = 30..=300;
pub const ANNOUNCEMENT_SECONDS: std::ops::RangeInclusive<u32> = 60..=3600;
/// Tempo and loudness ranges of a track.
pub const BPM: std::ops::RangeInclusive<f64> = 40.0..=300.0;
/// SESSIONS_LIST holds at most this many entries and bytes, cut to whole entries.
pub const LIST_SESSIONS: usize = 50;
pub const LIST_BYTES: usize = 32 * 1024;
/// A resume is answered from the log up to this many messages or bytes; beyond it the state is honest and cheaper.
pub const RESUME_MESSAGES: usize = 1_000;
pub const RESUME_BYTES: usize = 1024 * 1024;
/// Bytes queued for one socket.
pub const SOCKET_BYTES: usize = 64 * 1024;
/// A DJ's queued track may say that it was played up to this long ago.
pub const PLAYED_AT_BACK_MS: i64 = 24 * 3600 * 1000;
/// Likes are accepted until this long after a run ended.
pub const LIKES_AFTER_END_MS: i64 = 7 * 24 * 3600 * 1000;
/// Partitions of the log; a session keeps its partition for ever, so this number never changes.
pub const PARTITIONS: u8 = 64;
