//! The streams and buckets, and how they are set up. Making them again changes nothing, so every process does it at its start.
//!
//! None of this can make the broker sync its files: `sync_interval: always` is a setting of the server, which an ordinary
//! client can neither set nor see. Whoever owns the server's configuration checks it at start-up and says so when it cannot know.

use std::time::Duration;

use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::stream::{Config as StreamConfig, DiscardPolicy, Republish, StorageType};
use async_nats::jetstream::{Context, ErrorCode};

use crate::connection::{BrokerError, Config};
use crate::shard::Shard;
use crate::subjects as names;

/// Longer than the longest session, so that a run never outlives its code. A code that was not given back is free again after this.
pub const CODE_KEPT: Duration = Duration::from_secs(25 * 3600);
/// A state that did not change for longer than the longest session belongs to a run that is over.
const STATE_KEPT: Duration = Duration::from_secs(26 * 3600);
/// Longer than a process is cut off. One that starts remembers no token, and asks the store.
const REVOCATIONS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// What is said of a missing stream may be a race between processes that start together: the loser of a race tries again.
const ATTEMPTS: usize = 5;

/// Makes or updates all of them.
pub(crate) async fn ensure(context: &Context, config: &Config) -> Result<(), BrokerError> {
    ensure_logs(context, config).await?;
    ensure_beside_log(context, config).await
}

/// Makes the streams of the log.
pub(crate) async fn ensure_logs(context: &Context, config: &Config) -> Result<(), BrokerError> {
    for shard in Shard::all(config.shards) {
        let wanted = live(config, shard);
        if let Ok(found) = context.get_stream(&wanted.name).await {
            let (mut found, mut wanted) = (found.cached_info().config.subjects.clone(), wanted.subjects.clone());
            found.sort();
            wanted.sort();
            // The broker itself would let a stream go over to other subjects.
            if found != wanted {
                return Err(made_otherwise(&shard.stream()));
            }
        }
        make(context, wanted).await?;
    }
    Ok(())
}

/// Makes what a broker that came back may not have: STATE, which one machine forgets when it restarts, and the buckets. The log
/// itself is not made again here: where it is gone, whoever declares the next epoch makes it.
pub(crate) async fn ensure_beside_log(context: &Context, config: &Config) -> Result<(), BrokerError> {
    for stream in [state(config), revoked(config), pika(config), leases(config), codes(config)] {
        make(context, stream).await?;
    }
    Ok(())
}

/// Makes STATE again.
pub(crate) async fn ensure_state(context: &Context, config: &Config) -> Result<(), BrokerError> {
    make(context, state(config)).await
}

async fn make(context: &Context, config: StreamConfig) -> Result<(), BrokerError> {
    let mut said = String::new();
    for _ in 0..ATTEMPTS {
        match context.create_or_update_stream(config.clone()).await {
            Ok(_) => return Ok(()),
            Err(error) if overlaps(&error) => return Err(made_otherwise(&config.name)),
            Err(error) => said = format!("stream {}: {error}", config.name),
        }
    }
    Err(BrokerError::Unavailable(said))
}

fn live(config: &Config, shard: Shard) -> StreamConfig {
    StreamConfig {
        name: shard.stream(),
        description: Some("what people said and the facts that must arrive".to_owned()),
        subjects: shard.subjects(),
        storage: StorageType::File,
        num_replicas: config.replicas,
        max_age: config.keep,
        allow_direct: true,
        allow_rollup: true,
        allow_message_ttl: true,
        allow_atomic_publish: true,
        allow_message_schedules: true,
        republish: Some(Republish {
            source: names::LIVE_OUT_ALL.to_owned(),
            destination: names::FEED_OF_FACTS.to_owned(),
            headers_only: false,
        }),
        ..StreamConfig::default()
    }
}

fn made_otherwise(stream: &str) -> BrokerError {
    BrokerError::Refused(format!("stream {stream}: the log was made with another number of streams; set `log_streams` to that number"))
}

/// Another stream stores some of the subjects.
fn overlaps(error: &CreateStreamError) -> bool {
    matches!(error.kind(), CreateStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_SUBJECT_OVERLAP)
}

fn state(config: &Config) -> StreamConfig {
    StreamConfig {
        name: names::STATE.to_owned(),
        description: Some("derived state, newest value wins".to_owned()),
        subjects: vec![names::STATE_ALL.to_owned()],
        storage: StorageType::Memory,
        num_replicas: config.replicas,
        max_age: STATE_KEPT,
        max_messages_per_subject: 1,
        allow_direct: true,
        republish: Some(Republish {
            source: names::STATE_ALL.to_owned(),
            destination: names::FEED_OF_STATES.to_owned(),
            headers_only: false,
        }),
        ..StreamConfig::default()
    }
}

fn revoked(config: &Config) -> StreamConfig {
    StreamConfig {
        name: names::REVOKED.to_owned(),
        description: Some("tokens that are no longer good".to_owned()),
        subjects: vec![names::REVOKED_ALL.to_owned()],
        storage: StorageType::File,
        num_replicas: config.replicas,
        max_age: REVOCATIONS_KEPT,
        allow_direct: true,
        ..StreamConfig::default()
    }
}

/// A stream in the form of a KV bucket, so that ordinary tools can look into it.
fn bucket(config: &Config, name: &str, description: &str) -> StreamConfig {
    StreamConfig {
        name: names::bucket_stream(name),
        description: Some(description.to_owned()),
        subjects: vec![format!("$KV.{name}.>")],
        storage: StorageType::File,
        num_replicas: config.replicas,
        max_messages_per_subject: 1,
        allow_direct: true,
        allow_rollup: true,
        deny_delete: true,
        discard: DiscardPolicy::New,
        ..StreamConfig::default()
    }
}

fn pika(config: &Config) -> StreamConfig {
    bucket(config, names::BUCKET_PIKA, "the epochs of the log")
}

fn leases(config: &Config) -> StreamConfig {
    StreamConfig { allow_message_ttl: true, ..bucket(config, names::BUCKET_LEASES, "who owns which partition") }
}

fn codes(config: &Config) -> StreamConfig {
    StreamConfig { allow_message_ttl: true, ..bucket(config, names::BUCKET_CODES, "join codes in use") }
}
