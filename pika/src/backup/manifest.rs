//! What a backup says of itself. It is written last: a backup without it was never finished.

use nats::snapshot::Copied;
use schemas::Millis;
use serde::{Deserialize, Serialize};
use store::cql::backup::Tally;

/// The form of a backup; a program knows its own and those before. The first had no tables and no keys.
pub const FORMAT: u32 = 2;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The program that took it.
    pub version: String,
    pub at: Millis,
    /// Names the key that the parts are encrypted with.
    #[serde(default)]
    pub key: Option<String>,
    pub log_streams: u8,
    /// The rows where they are a file of SQLite, gzipped.
    pub rows: Option<Rows>,
    /// The rows where they are in a keyspace.
    #[serde(default)]
    pub tables: Option<Tables>,
    pub streams: Vec<Stream>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rows {
    pub part: Part,
    pub schema: u32,
    pub tables: Vec<(String, u64)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tables {
    pub schema: u32,
    /// In the order in which they were copied.
    pub tables: Vec<Table>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Table {
    pub part: Part,
    pub tally: Tally,
}

impl Table {
    pub fn name(&self) -> &str {
        self.part.name.split('.').next().unwrap_or_default()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stream {
    pub part: Part,
    pub copied: Copied,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    pub bytes: u64,
    /// Of the file as it lies there, in hex.
    pub sha256: String,
    /// Whether it is encrypted.
    #[serde(default)]
    pub sealed: bool,
}

impl Manifest {
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        let tables = self.tables.iter().flat_map(|tables| &tables.tables).map(|table| &table.part);
        self.rows.iter().map(|rows| &rows.part).chain(tables).chain(self.streams.iter().map(|stream| &stream.part))
    }

    /// How many rows it holds.
    pub fn rows(&self) -> u64 {
        let of_file = self.rows.iter().flat_map(|rows| &rows.tables).map(|(_, rows)| rows);
        of_file.sum::<u64>() + self.tables.iter().flat_map(|tables| &tables.tables).map(|table| table.tally.all()).sum::<u64>()
    }

    pub fn bytes(&self) -> u64 {
        self.parts().map(|part| part.bytes).sum()
    }
}

/// The name of a backup taken at that moment: names sort by time.
pub fn name(at: Millis) -> anyhow::Result<String> {
    Ok(format!("pika-{}", jiff::Timestamp::from_millisecond(at.0)?.strftime("%Y%m%dT%H%M%SZ")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_sort_by_time() {
        let earlier = name(Millis(1_700_000_000_000)).unwrap();
        assert_eq!(earlier, "pika-20231114T221320Z");
        assert!(earlier < name(Millis(1_700_000_001_000)).unwrap());
    }
}
