//! Where backups lie: a folder, or a bucket that speaks S3.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientConfigKey, ObjectStore, ObjectStoreExt, RetryConfig};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::manifest::{FORMAT, Manifest, Part, is_name};
use super::seal::Key;
use super::trust::{self, Found, SIGNATURE};

const MANIFEST: &str = "manifest.json";

/// A folder or a bucket.
#[derive(Clone)]
pub struct Place {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) under: Path,
    /// Where it is a folder of this machine.
    pub(super) folder: Option<PathBuf>,
    pub shown: String,
    /// What parts are sealed with, and opened.
    pub key: Option<Key>,
    /// Takes what is not signed although there is a key.
    allow_unsigned: bool,
}

/// How long a place may say nothing, and how long after its begin a part that broke off is asked for again.
const SILENCE: Duration = Duration::from_secs(60);
const TRIED: Duration = Duration::from_secs(12 * 3600);
/// Pieces of ten megabytes that are on their way at once: with more, a place that is slow would fill the little memory that a backup is given.
const UNDER_WAY: usize = 2;

impl Place {
    /// `s3://BUCKET/PREFIX`, whose keys and endpoint come from the usual `AWS_…` variables, or a folder, which is made.
    pub fn open(to: &str, key: Option<Key>, allow_unsigned: bool) -> anyhow::Result<Place> {
        let (store, under): (Arc<dyn ObjectStore>, Path) = match to.strip_prefix("s3://") {
            Some(place) => {
                let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
                let of_client = |key, limit: Duration| (AmazonS3ConfigKey::Client(key), format!("{}s", limit.as_secs()));
                // A part is read as fast as it is put back, which may take an hour; only a silence is an error.
                let (whole, silence) = (of_client(ClientConfigKey::Timeout, TRIED), of_client(ClientConfigKey::ReadTimeout, SILENCE));
                let retry = RetryConfig { retry_timeout: TRIED, ..RetryConfig::default() };
                let store = AmazonS3Builder::from_env()
                    .with_config(whole.0, whole.1)
                    .with_config(silence.0, silence.1)
                    .with_retry(retry)
                    .with_bucket_name(bucket)
                    .build()
                    .with_context(|| format!("backups in {to}"))?;
                (Arc::new(store), Path::parse(prefix).with_context(|| format!("backups in {to}"))?)
            }
            None => {
                std::fs::create_dir_all(to).with_context(|| format!("backups in {to}"))?;
                (
                    Arc::new(
                        LocalFileSystem::new_with_prefix(to).with_context(|| format!("backups in {to}"))?.with_automatic_cleanup(true),
                    ),
                    Path::default(),
                )
            }
        };
        let folder = (!to.starts_with("s3://")).then(|| PathBuf::from(to));
        Ok(Place { store, under, folder, shown: to.trim_end_matches('/').to_owned(), key, allow_unsigned })
    }

    fn at(&self, backup: &str, file: &str) -> Path {
        self.under.clone().join(backup).join(file)
    }

    /// Refuses a name that is there already: who fails takes all away that has it.
    pub async fn claim(&self, backup: &str) -> anyhow::Result<()> {
        let under = self.under.clone().join(backup);
        let mut there = self.store.list(Some(&under));
        match there.try_next().await.with_context(|| format!("listing {}", self.shown))? {
            Some(_) => bail!("there is a {backup} in {} already; a second has one backup", self.shown),
            None => Ok(()),
        }
    }

