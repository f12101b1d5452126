//! What a node does with what people say: claims travel in groups, a DJ's words one at a time, each decided on the newest view.

use ingest::steps::{Like, Taken, Waiting, claim_of, decide, pack, speaker};
use nats::Decision;
use schemas::caller::Caller;
use schemas::claim::ClaimRecord;
use schemas::client::{ClientMessage, Incoming, decode};
use schemas::codec::Codec;
use schemas::error::Refusal;
use schemas::fact::{Begun, Fact, FactRecord, Owner};
use schemas::rules::Goes;
use schemas::view::{View, lobby_after};
use schemas::{Code, Millis, OpKey, Seq, SessionId};

use crate::broker::{Asker, Reply};
use crate::plant::Plant;
use crate::world::{Ask, ToNode, ToPerson, World};

/// How many claims travel in one pack here: few, so that groups are cut.
const PACK: usize = 3;
/// Races that one word survives, and how long it waits to be read back.
const ATTEMPTS: u32 = 8;
const ECHO: i64 = 250;
const PATIENCE: i64 = 2_000;

/// Something that somebody said, as it came.
pub struct Said {
    pub person: usize,
    pub socket: u64,
    pub op: usize,
    pub bytes: Vec<u8>,
}

/// Whom to tell where a claim is stored.
pub struct Told {
    person: usize,
    socket: u64,
    op: usize,
    like: Option<Taken>,
}

/// A word on its way into the log.
pub struct Turn {
    number: u64,
    attempts: u32,
    waits: Option<Waits>,
}

/// For the view to reach a place; then the word is answered, or decided again.
struct Waits {
    seq: Seq,
    stored: bool,
}

impl World {
    pub fn answer(&mut self, person: usize, socket: u64, op: usize, result: Result<(), Code>) {
        let wait = self.lag();
        self.tell_person(wait, person, ToPerson::Answer { socket, op, result });
    }

    pub fn accept(&mut self, node: usize, said: Said) {
        if self.is_away() {
            return self.answer(said.person, said.socket, said.op, Err(Code::Unavailable));
        }
        let session = self.people[said.person].session.clone();
        self.meet(node, &session);
        let Some(f) = self.nodes[node].followed.get_mut(&session) else { return };
        if !f.is_met() {
            return f.parked.push(said);
        }
        let incoming = match decode(Codec::Json, &said.bytes) {
            Ok(incoming) => incoming,
            Err(why) => return self.wrong(format!("{:?} of {} is refused: {why:?}", said.op, said.person)),
        };
        match incoming.message.kind().rule().goes {
            Goes::In => {
                if let Err(code) = self.claim(node, &session, &said, incoming) {
                    self.answer(said.person, said.socket, said.op, Err(code));
                }
            }
            Goes::Out | Goes::Answer => {
                f.words.push_back(said);
                self.next_word(node, &session);
            }
        }
    }

    fn claim(&mut self, node: usize, session: &SessionId, said: &Said, incoming: Incoming) -> Result<(), Code> {
        let now = self.node_clock(node);
        let (plant, person) = (self.plant, self.people[said.person].id);
        let n = &mut self.nodes[node];
        let run = n.followed.get(session).and_then(|f| f.view.run.clone()).ok_or(Code::SessionNotFound)?;
        let op = incoming.message_id.as_deref().map(OpKey::of);
        let Some(claim) = claim_of(&incoming.message) else { return Ok(()) };
        if let ClientMessage::RemoveLike(m) = &incoming.message {
            n.likes.forget(&(session.clone(), run.begin, person, m.payload.track.key()));
        }
        run.judge(&claim, now)?;
        let mut like = None;
        if let ClientMessage::SendLike(m) = &incoming.message {
            let place = (session.clone(), run.begin, person, m.payload.track.key());
            match n.likes.admit(place, op)? {
                Like::Stored(_) => {
                    self.answer(said.person, said.socket, said.op, Ok(()));
                    return Ok(());
                }
                Like::First(taken) => like = Some(taken),
            }
        }
        let mut caller = Caller::new(person, true);
        caller.node = Some(n.id.clone());
        let record = ClaimRecord { at: now, by: speaker(&caller, &claim), op, claim };
        let done = Told { person: said.person, socket: said.socket, op: said.op, like };
        n.waiting.push(Waiting { session: session.clone(), node: caller.node, record, done });
        if plant == Plant::AckBeforeStored {
            self.answer(said.person, said.socket, said.op, Ok(()));
        }
        self.commit(node);
        Ok(())
    }

    /// Sends what gathered while the last group was under way.
    fn commit(&mut self, node: usize) {
        let n = &mut self.nodes[node];
        if n.committing || n.waiting.is_empty() {
            return;
        }
        n.committing = true;
        let (packs, told) = pack(std::mem::take(&mut n.waiting), PACK);
        let life = n.life;
        self.ask(Asker::Lane { node, life, told }, Ask::Packs(packs));
    }

    pub fn committed(&mut self, node: usize, told: Vec<Vec<Told>>, reply: &Reply) {
        self.nodes[node].committing = false;
        for (i, told) in told.into_iter().enumerate() {
            let seq = match reply {
                Reply::Stored(seqs) => seqs.get(i).copied(),
                Reply::Conflict(_) | Reply::Unknown => None,
            };
            for told in told {
                if let Some(taken) = &told.like {
                    self.nodes[node].likes.settle(taken, seq);
                }
                self.answer(told.person, told.socket, told.op, seq.map(|_| ()).ok_or(Code::Unavailable));
            }
        }
        self.commit(node);
    }

