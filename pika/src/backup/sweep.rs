//! Tries that never became a backup: folders without a manifest.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use futures_util::TryStreamExt;
use object_store::ObjectStoreExt;

use super::place::Place;

/// What nobody wrote to for so long is written by nobody any more.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

impl Place {
    /// Takes away all that is there under this name.
    pub async fn discard(&self, backup: &str) -> anyhow::Result<()> {
        let removing = || format!("removing {backup}");
        if let Some(folder) = &self.folder {
            // Here also goes what was written by half, which is no object yet.
            return match std::fs::remove_dir_all(folder.join(backup)) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(removing),
                Ok(()) | Err(_) => Ok(()),
            };
        }
        let files: Vec<_> = self.store.list(Some(&self.under.clone().join(backup))).try_collect().await.with_context(removing)?;
        for file in files {
            self.store.delete(&file.location).await.with_context(removing)?;
        }
        Ok(())
    }

    /// Takes away tries that broke off a day ago or earlier, and gives how many.
    pub async fn sweep(&self) -> anyhow::Result<usize> {
        let mut swept = 0;
        for name in self.folders().await? {
            if !self.finished(&name).await? && self.last_written(&name).await?.elapsed().is_ok_and(|age| age > ABANDONED) {
                self.discard(&name).await?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    async fn last_written(&self, backup: &str) -> anyhow::Result<SystemTime> {
        let looking = || format!("looking at {backup}");
        if let Some(folder) = &self.folder {
            return newest(&folder.join(backup)).with_context(looking);
        }
        let files: Vec<_> = self.store.list(Some(&self.under.clone().join(backup))).try_collect().await.with_context(looking)?;
        // Where there is nothing there is nothing to take away either.
        Ok(files.into_iter().map(|file| file.last_modified.into()).max().unwrap_or_else(SystemTime::now))
    }
}

fn newest(folder: &Path) -> std::io::Result<SystemTime> {
    let mut newest = folder.metadata().and_then(|found| Metadata::modified(&found))?;
    for entry in std::fs::read_dir(folder)? {
        newest = newest.max(entry?.metadata()?.modified()?);
    }
    Ok(newest)
}
