//! What became of the backups of a data directory: a small file in it, which the gauges are read from.

use std::path::Path;

use schemas::Millis;
use serde::{Deserialize, Serialize};

const FILE: &str = "backup.json";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The last good one.
    pub good: Option<Good>,
    /// Why the last try was none; nothing after a good one.
    pub failed: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Good {
    pub name: String,
    pub at: Millis,
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
}

impl Status {
    /// `None` where no backup was ever tried, or what is there cannot be read.
    pub fn read(data: &Path) -> Option<Status> {
        serde_json::from_slice(&std::fs::read(data.join(FILE)).ok()?).ok()
    }
}

impl Status {
    /// Notes a try. A good one stays known when a later one fails.
    pub fn note(data: &Path, good: Option<Good>, failed: Option<String>) -> std::io::Result<()> {
        let before = Status::read(data).unwrap_or_default();
        let status = Status { good: good.or(before.good), failed };
        let (path, fresh) = (data.join(FILE), data.join(format!("{FILE}.new")));
        std::fs::write(&fresh, serde_json::to_vec(&status)?)?;
        // Whole or not at all: a scrape may come at any moment.
        std::fs::rename(fresh, path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_failed_try_does_not_hide_the_last_good_one() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(Status::read(data.path()), None);
        let good = Good { name: "pika-1".to_owned(), at: Millis(7), bytes: 3, seconds: 0.5 };
        Status::note(data.path(), Some(good.clone()), None).unwrap();
        Status::note(data.path(), None, Some("no room".to_owned())).unwrap();
        let status = Status::read(data.path()).unwrap();
        assert_eq!(status, Status { good: Some(good), failed: Some("no room".to_owned()) });
    }
}
