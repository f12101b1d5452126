//! Presence: who is in which session, from what the nodes report. Pure: time is a parameter.
//!
//! A person is here while any node holds them, and stays counted for a while after the last one let go. A node that falls silent
//! has left with all its people, at the moment it was last heard.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use schemas::note::{Presence, PresenceChange, PresenceReport, Present, SessionPresence};
use schemas::{Millis, NodeId, PersonId, SessionId};

/// Parts of one full report. A node of a million dancers needs a few hundred.
const PARTS: u32 = 4_096;
/// A DJ who left is remembered this long: longer than any session lasts.
const DJ_MS: i64 = 48 * 3600 * 1000;

/// All crowds of one partition.
pub struct Crowds {
    silence: i64,
    stay: i64,
    nodes: HashMap<NodeId, Node>,
    rooms: HashMap<SessionId, Room>,
    changed: HashSet<SessionId>,
}

struct Node {
    heard: Millis,
    held: HashSet<(SessionId, Present)>,
    round: Option<Round>,
}

/// A full report whose parts are still coming in.
struct Round {
    number: u64,
    parts: BTreeMap<u32, Vec<SessionPresence>>,
    /// What changed meanwhile: it is newer than the picture that the parts make up.
    since: Vec<PresenceChange>,
}

#[derive(Default)]
struct Room {
    /// How many nodes hold each dancer.
    here: HashMap<PersonId, u32>,
    left: HashMap<PersonId, Millis>,
    leaving: VecDeque<(Millis, PersonId)>,
    djs: HashMap<PersonId, u32>,
    /// Who was a DJ of this run, also while their connection is lost: none of them is a listener.
    played: HashSet<PersonId>,
    dj: Dj,
}

/// The DJ's socket, as far as we know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dj {
    /// No node reported one since we own the partition.
    #[default]
    Unseen,
    Here,
    Left {
        since: Millis,
    },
}

impl Crowds {
    pub fn new(silence: std::time::Duration, stay: std::time::Duration) -> Self {
        let (silence, stay) = (silence.as_millis() as i64, stay.as_millis() as i64);
        Crowds { silence, stay, nodes: HashMap::new(), rooms: HashMap::new(), changed: HashSet::new() }
    }

    pub fn report(&mut self, presence: Presence, now: Millis) {
        let Presence { node: id, report } = presence;
        let node = self.nodes.remove(&id);
        let mut node = node.unwrap_or(Node { heard: now, held: HashSet::new(), round: None });
        node.heard = now;
        match report {
            PresenceReport::Changes(changes) => {
                for change in changes {
                    self.set(&mut node, &change, now);
                    if let Some(round) = &mut node.round {
                        round.since.push(change);
                    }
                }
            }
            PresenceReport::Full { round, part, parts, sessions } => {
                if let Some(full) = node.gather(round, part, parts, sessions) {
                    self.replace(&mut node, full, now);
                }
            }
            PresenceReport::Gone => {
                self.replace(&mut node, HashSet::new(), now);
                return;
            }
        }
        self.nodes.insert(id, node);
    }

    /// Lets time pass: silent nodes leave, and people who left long enough ago are no longer counted.
    pub fn pass(&mut self, now: Millis) {
        let silent: Vec<NodeId> =
            self.nodes.iter().filter(|(_, node)| now.since(node.heard) > self.silence).map(|(id, _)| id.clone()).collect();
        for id in silent {
            if let Some(mut node) = self.nodes.remove(&id) {
                let heard = node.heard;
                self.replace(&mut node, HashSet::new(), heard);
            }
        }
        for (session, room) in &mut self.rooms {
            if room.forget_before(now.plus(-self.stay)) {
                self.changed.insert(session.clone());
            }
        }
        self.rooms.retain(|_, room| !room.empty(now.plus(-DJ_MS)));
    }

    /// While we cannot hear, nobody is silent.
    pub fn excuse(&mut self, now: Millis) {
        self.nodes.values_mut().for_each(|node| node.heard = now);
    }

    /// Dancers who are here or left a short while ago. A DJ who looks at their own session is none of them.
    pub fn count(&self, session: &SessionId) -> u64 {
        self.rooms.get(session).map_or(0, Room::dancers)
    }

    pub fn dj(&self, session: &SessionId) -> Dj {
        self.rooms.get(session).map_or(Dj::Unseen, |room| room.dj)
    }

