//! The DJs and the dancers. They know only what they hear. What is not answered they say again under the same messageId, perhaps
//! to another node; when their connection breaks they come back with the place that they heard last.

use rand::RngExt;
use rand::seq::{IndexedRandom, IteratorRandom};
use schemas::client::Resume;
use schemas::fact::Owner;
use schemas::{Code, Epoch, OpKey, PersonId, PollId, Seq, SessionId};
use serde_json::{Value, json};

use crate::world::{ToNode, ToPerson, World};

/// How long an answer is waited for before the message is said again.
const PATIENCE: i64 = 3_000;
/// Different songs on one evening.
const SONGS: usize = 6;

pub struct Person {
    pub id: PersonId,
    pub session: SessionId,
    pub is_dj: bool,
    /// The connection; 0 when there is none. A DJ publishes over HTTP and has none.
    pub socket: u64,
    node: usize,
    since: i64,
    placed: bool,
    /// The newest place heard.
    at: Option<(Epoch, Seq)>,
    pub heard: Vec<Heard>,
    pub ops: Vec<Op>,
    under_way: Option<usize>,
    songs: Vec<usize>,
    polls: Vec<(PollId, usize)>,
    ended: bool,
}

/// What a dancer's connection brought, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// SUBSCRIBED: everything after `at` follows. If it is not recovered, the state as of `at` came instead of what was missed.
    Placed {
        at: Seq,
        recovered: bool,
    },
    Fact(Seq),
}

/// Something that somebody wants to have happened.
#[derive(Clone, Debug)]
pub struct Op {
    pub id: String,
    pub what: What,
    message: Value,
    /// Copies that were sent.
    pub copies: u32,
    pub state: State,
    sent: i64,
    again: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Like {
        song: usize,
        on: bool,
    },
    Vote {
        poll: PollId,
        option: usize,
    },
    /// Another claim: it is only to be in the log.
    Claim,
    /// A word that appends one fact.
    Word,
    /// A word that may be void: nothing plays that could be stopped.
    Maybe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Waiting,
    Acknowledged,
    Refused(Code),
}

pub fn title(song: usize) -> String {
    format!("Song {song}")
}

fn track(song: usize) -> Value {
    json!({"title": title(song), "artist": "The Testers", "bpm": 100 + song})
}

impl World {
    pub fn seat_people(&mut self) {
        for n in 0..self.sessions.len() {
            let dancers = self.rng.random_range(2..6);
            for i in 0..=dancers {
                let mut id = [0; 16];
                (id[0], id[1]) = (n as u8 + 1, i as u8);
                self.people.push(Person {
                    id: PersonId(id),
                    session: self.sessions[n].clone(),
                    is_dj: i == 0,
                    socket: 0,
                    node: 0,
                    since: 0,
                    placed: false,
                    at: None,
                    heard: Vec::new(),
                    ops: Vec::new(),
                    under_way: None,
                    songs: Vec::new(),
                    polls: Vec::new(),
                    ended: false,
                });
                let (person, wait) = (self.people.len() - 1, self.rng.random_range(0..3_000));
                if i > 0 {
                    self.tell_person(wait, person, ToPerson::Connect);
                }
                self.tell_person(if i == 0 { 0 } else { wait }, person, ToPerson::Act);
            }
        }
    }

    pub fn person(&mut self, person: usize, what: ToPerson) {
        match what {
            ToPerson::Act => {
                self.act(person);
                let wait = self.rng.random_range(150..1_500);
                self.tell_person(wait, person, ToPerson::Act);
            }
            ToPerson::Connect => self.connect(person),
            ToPerson::Hear { socket, frames } => {
                if self.people[person].socket == socket {
                    frames.iter().for_each(|frame| self.hear(person, frame));
                }
            }
            ToPerson::Answer { socket, op, result } => {
                if self.people[person].is_dj || self.people[person].socket == socket {
                    self.answered(person, op, result);
                }
            }
            ToPerson::Broken(socket) => {
                if self.people[person].socket == socket {
                    self.people[person].socket = 0;
                    let wait = self.rng.random_range(0..2_000);
                    self.tell_person(wait, person, ToPerson::Connect);
                }
            }
        }
    }

