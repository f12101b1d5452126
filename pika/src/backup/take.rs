//! Taking a backup: the rows, then the log, then the manifest, and then the oldest ones go. A try that fails leaves nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use futures_util::StreamExt;
use schemas::Millis;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::manifest::{FORMAT, Manifest, Rows, Stream, name};
use super::place::Place;
use super::seal::Key;
use super::status::Good;
use super::{packing, scratch, tables};
use crate::settings::Settings;
use crate::{past, storage};

/// How long a place may take to let go of a try that failed.
const DISCARDING: Duration = Duration::from_secs(60);

/// What was taken, and how many tries of before were taken away.
pub async fn take(settings: &Settings, place: &Place, keep: usize, stop: &CancellationToken) -> anyhow::Result<(Good, usize)> {
    let (at, began) = (Millis::now(), Instant::now());
    let backup = name(at)?;
    scratch::until(stop, place.claim(&backup)).await?;
    let finished = match scratch::until(stop, copied(settings, place, &backup, at)).await {
        Ok(manifest) => place.finish(&backup, &manifest).await.map(|()| manifest),
        Err(error) => Err(error),
    };
    let manifest = match finished {
        Ok(manifest) => manifest,
        Err(error) => {
            match timeout(DISCARDING, place.discard(&backup)).await {
                Ok(Ok(())) => {}
                Ok(Err(left)) => eprintln!("pika: what was copied to {backup} is left there: {left:#}"),
                Err(_) => eprintln!("pika: what was copied to {backup} is left there: {} does not answer", place.shown),
            }
            return Err(error);
        }
    };
    let tidied = async {
        let backups = place.list().await?;
        // The newest by its name is another where the clock went back.
        for old in backups.iter().take(backups.len().saturating_sub(keep)).filter(|old| **old != backup) {
            place.remove(old).await?;
        }
        place.sweep().await.context("removing tries that failed")
    };
    let swept = scratch::until(stop, tidied).await?;
    Ok((Good { name: backup, at, bytes: manifest.bytes(), seconds: began.elapsed().as_secs_f64() }, swept))
}

async fn copied(settings: &Settings, place: &Place, backup: &str, at: Millis) -> anyhow::Result<Manifest> {
    let broker = past::broker(settings).await?;
    let (rows, tables) = match storage::place(settings)? {
        storage::Place::Sqlite(file) => (Some(rows_of(&file, &settings.data, place, backup).await?), None),
        storage::Place::Cql(config) => (None, Some(tables::take(&config, place, backup).await?)),
    };
    let mut streams = Vec::new();
    for stream in broker.kept() {
        let (copied, chunks) = broker.snapshot(&stream).await.with_context(|| format!("copying the stream {stream}"))?;
        let chunks = chunks.map(|chunk| chunk.map_err(anyhow::Error::from));
        let part = place.put(backup, format!("{stream}.tar.s2"), chunks).await?;
        streams.push(Stream { part, copied });
    }
    let key = place.key.as_ref().map(Key::id).transpose()?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Manifest { format: FORMAT, version, at, key, log_streams: settings.log_streams, rows, tables, streams })
}

async fn rows_of(file: &Path, data: &Path, place: &Place, backup: &str) -> anyhow::Result<Rows> {
    if !file.is_file() {
        bail!("there is no store at {}; --data or --store says where it is", file.display());
    }
    // On the disk of the data, because the rows may be larger than what /tmp holds.
    let scratch = scratch::folder(data)?;
    let copy = scratch.path().join("rows.sqlite");
    let (from, into) = (file.to_owned(), copy.clone());
    let (schema, tables) = tokio::task::spawn_blocking(move || {
        store::sqlite::copy(&from, &into)?;
        Ok::<_, store::StoreError>((store::sqlite::version(&into)?, store::sqlite::contents(&into)?))
    })
    .await?
    .context("copying the rows")?;
    let part = place.put(backup, "rows.sqlite.gz".to_owned(), packing::file(copy)).await?;
    Ok(Rows { part, schema, tables })
}
