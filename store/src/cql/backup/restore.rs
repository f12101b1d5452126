//! Filling a new keyspace from the copies of tables.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use schemas::Millis;
use scylla::client::session::Session;
use scylla::frame::response::result::ColumnType;
use scylla::serialize::SerializationError;
use scylla::serialize::value::SerializeValue;
use scylla::serialize::writers::{CellWriter, WrittenCellProof};
use scylla::statement::prepared::PreparedStatement;
use tokio::sync::mpsc;

use super::form::{Header, Kind, Reading, Row};
use super::grouping::{Group, groups};
use super::mend::{self, Mended};
use super::{TABLES, Tally, copy, patient};
use crate::StoreError;
use crate::cql::server::Server;
use crate::cql::{Config, connect, migrate};

/// Writes under way at once.
const LANES: usize = 64;
/// Rows and bytes of one batch, which is for one partition. Servers refuse batches of fifty kilobytes.
const BATCH: (usize, usize) = (100, 20_000);

/// A keyspace that is being filled. Until it is finished no program takes it for a store.
pub struct Target {
    server: Server,
    config: Config,
    version: u32,
}

impl Target {
    /// Makes the tables as they were at that version. A keyspace that has any is refused, empty ones too: what was deleted in them would
    /// go on deleting rows that were written before.
    pub async fn make(config: &Config, version: u32) -> Result<Target, StoreError> {
        let session = connect::connect(config).await?;
        let keyspace = &config.keyspace;
        if let Some(table) = migrate::first_table(&session, keyspace).await? {
            return Err(StoreError::Unavailable(format!(
                "keyspace {keyspace} holds tables already ({table}); rows are put back into a keyspace that has none: drop it, or name another"
            )));
        }
        migrate::begin_restore(config, version as usize).await?;
        // Connected anew, it knows how the keyspace is spread.
        let patient = patient(config);
        let session = connect::connect(&patient).await?;
        Ok(Target { server: Server::new(session, &patient), config: config.clone(), version })
    }

    /// Fills a table from its pieces, and gives what came. Its columns must be those that the copy had.
    pub async fn fill(&self, table: &str, mut pieces: mpsc::Receiver<Vec<u8>>) -> Result<Tally, StoreError> {
        let known = TABLES.iter().find(|known| known.name == table);
        let known = known.ok_or_else(|| StoreError::Corrupt(format!("the copy holds a table that this program does not know: {table}")))?;
        let (mut reading, mut tally) = (Reading::default(), Tally::default());
        let mut filling: Option<Filling<'_>> = None;
        while let Some(piece) = pieces.recv().await {
            reading.feed(&piece);
            if filling.is_none() {
                let Some(copied) = reading.header()? else { continue };
                let made = copy::header(&self.server, &self.config.keyspace, table).await?;
                if *copied != made {
                    return Err(StoreError::Corrupt(format!(
                        "the table {table} is not made as the copy of it was: {copied:?} and {made:?}"
                    )));
                }
                filling = Some(Filling::of(&self.server, made, known.key_stays));
            }
            let Some(filling) = &mut filling else { continue };
            while let Some(row) = reading.next()? {
                tally.join(row.write(known.key_stays.is_some(), &mut Vec::new()));
                filling.put(&row).await?;
            }
        }
        reading.end()?;
        if let Some(filling) = filling {
            filling.finish().await?;
        }
        Ok(tally)
    }

    /// Reads a table again, as [`super::Source::copy`] would.
    pub async fn copy(&self, table: &str, pieces: mpsc::Sender<Vec<u8>>) -> Result<Tally, StoreError> {
        copy::copy(&self.server, &self.config.keyspace, table, pieces).await
    }

    /// All tables are filled, from a copy that was begun then: puts right what was torn apart while it was made.
    pub async fn mend(&self, begun: Millis) -> Result<Mended, StoreError> {
        mend::mend(&self.server, self.version, begun).await
    }

    /// All tables are filled and mended: from now on it is a store, of this program's version.
    pub async fn finish(self) -> Result<(), StoreError> {
        migrate::end_restore(self.session(), &self.config.keyspace).await?;
        migrate::migrate(&self.config).await.map(drop)
    }

    /// Takes a keyspace away again, also one that was made by half.
    pub async fn discard(config: &Config) -> Result<(), StoreError> {
        migrate::drop_keyspace(&connect::connect(config).await?, &config.keyspace).await
    }

    fn session(&self) -> &Session {
        self.server.session()
    }
}

/// A value as it was copied.
#[derive(Clone)]
struct Raw(Option<Vec<u8>>);

impl SerializeValue for Raw {
    fn serialize<'b>(&self, _: &ColumnType, writer: CellWriter<'b>) -> Result<WrittenCellProof<'b>, SerializationError> {
        match &self.0 {
            Some(value) => writer.set_value(value).map_err(SerializationError::new),
            None => Ok(writer.set_null()),
        }
    }
}

/// What a statement depends on: whether it makes the row, its columns and those that are null, whether they end.
type Shape = (bool, Vec<usize>, Vec<usize>, bool);