    fn connect(&mut self, person: usize) {
        if self.people[person].socket != 0 {
            return;
        }
        let Some(node) = (0..self.nodes.len()).filter(|n| self.nodes[*n].up).choose(&mut self.rng) else {
            return self.tell_person(500, person, ToPerson::Connect);
        };
        let (socket, now) = (self.fresh(), self.agenda.now);
        let p = &mut self.people[person];
        (p.socket, p.node, p.since, p.placed) = (socket, node, now, false);
        let resume = p.at.map_or(Resume::Wanted(true), |(epoch, seq)| Resume::At { epoch, seq });
        self.nodes.iter_mut().for_each(|n| n.sockets.retain(|_, old| old.person != person));
        let wait = self.lag();
        self.tell_node(wait, node, ToNode::Arrive { person, socket, resume: Some(resume) });
    }

    fn act(&mut self, person: usize) {
        let (now, calm) = (self.agenda.now, self.is_calm());
        let p = &self.people[person];
        if p.socket != 0 && !p.placed && now - p.since > PATIENCE {
            let socket = p.socket;
            return self.person(person, ToPerson::Broken(socket));
        }
        if let Some(op) = p.under_way {
            let waits = &p.ops[op];
            if waits.again.is_some_and(|at| at <= now) || now - waits.sent > PATIENCE {
                self.send(person, op);
            }
            return;
        }
        let (is_dj, placed, first) = (p.is_dj, p.placed && p.socket != 0, p.ops.is_empty());
        let chosen = match (is_dj, calm) {
            (true, false) => Some(self.word(person, first)),
            (true, true) if !p.ended => {
                self.people[person].ended = true;
                // Some DJs forget to end.
                self.rng.random_bool(0.5).then(|| (What::Word, json!({"type": "END_SESSION"})))
            }
            (false, false) if placed => self.claim_of_dancer(person),
            (true | false, _) => None,
        };
        let Some((what, mut message)) = chosen else { return };
        let id = format!("{person}-{}", self.people[person].ops.len());
        let p = &mut self.people[person];
        message["messageId"] = json!(id);
        message["sessionId"] = json!(p.session);
        p.ops.push(Op { id, what, message, copies: 0, state: State::Waiting, sent: now, again: None });
        p.under_way = Some(p.ops.len() - 1);
        self.send(person, self.people[person].ops.len() - 1);
    }

    fn send(&mut self, person: usize, op: usize) {
        let now = self.agenda.now;
        let p = &self.people[person];
        let (socket, mut node) = (p.socket, p.node);
        if p.is_dj {
            let Some(up) = (0..self.nodes.len()).filter(|n| self.nodes[*n].up).choose(&mut self.rng) else { return };
            node = up;
        } else if socket == 0 || !p.placed {
            return;
        }
        let bytes = serde_json::to_vec(&self.people[person].ops[op].message).unwrap_or_default();
        // Somebody taps twice.
        let copies = 1 + u32::from(self.chance(0.05));
        let waits = &mut self.people[person].ops[op];
        (waits.sent, waits.again) = (now, None);
        waits.copies += copies;
        let (id, what) = (waits.id.clone(), waits.what);
        self.note(format_args!("{id} is said to node {node}: {what:?}"));
        for _ in 0..copies {
            let wait = self.lag();
            self.tell_node(wait, node, ToNode::Said { person, socket, op, bytes: bytes.clone() });
        }
    }

    fn word(&mut self, person: usize, first: bool) -> (What, Value) {
        if first {
            return (What::Word, json!({"type": "REGISTER_SESSION", "djName": "DJ One"}));
        }
        let song = self.rng.random_range(0..SONGS);
        let poll = self.people[person].polls.last().map(|(poll, _)| *poll);
        match (self.rng.random_range(0..20), poll) {
            (0..8, _) => (What::Word, json!({"type": "BROADCAST_TRACK", "track": track(song)})),
            (8, _) => (What::Maybe, json!({"type": "TRACK_STOPPED"})),
            (9, _) => (What::Maybe, json!({"type": "METADATA_UPDATED", "track": track(song)})),
            (10..12, _) => (What::Word, json!({"type": "SEND_ANNOUNCEMENT", "message": "Social at ten", "durationSeconds": 60})),
            (12, Some(poll)) => (What::Claim, json!({"type": "CANCEL_POLL", "pollId": poll})),
            (13..15, Some(poll)) => (What::Claim, json!({"type": "END_POLL", "pollId": poll})),
            _ => {
                let (options, change) = (self.rng.random_range(2..5), self.rng.random_bool(0.4));
                let options: Vec<String> = (0..options).map(|n| format!("option {n}")).collect();
                let mut message = json!({"type": "START_POLL", "question": "Next?", "options": options, "allowChange": change});
                if self.rng.random_bool(0.8) {
                    message["durationSeconds"] = json!(30);
                }
                let p = &mut self.people[person];
                let owner = Owner::Person { person: p.id, address: None }.label();
                let id = OpKey::of(&format!("{person}-{}", p.ops.len()));
                p.polls.push((PollId::of(&p.session, &owner, Some(id)), options.len()));
                (What::Word, message)
            }
        }
    }