    /// Begins with the next word of a session's DJ, if none is under way.
    fn next_word(&mut self, node: usize, session: &SessionId) {
        let number = self.fresh();
        let Some(f) = self.nodes[node].followed.get_mut(session) else { return };
        if f.turn.is_none() && !f.words.is_empty() {
            f.turn = Some(Turn { number, attempts: 0, waits: None });
            self.decide(node, session);
        }
    }

    /// Decides the word on the view as it is now.
    fn decide(&mut self, node: usize, session: &SessionId) {
        let now = self.node_clock(node);
        let n = &mut self.nodes[node];
        let Some(f) = n.followed.get_mut(session) else { return };
        let (Some(word), Some(turn)) = (f.words.front(), f.turn.as_mut()) else { return };
        turn.attempts += 1;
        let owner = self.people[word.person].id;
        let decision = match decode(Codec::Json, &word.bytes) {
            Ok(incoming) => word_of(&f.view, &incoming, owner, now),
            Err(why) => Err(why.refusal),
        };
        match decision {
            Err(refusal) => self.end_word(node, session, Err(refusal.code)),
            Ok(Decision::Already(_)) => self.end_word(node, session, Ok(())),
            Ok(Decision::Append { facts, .. }) if facts.is_empty() => self.end_word(node, session, Ok(())),
            Ok(Decision::Append { facts, timers }) => {
                let lobby = lobby_after(&f.view, &facts, now).map(Box::new);
                let (expected, number, life) = (f.view.last, turn.number, n.life);
                let asker = Asker::Word { node, life, session: session.clone(), number };
                self.ask(asker, Ask::Append { session: session.clone(), expected, facts, timers, lobby });
            }
        }
    }

    fn end_word(&mut self, node: usize, session: &SessionId, result: Result<(), Code>) {
        let Some(f) = self.nodes[node].followed.get_mut(session) else { return };
        f.turn = None;
        if let Some(word) = f.words.pop_front() {
            self.answer(word.person, word.socket, word.op, result);
        }
        self.next_word(node, session);
    }

    pub fn appended(&mut self, node: usize, session: &SessionId, number: u64, reply: &Reply) {
        let Some(f) = self.nodes[node].followed.get_mut(session) else { return };
        let last = f.view.last;
        let Some(turn) = f.turn.as_mut().filter(|turn| turn.number == number && turn.waits.is_none()) else { return };
        let waits = match reply {
            Reply::Stored(seqs) => Waits { seq: seqs.last().copied().unwrap_or(last), stored: true },
            Reply::Conflict(newest) => Waits { seq: (*newest).max(last + 1), stored: false },
            Reply::Unknown => {
                self.read_on(node, session);
                return self.end_word(node, session, Err(Code::Unavailable));
            }
        };
        turn.waits = Some(waits);
        for (wait, last) in [(ECHO, false), (PATIENCE, true)] {
            self.tell_node(wait, node, ToNode::Turn { session: session.clone(), number, last });
        }
        self.reflects(node, session);
    }

    /// The view has moved: a word that waited for that goes on.
    pub fn reflects(&mut self, node: usize, session: &SessionId) {
        let Some(f) = self.nodes[node].followed.get_mut(session) else { return };
        let last = f.view.last;
        let Some(turn) = &mut f.turn else { return };
        let Some(waits) = turn.waits.take_if(|waits| waits.seq <= last) else { return };
        let tired = turn.attempts >= ATTEMPTS;
        match waits.stored {
            true => self.end_word(node, session, Ok(())),
            false if tired => self.end_word(node, session, Err(Code::Unavailable)),
            false => {
                self.count("words decided again");
                self.decide(node, session);
            }
        }
    }

    pub fn turn_waits(&mut self, node: usize, session: &SessionId, number: u64, last: bool) {
        let Some(f) = self.nodes[node].followed.get_mut(session) else { return };
        let Some(turn) = f.turn.as_mut().filter(|turn| turn.number == number) else { return };
        let Some(waits) = &turn.waits else { return };
        let result = if waits.stored { Ok(()) } else { Err(Code::Unavailable) };
        match last {
            true => self.end_word(node, session, result),
            false => self.read_on(node, session),
        }
    }
}

/// What a DJ's word appends. Who may say it is not asked here: that is decided by tokens and cookies, which nobody has tonight.
fn word_of(view: &View, incoming: &Incoming, owner: schemas::PersonId, now: Millis) -> Result<Decision, Refusal> {
    let op = incoming.message_id.as_deref().map(OpKey::of);
    let ClientMessage::RegisterSession(register) = &incoming.message else { return decide(view, &incoming.message, op, now) };
    if let Some(run) = view.live() {
        return Ok(Decision::Already(run.begin));
    }
    let dj_name = register.dj_name.as_ref().map_or_else(String::new, |name| name.as_str().to_owned());
    let owner = Owner::Person { person: owner, address: None };
    let begun = Begun { dj_name, owner, join_code: "ABC234".to_owned(), by_socket: false };
    Ok(Decision::Append { facts: vec![FactRecord { at: now, op, fact: Fact::Begun(begun) }], timers: vec![] })
}