struct Filling<'a> {
    server: &'a Server,
    header: Header,
    key_stays: Option<i64>,
    statements: HashMap<Shape, PreparedStatement>,
    under_way: FuturesUnordered<BoxFuture<'a, Result<(), StoreError>>>,
    /// Writes for one partition that wait to be sent together, and their bytes.
    partition: Vec<Vec<u8>>,
    together: Vec<(PreparedStatement, Vec<Raw>)>,
    bytes: usize,
}

impl<'a> Filling<'a> {
    fn of(server: &'a Server, header: Header, key_stays: Option<i64>) -> Self {
        let (statements, under_way) = (HashMap::new(), FuturesUnordered::new());
        Filling { server, header, key_stays, statements, under_way, partition: Vec::new(), together: Vec::new(), bytes: 0 }
    }

    async fn put(&mut self, row: &Row) -> Result<(), StoreError> {
        let partition = self.header.columns.iter().filter(|column| column.kind == Kind::Partition).count();
        let partition = &row.keys[..partition];
        if self.partition != partition || self.together.len() >= BATCH.0 || self.bytes >= BATCH.1 {
            self.send().await?;
            self.partition = partition.to_vec();
        }
        for group in groups(row, self.key_stays, Millis::now().0 / 1_000) {
            let statement = self.statement(&group).await?;
            let values = values(row, &group);
            self.bytes += values.iter().map(|value| value.0.as_ref().map_or(0, Vec::len)).sum::<usize>();
            self.together.push((statement, values));
        }
        Ok(())
    }

    /// Sends what waits, and waits itself while too much is under way.
    async fn send(&mut self) -> Result<(), StoreError> {
        while self.under_way.len() >= LANES {
            self.under_way.try_next().await?;
        }
        let server = self.server;
        let (statements, mut values): (Vec<_>, Vec<_>) = std::mem::take(&mut self.together).into_iter().unzip();
        self.bytes = 0;
        match (statements.as_slice(), values.as_mut_slice()) {
            ([], _) => {}
            ([one], [row]) => {
                let (statement, row) = (one.clone(), std::mem::take(row));
                self.under_way.push(Box::pin(async move { server.put(&statement, row).await }));
            }
            _ => self.under_way.push(Box::pin(async move { server.put_together(statements, values).await })),
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(), StoreError> {
        self.send().await?;
        while self.under_way.try_next().await?.is_some() {}
        Ok(())
    }

    async fn statement(&mut self, group: &Group) -> Result<PreparedStatement, StoreError> {
        let shape = (group.makes, group.columns.clone(), group.nulls.clone(), group.stays.is_some());
        if let Some(known) = self.statements.get(&shape) {
            return Ok(known.clone());
        }
        let statement = self.server.to_write(&written(&self.header, group)).await?;
        self.statements.insert(shape, statement.clone());
        Ok(statement)
    }
}

/// The statement for a group; its markers are the keys and columns of an INSERT with the timestamp behind, or those of an UPDATE.
fn written(header: &Header, group: &Group) -> String {
    let keys: Vec<String> = header.keys().map(|key| format!("\"{}\"", key.name)).collect();
    let plain: Vec<String> = header.plain().map(|column| format!("\"{}\"", column.name)).collect();
    let columns: Vec<&String> = group.columns.iter().chain(&group.nulls).filter_map(|column| plain.get(*column)).collect();
    let using = if group.stays.is_some() { "USING TIMESTAMP ? AND TTL ?" } else { "USING TIMESTAMP ?" };
    if group.makes {
        let names: Vec<&str> = keys.iter().chain(columns).map(String::as_str).collect();
        let markers = vec!["?"; names.len()].join(", ");
        return format!("INSERT INTO {} ({}) VALUES ({markers}) {using}", header.table, names.join(", "));
    }
    let set: Vec<String> = columns.iter().map(|column| format!("{column} = ?")).collect();
    let key: Vec<String> = keys.iter().map(|key| format!("{key} = ?")).collect();
    format!("UPDATE {} {using} SET {} WHERE {}", header.table, set.join(", "), key.join(" AND "))
}

fn values(row: &Row, group: &Group) -> Vec<Raw> {
    let keys = row.keys.iter().map(|key| Raw(Some(key.clone())));
    let cell = |column: &usize| row.cells.get(*column).and_then(Option::as_ref).map(|cell| cell.value.clone());
    let mut using = vec![Raw(Some(group.written.to_be_bytes().to_vec()))];
    // What is left of a life is no more than servers allow for a whole one, and they count in 32 bits.
    using.extend(group.stays.map(|stays| Raw(Some(i32::try_from(stays).unwrap_or(i32::MAX).to_be_bytes().to_vec()))));
    // Among the nulls may be a cell that has ended meanwhile.
    let cells = group.columns.iter().map(|column| Raw(cell(column))).chain(group.nulls.iter().map(|_| Raw(None)));
    match group.makes {
        true => keys.chain(cells).chain(using).collect(),
        false => using.into_iter().chain(cells).chain(keys).collect(),
    }
}
