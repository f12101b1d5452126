//! What goes wrong, and when it is put right again.

use rand::RngExt;
use rand::seq::IteratorRandom;

use schemas::fact::{Fact, FactRecord};
use schemas::limits::RESUME_MESSAGES;

use crate::weather::Weather;
use crate::world::{ToPerson, Trouble, World};

impl World {
    /// Makes the next appointment of its kind, unless the evening is over.
    fn again(&mut self, every: Option<i64>, trouble: Trouble) -> bool {
        let Some(every) = every else { return false };
        let wait = self.rng.random_range(every / 2..every * 3 / 2 + 1);
        self.trouble_in(wait, trouble);
        true
    }

    pub fn trouble(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::NodeCrash => {
                if self.again(self.weather.node_crash, Trouble::NodeCrash)
                    && let Some(node) = (0..self.nodes.len()).filter(|n| self.nodes[*n].up).choose(&mut self.rng)
                {
                    self.note(format_args!("node {node} crashes"));
                    self.count("nodes crashed");
                    self.crash_node(node);
                    let wait = self.rng.random_range(100..4_000);
                    self.trouble_in(wait, Trouble::NodeStart(node));
                }
            }
            Trouble::NodeStart(node) => {
                if !self.nodes[node].up {
                    self.start_node(node);
                }
            }
            Trouble::WorkerCrash => {
                if self.again(self.weather.worker_crash, Trouble::WorkerCrash)
                    && let Some(worker) = (0..self.workers.len()).filter(|w| self.workers[*w].up).choose(&mut self.rng)
                {
                    self.note(format_args!("worker {worker} crashes"));
                    self.count("workers crashed");
                    self.crash_worker(worker);
                    let wait = self.rng.random_range(100..4_000);
                    self.trouble_in(wait, Trouble::WorkerStart(worker));
                }
            }
            Trouble::WorkerStart(worker) => self.workers[worker].up = true,
            Trouble::TwoOwners => {
                if self.again(self.weather.two_owners, Trouble::TwoOwners)
                    && let Some(old) = (0..self.workers.len()).find(|w| self.workers[*w].hold.is_some())
                {
                    let other = (old + 1) % self.workers.len();
                    let (term, wait) = (self.workers[old].term, self.rng.random_range(50..6_000));
                    self.count("two owners");
                    self.gain(other);
                    self.trouble_in(wait, Trouble::Loses(old, term));
                }
            }
            Trouble::Loses(worker, term) => {
                if self.workers[worker].term == term {
                    self.lose(worker);
                }
            }
            Trouble::Lease => self.lease(),
            Trouble::Outage => {
                if self.again(self.weather.outage, Trouble::Outage) && !self.is_away() {
                    let length = self.rng.random_range(100..5_000);
                    self.note(format_args!("the broker is away for {length}"));
                    self.count("outages");
                    self.away_until = self.agenda.now + length;
                    self.disturb(length);
                    self.trouble_in(length, Trouble::OutageEnds);
                }
            }
            Trouble::OutageEnds => self.reconnect(),
            Trouble::ClockJump => {
                if self.again(self.weather.clock_jump, Trouble::ClockJump) {
                    let jump = self.rng.random_range(-4_000..4_000);
                    let (nodes, all) = (self.nodes.len(), self.nodes.len() + self.workers.len());
                    let which = self.rng.random_range(0..all);
                    self.count("clock jumps");
                    self.note(format_args!("the clock of process {which} is {jump} off"));
                    if which < nodes { self.nodes[which].skew = jump } else { self.workers[which - nodes].skew = jump }
                }
            }
            Trouble::SocketBreak => {
                if self.again(self.weather.socket_break, Trouble::SocketBreak)
                    && let Some(person) = (0..self.people.len()).filter(|p| self.people[*p].socket != 0).choose(&mut self.rng)
                {
                    let socket = self.people[person].socket;
                    self.nodes.iter_mut().for_each(|node| drop(node.sockets.remove(&socket)));
                    self.broken(person, socket);
                }
            }
            Trouble::Flood => self.flood(),
            Trouble::Calm => self.calm(),
        }
    }

    /// A node that finds the connection again reads on in every session.
    fn reconnect(&mut self) {
        for node in 0..self.nodes.len() {
            let sessions: Vec<_> = self.nodes[node].followed.keys().cloned().collect();
            sessions.iter().for_each(|session| self.read_on(node, session));
        }
    }

    /// More facts at once than a board holds, in the first session: whoever is behind must start again from the state, and say so.
    fn flood(&mut self) {
        let session = self.sessions[0].clone();
        self.note(format_args!("a flood"));
        for n in 0..=RESUME_MESSAGES {
            let (at, expected) = (self.clock(), self.log.newest(&session));
            let said = Fact::Announced { message: format!("{n}"), ends_at: None, push: false };
            let facts = [FactRecord { at, op: None, fact: said }];
            if let Ok(placed) = self.log.append(&session, expected, &facts, (0, None), at) {
                self.republish(placed);
            }
        }
    }

    /// Somebody's connection is gone. They notice in a moment.
    pub fn broken(&mut self, person: usize, socket: u64) {
        let wait = self.rng.random_range(10..1_500);
        self.tell_person(wait, person, ToPerson::Broken(socket));
    }

    /// From now on everything works.
    fn calm(&mut self) {
        self.note(format_args!("calm"));
        self.weather = Weather::calm();
        self.disturbed = self.agenda.now;
        for node in 0..self.nodes.len() {
            self.nodes[node].skew = 0;
            if !self.nodes[node].up {
                self.start_node(node);
            }
        }
        for worker in &mut self.workers {
            (worker.up, worker.skew) = (true, 0);
        }
        if self.is_away() {
            self.away_until = self.agenda.now;
            self.reconnect();
        }
    }
}
