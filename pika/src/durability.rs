//! Whether the broker writes to disk before it acknowledges. Every promise of an ACK stands on that, and nats-server does
//! not do it by default, so a role that does not own the broker's settings asks.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

/// The monitor answers from memory.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the broker's monitoring address. A broker that does not sync is refused in production; where nobody can be asked
/// that is said, and no more.
pub async fn check(monitor: Option<&str>, production: bool) -> anyhow::Result<()> {
    let Some(monitor) = monitor else {
        tracing::warn!(
            "`nats_monitor_url` is not set: cannot know whether the broker syncs before it acknowledges (sync_interval: always)"
        );
        return Ok(());
    };
    let url = format!("{}/varz", monitor.trim_end_matches('/'));
    let answer = reqwest::Client::builder().timeout(PATIENCE).build()?.get(&url).send().await.and_then(reqwest::Response::error_for_status);
    let varz: Value =
        answer.with_context(|| format!("asking {url} whether the broker syncs"))?.json().await.context("reading the monitor's answer")?;
    if varz["jetstream"]["config"]["sync_always"] == Value::Bool(true) {
        return Ok(());
    }
    let words = "the broker acknowledges before it writes to disk; set `sync_interval: always` in its jetstream block";
    if production {
        bail!(words);
    }
    tracing::error!("{words}");
    Ok(())
}
