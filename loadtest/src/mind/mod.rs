//! One dancer without a socket: what it hears goes in, what it wants to say comes out.

mod answers;
mod hearing;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::RngExt;
use schemas::{Epoch, Seq};
use serde_json::{Value, json};

use crate::diary::{Answer, Cast, Diary, Fate, Like, Nap, Wish};
use crate::meter::held;
use crate::plan::{Plan, Plans, WISHES};
use crate::shared::Shared;

/// A message without an answer is said again after this long.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
enum What {
    Seat,
    Like(u32),
    TakeBack(u32),
    Wish(usize),
    Vote { poll: u64, cast: usize },
}

struct Open {
    message: Value,
    what: What,
    first: Instant,
    copies: u32,
    repeat_at: Instant,
}

pub struct Mind {
    pub id: usize,
    shared: Arc<Shared>,
    diary: Arc<Mutex<Diary>>,
    pub plans: Plans,
    open: BTreeMap<u64, Open>,
    /// Messages that are answered and will be said once more.
    echoes: BTreeMap<u64, Value>,
    next: u64,
    position: Option<(Epoch, Seq)>,
    asked: Instant,
    /// Since when this socket is seated; tracks published before it say nothing about latency.
    seated: Option<Instant>,
    /// Between a fresh SUBSCRIBED and the ACK: what comes is state, not news.
    greeting: bool,
    options: BTreeMap<u64, u32>,
    pings: bool,
    /// Counts the sockets, so that what was planned for one is not done to the next.
    socket: u64,
    /// After a nap: the place that the evening had reached when it ended.
    woke_at: Option<Seq>,
    /// Whether its times say something about the server; a sleeper's say something about sleep.
    pub timed: bool,
}

/// What the dancer's loop must do after plans came due.
#[derive(Default)]
pub struct Acts {
    pub say: Vec<Value>,
    pub drop: bool,
    pub go_elsewhere: bool,
    pub sleep: Option<Duration>,
}