    /// The run is over: what was known of its DJ says nothing of the next one's.
    pub fn forget_dj(&mut self, session: &SessionId) {
        if let Some(room) = self.rooms.get_mut(session)
            && room.djs.is_empty()
        {
            room.dj = Dj::Unseen;
            room.played.clear();
        }
    }

    /// Sessions whose count or DJ changed since the last call.
    pub fn changed(&mut self) -> HashSet<SessionId> {
        std::mem::take(&mut self.changed)
    }

    fn set(&mut self, node: &mut Node, change: &PresenceChange, now: Millis) {
        let key = (change.session.clone(), change.who);
        let moved = if change.here { node.held.insert(key) } else { node.held.remove(&key) };
        if moved {
            self.rooms.entry(change.session.clone()).or_default().set(change.who, change.here, now);
            self.changed.insert(change.session.clone());
        }
    }

    fn replace(&mut self, node: &mut Node, full: HashSet<(SessionId, Present)>, now: Millis) {
        let gone: Vec<_> = node.held.difference(&full).cloned().collect();
        let come: Vec<_> = full.difference(&node.held).cloned().collect();
        for (here, list) in [(false, gone), (true, come)] {
            for (session, who) in list {
                self.set(node, &PresenceChange { session, who, here }, now);
            }
        }
    }
}

impl Node {
    /// Takes one part; gives the whole picture once all parts of the round are in.
    fn gather(&mut self, number: u64, part: u32, parts: u32, sessions: Vec<SessionPresence>) -> Option<HashSet<(SessionId, Present)>> {
        if parts > PARTS || part >= parts {
            return None;
        }
        if self.round.as_ref().is_none_or(|round| round.number != number) {
            self.round = Some(Round { number, parts: BTreeMap::new(), since: Vec::new() });
        }
        let round = self.round.as_mut()?;
        round.parts.insert(part, sessions);
        if round.parts.len() < parts as usize {
            return None;
        }
        let round = self.round.take()?;
        let mut full = HashSet::new();
        for SessionPresence { session, people } in round.parts.into_values().flatten() {
            full.extend(people.into_iter().map(|who| (session.clone(), who)));
        }
        for PresenceChange { session, who, here } in round.since {
            if here {
                full.insert((session, who))
            } else {
                full.remove(&(session, who))
            };
        }
        Some(full)
    }
}

impl Room {
    fn dancers(&self) -> u64 {
        let looking = self.played.iter().filter(|dj| self.here.contains_key(dj) || self.left.contains_key(dj)).count();
        (self.here.len() + self.left.len() - looking) as u64
    }

    fn set(&mut self, who: Present, here: bool, now: Millis) {
        match (who, here) {
            (Present::Dancer(person), true) => {
                *self.here.entry(person).or_default() += 1;
                self.left.remove(&person);
            }
            (Present::Dancer(person), false) => {
                if release(&mut self.here, person) {
                    self.left.insert(person, now);
                    self.leaving.push_back((now, person));
                }
            }
            (Present::Dj(person), true) => {
                *self.djs.entry(person).or_default() += 1;
                self.played.insert(person);
                self.dj = Dj::Here;
            }
            (Present::Dj(person), false) => {
                if release(&mut self.djs, person) && self.djs.is_empty() {
                    self.dj = Dj::Left { since: now };
                }
            }
        }
    }

    /// Those who left before `when` are no longer counted. Gives whether there were any. A silent node's people left in the past, so
    /// the queue is not quite in order; it delays a few of them by at most the time a node may be silent.
    fn forget_before(&mut self, when: Millis) -> bool {
        let mut forgot = false;
        while let Some((at, person)) = self.leaving.front().copied().filter(|(at, _)| *at < when) {
            self.leaving.pop_front();
            if self.left.get(&person) == Some(&at) {
                self.left.remove(&person);
                forgot = true;
            }
        }
        forgot
    }

    /// Whether nothing is left to be known: nobody is here, and the DJ left before `when` or was never seen.
    fn empty(&self, when: Millis) -> bool {
        let dj = match self.dj {
            Dj::Unseen => false,
            Dj::Here => true,
            Dj::Left { since } => since >= when,
        };
        self.here.is_empty() && self.left.is_empty() && self.djs.is_empty() && !dj
    }
}

/// One node fewer holds this person; gives whether it was the last.
fn release(held: &mut HashMap<PersonId, u32>, person: PersonId) -> bool {
    let Some(nodes) = held.get_mut(&person) else { return false };
    *nodes -= 1;
    if *nodes > 0 {
        return false;
    }
    held.remove(&person);
    true
}
