//! Reading a keyspace, table by table, in pieces of the ring and pages of these: no table is ever in memory.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use schemas::Millis;
use scylla::deserialize::row::{ColumnIterator, DeserializeRow};
use scylla::deserialize::{DeserializationError, TypeCheckError};
use scylla::frame::response::result::ColumnSpec;
use tokio::sync::mpsc;

use super::form::{Cell, Column, Header, Kind, Row};
use super::{TABLES, Table, Tally, patient};
use crate::StoreError;
use crate::cql::server::Server;
use crate::cql::{Config, connect, errors, migrate};

/// Pieces that the ring is cut into, so that a question is for a part of the servers, and how many are read side by side.
const PIECES: i128 = 32;
const SIDE_BY_SIDE: usize = 4;
/// Rows of a page. The widest, accounts and polls, have a few kilobytes.
const PAGE: i32 = 500;
/// Bytes that are handed on at once.
const HANDFUL: usize = 256 * 1024;

/// A keyspace to be copied.
pub struct Source {
    server: Server,
    keyspace: String,
    pub version: u32,
    /// Tables that no step of ours made. They are not copied.
    pub foreign: Vec<String>,
    tables: Vec<&'static Table>,
}

impl Source {
    pub async fn open(config: &Config) -> Result<Source, StoreError> {
        let config = &patient(config);
        let session = connect::connect(config).await?;
        let version = migrate::known_version(&session, config).await?;
        if version == 0 {
            return Err(StoreError::Unavailable(format!("keyspace {} holds no tables of ours", config.keyspace)));
        }
        let server = Server::new(session, config);
        let ask = server.to_scan("SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", PAGE).await?;
        let there: Vec<(String,)> = server.rows(&ask, (&config.keyspace,)).await?;
        let mut there: BTreeSet<String> = there.into_iter().map(|(name,)| name).filter(|name| !migrate::is_own(name)).collect();
        let tables = TABLES.iter().filter(|table| there.remove(table.name)).collect();
        let version = u32::try_from(version).map_err(errors::unreadable)?;
        Ok(Source { server, keyspace: config.keyspace.clone(), version, foreign: there.into_iter().collect(), tables })
    }

    /// The tables, in the order in which they are to be copied.
    pub fn tables(&self) -> Vec<&'static str> {
        self.tables.iter().map(|table| table.name).collect()
    }

    /// Hands a table on piece by piece, as it is while this goes on, and gives what was handed on.
    pub async fn copy(&self, table: &str, pieces: mpsc::Sender<Vec<u8>>) -> Result<Tally, StoreError> {
        copy(&self.server, &self.keyspace, table, pieces).await
    }
}

pub async fn copy(server: &Server, keyspace: &str, table: &str, pieces: mpsc::Sender<Vec<u8>>) -> Result<Tally, StoreError> {
    let header = header(server, keyspace, table).await?;
    let fleeting = TABLES.iter().any(|known| known.name == table && known.key_stays.is_some());
    hand(&pieces, header.line()?).await?;
    let question = server.to_scan(&question(&header), PAGE).await?;
    let (question, pieces, keys) = (&question, &pieces, header.keys().count());
    let parts = stream::iter(ring()).map(|part| async move {
        let (mut tally, mut bytes) = (Tally::default(), Vec::new());
        let mut found = Box::pin(server.stream::<Found, _>(question, part).await?);
        while let Some(found) = found.try_next().await? {
            tally.join(found.row(keys, Millis::now().0 / 1_000)?.write(fleeting, &mut bytes));
            if bytes.len() >= HANDFUL {
                hand(pieces, std::mem::take(&mut bytes)).await?;
            }
        }
        hand(pieces, bytes).await?;
        Ok::<_, StoreError>(tally)
    });
    let mut all = Tally::default();
    let mut parts = parts.buffer_unordered(SIDE_BY_SIDE);
    while let Some(tally) = parts.try_next().await? {
        all.join(tally);
    }
    Ok(all)
}

async fn hand(pieces: &mpsc::Sender<Vec<u8>>, bytes: Vec<u8>) -> Result<(), StoreError> {
    // Whoever took them has given up, and knows why.
    pieces.send(bytes).await.map_err(|_| StoreError::Unavailable("nobody takes the copy of a table any more".to_owned()))
}

