//! A bounded memory of likes taken here, so that a second one is refused at once. The fold is the truth: what slips past
//! this memory is acknowledged and counted once.

use std::num::NonZeroUsize;

use lru::LruCache;
use parking_lot::Mutex;
use schemas::{Code, OpKey, PersonId, Seq, SessionId, TrackKey};

/// A person's like of a track in a run: session, begin sequence, person, track.
pub type LikeKey = (SessionId, Seq, PersonId, TrackKey);

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Remembered {
    /// The message that liked it: the same one again is a repeat and not a second like.
    pub op: Option<OpKey>,
    /// Where it is stored; none while it is under way.
    pub seq: Option<Seq>,
}

pub struct LikeMemory {
    likes: Mutex<LruCache<LikeKey, Remembered>>,
}

impl LikeMemory {
    pub fn new(capacity: usize) -> Self {
        LikeMemory { likes: Mutex::new(LruCache::new(NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN))) }
    }

    /// Whether a like is to be stored now (`None`), was stored by an earlier copy of its message, or is refused as a second one.
    pub fn admit(&self, place: &LikeKey, op: Option<OpKey>) -> Result<Option<Seq>, Code> {
        match self.begin(place.clone(), op) {
            Some(Remembered { op: before, seq: Some(seq) }) if op.is_some() && before == op => Ok(Some(seq)),
            // The same message while its first copy is under way: stored again, and the fold drops the repeat.
            Some(Remembered { op: before, seq: None }) if op.is_some() && before == op => Ok(None),
            Some(_) => Err(Code::AlreadyLiked),
            None => Ok(None),
        }
    }

    /// Takes the like's place before it is stored, so that an undo that passes it meanwhile is not itself undone; [`UnderWay`] gives it back.
    /// Gives what was remembered before, and then changes nothing.
    pub fn begin(&self, key: LikeKey, op: Option<OpKey>) -> Option<Remembered> {
        let mut likes = self.likes.lock();
        if let Some(before) = likes.get(&key) {
            return Some(*before);
        }
        likes.put(key, Remembered { op, seq: None });
        None
    }

    /// A like that has begun, until it is known where it is stored.
    pub fn under_way(&self, place: LikeKey, op: Option<OpKey>) -> UnderWay<'_> {
        UnderWay { memory: self, place, op, stored: None }
    }

    /// Notes where the like is stored, or gives its place back; only if it is still this like's.
    fn settle(&self, key: &LikeKey, op: Option<OpKey>, stored: Option<Seq>) {
        let mut likes = self.likes.lock();
        let Some(held) = likes.get_mut(key).filter(|held| held.op == op && held.seq.is_none()) else { return };
        match stored {
            Some(seq) => held.seq = Some(seq),
            None => drop(likes.pop(key)),
        }
    }

    pub fn forget(&self, key: &LikeKey) {
        self.likes.lock().pop(key);
    }
}

/// Gives the like's place back where nobody came to know that it is stored, as when its socket went: who likes again is then not told "already".
pub struct UnderWay<'a> {
    memory: &'a LikeMemory,
    place: LikeKey,
    op: Option<OpKey>,
    stored: Option<Seq>,
}

impl UnderWay<'_> {
    pub fn stored(mut self, seq: Seq) {
        self.stored = Some(seq);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.memory.settle(&self.place, self.op, self.stored);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undo_that_passes_a_like_under_way_is_not_undone() {
        let memory = LikeMemory::new(10);
        let key = (SessionId::parse("friday-night").unwrap(), 1, PersonId::random(), TrackKey::of("a", "b"));
        assert_eq!(memory.begin(key.clone(), None), None);
        memory.forget(&key);
        memory.settle(&key, None, Some(7));
        assert_eq!(memory.begin(key, None), None, "the next like is a first one");
    }

    #[test]
    fn a_like_that_was_not_stored_can_be_given_again() {
        let memory = LikeMemory::new(10);
        let key = (SessionId::parse("friday-night").unwrap(), 1, PersonId::random(), TrackKey::of("a", "b"));
        memory.begin(key.clone(), None);
        drop(memory.under_way(key.clone(), None));
        assert_eq!(memory.begin(key.clone(), None), None);
        memory.under_way(key.clone(), None).stored(7);
        assert_eq!(memory.begin(key, None), Some(Remembered { op: None, seq: Some(7) }));
    }
}
