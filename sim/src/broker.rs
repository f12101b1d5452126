//! The simulated broker: what reaches it is stored, or not; whoever asked is told, or not; what is stored is republished, or not.

use rand::RngExt;
use schemas::claim::{Claim, ClaimRecord, Pack, Speaker};
use schemas::fact::PlacedFact;
use schemas::lobby::LobbyRecord;
use schemas::{PollId, Seq, SessionId};

use crate::door::Told;
use crate::world::{Ask, Event, ToNode, World};

/// How long somebody waits for an answer before it counts as unknown.
const PATIENCE: i64 = 2_000;

pub struct Request {
    /// Nobody, when it was given up and is delivered all the same.
    pub asker: Option<Asker>,
    pub what: Ask,
}

/// Who waits for an answer: a life of a node, or a term of a worker.
pub enum Asker {
    Lane { node: usize, life: u32, told: Vec<Vec<Told>> },
    Word { node: usize, life: u32, session: SessionId, number: u64 },
    Errand { worker: usize, term: u32, session: SessionId, showing: Showing },
}

/// The lobby record that an errand wants to see stored, and the newest fact that it knew.
pub type Showing = Option<(Box<LobbyRecord>, Seq)>;

#[derive(Debug)]
pub enum Reply {
    Stored(Vec<Seq>),
    Conflict(Seq),
    Unknown,
}

impl World {
    /// Nobody will answer.
    pub fn unknown(&mut self, asker: Option<Asker>) {
        let Some(asker) = asker else { return };
        if matches!(asker, Asker::Errand { .. }) {
            self.disturb(PATIENCE);
        }
        self.count("outcomes unknown");
        self.agenda.after(PATIENCE, Event::Replied(asker, Reply::Unknown));
    }

    pub fn arrives(&mut self, request: Request) {
        let Request { asker, what } = request;
        if self.is_away() {
            self.unknown(asker);
            if self.chance(self.weather.sent_later) {
                self.count("requests sent later");
                let wait = self.away_until - self.agenda.now + self.rng.random_range(0..3_000);
                self.agenda.after(wait, Event::Arrives(Request { asker: None, what }));
            }
            return;
        }
        let reply = match what {
            Ask::Append { session, expected, facts, timers, lobby } => {
                let stamp = self.clock();
                match self.log.append(&session, expected, &facts, (timers.len() as u64, lobby), stamp) {
                    Ok(placed) => {
                        let seqs: Vec<Seq> = placed.iter().map(|(_, fact)| fact.seq).collect();
                        for (_, fact) in &placed {
                            self.note(format_args!("log {} {session} {}", fact.seq, fact.record.fact.kind()));
                        }
                        for timer in timers {
                            self.schedule(&session, &timer);
                        }
                        self.republish(placed);
                        Reply::Stored(seqs)
                    }
                    Err(last) => Reply::Conflict(last),
                }
            }
            Ask::Show { session, expected, record } => match self.log.show(&session, expected, *record) {
                Ok(seq) => Reply::Stored(vec![seq]),
                Err(last) => Reply::Conflict(last),
            },
            Ask::Packs(packs) => Reply::Stored(self.store(&packs)),
        };
        let Some(asker) = asker else { return };
        if self.chance(self.weather.answer_lost) {
            return self.unknown(Some(asker));
        }
        let wait = self.lag();
        self.agenda.after(wait, Event::Replied(asker, reply));
    }

    fn store(&mut self, packs: &[(SessionId, Pack)]) -> Vec<Seq> {
        let stamp = self.clock();
        let seqs = self.log.packs(packs, stamp);
        for ((session, pack), seq) in packs.iter().zip(&seqs) {
            self.note(format_args!("log {seq} {session} {} claims", pack.claims.len()));
            for record in &pack.claims {
                self.count("claims stored");
                if let Claim::ClosePoll { poll } | Claim::CancelPoll { poll } = record.claim {
                    self.closing(session, poll, *seq);
                }
            }
        }
        seqs
    }

    fn schedule(&mut self, session: &SessionId, timer: &nats::Timer) {
        if self.chance(self.weather.timer_lost) {
            return self.count("timers lost");
        }
        let wait = timer.at.since(self.clock());
        self.agenda.after(wait, Event::Timer(session.clone(), timer.poll));
    }

    pub fn timer(&mut self, session: SessionId, poll: PollId) {
        if self.is_away() {
            let wait = self.away_until - self.agenda.now;
            return self.agenda.after(wait, Event::Timer(session, poll));
        }
        let close = ClaimRecord { at: self.clock(), by: Speaker::System, op: None, claim: Claim::ClosePoll { poll } };
        self.store(&[(session, Pack { node: None, claims: vec![close] })]);
    }

    pub fn republish(&mut self, placed: Vec<(Seq, PlacedFact)>) {
        for (previous, fact) in placed {
            for node in 0..self.nodes.len() {
                if !self.nodes[node].up || !self.nodes[node].followed.contains_key(&fact.session) {
                    continue;
                }
                let copies = if self.chance(self.weather.feed_lost) { 0 } else { 1 + usize::from(self.chance(self.weather.feed_twice)) };
                if copies == 0 {
                    self.count("feed messages lost");
                }
                for _ in 0..copies {
                    let wait = self.lag();
                    self.tell_node(wait, node, ToNode::Feed { previous, fact: Box::new(fact.clone()) });
                }
            }
        }
    }

    pub fn replied(&mut self, asker: Asker, reply: Reply) {
        match asker {
            Asker::Lane { node, life, told } if self.nodes[node].up && self.nodes[node].life == life => self.committed(node, told, &reply),
            Asker::Word { node, life, session, number } if self.nodes[node].up && self.nodes[node].life == life => {
                self.appended(node, &session, number, &reply);
            }
            Asker::Lane { .. } | Asker::Word { .. } => {}
            Asker::Errand { worker, term, session, showing } => self.ran((worker, term), &session, showing, &reply),
        }
    }
}
