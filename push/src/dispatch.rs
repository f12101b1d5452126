//! Announcements on their way to browsers, as many as stand. [`crate::job`] is the story of one.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use schemas::{Millis, Seq, SessionId};
use store::PushKey;
use tokio::sync::Notify;
use tokio::task::{self, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::Push;
use crate::job::Job;
use crate::metrics::{self, Announced};
use crate::pace::Pace;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    pub key: PushKey,
    pub dj_name: String,
    pub message: String,
    /// When the log took it.
    pub at: Millis,
    /// When it ends by itself.
    pub ends_at: Option<Millis>,
}

enum Word {
    Push(Announcement),
    Withdraw(Seq),
    Leave,
}

/// What starts and ends pushes. Cloned freely; all clones are one.
#[derive(Clone)]
pub struct Dispatcher(Arc<Words>);

/// The newest word of each session that was not acted on yet. A newer one says all that the older one said, so none has to wait in a row.
#[derive(Default)]
struct Words {
    newest: Mutex<HashMap<SessionId, Word>>,
    said: Notify,
}

impl Dispatcher {
    /// The dispatcher, and what must run for it: until `stop`, and then until what is under way was answered or given up.
    pub fn new(push: Push, stop: CancellationToken) -> (Dispatcher, impl Future<Output = ()> + Send + 'static) {
        let words = Arc::new(Words::default());
        (Dispatcher(words.clone()), run(push, words, stop))
    }

    /// Pushes it, unless somebody does or did. May be said as often as the announcement is met.
    pub fn push(&self, announcement: Announcement) {
        self.say(announcement.key.session.clone(), Word::Push(announcement));
    }

    /// No announcement of this session that lies before this place stands any more.
    pub fn withdraw(&self, session: &SessionId, before: Seq) {
        self.say(session.clone(), Word::Withdraw(before));
    }

    /// Somebody else knows from now on which announcement of this session stands: ours is left to them.
    pub fn leave(&self, session: &SessionId) {
        self.say(session.clone(), Word::Leave);
    }

    fn say(&self, session: SessionId, word: Word) {
        self.0.newest.lock().insert(session, word);
        self.0.said.notify_one();
    }
}

/// The job of a session. It has one at a time: the next announcement's begins when the one before has let go.
struct UnderWay {
    id: task::Id,
    seq: Seq,
    withdrawn: CancellationToken,
    left: CancellationToken,
}

impl UnderWay {
    /// Does what a word asks. Gives back an announcement that has to wait for the end of this job.
    fn hear(&self, word: Word) -> Option<Word> {
        match &word {
            Word::Push(announcement) if announcement.key.seq > self.seq => self.withdrawn.cancel(),
            Word::Withdraw(before) if self.seq < *before => self.withdrawn.cancel(),
            Word::Leave => self.left.cancel(),
            Word::Push(_) | Word::Withdraw(_) => {}
        }
        // The same one is under way, unless this job is to let go of it.
        let waits = matches!(&word, Word::Push(announcement) if announcement.key.seq > self.seq || self.left.is_cancelled());
        waits.then_some(word)
    }
}

/// How often a session's announcements are pushed: phones that buzz all night are silenced for ever.
const PUSHES: usize = 10;
const WITHIN_MS: i64 = 60_000;

/// When announcements were made that were pushed.
#[derive(Default)]
struct Recent(HashMap<SessionId, VecDeque<Millis>>);

impl Recent {
    fn takes(&mut self, session: &SessionId, at: Millis) -> bool {
        let begin = at.plus(-WITHIN_MS);
        self.0.retain(|_, made| made.back().is_some_and(|last| *last > begin));
        let made = self.0.entry(session.clone()).or_default();
        while made.front().is_some_and(|first| *first <= begin) {
            made.pop_front();
        }
        // Met again it is the same one.
        let known = made.contains(&at);
        if !known && made.len() < PUSHES {
            made.push_back(at);
        }
        known || made.back() == Some(&at)
    }
}

async fn run(push: Push, words: Arc<Words>, stop: CancellationToken) {
    let config = &push.inner.config;
    let pace = Arc::new(Pace::new(config.requests, config.requests_each));
    let holder = format!("{:016x}", rand::random::<u64>());
    let mut under_way: HashMap<SessionId, UnderWay> = HashMap::new();
    let mut recent = Recent::default();
    let mut jobs = JoinSet::new();
    let mut begun = 0u64;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = jobs.join_next_with_id(), if !jobs.is_empty() => {
                let id = count(ended);
                under_way.retain(|_, job| job.id != id);
            }
            () = words.said.notified() => {}
        }
        let heard = std::mem::take(&mut *words.newest.lock());
        for (session, word) in heard {
            let word = match under_way.get(&session) {
                Some(job) => {
                    if let (Some(word), Entry::Vacant(free)) = (job.hear(word), words.newest.lock().entry(session)) {
                        free.insert(word);
                    }
                    continue;
                }
                None => word,
            };
            let Word::Push(announcement) = word else { continue };
            if !recent.takes(&session, announcement.at) {
                tracing::warn!(%session, "announcements are too many to push them all");
                metrics::announced(Announced::TooMany);
                continue;
            }
            begun += 1;
            let (withdrawn, left, seq) = (CancellationToken::new(), stop.child_token(), announcement.key.seq);
            let job = Job {
                push: push.clone(),
                pace: pace.clone(),
                // Its own, so that a job which ends late gives nobody else's claim back.
                holder: format!("{holder}-{begun}"),
                announcement,
                answered: Mutex::default(),
                withdrawn: withdrawn.clone(),
                left: left.clone(),
            };
            let id = jobs.spawn(job.run()).id();
            under_way.insert(session, UnderWay { id, seq, withdrawn, left });
        }
    }
    while let Some(ended) = jobs.join_next_with_id().await {
        count(ended);
    }
}

/// Counts a job that ended, and says which one it was.
fn count(ended: Result<(task::Id, Announced), task::JoinError>) -> task::Id {
    match ended {
        Ok((id, what)) => {
            metrics::announced(what);
            id
        }
        Err(error) => {
            tracing::error!(%error, "pushing an announcement failed");
            metrics::announced(Announced::Failed);
            error.id()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ten_announcements_a_minute_are_pushed() {
        let (friday, monday) = (SessionId::parse("friday-night").unwrap(), SessionId::parse("monday-night").unwrap());
        let mut recent = Recent::default();
        let second = |n: i64| Millis(1_000_000 + n * 1_000);
        assert!((0..10).all(|n| recent.takes(&friday, second(n))));
        assert!(!recent.takes(&friday, second(10)), "the eleventh in a minute");
        assert!(recent.takes(&friday, second(3)), "one that was met again");
        assert!(recent.takes(&monday, second(10)), "another session's");
        assert!(recent.takes(&friday, second(60)), "the first one is a minute old");
        assert!(!recent.takes(&friday, second(60).plus(1)));
    }
}
