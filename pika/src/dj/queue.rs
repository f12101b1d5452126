//! What the DJ said and the server has not stored yet, in order. Pure: outcomes go in, the next batch comes out. It is
//! the promise of `pika dj`: nothing lost, nothing twice, nothing overtaken, whatever the network does.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use schemas::limits::{BATCH_BYTES, BATCH_MESSAGES};

/// A day of tracks without any network. Beyond it the DJ is told instead of the memory filled.
pub const DEPTH: usize = 2_000;
/// The contract admits ten tracks in ten seconds a session. One fewer, so that a batch never fails in its middle: what
/// follows a refused track would overtake it.
const TRACKS: usize = 9;
const TRACKS_WITHIN: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Unique for ever: a repeat under it is stored once.
    pub id: String,
    pub message: Value,
}

impl Item {
    fn is_track(&self) -> bool {
        self.message["type"] == "BROADCAST_TRACK"
    }

    fn bytes(&self) -> usize {
        self.message.to_string().len() + 1
    }
}

/// What the server said of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Stored,
    /// Not now; the same message may be stored later.
    Later(String),
    Refused(String),
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// One for each message, in order.
    Answered(Vec<Said>),
    /// No answer, or one that stands for the whole batch: it may be stored or not. With the wait that the server asked for.
    Unknown(String, Option<Duration>),
}

/// What the queue wants next.
#[derive(Debug, PartialEq)]
pub enum Next {
    Empty,
    WaitUntil(Instant),
    Send(Vec<Item>),
}

/// What came of an outcome, for the DJ to see.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub stored: usize,
    /// Final refusals: the id and the words.
    pub refused: Vec<(String, String)>,
}

#[derive(Debug)]
struct Entry {
    item: Item,
    done: bool,
}

#[derive(Debug, Default)]
pub struct Queue {
    entries: VecDeque<Entry>,
    pause: Option<Duration>,
    not_before: Option<Instant>,
    /// After trouble one message at a time, until one is stored: then nothing can overtake what was refused.
    careful: bool,
    /// When the last tracks went out.
    tracks: VecDeque<Instant>,
    pub trouble: Option<String>,
}

impl Queue {
    pub fn restored(items: Vec<Item>) -> Self {
        Queue { entries: items.into_iter().map(|item| Entry { item, done: false }).collect(), ..Queue::default() }
    }

