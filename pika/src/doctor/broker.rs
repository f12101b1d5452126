//! The broker: is it there, new enough, does it sync, is the log the one that was declared, do the clocks agree.

use nats::Broker;
use schemas::Millis;

use super::PATIENCE;
use super::finding::Finding;
use crate::durability;
use crate::settings::{Settings, without_password};

/// The oldest server that knows schedules and atomic batches.
const OLDEST: (u32, u32) = (2, 12);
/// Timers of polls are the broker's; delays are measured between two clocks.
const SKEW: i64 = 500;

pub async fn look(settings: &Settings) -> Vec<Finding> {
    let servers = settings.brokers();
    let shown = servers.iter().map(|url| without_password(url)).collect::<Vec<_>>().join(", ");
    let broker = match Broker::bare(settings.broker(servers), PATIENCE).await {
        Ok(broker) => broker,
        Err(error) => {
            let mend = "start nats-server, or say with --nats where it is; `pika dev` starts its own";
            return vec![Finding::fault("broker", format!("{shown}: {error}"), mend)];
        }
    };
    let mut findings = vec![version(&broker, &shown), synced(settings).await];
    match streams(&broker).await {
        Ok(found) => {
            findings.push(found);
            findings.push(clock(&broker).await);
        }
        Err(finding) => findings.push(finding),
    }
    findings
}

fn version(broker: &Broker, shown: &str) -> Finding {
    let version = broker.server_version();
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < OLDEST {
        let mend = format!("run nats-server {}.{} or newer", OLDEST.0, OLDEST.1);
        return Finding::fault("broker", format!("{shown} is version {version}"), mend);
    }
    Finding::fine("broker", format!("{shown}, version {version}"))
}

async fn synced(settings: &Settings) -> Finding {
    let Some(monitor) = settings.nats_monitor_url.as_deref() else {
        if settings.named_brokers().is_none() && nats::server::running(&settings.data.join("nats")).is_some() {
            return Finding::fine("sync", "the broker is `pika dev`'s own, which syncs");
        }
        let mend = "set `nats_monitor_url` to its monitoring address";
        return Finding::warning("sync", "cannot know whether the broker syncs before it acknowledges", mend);
    };
    match durability::check(Some(monitor), true).await {
        Ok(()) => Finding::fine("sync", "the broker syncs before it acknowledges"),
        Err(error) => Finding::fault("sync", format!("{error:#}"), "set `sync_interval: always` in its jetstream block, and restart it"),
    }
}

/// The streams, or why they are not what Pika needs.
async fn streams(broker: &Broker) -> Result<Finding, Finding> {
    for stream in broker.kept() {
        if !broker.has(&stream).await.map_err(unanswered)? {
            let words = format!("there is no stream {stream}: Pika never ran on this broker, or its log was lost");
            return Err(Finding::warning(
                "streams",
                words,
                "start Pika, which makes them; if it ran here before, see docs/runbooks/log-in-doubt.md",
            ));
        }
    }
    broker.compare().await.map_err(unanswered)?;
    if !broker.is_sound() {
        let mend = "start a worker, and see docs/runbooks/log-in-doubt.md";
        return Err(Finding::fault("streams", "the log is in doubt: it is not the one that was declared", mend));
    }
    let sizes = broker.sizes().await.map_err(unanswered)?;
    if let Some(size) = sizes.iter().find(|size| size.current < size.replicas) {
        let words = format!("{} has {} good copies of {}", size.stream, size.current, size.replicas);
        return Err(Finding::fault("streams", words, "bring the missing broker back, as in docs/runbooks/broker.md"));
    }
    let (bytes, messages) = sizes.iter().fold((0, 0), |sum, size| (sum.0 + size.bytes, sum.1 + size.messages));
    Ok(Finding::fine(
        "streams",
        format!("{} with {messages} messages, {} MB; the log is the one that was declared", sizes.len(), bytes >> 20),
    ))
}

fn unanswered(error: nats::BrokerError) -> Finding {
    Finding::fault("streams", error.to_string(), "is JetStream on? see docs/runbooks/broker.md")
}

async fn clock(broker: &Broker) -> Finding {
    let asked = Millis::now();
    let Some(stream) = broker.kept().into_iter().next() else { return Finding::fine("clock", "there is nobody to ask") };
    match broker.clock(&stream).await {
        Ok(Some(theirs)) => {
            let now = Millis::now();
            // Their answer was written between the question and now.
            let skew = if theirs < asked { asked.since(theirs) } else { theirs.since(now).max(0) };
            let words = format!("the broker's clock is {skew} ms from ours");
            if skew > SKEW { Finding::warning("clock", words, "run chrony on both machines") } else { Finding::fine("clock", words) }
        }
        Ok(None) => Finding::warning("clock", "the broker does not say its time", "compare the clocks yourself"),
        Err(error) => unanswered(error),
    }
}
