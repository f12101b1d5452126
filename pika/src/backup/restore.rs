//! Putting a backup back. It overwrites nothing: whoever restores over something has moved it away first.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::StreamExt;
use nats::Broker;
use nats::server::{Server, ServerConfig};
use store::cql::backup::{Mended, Target};

use super::manifest::Manifest;
use super::place::Place;
use super::{packing, seal, tables};
use crate::settings::{Settings, without_password};
use crate::{dev, storage};

/// A broker that was started for this, or one that should be there.
const PATIENCE: Duration = Duration::from_secs(15);

pub async fn restore(settings: &Settings, place: &Place, backup: &str) -> anyhow::Result<()> {
    let manifest = place.manifest(backup).await?;
    std::fs::create_dir_all(&settings.data).with_context(|| format!("data directory {}", settings.data.display()))?;
    let _lock = dev::lock(&settings.data)?;
    let into = storage::place(settings)?;
    fits(&manifest, &into)?;
    seal::fits(place.key.as_ref(), backup, &manifest)?;
    let (broker, server) = open(settings, &manifest).await?;
    let done = into_place(place, backup, &manifest, &into, &broker).await;
    if let Some(server) = server {
        server.stop().await;
        // It was not there before; left behind it would be in the way of the next try.
        if done.is_err() {
            let _ = std::fs::remove_dir_all(log_of(settings)?);
        }
    }
    if let (Err(_), storage::Place::Sqlite(file)) = (&done, &into) {
        let _ = std::fs::remove_file(file);
    }
    if let Some((target, mended)) = done? {
        target.finish().await.context("rows and log are put back, and the rows not brought up to date; `pika migrate` does that")?;
        tell(&mended);
    }
    let rows = match &into {
        _ if manifest.rows.is_none() && manifest.tables.is_none() => "nowhere: it has none".to_owned(),
        storage::Place::Sqlite(file) => file.display().to_string(),
        storage::Place::Cql(config) => format!("keyspace {} on {}", config.keyspace, config.nodes.join(",")),
    };
    let log = match settings.named_brokers() {
        Some(named) => named.iter().map(|url| without_password(url)).collect::<Vec<_>>().join(", "),
        None => log_of(settings)?.display().to_string(),
    };
    println!("{backup} is put back.\n  rows  {rows}\n  log   {log}");
    println!(
        "Start Pika with the same settings. A new epoch begins then, and clients are told to start from the state; `pika doctor` says whether all is well."
    );
    if manifest.rows.is_none() && manifest.tables.is_none() {
        eprintln!("pika: this backup holds the log alone; put back the rows by the tools that copied them, of the same moment or earlier");
    }
    Ok(())
}

/// What a copy that took its time had torn apart.
fn tell(mended: &Mended) {
    let Mended { ended, removed, names, freed } = *mended;
    for (count, words) in [
        (ended, "tokens, secrets or subscriptions had ended while they were copied, and ended again"),
        (removed, "accounts were being removed while they were copied, and are removed"),
        (names, "names were given back to the accounts that bear them"),
        (freed, "names of DJs are free again, whose accounts are not in the backup"),
    ] {
        if count > 0 {
            println!("{count} {words}");
        }
    }
}

/// Where our own broker keeps the log.
fn log_of(settings: &Settings) -> anyhow::Result<PathBuf> {
    Ok(std::path::absolute(settings.data.join("nats").join("jetstream"))?)
}

/// Whether the rows can go where the settings say, before anything is there.
fn fits(manifest: &Manifest, into: &storage::Place) -> anyhow::Result<()> {
    match into {
        storage::Place::Sqlite(file) if file.exists() => {
            bail!("{} is there already; move it away first, the log too: they belong together", file.display())
        }
        storage::Place::Sqlite(_) if manifest.tables.is_some() => {
            bail!("the rows of this backup are those of a keyspace; --store cql:HOST,…/KEYSPACE says where they go")
        }
        storage::Place::Cql(_) if manifest.rows.is_some() => {
            bail!("the rows of this backup are a file of SQLite, and the settings name a keyspace")
        }
        storage::Place::Sqlite(_) | storage::Place::Cql(_) => Ok(()),
    }
}

