//! One evening: its processes, its people, its broker, and what happens to them. Everything that is random comes from one generator,
//! and everything that happens comes from one agenda, so the same seed is the same evening.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hasher};
use std::time::{Duration, Instant};

use nats::Eras;
use nats::epoch::Era;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use schemas::claim::Pack;
use schemas::fact::{FactRecord, PlacedFact};
use schemas::lobby::LobbyRecord;
use schemas::{Code, Millis, Partition, PollId, Seq, SessionId};
use workers::steps::{Flush, Fold};

use crate::agenda::Agenda;
use crate::broker::{Asker, Reply, Request};
use crate::log::Log;
use crate::node::{Node, Resumed};
use crate::people::Person;
use crate::plant::Plant;
use crate::shelf::Rows;
use crate::weather::Weather;
use crate::worker::{Stage, Worker};

/// The broker's time when the evening begins.
pub const START: i64 = 1_769_284_800_000;
/// People speak and things break for this long, then everything works again for [`CALM`], so that all that was begun can end.
pub const EVENING: i64 = 60_000;
pub const CALM: i64 = 60_000;
pub const EPOCH: u32 = 1;

pub enum Event {
    /// A request reaches the broker, and an answer the one who asked.
    Arrives(Request),
    Replied(Asker, Reply),
    Timer(SessionId, PollId),
    /// To one life of a node.
    Node(usize, u32, ToNode),
    /// To one term of a worker's ownership.
    Worker(usize, u32, ToWorker),
    Person(usize, ToPerson),
    Trouble(Trouble),
}

pub enum ToNode {
    Feed {
        previous: Seq,
        fact: Box<PlacedFact>,
    },
    /// The broker is asked for facts after a place, and answers; or does not.
    Read {
        session: SessionId,
        after: Seq,
    },
    HasRead {
        session: SessionId,
        facts: Option<Vec<PlacedFact>>,
    },
    Compare,
    Settle(SessionId),
    Pull(u64),
    Said {
        person: usize,
        socket: u64,
        op: usize,
        bytes: Vec<u8>,
    },
    Arrive {
        person: usize,
        socket: u64,
        resume: Resumed,
    },
    /// Somebody who waits for a place has waited long enough.
    Impatient {
        session: SessionId,
        socket: u64,
    },
    /// A word that waits to be read back: after a moment the log is asked, in the end it goes on without.
    Turn {
        session: SessionId,
        number: u64,
        last: bool,
    },
}

pub enum ToWorker {
    Open,
    Tick,
    Loaded(Box<Fold>),
    Flush(Stage, Box<Flush>),
}

pub enum ToPerson {
    Act,
    /// Goes on to a node, whatever was before.
    Connect,
    Hear {
        socket: u64,
        frames: Vec<String>,
    },
    Answer {
        socket: u64,
        op: usize,
        result: Result<(), Code>,
    },
    /// The connection is gone; noticed a moment later.
    Broken(u64),
}

pub enum Trouble {
    NodeCrash,
    NodeStart(usize),
    WorkerCrash,
    WorkerStart(usize),
    TwoOwners,
    Loses(usize, u32),
    /// Somebody must own the partition.
    Lease,
    Outage,
    OutageEnds,
    ClockJump,
    SocketBreak,
    Flood,
    Calm,
}

pub struct World {
    pub agenda: Agenda<Event>,
    pub rng: StdRng,
    pub weather: Weather,
    pub plant: Plant,
    pub log: Log,
    pub eras: Eras,
    pub rows: Box<dyn Rows>,
    pub partition: Partition,
    pub sessions: Vec<SessionId>,
    pub nodes: Vec<Node>,
    pub workers: Vec<Worker>,
    pub people: Vec<Person>,
    pub config: workers::Config,
    /// The broker is away until then.
    pub away_until: i64,
    /// When something last went wrong that may hold up an owner.
    pub disturbed: i64,
    /// Where each poll's first close request was stored, and when.
    pub closes: BTreeMap<PollId, (Seq, i64)>,
    /// Promises that were broken.
    pub wrong: Vec<String>,
    pub counts: BTreeMap<&'static str, u64>,
    epoch: Instant,
    hash: DefaultHasher,
    trace: Option<String>,
    numbers: u64,
    /// Verdicts that were said.
    pub verdicts: Vec<crate::oracle::Verdict>,
}

impl World {
    pub fn new(seed: u64, plant: Plant, rows: Box<dyn Rows>, trace: bool) -> World {
        let mut rng = StdRng::seed_from_u64(seed);
        let weather = Weather::of(&mut rng);
        let first: SessionId = "friday-night".parse().unwrap_or_else(|why| panic!("{why}"));
        let partition = first.partition();
        // A second session of the same partition: what is one's must not reach the other.
        let others = (0..).map(|n| SessionId::of(&format!("evening {n}")));
        let second = others.into_iter().find(|id| id.partition() == partition);
        let sessions: Vec<SessionId> = [Some(first), second].into_iter().flatten().take(rng.random_range(1..3)).collect();
        let era = Era { epoch: EPOCH, first: 1, agreed: 0, lost: 0, at: Millis(START), stream: String::new(), declared: true };
        let epoch = Instant::now();
        let mut world = World {
            agenda: Agenda::new(),
            weather,
            plant,
            log: Log::default(),
            eras: Eras(vec![era]),
            rows,
            partition,
            nodes: (0..rng.random_range(1..4)).map(Node::new).collect(),
            workers: (0..2).map(|_| Worker { up: true, ..Worker::default() }).collect(),
            people: Vec::new(),
            sessions,
            // As in the product, but that an unsaved handful already holds up the reader, so that this is met too.
            config: workers::Config { unsaved_entries: rng.random_range(8..200), ..workers::Config::default() },
            rng,
            away_until: 0,
            disturbed: 0,
            closes: BTreeMap::new(),
            wrong: Vec::new(),
            counts: BTreeMap::new(),
            epoch,
            hash: DefaultHasher::new(),
            trace: trace.then(String::new),
            numbers: 0,
            verdicts: Vec::new(),
        };
        world.open();
        world
    }

