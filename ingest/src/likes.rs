//! A bounded memory of likes taken here, so that a second one is refused at once. The fold is the truth: what slips past
//! this memory is acknowledged and counted once.

use std::num::NonZeroUsize;

use lru::LruCache;
use parking_lot::Mutex;
use schemas::{Code, OpKey, PersonId, Seq, SessionId, TrackKey};

/// A person's like of a track in a run: session, begin sequence, person, track.
pub type LikeKey = (SessionId, Seq, PersonId, TrackKey);

/// A like that the memory knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Remembered {
    /// The message that liked it: the same one again is a repeat and not a second like.
    pub op: Option<OpKey>,
    /// Where it is stored; none while it is under way.
    pub seq: Option<Seq>,
    /// Who is to say where: one of all that ever took a place.
    holder: u64,
}

/// A place that was taken for a like which is to be stored now.
#[derive(Debug, PartialEq)]
pub struct Taken {
    place: LikeKey,
    holder: u64,
}

/// What a like is at the door, if it is not refused.
#[derive(Debug)]
pub enum Like {
    /// An earlier copy of its message is stored, here.
    Stored(Seq),
    First(Taken),
}

pub struct LikeMemory {
    inner: Mutex<Inner>,
}

struct Inner {
    likes: LruCache<LikeKey, Remembered>,
    holders: u64,
}

impl LikeMemory {
    pub fn new(capacity: usize) -> Self {
        let likes = LruCache::new(NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN));
        LikeMemory { inner: Mutex::new(Inner { likes, holders: 0 }) }
    }

    /// Whether a like is to be stored now or was stored before. A second one is refused.
    pub fn admit(&self, place: LikeKey, op: Option<OpKey>) -> Result<Like, Code> {
        match self.begin(place, op) {
            Ok(taken) => Ok(Like::First(taken)),
            Err(Remembered { op: before, seq: Some(seq), .. }) if op.is_some() && before == op => Ok(Like::Stored(seq)),
            Err(_) => Err(Code::AlreadyLiked),
        }
    }

    /// Takes the like's place before it is stored, so that an undo that passes it meanwhile is not itself undone. A copy of a message
    /// that is under way takes the place over: it is stored too, and the fold drops the repeat. Gives what stands there where nothing was taken.
    pub fn begin(&self, place: LikeKey, op: Option<OpKey>) -> Result<Taken, Remembered> {
        let mut inner = self.inner.lock();
        if let Some(held) = inner.likes.get(&place).filter(|held| held.seq.is_some() || op.is_none() || held.op != op) {
            return Err(*held);
        }
        inner.holders += 1;
        let holder = inner.holders;
        inner.likes.put(place.clone(), Remembered { op, seq: None, holder });
        Ok(Taken { place, holder })
    }

    /// Notes where the like is stored, or gives its place back; only if it is still this like's.
    pub fn settle(&self, taken: &Taken, stored: Option<Seq>) {
        let likes = &mut self.inner.lock().likes;
        let Some(held) = likes.get_mut(&taken.place).filter(|held| held.holder == taken.holder) else { return };
        match stored {
            Some(_) => held.seq = stored,
            None => drop(likes.pop(&taken.place)),
        }
    }

    pub fn forget(&self, place: &LikeKey) {
        self.inner.lock().likes.pop(place);
    }

    pub fn under_way(&self, taken: Taken) -> UnderWay<'_> {
        UnderWay { memory: self, taken, stored: None }
    }
}

/// Gives the like's place back where nobody came to know that it is stored, as when its socket went: who likes again is then not told "already".
pub struct UnderWay<'a> {
    memory: &'a LikeMemory,
    taken: Taken,
    stored: Option<Seq>,
}

impl UnderWay<'_> {
    pub fn stored(mut self, seq: Seq) {
        self.stored = Some(seq);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.memory.settle(&self.taken, self.stored);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn place() -> LikeKey {
        (SessionId::parse("friday-night").unwrap(), 1, PersonId([1; 16]), TrackKey::of("a", "b"))
    }

    fn take(memory: &LikeMemory, op: Option<&str>) -> Taken {
        memory.begin(place(), op.map(OpKey::of)).unwrap()
    }

    #[test]
    fn an_undo_that_passes_a_like_under_way_is_not_undone() {
        let memory = LikeMemory::new(10);
        let first = take(&memory, None);
        memory.forget(&place());
        memory.settle(&first, Some(7));
        let second = take(&memory, None);
        memory.settle(&first, Some(7));
        memory.settle(&second, None);
        take(&memory, None);
    }

    #[test]
    fn a_like_that_nobody_knows_to_be_stored_can_be_given_again() {
        let memory = LikeMemory::new(10);
        drop(memory.under_way(take(&memory, None)));
        memory.under_way(take(&memory, Some("one"))).stored(7);
        assert!(matches!(memory.admit(place(), Some(OpKey::of("one"))), Ok(Like::Stored(7))));
        assert!(matches!(memory.admit(place(), Some(OpKey::of("two"))), Err(Code::AlreadyLiked)));
        assert!(matches!(memory.admit(place(), None), Err(Code::AlreadyLiked)));
    }

    #[test]
    fn a_copy_takes_over_from_the_socket_that_went() {
        let memory = LikeMemory::new(10);
        let gone = memory.under_way(take(&memory, Some("one")));
        let copy = memory.under_way(take(&memory, Some("one")));
        assert!(matches!(memory.begin(place(), Some(OpKey::of("two"))), Err(Remembered { seq: None, .. })));
        drop(gone);
        copy.stored(8);
        assert!(matches!(memory.admit(place(), Some(OpKey::of("one"))), Ok(Like::Stored(8))));
    }
}