    /// Writes one file of a backup as it comes, and gives its size and sum.
    pub async fn put(&self, backup: &str, name: String, chunks: impl Stream<Item = anyhow::Result<Bytes>> + Send) -> anyhow::Result<Part> {
        let mut chunks = match &self.key {
            Some(key) => key.seal(&name, chunks)?,
            None => chunks.boxed(),
        };
        let mut writer = BufWriter::new(self.store.clone(), self.at(backup, &name)).with_max_concurrency(UNDER_WAY);
        let (mut sum, mut bytes) = (Sha256::new(), 0);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.with_context(|| format!("reading {name}"))?;
            sum.update(&chunk);
            bytes += chunk.len() as u64;
            writer.write_all(&chunk).await.with_context(|| format!("writing {name} to {}", self.shown))?;
        }
        writer.shutdown().await.with_context(|| format!("writing {name} to {}", self.shown))?;
        Ok(Part { name, bytes, sha256: hex(&sum.finalize()), sealed: self.key.is_some() })
    }

    /// Reads one file of a backup. It ends with an error if what came is not what was written.
    pub async fn get(&self, backup: &str, part: &Part) -> anyhow::Result<BoxStream<'static, anyhow::Result<Bytes>>> {
        let found = self.store.get(&self.at(backup, &part.name)).await.with_context(|| format!("reading {}/{}", self.shown, part.name))?;
        let (read, mut sum) = (part.clone(), Some(Sha256::new()));
        let mut chunks = found.into_stream();
        let checked = futures_util::stream::poll_fn(move |context| {
            chunks.poll_next_unpin(context).map(|chunk| match chunk {
                Some(Ok(chunk)) => {
                    if let Some(sum) = &mut sum {
                        sum.update(&chunk);
                    }
                    Some(Ok(chunk))
                }
                Some(Err(error)) => Some(Err(error.into())),
                None => {
                    let found = hex(&sum.take()?.finalize());
                    (found != read.sha256)
                        .then(|| Err(anyhow::anyhow!("{} is damaged: its sum is not the one that was written", read.name)))
                }
            })
        });
        match (part.sealed, &self.key) {
            (false, _) => Ok(checked.boxed()),
            (true, Some(key)) => Ok(key.open(&part.name, checked)),
            (true, None) => bail!("{} is encrypted", part.name),
        }
    }

    pub async fn finish(&self, backup: &str, manifest: &Manifest) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(manifest)?;
        let writing = || format!("writing to {}", self.shown);
        if let Some(key) = &self.key {
            self.store.put(&self.at(backup, SIGNATURE), key.sign(backup, &text)?.into()).await.with_context(writing)?;
        }
        self.store.put(&self.at(backup, MANIFEST), text.into()).await.with_context(writing)?;
        Ok(())
    }

    /// What a backup says of itself, if it may be believed.
    pub async fn manifest(&self, backup: &str) -> anyhow::Result<Manifest> {
        let found = self.store.get(&self.at(backup, MANIFEST)).await;
        let found = found.with_context(|| format!("there is no finished backup {backup} in {}", self.shown))?;
        let text = found.bytes().await?;
        let manifest: Manifest = serde_json::from_slice(&text).with_context(|| format!("the manifest of {backup}"))?;
        if let Some(key) = &self.key {
            let signature = match self.store.get(&self.at(backup, SIGNATURE)).await {
                Ok(signature) => Some(signature.bytes().await?),
                Err(object_store::Error::NotFound { .. }) => None,
                Err(error) => return Err(error).with_context(|| format!("the signature of {backup}")),
            };
            let found = Found { backup, text: &text, signature: signature.as_deref(), manifest: &manifest };
            trust::check(key, &found, self.allow_unsigned)?;
        }
        manifest.names().with_context(|| backup.to_owned())?;
        if manifest.format > FORMAT {
            bail!("{backup} was taken by a newer Pika ({}); this one knows format {FORMAT}", manifest.version);
        }
        Ok(manifest)
    }

    /// The finished backups, oldest first.
    pub async fn list(&self) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        for name in self.folders().await? {
            if self.finished(&name).await? {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Those that have the name of a backup of ours; others are left alone.
    pub(super) async fn folders(&self) -> anyhow::Result<Vec<String>> {
        let under = (!self.under.as_ref().is_empty()).then_some(&self.under);
        let found = self.store.list_with_delimiter(under).await.with_context(|| format!("listing {}", self.shown))?;
        let names = found.common_prefixes.iter().filter_map(|folder| folder.filename().filter(|name| is_name(name)));
        Ok(names.map(str::to_owned).collect())
    }

    /// A place that does not answer is no sign that it is not.
    pub(super) async fn finished(&self, backup: &str) -> anyhow::Result<bool> {
        match self.store.head(&self.at(backup, MANIFEST)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error).with_context(|| format!("looking for the manifest of {backup} in {}", self.shown)),
        }
    }

    /// Removes one: its manifest first, so that what is left of a removal that breaks off is no backup.
    pub async fn remove(&self, backup: &str) -> anyhow::Result<()> {
        self.store.delete(&self.at(backup, MANIFEST)).await.with_context(|| format!("removing {backup}"))?;
        self.discard(backup).await
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