impl Mind {
    pub fn new(id: usize, seed: u64, shared: Arc<Shared>, diary: Arc<Mutex<Diary>>) -> Self {
        let plans = Plans::new(seed ^ (id as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let asked = shared.began;
        let (open, options) = (BTreeMap::new(), BTreeMap::new());
        Mind {
            id,
            shared,
            diary,
            plans,
            open,
            echoes: BTreeMap::new(),
            next: 0,
            position: None,
            asked,
            seated: None,
            greeting: false,
            options,
            pings: false,
            socket: 0,
            woke_at: None,
            timed: true,
        }
    }

    /// The first words on a new socket.
    pub fn arrive(&mut self) -> Value {
        let resume = match self.position {
            Some((epoch, seq)) => json!({"epoch": epoch, "seq": seq}),
            None => json!(true),
        };
        self.asked = Instant::now();
        self.socket += 1;
        let session = self.shared.session.clone();
        self.say(What::Seat, json!({"type": "SUBSCRIBE", "sessionId": session, "resume": resume}))
    }

    /// The socket is gone; what it did not answer is said again on the next.
    pub fn lost(&mut self, how: &str) {
        self.open.retain(|_, o| !matches!(o.what, What::Seat));
        (self.seated, self.greeting) = (None, false);
        let mut diary = held(&self.diary);
        diary.open = self.open.len();
        if self.woke_at.take().is_some()
            && let Some(nap) = diary.nap()
        {
            nap.fate = Some(Fate::Closed(how.to_owned()));
        }
        diary.lost();
    }

    /// The reader opens its eyes after so long.
    pub fn wake(&mut self, slept: Duration) {
        self.woke_at = Some(self.shared.newest());
        held(&self.diary).naps.push(Nap { slept, bytes: 0, fate: None });
    }

    /// What a nap came to, once it can be told.
    fn tell_nap(&mut self, fate: Fate) {
        if self.woke_at.take().is_some()
            && let Some(nap) = held(&self.diary).nap()
        {
            nap.fate = Some(fate);
        }
    }

    pub fn surprise(&self, words: String) {
        held(&self.diary).surprises.push(words);
    }

    fn say(&mut self, what: What, mut message: Value) -> Value {
        let (n, now) = (self.next, Instant::now());
        self.next += 1;
        message["messageId"] = json!(format!("d{}-{n}", self.id));
        let repeat_at = now + ANSWER_WITHIN;
        self.plans.at(repeat_at, Plan::Repeat(n));
        self.open.insert(n, Open { message: message.clone(), what, first: now, copies: 1, repeat_at });
        held(&self.diary).open = self.open.len();
        message
    }

    /// Everything that is due now.
    pub fn due(&mut self, now: Instant) -> Acts {
        let mut acts = Acts::default();
        while let Some(plan) = self.plans.due(now) {
            match plan {
                Plan::Repeat(n) => acts.say.extend(self.repeat(n, now)),
                Plan::Echo(n) => acts.say.extend(self.echoes.remove(&n).inspect(|_| self.shared.meter.echoes.add())),
                Plan::Ping => {
                    self.plans.on_ping(now);
                    acts.say.push(json!({"type": "PING"}));
                }
                Plan::Drop => {
                    acts.drop = true;
                    return acts;
                }
                Plan::Move(socket) if socket == self.socket => {
                    acts.go_elsewhere = true;
                    return acts;
                }
                Plan::Move(_) => {}
                Plan::Sleep(long) => {
                    acts.sleep = Some(long);
                    return acts;
                }
                Plan::Like(_) | Plan::TakeBack(_) | Plan::Wish(_) | Plan::Vote { .. } | Plan::VoteAgain { .. }
                    if self.shared.is_quiet() => {}
                Plan::Like(number) => acts.say.extend(self.like(number, now)),
                Plan::TakeBack(number) => acts.say.extend(self.take_back(number)),
                Plan::Wish(wish) => acts.say.extend(self.wish(wish)),
                Plan::Vote { poll, options, stubborn } => acts.say.extend(self.vote(poll, options, stubborn)),
                Plan::VoteAgain { poll, options } => acts.say.extend(self.vote_again(poll, options)),
            }
        }
        acts
    }

    fn repeat(&mut self, n: u64, now: Instant) -> Option<Value> {
        let open = self.open.get_mut(&n).filter(|o| o.repeat_at <= now)?;
        open.copies += 1;
        open.repeat_at = now + ANSWER_WITHIN;
        self.plans.at(open.repeat_at, Plan::Repeat(n));
        self.shared.meter.repeats.add();
        Some(open.message.clone())
    }

    fn like(&mut self, number: u32, now: Instant) -> Option<Value> {
        if held(&self.diary).likes.contains_key(&number) || !self.plans.may_like(now) {
            return None;
        }
        held(&self.diary).likes.insert(number, Like::default());
        Some(self.about_track(What::Like(number), "SEND_LIKE", number))
    }

    fn take_back(&mut self, number: u32) -> Option<Value> {
        {
            let mut diary = held(&self.diary);
            let like = diary.likes.get_mut(&number).filter(|l| l.given.stored_at().is_some() && l.taken_back.is_none())?;
            like.taken_back = Some(Answer::Open);
        }
        Some(self.about_track(What::TakeBack(number), "REMOVE_LIKE", number))
    }

    fn about_track(&mut self, what: What, kind: &str, number: u32) -> Value {
        let message = json!({"type": kind, "sessionId": self.shared.session, "payload": {"track": {"title": self.shared.title(number), "artist": self.shared.artist()}}});
        self.say(what, message)
    }

    /// One wish at a time: an older one that had to be repeated would otherwise overtake a newer.
    fn wish(&mut self, wish: usize) -> Option<Value> {
        if self.open.values().any(|o| matches!(o.what, What::Wish(_))) {
            return None;
        }
        let preference = *WISHES.get(wish)?;
        let index = {
            let mut diary = held(&self.diary);
            let heard = diary.last_track();
            diary.wishes.push(Wish { preference, answer: Answer::Open, heard });
            diary.wishes.len() - 1
        };
        Some(self.say(What::Wish(index), json!({"type": "SEND_TEMPO_REQUEST", "sessionId": self.shared.session, "preference": preference})))
    }

    fn vote(&mut self, poll: u64, options: u32, stubborn: bool) -> Option<Value> {
        {
            let diary = held(&self.diary);
            let ballot = diary.ballots.get(&poll)?;
            if !ballot.casts.is_empty() || (!ballot.ended.is_empty() && !stubborn) {
                return None;
            }
        }
        let option = self.plans.rng.random_range(0..options.max(1));
        self.cast(poll, option)
    }

    /// A second vote for something else, which must not count.
    fn vote_again(&mut self, poll: u64, options: u32) -> Option<Value> {
        let first = held(&self.diary).ballots.get(&poll).filter(|b| b.casts.len() == 1)?.casts.first()?.option;
        self.cast(poll, (first + 1) % options.max(1))
    }

    fn cast(&mut self, poll: u64, option: u32) -> Option<Value> {
        let cast = {
            let mut diary = held(&self.diary);
            let casts = &mut diary.ballots.get_mut(&poll)?.casts;
            casts.push(Cast { option, sent: self.shared.now(), answer: Answer::Open });
            casts.len() - 1
        };
        let message =
            json!({"type": "VOTE_ON_POLL", "pollId": poll, "optionIndex": option, "clientId": format!("load-test-dancer-{}", self.id)});
        Some(self.say(What::Vote { poll, cast }, message))
    }
}
