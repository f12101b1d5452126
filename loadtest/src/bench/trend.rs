//! A process's memory over time, and whether it grows.

use crate::bench::results::median;

/// What comes before this part of the time is warm-up: buffers reach their size, memory that was freed is given back.
const WARM: f64 = 0.25;
/// Growth that counts as none, of what the process has: allocators and collectors breathe by so much.
const BREATH: f64 = 0.03;
/// And in bytes, for small processes.
const PAGES: f64 = (2 << 20) as f64;
/// Points that pairs are made of; more would only be slower.
const POINTS: usize = 400;
/// Over the picture of a run: so many looks.
const SHOWN: usize = 8;

pub struct Trend {
    pub name: String,
    pub pid: u32,
    looks: Vec<(f64, f64)>,
}

#[derive(Debug, PartialEq)]
pub enum Verdict {
    Flat { slope: f64, grown: f64, allowed: f64 },
    Grows { slope: f64, grown: f64, allowed: f64 },
}

impl Trend {
    pub fn of(name: &str, pid: u32) -> Trend {
        Trend { name: name.to_owned(), pid, looks: Vec::new() }
    }

    pub fn look(&mut self, seconds: f64, resident: u64) {
        self.looks.push((seconds, resident as f64));
    }

    /// The slope is the median of the slopes between all pairs of looks after the warm-up (Theil and Sen), which a few outliers do not
    /// move. Memory is flat where this slope over that time makes no more than 3 % of the median, or 2 MiB. The longer the run, the
    /// less growth an hour passes: of 100 MB in ten minutes 24 MB an hour, in ten hours 400 KB.
    pub fn judge(&self) -> Option<Verdict> {
        let end = self.looks.last()?.0;
        let warm: Vec<(f64, f64)> = self.looks.iter().copied().filter(|(at, _)| *at >= end * WARM).collect();
        let step = warm.len().div_ceil(POINTS).max(1);
        let points: Vec<(f64, f64)> = warm.iter().copied().step_by(step).collect();
        let pairs = points.iter().enumerate().flat_map(|(i, a)| points[i + 1..].iter().map(move |b| (b.1 - a.1) / (b.0 - a.0)));
        let slope = median(&pairs.filter(|slope| slope.is_finite()).collect::<Vec<_>>())?;
        let level = median(&points.iter().map(|(_, bytes)| *bytes).collect::<Vec<_>>())?;
        let grown = slope * (points.last()?.0 - points.first()?.0);
        let allowed = (level * BREATH).max(PAGES);
        Some(if grown <= allowed { Verdict::Flat { slope, grown, allowed } } else { Verdict::Grows { slope, grown, allowed } })
    }

    pub fn line(&self, verdict: &Verdict) -> String {
        let (word, slope, grown, allowed) = match verdict {
            Verdict::Flat { slope, grown, allowed } => ("flat ", slope, grown, allowed),
            Verdict::Grows { slope, grown, allowed } => ("GROWS", slope, grown, allowed),
        };
        let step = self.looks.len().div_ceil(SHOWN).max(1);
        let shown: Vec<String> =
            self.looks.iter().step_by(step).chain(self.looks.last()).map(|(_, bytes)| format!("{:.1}", bytes / 1e6)).collect();
        format!(
            "{word} {:<12} {} MB; after the warm-up {:+.2} MB, at most {:.2}; {:+.2} MB an hour",
            self.name,
            shown.join(" "),
            grown / 1e6,
            allowed / 1e6,
            slope * 3600.0 / 1e6
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(bytes: impl Fn(f64) -> f64) -> Verdict {
        let mut trend = Trend::of("pika", 1);
        (0..600).for_each(|at| trend.look(f64::from(at), bytes(f64::from(at)) as u64));
        trend.judge().unwrap()
    }

    #[test]
    fn what_breathes_is_flat_and_what_leaks_is_not() {
        let flat = |verdict| matches!(verdict, Verdict::Flat { .. });
        assert!(flat(judged(|_| 1e8)));
        assert!(flat(judged(|at| 1e8 + if at < 100.0 { at * 1e6 } else { 1e8 })), "the warm-up does not count");
        assert!(flat(judged(|at| 1e8 + 1e7 * (at / 10.0).sin())), "nor do waves");
        assert!(flat(judged(|at| if at > 590.0 { 3e8 } else { 1e8 })), "nor does a moment");
        assert!(!flat(judged(|at| 1e8 + at * 1e4)), "4.5 MB in the time that counts");
        assert!(!flat(judged(|at| 1e7 + at * 1e4 + 1e6 * (at / 10.0).sin())));
    }
}
