//! Folders that hold rows in clear for a while. Nobody else may look into them, and they go when the work ends, however it does.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A new folder in that one. It is removed when it is dropped.
pub fn folder(within: &Path) -> anyhow::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("pika-scratch-").permissions(Permissions::from_mode(0o700)).tempdir_in(within);
    folder.with_context(|| format!("a scratch folder in {}", within.display()))
}

/// Cancelled by SIGTERM and SIGINT: what was begun is taken away before the process ends. The second one ends it at once.
pub fn stop() -> anyhow::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if asked.is_cancelled() {
                std::process::exit(130);
            }
            asked.cancel();
        }
    });
    Ok(stop)
}

/// Does this work to its end, or until it is told to stop.
pub async fn until<T>(stop: &CancellationToken, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::select! {
        done = work => done,
        () = stop.cancelled() => bail!("it was told to stop"),
    }
}
