//! A node: the door, and the sockets. It follows sessions by the feed and mends what it did not hear from the log, admits what people
//! say, and lets sockets pull from its boards. The steps are the product's; what is here drives them, as the product's tasks do.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fanout::board::{Board, Cursor, Pulled};
use fanout::delivery::{Flavour, encode};
use fanout::hub;
use fanout::subscribe::{Placed, Seen, place};
use ingest::steps::{LikeMemory, Waiting};
use nats::sessions::steps::{Heard, History, apply, heard};
use schemas::client::Resume;
use schemas::codec::Codec;
use schemas::fact::PlacedFact;
use schemas::server::ServerMessage;
use schemas::view::View;
use schemas::{Code, Millis, NodeId, Seq, SessionId};

use crate::door::{Said, Told, Turn};
use crate::plant::Plant;
use crate::world::{EPOCH, START, ToNode, ToPerson, World};

/// Where a socket says that it was.
pub type Resumed = Option<Resume>;

/// How often a node compares its newest facts with the log's.
const WATERMARK: i64 = 2_000;
/// Between two tracks, towards dancers.
const TRACK_PACE: Duration = Duration::from_secs(1);
/// How soon the log is asked for a place that was not seen yet, and how long it is waited for.
const POKE: i64 = 250;
const AHEAD: i64 = 500;
/// Bytes that a socket takes at once.
const ROOM: usize = 2_000;
const FORM: Flavour = Flavour { codec: Codec::Json, positions: true, deflate: false };

pub struct Node {
    pub id: NodeId,
    pub up: bool,
    /// Grows with each crash: what was on its way to a life before finds nobody.
    pub life: u32,
    /// How far its clock is from the broker's.
    pub skew: i64,
    pub followed: BTreeMap<SessionId, Followed>,
    pub sockets: BTreeMap<u64, Socket>,
    pub likes: LikeMemory,
    pub waiting: Vec<Waiting<Told>>,
    pub committing: bool,
}

pub struct Followed {
    pub view: View,
    history: History,
    /// Made when the session is met.
    board: Option<Board>,
    reading: bool,
    again: bool,
    backlog: VecDeque<(Seq, PlacedFact)>,
    /// What came before the session was met.
    pub parked: Vec<Said>,
    arriving: Vec<Arriving>,
    pub words: VecDeque<Said>,
    pub turn: Option<Turn>,
}

struct Arriving {
    person: usize,
    socket: u64,
    resume: Resumed,
}

pub struct Socket {
    pub person: usize,
    session: SessionId,
    cursor: Option<Cursor>,
    rung: bool,
    /// Nothing overtakes on one connection.
    arrives: i64,
}

impl Node {
    pub fn new(n: usize) -> Node {
        Node {
            id: NodeId(format!("node-{n}").into()),
            up: false,
            life: 0,
            skew: 0,
            followed: BTreeMap::new(),
            sockets: BTreeMap::new(),
            likes: LikeMemory::new(100),
            waiting: Vec::new(),
            committing: false,
        }
    }
}

impl Followed {
    pub fn is_met(&self) -> bool {
        self.board.is_some()
    }
}

impl World {
    pub fn start_node(&mut self, node: usize) {
        let (life, skew) = (self.nodes[node].life + 1, self.nodes[node].skew);
        self.nodes[node] = Node { up: true, life, skew, ..Node::new(node) };
        self.tell_node(WATERMARK, node, ToNode::Compare);
    }

    /// Ends one life of a node, with all that it had in memory.
    pub fn crash_node(&mut self, node: usize) {
        let sockets: Vec<(u64, usize)> = self.nodes[node].sockets.iter().map(|(id, socket)| (*id, socket.person)).collect();
        for (socket, person) in sockets {
            self.broken(person, socket);
        }
        self.nodes[node].up = false;
        self.nodes[node].life += 1;
    }