/// The ring in equal pieces, first and last token of each.
fn ring() -> impl Iterator<Item = (i64, i64)> {
    let cut = |n: i128| i128::from(i64::MIN) + n * (1 << 64) / PIECES;
    (0..PIECES).map(move |n| (cut(n) as i64, (cut(n + 1) - 1) as i64))
}

/// The columns of a table, as the servers know them.
pub async fn header(server: &Server, keyspace: &str, table: &str) -> Result<Header, StoreError> {
    let ask = "SELECT column_name, kind, position, type FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?";
    let ask = server.to_scan(ask, PAGE).await?;
    let found: Vec<(String, String, i32, String)> = server.rows(&ask, (keyspace, table)).await?;
    let mut columns = Vec::new();
    for (name, kind, position, of) in found {
        let kind = match kind.as_str() {
            "partition_key" => Kind::Partition,
            "clustering" => Kind::Clustering,
            "regular" => Kind::Plain,
            other => return Err(StoreError::Corrupt(format!("{table} has a column of a kind that is not copied: {name}, {other}"))),
        };
        columns.push((kind as u8, position, Column { name, of, kind }));
    }
    columns.sort_by(|one, other| (one.0, one.1, &one.2.name).cmp(&(other.0, other.1, &other.2.name)));
    Ok(Header { table: table.to_owned(), columns: columns.into_iter().map(|(.., column)| column).collect() })
}

fn question(header: &Header) -> String {
    let keys = header.keys().map(|key| format!("\"{}\"", key.name));
    let cells = header.plain().map(|cell| format!("\"{0}\", writetime(\"{0}\"), ttl(\"{0}\")", cell.name));
    let asked: Vec<String> = keys.chain(cells).collect();
    let partition: Vec<String> =
        header.columns.iter().filter(|c| c.kind == Kind::Partition).map(|key| format!("\"{}\"", key.name)).collect();
    let token = format!("token({})", partition.join(", "));
    format!("SELECT {} FROM {} WHERE {token} >= ? AND {token} <= ?", asked.join(", "), header.table)
}

/// A row as the servers send it: values that nobody has looked into.
struct Found(Vec<Option<Vec<u8>>>);

impl<'frame, 'metadata> DeserializeRow<'frame, 'metadata> for Found {
    fn type_check(_: &[ColumnSpec]) -> Result<(), TypeCheckError> {
        Ok(())
    }

    fn deserialize(row: ColumnIterator<'frame, 'metadata>) -> Result<Self, DeserializationError> {
        row.map(|column| Ok(column?.slice.map(|slice| slice.as_slice().to_vec()))).collect::<Result<_, _>>().map(Found)
    }
}

impl Found {
    /// The row at a second since 1970.
    fn row(self, keys: usize, now: i64) -> Result<Row, StoreError> {
        let mut values = self.0.into_iter();
        let keys =
            values.by_ref().take(keys).map(|key| key.ok_or_else(|| errors::unreadable("a key that is null"))).collect::<Result<_, _>>()?;
        let mut cells = Vec::new();
        while let (Some(value), Some(written), Some(stays)) = (values.next(), values.next(), values.next()) {
            let Some(value) = value else {
                cells.push(None);
                continue;
            };
            let written = i64::from_be_bytes(exact(written.as_deref())?);
            let stays = stays.map(|stays| exact(Some(&stays))).transpose()?.map(i32::from_be_bytes);
            cells.push(Some(Cell { value, written, ends: stays.map(|stays| now + i64::from(stays)) }));
        }
        Ok(Row { keys, cells })
    }
}

fn exact<const N: usize>(value: Option<&[u8]>) -> Result<[u8; N], StoreError> {
    value.and_then(|value| value.try_into().ok()).ok_or_else(|| errors::unreadable("a timestamp that is none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_of_the_ring_leave_no_token_out() {
        let pieces: Vec<(i64, i64)> = ring().collect();
        assert_eq!((pieces[0].0, pieces[pieces.len() - 1].1), (i64::MIN, i64::MAX));
        assert!(pieces.windows(2).all(|two| two[0].1.checked_add(1) == Some(two[1].0)), "{pieces:?}");
    }
}
