//! The tables of a keyspace as parts of a backup, one each.

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use store::cql::Config;
use store::cql::backup::{Source, Tally, Target};
use tokio::sync::mpsc;

use super::manifest::{Table, Tables};
use super::packing;
use super::place::Place;
use super::progress::Progress;

/// Pieces of a table that wait to be packed or stored.
const WAITING: usize = 4;

pub async fn take(config: &Config, place: &Place, backup: &str) -> anyhow::Result<Tables> {
    let source = Source::open(config).await.context("copying the rows")?;
    if !source.foreign.is_empty() {
        eprintln!("pika: left out of the backup, because no Pika made them: {}", source.foreign.join(", "));
    }
    let mut tables = Vec::new();
    for table in source.tables() {
        let (sender, receiver) = mpsc::channel(WAITING);
        let counted = Progress::of(format!("copying {table}")).count(tokio_stream::wrappers::ReceiverStream::new(receiver));
        let stored = place.put(backup, format!("{table}.rows.gz"), packing::packed(counted));
        let (tally, part) = tokio::join!(source.copy(table, sender), stored);
        // Where storing failed the copy only says that nobody took it.
        let part = part?;
        tables.push(Table { part, tally: tally.with_context(|| format!("copying {table}"))? });
    }
    Ok(Tables { schema: source.version, tables })
}

/// Fills all tables. What comes must be what went out.
pub async fn put_back(target: &Target, place: &Place, backup: &str, tables: &Tables) -> anyhow::Result<()> {
    for table in &tables.tables {
        let name = table.name();
        let words = || format!("putting back {name}");
        let pieces = place.get(backup, &table.part).await?;
        let (sender, receiver) = mpsc::channel(WAITING);
        let unpacked = feed(packing::unpacked(pieces), Progress::of(words()), sender);
        let (fed, filled) = tokio::join!(unpacked, target.fill(name, receiver));
        // Where pieces ended early the table only says that it has no end.
        fed.with_context(words)?;
        let filled = filled.with_context(words)?;
        agree(name, filled == table.tally, &table.tally, &filled)?;
    }
    Ok(())
}

async fn feed(
    pieces: impl Stream<Item = anyhow::Result<Bytes>>,
    mut progress: Progress,
    into: mpsc::Sender<Vec<u8>>,
) -> anyhow::Result<()> {
    let mut pieces = std::pin::pin!(pieces);
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        progress.add(piece.len());
        if into.send(piece.into()).await.is_err() {
            // Whoever fills the table has given up, and says why.
            return Ok(());
        }
    }
    Ok(())
}

/// Reads all tables again, that nobody wrote to meanwhile, and compares them with what was put there.
pub async fn compare(target: &Target, tables: &Tables) -> anyhow::Result<()> {
    for table in &tables.tables {
        let name = table.name();
        let (sender, mut receiver) = mpsc::channel(WAITING);
        let mut progress = Progress::of(format!("reading {name} again"));
        let taken = async {
            while let Some(piece) = receiver.recv().await {
                progress.add(Vec::len(&piece));
            }
        };
        let (found, ()) = tokio::join!(target.copy(name, sender), taken);
        let found = found.with_context(|| format!("reading {name} again"))?;
        agree(name, table.tally.may_become(&found), &table.tally, &found)?;
    }
    Ok(())
}

fn agree(table: &str, same: bool, copied: &Tally, found: &Tally) -> anyhow::Result<()> {
    if !same {
        bail!("the table {table} should hold {}, and holds {}", words(copied), words(found));
    }
    Ok(())
}

fn words(tally: &Tally) -> String {
    format!("{} rows with the sum {:016x} and {} that end by themselves", tally.rows, tally.sum, tally.fleeting)
}
