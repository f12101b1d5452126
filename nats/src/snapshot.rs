//! Copies of the streams that must not be lost, as the broker itself makes them, and putting them back: each message with the sequence that
//! it had. What is derived, or ends by itself, is not among them: STATE and the leases.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::StreamExt;
use schemas::{Millis, Seq};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};

use crate::connection::{Broker, BrokerError, Config};
use crate::epoch::{Era, Eras};
use crate::shard::Shard;
use crate::subjects;

/// A server that has to read a chunk from a busy disk.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of one message of a copy; well below what the broker takes in one.
pub const CHUNK: usize = 128 * 1024;

/// What the broker says of a copied stream, and wants to hear when it is put back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Copied {
    pub stream: String,
    pub config: Value,
    pub state: Value,
}

impl Copied {
    pub fn messages(&self) -> u64 {
        self.state["messages"].as_u64().unwrap_or(0)
    }

    pub fn last(&self) -> Seq {
        self.state["last_seq"].as_u64().unwrap_or(0)
    }
}

pub type Chunks = Pin<Box<dyn futures_util::Stream<Item = Result<Bytes, BrokerError>> + Send>>;

#[derive(Deserialize)]
struct Begun {
    config: Value,
    state: Value,
}

#[derive(Deserialize)]
struct Place {
    deliver_subject: String,
}

/// What the broker says of a chunk, which is nothing unless something is wrong, and of the whole.
#[derive(Deserialize)]
struct Verdict {
    error: Option<Value>,
}

impl Broker {
    /// Connects and neither makes nor compares anything: for putting streams back where there are none.
    pub async fn bare(config: Config, patience: Duration) -> Result<Broker, BrokerError> {
        Broker::connected(config, patience).await
    }

    /// The streams that a backup holds.
    pub fn kept(&self) -> Vec<String> {
        let buckets = [subjects::BUCKET_PIKA, subjects::BUCKET_CODES].map(subjects::bucket_stream);
        Shard::all(self.config().shards).map(Shard::stream).chain([subjects::REVOKED.to_owned()]).chain(buckets).collect()
    }

    /// Asks for a copy of a stream, which goes on being written. The chunks are a tar file in S2, the broker's own form.
    pub async fn snapshot(&self, stream: &str) -> Result<(Copied, Chunks), BrokerError> {
        let inbox = self.client().new_inbox();
        let mut chunks = self.subscribe(inbox.clone()).await?;
        let wanted = json!({"deliver_subject": inbox, "no_consumers": true, "chunk_size": CHUNK, "jsck": false});
        let begun: Begun = self.api(&format!("STREAM.SNAPSHOT.{stream}"), &wanted).await?;
        let client = self.client().clone();
        let read = async_stream(|mut out: Out| async move {
            loop {
                let chunk = match timeout(PATIENCE, chunks.next()).await {
                    Ok(Some(chunk)) => chunk,
                    Ok(None) | Err(_) => return Err(BrokerError::unavailable("the copy of a stream broke off")),
                };
                if let Some(status) = chunk.status.filter(|status| !matches!(status.as_u16(), 100 | 204)) {
                    return Err(BrokerError::unavailable(format!("{status} {}", chunk.description.as_deref().unwrap_or_default())));
                }
                if chunk.payload.is_empty() {
                    return Ok(());
                }
                out.send(chunk.payload).await?;
                // The broker sends a window of chunks and then waits to hear how far we are.
                if let Some(reply) = chunk.reply {
                    client.publish(reply, Bytes::new()).await.map_err(BrokerError::unavailable)?;
                }
            }
        });
        Ok((Copied { stream: stream.to_owned(), config: begun.config, state: begun.state }, read))
    }

    /// Puts a stream back. It must not exist.
    pub async fn restore(&self, copied: &Copied, mut chunks: Chunks) -> Result<(), BrokerError> {
        let wanted = json!({"config": copied.config, "state": copied.state});
        let place: Place = self.api(&format!("STREAM.RESTORE.{}", copied.stream), &wanted).await?;
        while let Some(chunk) = chunks.next().await {
            let mut chunk = chunk?;
            while !chunk.is_empty() {
                let piece = chunk.split_to(chunk.len().min(CHUNK));
                self.put_back(&place, piece).await?;
            }
        }
        self.put_back(&place, Bytes::new()).await
    }

    async fn put_back(&self, place: &Place, piece: Bytes) -> Result<(), BrokerError> {
        let answer = self.request_within(place.deliver_subject.clone(), None, piece, PATIENCE).await?;
        let answer = answer.ok_or_else(|| BrokerError::unavailable("the broker does not take the copy any more"))?;
        match serde_json::from_slice::<Verdict>(&answer.payload) {
            Ok(Verdict { error: Some(error) }) => Err(BrokerError::Refused(error.to_string())),
            Ok(Verdict { error: None }) | Err(_) => Ok(()),
        }
    }

    /// Whether there is a stream of that name.
    pub async fn has(&self, stream: &str) -> Result<bool, BrokerError> {
        match self.api::<Value>(&format!("STREAM.INFO.{stream}"), &json!({})).await {
            Ok(_) => Ok(true),
            Err(BrokerError::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What a stream holds now: messages, and the newest sequence given out.
    pub async fn holds(&self, stream: &str) -> Result<(u64, Seq), BrokerError> {
        let info: Value = self.api(&format!("STREAM.INFO.{stream}"), &json!({})).await?;
        let number = |key: &str| info["state"][key].as_u64().unwrap_or(0);
        Ok((number("messages"), number("last_seq")))
    }

    /// Says that the log was put back, so that the first worker declares a new epoch behind everything that may have been given out since
    /// the copy was taken. Without it the log would go on where the copy ends, and give sequences out twice.
    pub async fn distrust(&self) -> Result<(), BrokerError> {
        for log in self.logs() {
            let Some(info) = self.log_info(log).await? else { return Err(BrokerError::unavailable("there is no log")) };
            let (revision, mut eras) = self.read_eras(log).await?;
            eras.0.pop_if(|era| !era.declared);
            // Never the first: before that one nothing was given out, and a copy cannot know.
            let epoch = eras.current().map_or(1, |era| era.epoch) + 1;
            let begun = Era {
                epoch,
                first: 0,
                agreed: info.last,
                lost: info.last,
                at: Millis::now(),
                stream: info.created.clone(),
                declared: false,
            };
            eras = Eras(eras.0.into_iter().chain([begun]).collect());
            self.write_eras(log, &eras, revision).await?;
        }
        Ok(())
    }
}

/// Where a reader puts what it read.
struct Out(tokio::sync::mpsc::Sender<Result<Bytes, BrokerError>>);

impl Out {
    async fn send(&mut self, chunk: Bytes) -> Result<(), BrokerError> {
        self.0.send(Ok(chunk)).await.map_err(|_| BrokerError::unavailable("nobody reads the copy"))
    }
}

/// A stream out of a loop that reads. It runs no further ahead than a few chunks.
fn async_stream<F: Future<Output = Result<(), BrokerError>> + Send + 'static>(read: impl FnOnce(Out) -> F) -> Chunks {
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    let reading = read(Out(sender.clone()));
    tokio::spawn(async move {
        if let Err(error) = reading.await {
            // Whoever reads may have gone.
            let _ = sender.send(Err(error)).await;
        }
    });
    futures_util::stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|chunk| (chunk, receiver)) }).boxed()
}