    pub fn node(&mut self, node: usize, what: ToNode) {
        match what {
            ToNode::Feed { previous, fact } => self.feed(node, previous, *fact),
            ToNode::Read { session, after } => {
                let facts = (!self.is_away()).then(|| {
                    let after = if after == 0 { self.log.begin(&session).saturating_sub(1) } else { after };
                    self.log.facts_after(&session, after, Seq::MAX)
                });
                let wait = self.lag();
                self.tell_node(wait, node, ToNode::HasRead { session, facts });
            }
            ToNode::HasRead { session, facts } => self.has_read(node, &session, facts),
            ToNode::Compare => {
                self.tell_node(WATERMARK, node, ToNode::Compare);
                if self.is_away() {
                    return;
                }
                let sessions: Vec<SessionId> = self.nodes[node].followed.keys().cloned().collect();
                for session in sessions {
                    if self.view(node, &session).is_some_and(|view| view.last < self.log.newest(&session)) {
                        self.count("watermarks ahead");
                        self.read_on(node, &session);
                    }
                }
            }
            ToNode::Settle(session) => self.settle(node, &session),
            ToNode::Pull(socket) => self.pull(node, socket),
            ToNode::Said { person, socket, op, bytes } => self.accept(node, Said { person, socket, op, bytes }),
            ToNode::Arrive { person, socket, resume } => self.arrive(node, person, socket, resume),
            ToNode::Impatient { session, socket } => {
                if let Some(f) = self.nodes[node].followed.get_mut(&session)
                    && let Some(at) = f.arriving.iter().position(|a| a.socket == socket)
                    && f.is_met()
                {
                    let arriving = f.arriving.remove(at);
                    self.place(node, &session, arriving);
                }
            }
            ToNode::Turn { session, number, last } => self.turn_waits(node, &session, number, last),
        }
    }

    pub fn view(&self, node: usize, session: &SessionId) -> Option<&View> {
        self.nodes[node].followed.get(session).map(|f| &f.view)
    }

    fn time(&self, node: usize) -> Millis {
        Millis(START + self.agenda.now + self.nodes[node].skew)
    }

    pub fn node_clock(&self, node: usize) -> Millis {
        self.time(node)
    }

    /// Follows a session: what is republished from now on is heard, and what came before is read.
    pub fn meet(&mut self, node: usize, session: &SessionId) {
        if self.nodes[node].followed.contains_key(session) {
            return;
        }
        let followed = Followed {
            view: View::new(session.clone()),
            history: History::default(),
            board: None,
            reading: false,
            again: false,
            backlog: VecDeque::new(),
            parked: Vec::new(),
            arriving: Vec::new(),
            words: VecDeque::new(),
            turn: None,
        };
        self.nodes[node].followed.insert(session.clone(), followed);
        self.read_on(node, session);
    }

    /// Asks the log for everything after the last fact seen.
    pub fn read_on(&mut self, node: usize, session: &SessionId) {
        let Some(f) = self.nodes[node].followed.get_mut(session) else { return };
        if std::mem::replace(&mut f.reading, true) {
            f.again = true;
            return;
        }
        let after = f.view.last;
        let wait = self.lag();
        self.tell_node(wait, node, ToNode::Read { session: session.clone(), after });
    }

    fn has_read(&mut self, node: usize, session: &SessionId, facts: Option<Vec<PlacedFact>>) {
        let Some(f) = self.nodes[node].followed.get_mut(session) else { return };
        f.reading = false;
        let met = f.is_met();
        match facts {
            Some(facts) => self.fold(node, session, &facts),
            None if !met => return self.not_met(node, session),
            None => {}
        }
        if !met {
            self.met(node, session);
        }
        while let Some(f) = self.nodes[node].followed.get_mut(session).filter(|f| !f.reading)
            && let Some((previous, fact)) = f.backlog.pop_front()
        {
            self.feed(node, previous, fact);
        }
        if let Some(f) = self.nodes[node].followed.get_mut(session)
            && std::mem::take(&mut f.again)
        {
            self.read_on(node, session);
        }
    }

