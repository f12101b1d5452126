//! A table as bytes: one line of JSON that names table, columns and types, then rows. A value stands there as the server sent it, so no
//! type is translated and none can lose anything on the way.
//!
//! A row is its length, then the values of its key, each with its length, then the other columns: `NULL`, or a length, the
//! value, the timestamp of its write and the second at which it ends, 0 if it stays. Numbers are big-endian, as in the protocol.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Tally;
use crate::StoreError;

/// The length of what is not there.
const NULL: u32 = u32::MAX;
/// No row of ours comes near it: what claims to be longer is damaged.
const LONGEST: usize = 16 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Partition,
    Clustering,
    Plain,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub of: String,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub table: String,
    /// Those of the partition key, of the order within it, the others; so a row's values lie in this order.
    pub columns: Vec<Column>,
}

impl Header {
    pub fn keys(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.kind != Kind::Plain)
    }

    pub fn plain(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.kind == Kind::Plain)
    }

    pub fn line(&self) -> Result<Vec<u8>, StoreError> {
        let mut line = serde_json::to_vec(self).map_err(|error| damaged(&error.to_string()))?;
        line.push(b'\n');
        Ok(line)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub value: Vec<u8>,
    /// The timestamp of its write.
    pub written: i64,
    /// The second since 1970 at which it ends.
    pub ends: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub keys: Vec<Vec<u8>>,
    pub cells: Vec<Option<Cell>>,
}

impl Row {
    /// Appends it, and counts it.
    pub fn write(&self, fleeting_keys: bool, into: &mut Vec<u8>) -> Tally {
        let begins = into.len() + 4;
        into.extend_from_slice(&[0; 4]);
        for key in &self.keys {
            put(into, key);
        }
        for cell in &self.cells {
            let Some(cell) = cell else {
                into.extend_from_slice(&NULL.to_be_bytes());
                continue;
            };
            put(into, &cell.value);
            into.extend_from_slice(&cell.written.to_be_bytes());
            into.extend_from_slice(&cell.ends.unwrap_or(0).to_be_bytes());
        }
        let length = (into.len() - begins) as u32;
        into[begins - 4..begins].copy_from_slice(&length.to_be_bytes());
        if fleeting_keys || self.cells.iter().flatten().any(|cell| cell.ends.is_some()) {
            return Tally { fleeting: 1, ..Tally::default() };
        }
        let sum = Sha256::digest(&into[begins..]);
        Tally { rows: 1, sum: sum.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte)), fleeting: 0 }
    }
}

fn put(into: &mut Vec<u8>, value: &[u8]) {
    into.extend_from_slice(&(value.len() as u32).to_be_bytes());
    into.extend_from_slice(value);
}

/// Takes pieces of a table as they come and gives its rows.
#[derive(Default)]
pub struct Reading {
    waiting: Vec<u8>,
    /// Of these, what was read already.
    read: usize,
    header: Option<Header>,
}

impl Reading {
    pub fn feed(&mut self, piece: &[u8]) {
        self.waiting.drain(..self.read);
        self.read = 0;
        self.waiting.extend_from_slice(piece);
    }

    /// The header, once it has come.
    pub fn header(&mut self) -> Result<Option<&Header>, StoreError> {
        if self.header.is_none() {
            let Some(end) = self.waiting.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
            let header = serde_json::from_slice(&self.waiting[..end]).map_err(|error| damaged(&error.to_string()))?;
            (self.header, self.read) = (Some(header), end + 1);
        }
        Ok(self.header.as_ref())
    }

    /// The next row that has come whole.
    pub fn next(&mut self) -> Result<Option<Row>, StoreError> {
        let Some(header) = &self.header else { return Ok(None) };
        let Some((length, rest)) = self.waiting[self.read..].split_first_chunk() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if length > LONGEST {
            return Err(damaged("a row of that length is none of ours"));
        }
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let mut body = Body(body);
        let mut row = Row::default();
        for column in &header.columns {
            match (body.value()?, column.kind) {
                (Some(key), Kind::Partition | Kind::Clustering) => row.keys.push(key),
                (Some(value), Kind::Plain) => {
                    let (written, ends) = (body.number()?, body.number()?);
                    row.cells.push(Some(Cell { value, written, ends: (ends != 0).then_some(ends) }));
                }
                (None, Kind::Plain) => row.cells.push(None),
                (None, Kind::Partition | Kind::Clustering) => return Err(damaged("a key is missing")),
            }
        }
        if !body.0.is_empty() {
            return Err(damaged("a row is longer than its columns"));
        }
        self.read += 4 + length;
        Ok(Some(row))
    }