/// Puts rows and log back, and says in the log that it was. A keyspace is refused by everybody until it is finished, which comes last:
/// before that nobody can go on in the old epoch.
async fn into_place(
    place: &Place,
    backup: &str,
    manifest: &Manifest,
    into: &storage::Place,
    broker: &Broker,
) -> anyhow::Result<Option<(Target, Mended)>> {
    let mut filled = None;
    check(place, backup, manifest, broker).await?;
    match (into, &manifest.tables) {
        (storage::Place::Sqlite(file), _) => put_back(place, backup, manifest, Rows::File(file), broker).await?,
        (storage::Place::Cql(_), None) => put_back(place, backup, manifest, Rows::Nowhere, broker).await?,
        (storage::Place::Cql(config), Some(saved)) => {
            let target = Target::make(config, saved.schema).await.context("putting back the rows")?;
            let words = || format!("keyspace {} is filled by half; drop it before you try again", config.keyspace);
            put_back(place, backup, manifest, Rows::Keyspace(&target), broker).await.with_context(words)?;
            let mended = target.mend(manifest.at).await.with_context(words)?;
            filled = Some((target, mended));
        }
    }
    broker.distrust().await.context("saying that the log was put back")?;
    Ok(filled)
}

/// The named brokers, or one of our own in the data directory.
async fn open(settings: &Settings, manifest: &Manifest) -> anyhow::Result<(Broker, Option<Server>)> {
    let config = |servers| nats::Config { shards: manifest.log_streams, ..settings.broker(servers) };
    if let Some(named) = settings.named_brokers() {
        return Ok((Broker::bare(config(named), PATIENCE).await.context("the broker")?, None));
    }
    let dir = std::path::absolute(settings.data.join("nats"))?;
    if log_of(settings)?.exists() {
        bail!("{} holds a log already; move it away first, the rows too: they belong together", dir.display());
    }
    let program = nats::server::find(settings.nats_server.clone())?;
    let server = Server::start(ServerConfig { program, dir, port: settings.nats_port }).await.context("nats-server")?;
    let broker = Broker::bare(config(vec![server.url()]), PATIENCE).await.context("the broker")?;
    Ok((broker, Some(server)))
}

/// That the key is right, nothing is in the way, and each part is what was written. A damaged one is found before anything is there that would have to be
/// taken away again.
pub async fn check(place: &Place, backup: &str, manifest: &Manifest, broker: &Broker) -> anyhow::Result<()> {
    seal::fits(place.key.as_ref(), backup, manifest)?;
    for stream in &manifest.streams {
        if broker.has(&stream.copied.stream).await? {
            bail!("the broker holds a stream {} already; a backup is put back where there is none", stream.copied.stream);
        }
    }
    for part in manifest.parts() {
        let mut pieces = place.get(backup, part).await?;
        while let Some(piece) = pieces.next().await {
            piece?;
        }
    }
    Ok(())
}

/// Where rows go.
pub enum Rows<'a> {
    File(&'a Path),
    Keyspace(&'a Target),
    Nowhere,
}

/// Each part, the rows before the log.
pub async fn put_back(place: &Place, backup: &str, manifest: &Manifest, into: Rows<'_>, broker: &Broker) -> anyhow::Result<()> {
    if let (Rows::File(file), Some(saved)) = (&into, &manifest.rows) {
        packing::unpack(place.get(backup, &saved.part).await?, file).await?;
    }
    if let (Rows::Keyspace(target), Some(saved)) = (&into, &manifest.tables) {
        tables::put_back(target, place, backup, saved).await?;
    }
    for stream in &manifest.streams {
        let chunks = place.get(backup, &stream.part).await?;
        let chunks = chunks.map(|chunk| chunk.map_err(|error| nats::BrokerError::Refused(format!("{error:#}")))).boxed();
        let name = &stream.copied.stream;
        broker.restore(&stream.copied, chunks).await.with_context(|| format!("putting back the stream {name}"))?;
    }
    Ok(())
}