    fn claim_of_dancer(&mut self, person: usize) -> Option<(What, Value)> {
        let (kind, option) = (self.rng.random_range(0..12), self.rng.random_range(0..5));
        let song = self.people[person].songs.choose(&mut self.rng).copied();
        let poll = self.people[person].polls.last().copied();
        match (kind, song, poll) {
            (0..4, Some(song), _) => Some((What::Like { song, on: true }, json!({"type": "SEND_LIKE", "payload": {"track": track(song)}}))),
            (4..6, Some(song), _) => {
                Some((What::Like { song, on: false }, json!({"type": "REMOVE_LIKE", "payload": {"track": track(song)}})))
            }
            (6, Some(_), _) => {
                let preference = ["faster", "slower", "perfect", "clear"][option % 4];
                Some((What::Claim, json!({"type": "SEND_TEMPO_REQUEST", "preference": preference})))
            }
            (7..12, _, Some((poll, options))) => {
                let option = option % options;
                let message = json!({"type": "VOTE_ON_POLL", "pollId": poll, "optionIndex": option, "clientId": "somebody"});
                Some((What::Vote { poll, option }, message))
            }
            _ => None,
        }
    }

    fn answered(&mut self, person: usize, op: usize, result: Result<(), Code>) {
        let again = self.agenda.now + self.rng.random_range(200..2_000);
        let id = self.people[person].ops[op].id.clone();
        self.note(format_args!("{id} is answered {result:?}"));
        let p = &mut self.people[person];
        let waits = &mut p.ops[op];
        if waits.state != State::Waiting {
            return;
        }
        waits.state = match result {
            Ok(()) => State::Acknowledged,
            Err(Code::Unavailable) => {
                waits.again = Some(again);
                return;
            }
            Err(code) => State::Refused(code),
        };
        let acknowledged = waits.state == State::Acknowledged;
        p.under_way = p.under_way.filter(|under_way| *under_way != op);
        self.count(if acknowledged { "acknowledged" } else { "refused" });
    }

    fn hear(&mut self, person: usize, frame: &str) {
        let Ok(message) = serde_json::from_str::<Value>(frame) else { return self.wrong(format!("{frame} is no message")) };
        let (kind, seq) = (message["type"].as_str().unwrap_or_default().to_owned(), message["seq"].as_u64());
        self.note(format_args!("{person} hears {kind} {seq:?}"));
        let p = &mut self.people[person];
        match kind.as_str() {
            "SUBSCRIBED" => {
                let (at, recovered) = (seq.unwrap_or_default(), message["recovered"] == true);
                p.placed = true;
                p.at = Some((message["epoch"].as_u64().unwrap_or_default() as Epoch, at));
                return p.heard.push(Heard::Placed { at, recovered });
            }
            "NOW_PLAYING" => {
                let song = (0..SONGS).find(|song| message["track"]["title"] == title(*song));
                p.songs.extend(song.filter(|song| !p.songs.contains(song)));
            }
            "POLL_STARTED" => {
                let poll = message["pollId"].as_u64().and_then(|id| PollId::new(id).ok());
                let options = message["options"].as_array().map_or(0, Vec::len);
                p.polls.extend(poll.map(|poll| (poll, options)));
            }
            _ => {}
        }
        if let Some(seq) = seq {
            p.heard.push(Heard::Fact(seq));
            p.at = p.at.map(|(epoch, _)| (epoch, seq));
        }
    }
}
