//! What a backup says of itself. It is written last: a backup without it was never finished.

use std::collections::BTreeSet;

use anyhow::bail;
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

    /// Refuses names that no backup of ours has: a part lies in the folder of its backup, and bears the name of what it holds.
    pub fn names(&self) -> anyhow::Result<()> {
        let mut seen = BTreeSet::new();
        for name in self.parts().map(|part| part.name.as_str()) {
            let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(letter));
            if !plain || name.is_empty() || name.starts_with('.') || name.starts_with("manifest.") || !seen.insert(name) {
                bail!("the manifest names a part that cannot be one: {name:?}");
            }
        }
        match self.streams.iter().find(|stream| stream.part.name != format!("{}.tar.s2", stream.copied.stream)) {
            Some(stream) => bail!("the manifest says of {:?} that it holds the stream {:?}", stream.part.name, stream.copied.stream),
            None => Ok(()),
        }
    }

    pub fn bytes(&self) -> u64 {
        self.parts().map(|part| part.bytes).sum()
    }
}

/// The name of a backup taken at that moment: names sort by time.
pub fn name(at: Millis) -> anyhow::Result<String> {
    Ok(format!("pika-{}", jiff::Timestamp::from_millisecond(at.0)?.strftime("%Y%m%dT%H%M%SZ")))
}

/// Whether a folder is called as a backup would be.
pub fn is_name(folder: &str) -> bool {
    folder.strip_prefix("pika-").is_some_and(|at| {
        let digits = |at: &str| at.bytes().all(|digit| digit.is_ascii_digit());
        at.len() == 16 && at.is_ascii() && digits(&at[..8]) && &at[8..9] == "T" && digits(&at[9..15]) && at.ends_with('Z')
    })
}

#[cfg(test)]
pub mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Of a backup with one file of rows.
    pub fn manifest(key: Option<String>, sealed: bool) -> Manifest {
        let part = Part { name: "rows.sqlite.gz".to_owned(), bytes: 1, sha256: "00".to_owned(), sealed };
        let rows = Some(Rows { part, schema: 1, tables: Vec::new() });
        Manifest { format: FORMAT, version: "0".to_owned(), at: Millis(0), key, log_streams: 1, rows, tables: None, streams: Vec::new() }
    }

    #[test]
    fn a_part_lies_in_the_folder_of_its_backup() {
        manifest(None, false).names().unwrap();
        for bad in ["../rows.gz", "/etc/passwd", "a/b", "a\\b", "..", ".hidden", "", "manifest.json", "a b", "\u{1b}[2J"] {
            let mut manifest = manifest(None, false);
            manifest.rows.as_mut().unwrap().part.name = bad.to_owned();
            assert!(manifest.names().is_err(), "{bad:?}");
        }
        let mut twice = manifest(None, false);
        let rows = twice.rows.clone().unwrap();
        twice.tables = Some(Tables { schema: 1, tables: vec![Table { part: rows.part, tally: Tally::default() }] });
        assert!(twice.names().is_err());
    }

    #[test]
    fn names_sort_by_time() {
        let earlier = name(Millis(1_700_000_000_000)).unwrap();
        assert_eq!(earlier, "pika-20231114T221320Z");
        assert!(earlier < name(Millis(1_700_000_001_000)).unwrap());
        assert!(is_name(&earlier));
        for other in
            ["pika-config", "pika-", "pika-20231114T221320Z.old", "pika-20231114T22132xZ", "pika-\u{1f483}\u{1f483}\u{1f483}\u{1f483}"]
        {
            assert!(!is_name(other), "{other}");
        }
    }
}
