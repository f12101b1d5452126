//! A bounded memory of likes taken here, so that a second one is refused at once. The fold is the truth: what slips past
//! this memory is acknowledged and counted once.

use std::num::NonZeroUsize;

use lru::LruCache;
use parking_lot::Mutex;
use schemas::{OpKey, PersonId, Seq, SessionId, TrackKey};

type Key = (SessionId, Seq, PersonId, TrackKey);

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Remembered {
    /// The message that liked it: the same one again is a repeat and not a second like.
    pub op: Option<OpKey>,
    pub seq: Seq,
}

pub struct LikeMemory {
    likes: Mutex<LruCache<Key, Remembered>>,
}

impl LikeMemory {
    pub fn new(capacity: usize) -> Self {
        LikeMemory { likes: Mutex::new(LruCache::new(NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN))) }
    }

    pub fn recall(&self, session: &SessionId, begin: Seq, person: PersonId, track: TrackKey) -> Option<Remembered> {
        self.likes.lock().get(&(session.clone(), begin, person, track)).copied()
    }

    pub fn remember(&self, session: &SessionId, begin: Seq, person: PersonId, track: TrackKey, like: Remembered) {
        self.likes.lock().put((session.clone(), begin, person, track), like);
    }

    pub fn forget(&self, session: &SessionId, begin: Seq, person: PersonId, track: TrackKey) {
        self.likes.lock().pop(&(session.clone(), begin, person, track));
    }
}