    fn open(&mut self) {
        let weather = self.weather.clone();
        self.note(format_args!("{weather:?}, {} nodes, {} sessions", self.nodes.len(), self.sessions.len()));
        self.seat_people();
        for node in 0..self.nodes.len() {
            self.start_node(node);
        }
        self.trouble_in(0, Trouble::Lease);
        self.trouble_in(EVENING, Trouble::Calm);
        if weather.flood {
            let wait = self.rng.random_range(20_000..50_000);
            self.trouble_in(wait, Trouble::Flood);
        }
        for (every, trouble) in [
            (weather.node_crash, Trouble::NodeCrash),
            (weather.worker_crash, Trouble::WorkerCrash),
            (weather.two_owners, Trouble::TwoOwners),
            (weather.outage, Trouble::Outage),
            (weather.clock_jump, Trouble::ClockJump),
            (weather.socket_break, Trouble::SocketBreak),
        ] {
            if let Some(every) = every {
                let wait = self.rng.random_range(0..every);
                self.trouble_in(wait, trouble);
            }
        }
    }

    /// Lets the whole evening happen.
    pub fn run(&mut self) {
        while let Some(event) = self.agenda.next(EVENING + CALM) {
            match event {
                Event::Arrives(request) => self.arrives(request),
                Event::Replied(asker, reply) => self.replied(asker, reply),
                Event::Timer(session, poll) => self.timer(session, poll),
                Event::Node(node, life, what) if self.nodes[node].up && self.nodes[node].life == life => self.node(node, what),
                Event::Node(..) => {}
                Event::Worker(worker, term, what) => self.worker(worker, term, what),
                Event::Person(person, what) => self.person(person, what),
                Event::Trouble(trouble) => self.trouble(trouble),
            }
        }
    }

    /// The broker's clock.
    pub fn clock(&self) -> Millis {
        Millis(START + self.agenda.now)
    }

    /// A clock that only goes on, for paces and waits.
    pub fn instant(&self) -> Instant {
        self.epoch + Duration::from_millis(self.agenda.now as u64)
    }

    /// Milliseconds until an instant of that clock.
    pub fn until(&self, at: Instant) -> i64 {
        at.saturating_duration_since(self.instant()).as_millis() as i64 + 1
    }

    pub fn is_away(&self) -> bool {
        self.agenda.now < self.away_until
    }

    pub fn is_calm(&self) -> bool {
        self.agenda.now >= EVENING
    }

    /// Something holds up the owners, for so long from now.
    pub fn disturb(&mut self, length: i64) {
        self.disturbed = self.disturbed.max(self.agenda.now + length);
    }

    /// How long a message is under way.
    pub fn lag(&mut self) -> i64 {
        self.rng.random_range(1..=self.weather.delay)
    }

    pub fn chance(&mut self, share: f64) -> bool {
        share > 0.0 && self.rng.random_bool(share.min(1.0))
    }

    pub fn tell_node(&mut self, wait: i64, node: usize, what: ToNode) {
        self.agenda.after(wait, Event::Node(node, self.nodes[node].life, what));
    }

    pub fn tell_person(&mut self, wait: i64, person: usize, what: ToPerson) {
        self.agenda.after(wait, Event::Person(person, what));
    }

    pub fn trouble_in(&mut self, wait: i64, trouble: Trouble) {
        self.agenda.after(wait, Event::Trouble(trouble));
    }

    /// Sends something to the broker.
    pub fn ask(&mut self, asker: Asker, what: Ask) {
        let request = Request { asker: Some(asker), what };
        if self.chance(self.weather.request_lost) {
            return self.unknown(request.asker);
        }
        let wait = self.lag();
        self.agenda.after(wait, Event::Arrives(request));
    }

    /// A number that was never given out before.
    pub fn fresh(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub fn wrong(&mut self, what: String) {
        self.note(format_args!("WRONG: {what}"));
        self.wrong.push(what);
    }

    /// A line of the trace.
    pub fn note(&mut self, what: fmt::Arguments<'_>) {
        let line = format!("{:>7} {what}\n", self.agenda.now);
        self.hash.write(line.as_bytes());
        if let Some(trace) = &mut self.trace {
            let _ = trace.write_str(&line);
        }
    }

    /// A number that stands for everything that happened.
    pub fn hash(&self) -> u64 {
        self.hash.finish()
    }

    pub fn take_trace(&mut self) -> Option<String> {
        self.trace.take()
    }
}

/// What is asked of the broker.
pub enum Ask {
    /// Facts of one session, if its newest is still at `expected`, and the timers of the polls they open.
    Append {
        session: SessionId,
        expected: Seq,
        facts: Vec<FactRecord>,
        timers: Vec<nats::Timer>,
        lobby: Option<Box<LobbyRecord>>,
    },
    /// A lobby record, if the session's newest fact is still at `expected`.
    Show {
        session: SessionId,
        expected: Seq,
        record: Box<LobbyRecord>,
    },
    Packs(Vec<(SessionId, Pack)>),
}