    /// `false`: full.
    pub fn push(&mut self, item: Item) -> bool {
        let fits = self.entries.len() < DEPTH;
        if fits {
            self.entries.push_back(Entry { item, done: false });
        }
        fits
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn pending(&self) -> Vec<Item> {
        self.entries.iter().filter(|e| !e.done).map(|e| e.item.clone()).collect()
    }

    /// The batch to send now. It stays queued until its outcome is known.
    pub fn next(&mut self, now: Instant) -> Next {
        if self.entries.is_empty() {
            return Next::Empty;
        }
        if let Some(at) = self.not_before.filter(|at| *at > now) {
            return Next::WaitUntil(at);
        }
        while self.tracks.front().is_some_and(|at| now.duration_since(*at) >= TRACKS_WITHIN) {
            self.tracks.pop_front();
        }
        let most = if self.careful { 1 } else { BATCH_MESSAGES };
        let (mut batch, mut bytes, mut tracks) = (Vec::new(), 2, self.tracks.len());
        for entry in self.entries.iter().filter(|e| !e.done) {
            bytes += entry.item.bytes();
            if batch.len() == most || (bytes > BATCH_BYTES && !batch.is_empty()) {
                break;
            }
            if entry.item.is_track() {
                if tracks == TRACKS {
                    break;
                }
                tracks += 1;
            }
            batch.push(entry.item.clone());
        }
        match (batch.is_empty(), self.tracks.front()) {
            (true, Some(oldest)) => Next::WaitUntil(*oldest + TRACKS_WITHIN),
            _ => Next::Send(batch),
        }
    }

    /// Takes in what became of `sent`. `jitter` is 0 to 1, so that a thousand DJs do not come back at the same moment.
    pub fn settle(&mut self, sent: &[Item], outcome: Outcome, now: Instant, jitter: f64) -> Settled {
        self.tracks.extend(sent.iter().filter(|item| item.is_track()).map(|_| now));
        let mut settled = Settled::default();
        let mut trouble: Option<(String, Option<Duration>)> = None;
        match outcome {
            Outcome::Unknown(words, wait) => trouble = Some((words, wait)),
            Outcome::Answered(answers) => {
                // An answer that is missing is unknown, like one that never came.
                let answers = answers.into_iter().chain(std::iter::repeat(Said::Later("no answer".to_owned())));
                for (item, said) in sent.iter().zip(answers) {
                    let Some(entry) = self.entries.iter_mut().find(|e| e.item.id == item.id) else { continue };
                    match said {
                        Said::Stored => {
                            entry.done = true;
                            settled.stored += 1;
                        }
                        Said::Refused(words) => {
                            entry.done = true;
                            settled.refused.push((item.id.clone(), words));
                        }
                        Said::Later(words) => trouble = trouble.or(Some((words, None))),
                    }
                }
            }
        }
        while self.entries.front().is_some_and(|e| e.done) {
            self.entries.pop_front();
        }
        match trouble {
            None => (self.pause, self.not_before, self.careful, self.trouble) = (None, None, false, None),
            Some((words, wait)) => {
                let pause = self.pause.map_or(FIRST_PAUSE, |p| (p * 2).min(LONGEST_PAUSE));
                let wait = wait.unwrap_or(pause.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)).min(LONGEST_PAUSE);
                (self.pause, self.not_before, self.careful, self.trouble) = (Some(pause), Some(now + wait), true, Some(words));
            }
        }
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn item(n: usize) -> Item {
        let kind = if n.is_multiple_of(3) { "START_POLL" } else { "BROADCAST_TRACK" };
        Item { id: format!("m{n}"), message: json!({"type": kind, "n": n}) }
    }

    /// A server that stores each id once, in the order in which it meets them, and stops at the first that it cannot take.
    #[derive(Default)]
    struct Server {
        stored: Vec<String>,
    }

    impl Server {
        fn take(&mut self, batch: &[Item], weather: u8) -> Outcome {
            let reach = match weather % 5 {
                0 => 0,
                1 => batch.len() / 2,
                _ => batch.len(),
            };
            for item in &batch[..reach] {
                if !self.stored.contains(&item.id) {
                    self.stored.push(item.id.clone());
                }
            }
            match weather % 5 {
                // The answer is lost on its way, with none, a part or all of the batch stored.
                0 | 3 => Outcome::Unknown("no connection".into(), None),
                1 => Outcome::Answered(
                    (0..batch.len()).map(|n| if n < reach { Said::Stored } else { Said::Later("track_rate".into()) }).collect(),
                ),
                _ => Outcome::Answered(vec![Said::Stored; batch.len()]),
            }
        }
    }

    fn send(queue: &mut Queue, now: &mut Instant) -> Option<Vec<Item>> {
        loop {
            match queue.next(*now) {
                Next::Empty => return None,
                Next::WaitUntil(at) => {
                    assert!(at > *now, "a wait must end later");
                    *now = at;
                }
                Next::Send(batch) => return Some(batch),
            }
        }
    }

    proptest! {
        /// Under any weather everything arrives once, in the order in which it was said.
        #[test]
        fn nothing_is_lost_doubled_or_overtaken(weather in proptest::collection::vec(any::<u8>(), 0..80), pushes in proptest::collection::vec(0usize..30, 1..12)) {
            let (mut queue, mut server, mut now) = (Queue::default(), Server::default(), Instant::now());
            let (mut said, mut stored) = (0, 0);
            let mut weather = weather.into_iter();
            for count in pushes {
                (0..count).for_each(|_| { assert!(queue.push(item(said))); said += 1; });
                if let Some(batch) = send(&mut queue, &mut now) {
                    let outcome = server.take(&batch, weather.next().unwrap_or(4));
                    stored += queue.settle(&batch, outcome, now, 0.5).stored;
                }
            }
            while let Some(batch) = send(&mut queue, &mut now) {
                let outcome = server.take(&batch, weather.next().unwrap_or(4));
                stored += queue.settle(&batch, outcome, now, 0.5).stored;
            }
            prop_assert_eq!(stored, said);
            prop_assert_eq!(server.stored, (0..said).map(|n| format!("m{n}")).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_more_than_nine_tracks_go_out_in_ten_seconds() {
        let (mut queue, mut now) = (Queue::default(), Instant::now());
        (0..40).for_each(|n| assert!(queue.push(Item { id: format!("t{n}"), message: json!({"type": "BROADCAST_TRACK"}) })));
        let began = now;
        let first = send(&mut queue, &mut now).expect("there is a backlog");
        assert_eq!((first.len(), now), (TRACKS, began));
        queue.settle(&first, Outcome::Answered(vec![Said::Stored; first.len()]), now, 0.0);
        let second = send(&mut queue, &mut now).expect("there is more");
        assert_eq!((second.len(), now), (TRACKS, began + TRACKS_WITHIN));
    }

    #[test]
    fn a_refusal_is_told_and_does_not_stop_the_rest() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        (0..3).for_each(|n| assert!(queue.push(item(n))));
        let Next::Send(batch) = queue.next(now) else { panic!("there is a backlog") };
        let settled = queue.settle(
            &batch,
            Outcome::Answered(vec![Said::Stored, Said::Refused("A poll is already active".into()), Said::Stored]),
            now,
            0.0,
        );
        assert_eq!(settled, Settled { stored: 2, refused: vec![("m1".into(), "A poll is already active".into())] });
        assert_eq!(queue.next(now), Next::Empty);
    }

    #[test]
    fn pauses_grow_end_and_obey_the_server() {
        let (mut queue, mut now) = (Queue::default(), Instant::now());
        assert!(queue.push(item(0)));
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let batch = send(&mut queue, &mut now).expect("it is still there");
            queue.settle(&batch, Outcome::Unknown("down".into(), None), now, 1.0);
            if let Next::WaitUntil(at) = queue.next(now) {
                pauses.push(at.duration_since(now));
            }
        }
        assert_eq!((pauses[0], pauses[1], pauses[7]), (FIRST_PAUSE, FIRST_PAUSE * 2, LONGEST_PAUSE));
        let batch = send(&mut queue, &mut now).expect("it is still there");
        queue.settle(&batch, Outcome::Unknown("busy".into(), Some(Duration::from_secs(3))), now, 1.0);
        assert_eq!(queue.next(now), Next::WaitUntil(now + Duration::from_secs(3)));
    }

    #[test]
    fn a_full_queue_says_so() {
        let mut queue = Queue::default();
        (0..DEPTH).for_each(|n| assert!(queue.push(item(n))));
        assert!(!queue.push(item(DEPTH)));
    }
}
