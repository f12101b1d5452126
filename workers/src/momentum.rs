//! Momentum: how busy a session is now, against its own busiest five minutes. Pure: time is a parameter.

use schemas::Millis;

const MINUTES: usize = 5;

/// A ring of minutes. It is kept in memory only: after a change of owner a session shows its momentum of what came since.
#[derive(Default)]
pub struct Momentum {
    /// The newest minute in the ring.
    minute: i64,
    /// Likes, and the most listeners, of each of the last minutes.
    ring: [(u64, u64); MINUTES],
    busiest: u64,
}

impl Momentum {
    pub fn like(&mut self, at: Millis) {
        if let Some((likes, _)) = self.slot(at) {
            *likes += 1;
        }
    }

    pub fn listeners(&mut self, count: u64, at: Millis) {
        if let Some((_, most)) = self.slot(at) {
            *most = count.max(*most);
        }
    }

    /// 0 to 1; 0 when nothing has happened yet.
    pub fn now(&mut self, at: Millis) -> f64 {
        self.slot(at);
        let score = self.ring.iter().map(|(likes, listeners)| likes + listeners).sum::<u64>();
        self.busiest = self.busiest.max(score);
        if self.busiest == 0 { 0.0 } else { score as f64 / self.busiest as f64 }
    }

    /// The minute's slot, or nothing for a minute that left the ring.
    fn slot(&mut self, at: Millis) -> Option<&mut (u64, u64)> {
        let minute = at.0.div_euclid(60_000);
        let ahead = minute - self.minute;
        if ahead > 0 {
            // The old minutes count towards the busiest before they go.
            let score = self.ring.iter().map(|(likes, listeners)| likes + listeners).sum::<u64>();
            self.busiest = self.busiest.max(score);
            for step in 1..=ahead.min(MINUTES as i64) {
                self.ring[(self.minute + step).rem_euclid(MINUTES as i64) as usize] = (0, 0);
            }
            if ahead >= MINUTES as i64 {
                self.ring = Default::default();
            }
            self.minute = minute;
        }
        (ahead > -(MINUTES as i64)).then(|| &mut self.ring[minute.rem_euclid(MINUTES as i64) as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn momentum_falls_when_the_floor_empties() {
        let mut momentum = Momentum::default();
        let at = |minute: i64| Millis(1_769_284_800_000 + minute * 60_000);
        assert_eq!(momentum.now(at(0)), 0.0);
        for minute in 0..5 {
            momentum.listeners(10, at(minute));
        }
        assert_eq!(momentum.now(at(4)), 1.0);
        assert_eq!(momentum.now(at(6)), 0.6);
        momentum.like(at(0));
        assert_eq!(momentum.now(at(6)), 0.6, "a like from before the ring counts for nothing");
        assert_eq!(momentum.now(at(60)), 0.0);
    }
}
