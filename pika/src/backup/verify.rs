//! Whether a backup can be put back: it is, in a scratch place with a broker of its own, and compared with its manifest.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use nats::Broker;
use nats::server::{Server, ServerConfig};
use store::cql::Config;
use store::cql::backup::Target;
use tokio_util::sync::CancellationToken;

use super::manifest::Manifest;
use super::place::Place;
use super::restore::{Rows, check, put_back};
use super::scratch::{self, until};
use super::tables;
use crate::settings::Settings;
use crate::storage;

const PATIENCE: Duration = Duration::from_secs(15);

pub async fn verify(settings: &Settings, place: &Place, backup: &str, within: &Path, stop: &CancellationToken) -> anyhow::Result<()> {
    let manifest = place.manifest(backup).await?;
    let scratch = scratch::folder(within)?;
    let program = nats::server::find(settings.nats_server.clone())?;
    let server = Server::start(ServerConfig { program, dir: scratch.path().join("nats"), port: 0 }).await.context("nats-server")?;
    let whole = compared(settings, place, backup, &manifest, Scratch { folder: scratch.path(), url: server.url(), stop }).await;
    server.stop().await;
    scratch.close().context("removing the scratch folder")?;
    let words = if stop.is_cancelled() { "was not compared to its end" } else { "is not whole" };
    whole.with_context(|| format!("{backup} {words}"))?;
    let rows = manifest.rows();
    let messages: u64 = manifest.streams.iter().map(|stream| stream.copied.messages()).sum();
    println!("{backup} is whole: {rows} rows, {messages} messages in {} streams, {} bytes", manifest.streams.len(), manifest.bytes());
    Ok(())
}

/// Where it is put back, until it is told to stop.
struct Scratch<'a> {
    folder: &'a Path,
    url: String,
    stop: &'a CancellationToken,
}

async fn compared(settings: &Settings, place: &Place, backup: &str, manifest: &Manifest, scratch: Scratch<'_>) -> anyhow::Result<()> {
    let Scratch { folder, url, stop } = scratch;
    let config = nats::Config { shards: manifest.log_streams, ..settings.broker(vec![url]) };
    let broker = Broker::bare(config, PATIENCE).await.context("the scratch broker")?;
    until(stop, check(place, backup, manifest, &broker)).await?;
    let file = folder.join("rows.sqlite");
    match &manifest.tables {
        Some(saved) => {
            let config = beside(settings)?;
            let keyspace = &config.keyspace;
            eprintln!(
                "pika: the scratch keyspace {keyspace} is dropped at the end. If this process is killed before: DROP KEYSPACE {keyspace};"
            );
            let same = async {
                // Not left in its middle: a server that makes a table finishes it, also after the keyspace was dropped.
                let target = Target::make(&config, saved.schema).await.context("a scratch keyspace")?;
                until(stop, put_back(place, backup, manifest, Rows::Keyspace(&target), &broker)).await?;
                until(stop, tables::compare(&target, saved)).await
            };
            let same = same.await;
            let dropped = Target::discard(&config).await.with_context(|| format!("the scratch keyspace {keyspace} is left: drop it"));
            same.and(dropped)?;
        }
        None => until(stop, put_back(place, backup, manifest, Rows::File(&file), &broker)).await?,
    }
    if let Some(saved) = &manifest.rows {
        let found = store::sqlite::contents(&file).context("the rows")?;
        let differ = saved.tables.iter().find(|table| !found.contains(table));
        if let Some((table, rows)) = differ {
            bail!("the table {table} should hold {rows} rows, and holds {:?}", found.iter().find(|(name, _)| name == table));
        }
    }
    for stream in &manifest.streams {
        let copied = &stream.copied;
        let (messages, last) = broker.holds(&copied.stream).await?;
        // The copy was taken of a stream that went on, and what is too old by now is let go at once.
        let aged = copied.config["max_age"].as_u64().unwrap_or(0) > 0 || copied.config["allow_msg_ttl"].as_bool().unwrap_or(false);
        if last < copied.last() || (messages < copied.messages() && !aged) {
            bail!(
                "the stream {} should hold {} messages up to {}, and holds {messages} up to {last}",
                copied.stream,
                copied.messages(),
                copied.last()
            );
        }
    }
    Ok(())
}

/// A keyspace beside that of the settings, with one copy of each row.
fn beside(settings: &Settings) -> anyhow::Result<Config> {
    let storage::Place::Cql(config) = storage::place(settings)? else {
        bail!("the rows of this backup are those of a keyspace; --store cql:HOST,… says on which servers they can be looked at");
    };
    // Names have at most 48 characters.
    let keyspace = format!("{:.24}_verify_{:08x}", config.keyspace, rand::random::<u32>());
    Ok(Config { keyspace, replication: Some(1), ..*config })
}
