//! What happens when. The only clock of a simulated evening: time passes from one appointment to the next.

use std::collections::BTreeMap;

pub struct Agenda<E> {
    /// Milliseconds since the beginning.
    pub now: i64,
    waiting: BTreeMap<(i64, u64), E>,
    next: u64,
}

impl<E> Agenda<E> {
    pub fn new() -> Self {
        Agenda { now: 0, waiting: BTreeMap::new(), next: 0 }
    }

    /// Makes an appointment so many milliseconds from now. Of two at the same time the one that was made first comes first.
    pub fn after(&mut self, wait: i64, event: E) {
        self.waiting.insert((self.now + wait.max(0), self.next), event);
        self.next += 1;
    }

    /// The next appointment no later than `end`; time is then what it says.
    pub fn next(&mut self, end: i64) -> Option<E> {
        let (&(at, _), _) = self.waiting.first_key_value()?;
        if at > end {
            return None;
        }
        self.now = at;
        self.waiting.pop_first().map(|(_, event)| event)
    }
}