    fn met(&mut self, node: usize, session: &SessionId) {
        let now = tokio::time::Instant::from_std(self.instant());
        let Some(f) = self.nodes[node].followed.get_mut(session) else { return };
        let facts: Vec<_> = f.history.facts.iter().cloned().collect();
        f.board = Some(hub::begun(Board::new(EPOCH, TRACK_PACE, now), f.history.floor, &facts));
        let (parked, arriving) = (std::mem::take(&mut f.parked), std::mem::take(&mut f.arriving));
        parked.into_iter().for_each(|said| self.accept(node, said));
        arriving.into_iter().for_each(|a| self.arrive(node, a.person, a.socket, a.resume));
    }

    /// The broker was away: whoever came is told so, and the next one tries again.
    fn not_met(&mut self, node: usize, session: &SessionId) {
        let Some(f) = self.nodes[node].followed.remove(session) else { return };
        f.parked.iter().for_each(|said| self.answer(said.person, said.socket, said.op, Err(Code::Unavailable)));
        f.arriving.iter().for_each(|a| self.broken(a.person, a.socket));
    }

    fn feed(&mut self, node: usize, previous: Seq, fact: PlacedFact) {
        let plant = self.plant;
        let session = fact.session.clone();
        let Some(f) = self.nodes[node].followed.get_mut(&session) else { return };
        if f.reading {
            return f.backlog.push_back((previous, fact));
        }
        match heard(f.view.last, previous, fact.seq) {
            Heard::Repeat => {}
            Heard::Gap if plant != Plant::DeafToGaps => {
                self.count("gaps mended");
                self.read_on(node, &session);
            }
            Heard::Next | Heard::Gap => self.fold(node, &session, &[fact]),
        }
    }

    fn fold(&mut self, node: usize, session: &SessionId, facts: &[PlacedFact]) {
        let Some(f) = self.nodes[node].followed.get_mut(session) else { return };
        for applied in apply(&mut f.view, facts) {
            if let Some(board) = &mut f.board {
                hub::put(board, &applied);
            }
            f.history.push(applied);
        }
        self.settle(node, session);
        self.reflects(node, session);
        let Some(f) = self.nodes[node].followed.get_mut(session).filter(|f| f.is_met()) else { return };
        let last = f.view.last;
        let come: Vec<Arriving> = f.arriving.extract_if(.., |a| ahead(a.resume).is_none_or(|seq| seq <= last)).collect();
        come.into_iter().for_each(|arriving| self.place(node, session, arriving));
    }

    fn settle(&mut self, node: usize, session: &SessionId) {
        let now = tokio::time::Instant::from_std(self.instant());
        let Some(board) = self.nodes[node].followed.get_mut(session).and_then(|f| f.board.as_mut()) else { return };
        if let Some(at) = board.advance(now) {
            let wait = self.until(at.into_std());
            self.tell_node(wait, node, ToNode::Settle(session.clone()));
        }
        let of = |socket: &Socket| socket.session == *session;
        let sockets: Vec<u64> = self.nodes[node].sockets.iter().filter(|(_, socket)| of(socket)).map(|(id, _)| *id).collect();
        sockets.into_iter().for_each(|socket| self.ring(node, socket));
    }

    fn ring(&mut self, node: usize, id: u64) {
        let slow = self.weather.slow;
        let Some(socket) = self.nodes[node].sockets.get_mut(&id) else { return };
        if !std::mem::replace(&mut socket.rung, true) {
            let wait = if slow > 0 { slow } else { self.lag() };
            self.tell_node(wait, node, ToNode::Pull(id));
        }
    }

