//! What is kept for a time and then let go of: the kinds that are counted. How long each is kept is a setting, and who enforces it stands
//! in docs/operations.md.

use std::time::Duration;

use crate::metrics;

/// Rows that one step of a sweep removes: some milliseconds of a store that others wait for.
pub const SWEEP_ROWS: usize = 500;
/// Between two steps, so that flushes, readers and whoever signs in come first.
pub const SWEEP_PAUSE: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A run with its plays, likes, wishes, polls and votes.
    Evening,
    Audit,
    Secret,
    /// A DJ's token that nobody used.
    DjToken,
    /// A browser that was not seen.
    Subscription,
    /// A session that a browser was told of.
    Follow,
    /// What is known of an announcement's pushes.
    Push,
}

impl Kind {
    pub const ALL: [Kind; 7] = [Kind::Evening, Kind::Audit, Kind::Secret, Kind::DjToken, Kind::Subscription, Kind::Follow, Kind::Push];

    pub const fn name(self) -> &'static str {
        match self {
            Kind::Evening => "evening",
            Kind::Audit => "audit",
            Kind::Secret => "secret",
            Kind::DjToken => "dj_token",
            Kind::Subscription => "subscription",
            Kind::Follow => "follow",
            Kind::Push => "push",
        }
    }
}

/// What a sweep removed, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept(Vec<(Kind, u64)>);

impl Swept {
    /// Notes and counts it.
    pub fn add(&mut self, kind: Kind, removed: u64) {
        if removed == 0 {
            return;
        }
        metrics::removed(kind, removed);
        match self.0.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += removed,
            None => self.0.push((kind, removed)),
        }
    }

    pub fn of(&self, kind: Kind) -> u64 {
        self.0.iter().find(|(known, _)| *known == kind).map_or(0, |(_, count)| *count)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// As a log line says it: `3 evening, 12 audit`.
impl std::fmt::Display for Swept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (nth, (kind, removed)) in self.0.iter().enumerate() {
            let comma = if nth > 0 { ", " } else { "" };
            write!(f, "{comma}{removed} {}", kind.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_what_was_removed() {
        let mut swept = Swept::default();
        assert!(swept.is_empty());
        for (kind, removed) in [(Kind::Audit, 500), (Kind::Secret, 0), (Kind::Audit, 12), (Kind::Push, 1)] {
            swept.add(kind, removed);
        }
        assert_eq!((swept.to_string().as_str(), swept.of(Kind::Audit), swept.of(Kind::Secret)), ("512 audit, 1 push", 512, 0));
    }
}