    /// Whether it may end here.
    pub fn end(&self) -> Result<(), StoreError> {
        match self.header.is_some() && self.read == self.waiting.len() {
            true => Ok(()),
            false => Err(damaged("it ends within a row")),
        }
    }
}

struct Body<'a>(&'a [u8]);

impl Body<'_> {
    fn value(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let (length, rest) = self.0.split_first_chunk().ok_or_else(|| damaged("a row is shorter than its columns"))?;
        self.0 = rest;
        let length = u32::from_be_bytes(*length);
        if length == NULL {
            return Ok(None);
        }
        let (value, rest) = self.0.split_at_checked(length as usize).ok_or_else(|| damaged("a value is longer than its row"))?;
        self.0 = rest;
        Ok(Some(value.to_vec()))
    }

    fn number(&mut self) -> Result<i64, StoreError> {
        let (number, rest) = self.0.split_first_chunk().ok_or_else(|| damaged("a row is shorter than its columns"))?;
        self.0 = rest;
        Ok(i64::from_be_bytes(*number))
    }
}

fn damaged(why: &str) -> StoreError {
    StoreError::Corrupt(format!("the copy of a table is damaged: {why}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn header() -> Header {
        let column = |name: &str, of: &str, kind| Column { name: name.to_owned(), of: of.to_owned(), kind };
        let columns =
            vec![column("id", "text", Kind::Partition), column("at", "bigint", Kind::Clustering), column("on", "blob", Kind::Plain)];
        Header { table: "some".to_owned(), columns }
    }

    fn rows() -> Vec<Row> {
        let cell = |value: &[u8], ends| Some(Cell { value: value.to_vec(), written: -7, ends });
        [cell(b"", None), None, cell(b"\n{}\xff", Some(9))]
            .map(|cell| Row { keys: vec![b"a\nb".to_vec(), vec![]], cells: vec![cell] })
            .into()
    }

    fn read(bytes: &[u8], piece: usize) -> Result<(Header, Vec<Row>), StoreError> {
        let (mut reading, mut found) = (Reading::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            reading.feed(piece);
            reading.header()?;
            while let Some(row) = reading.next()? {
                found.push(row);
            }
        }
        reading.end()?;
        Ok((reading.header()?.unwrap().clone(), found))
    }

    fn written() -> (Vec<u8>, Tally) {
        let (mut bytes, mut tally) = (header().line().unwrap(), Tally::default());
        rows().iter().for_each(|row| tally.join(row.write(false, &mut bytes)));
        (bytes, tally)
    }

    #[test]
    fn what_is_written_is_read_however_it_is_cut() {
        let (bytes, tally) = written();
        assert_eq!((tally.rows, tally.fleeting), (2, 1), "an empty value is not null, and one row ends");
        for piece in [1, 7, bytes.len()] {
            assert_eq!(read(&bytes, piece).unwrap(), (header(), rows()));
        }
    }

    #[test]
    fn what_is_cut_short_or_changed_is_refused_or_sums_up_to_something_else() {
        let (bytes, tally) = written();
        let first_row = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        assert!(read(&bytes[..bytes.len() - 1], 64).is_err());
        assert!(read(&bytes[..first_row - 1], 64).is_err(), "without a whole header");
        for at in first_row..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x40;
            let Ok((_, found)) = read(&bytes, 64) else { continue };
            let mut other = Tally::default();
            found.iter().for_each(|row| other.join(row.write(false, &mut Vec::new())));
            // What ends by itself is counted and not summed; its file has a sum of its own.
            assert!(other != tally || found[..2] == rows()[..2], "byte {at}");
        }
    }
}