    fn pull(&mut self, node: usize, id: u64) {
        let Some(socket) = self.nodes[node].sockets.get_mut(&id) else { return };
        socket.rung = false;
        let (session, mut cursor) = (socket.session.clone(), socket.cursor);
        let Some(cursor) = &mut cursor else { return };
        let Some(board) = self.nodes[node].followed.get(&session).and_then(|f| f.board.as_ref()) else { return };
        let mut frames = Vec::new();
        loop {
            match board.pull(cursor, ROOM) {
                Pulled::Deliveries { list, more } => {
                    frames.extend(list.iter().flat_map(|delivery| delivery.encoded(FORM)).map(text));
                    if !more {
                        break;
                    }
                }
                Pulled::Missed => {
                    self.count("boards overrun");
                    let resume = Some(Resume::At { epoch: cursor.epoch, seq: cursor.seq });
                    let arriving = Arriving { person: self.nodes[node].sockets[&id].person, socket: id, resume };
                    return self.place(node, &session, arriving);
                }
            }
        }
        if let Some(socket) = self.nodes[node].sockets.get_mut(&id) {
            socket.cursor = Some(*cursor);
        }
        self.write(node, id, frames);
    }

    /// Sends frames to a socket's peer, in order.
    fn write(&mut self, node: usize, id: u64, frames: Vec<String>) {
        if frames.is_empty() {
            return;
        }
        let at = self.agenda.now + self.lag();
        let Some(socket) = self.nodes[node].sockets.get_mut(&id) else { return };
        socket.arrives = socket.arrives.max(at);
        let (person, wait) = (socket.person, socket.arrives - self.agenda.now);
        self.tell_person(wait, person, ToPerson::Hear { socket: id, frames });
    }

    fn arrive(&mut self, node: usize, person: usize, socket: u64, resume: Resumed) {
        let session = self.people[person].session.clone();
        let new = Socket { person, session: session.clone(), cursor: None, rung: false, arrives: 0 };
        self.nodes[node].sockets.entry(socket).or_insert(new);
        self.meet(node, &session);
        let Some(f) = self.nodes[node].followed.get_mut(&session) else { return };
        let waits = !f.is_met() || ahead(resume).is_some_and(|seq| seq > f.view.last);
        let (met, arriving) = (f.is_met(), Arriving { person, socket, resume });
        if !waits {
            return self.place(node, &session, arriving);
        }
        f.arriving.push(arriving);
        if met {
            // The rest is on its way; where the feed lost it, it is read.
            self.read_on(node, &session);
            self.tell_node(AHEAD + POKE, node, ToNode::Impatient { session, socket });
        }
    }

    fn place(&mut self, node: usize, session: &SessionId, arriving: Arriving) {
        let (now, blind) = (self.time(node), self.plant == Plant::BlindResume);
        let Some(f) = self.nodes[node].followed.get(session) else { return };
        let Some(board) = &f.board else { return };
        let seen = Seen { session, view: Arc::new(f.view.clone()), tally: None };
        let mut placed = place(board, &seen, arriving.resume, None, now);
        if let (true, Some(Resume::At { epoch, seq })) = (blind, arriving.resume) {
            let subscribed = ServerMessage::Subscribed { session_id: None, epoch, at: seq, recovered: true, reason: None };
            placed = Placed { cursor: board.cursor(f.view.last), subscribed: Some(subscribed), state: vec![] };
        }
        self.count(match &placed.subscribed {
            Some(ServerMessage::Subscribed { recovered: true, .. }) => "resumes recovered",
            Some(ServerMessage::Subscribed { reason: Some(_), .. }) => "resumes refused",
            Some(_) | None => "fresh starts",
        });
        let messages = placed.subscribed.iter().chain(&placed.state).map(|message| encode(message, None, Codec::Json));
        let frames = messages.map(text).collect();
        let Some(socket) = self.nodes[node].sockets.get_mut(&arriving.socket) else { return };
        socket.cursor = Some(placed.cursor);
        self.write(node, arriving.socket, frames);
        self.ring(node, arriving.socket);
    }
}

fn text(encoded: Vec<u8>) -> String {
    String::from_utf8(encoded).expect("JSON is UTF-8")
}

fn ahead(resume: Resumed) -> Option<Seq> {
    match resume {
        Some(Resume::At { seq, .. }) => Some(seq),
        Some(Resume::Wanted(_)) | None => None,
    }
}
