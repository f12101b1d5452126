//! Following a stream in order: an ordered pull consumer that mends itself over reconnects, restarts and lost consumers.
//!
//! Its promise: after [`From::After`] every matching message once, in the order of the stream; after [`From::Latest`] the
//! newest of each subject, then every later one, and all newest again whenever the consumer had to be made anew.
//! The library's own ordered consumer notices a lost one after two missed heartbeats of fifteen seconds; a partition has to
//! be served again within three.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::{Message, Subscriber};
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, unfold};
use schemas::{Millis, Seq};
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::connection::{Broker, BrokerError, BrokerEvent};
use crate::direct::Stored;
use crate::metrics;

/// Messages asked for at once: so many wait in this process at the most, for each reader.
const PULL: usize = 256;
/// And so many bytes, above the largest message.
const PULL_BYTES: usize = 4 * 1024 * 1024;
/// A request is renewed this often when nothing is said.
const EXPIRES: Duration = Duration::from_secs(30);
/// The broker says this often that it is there. Sixty-four readers make thirty-two small messages a second of it.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Two heartbeats and a bit: after such a silence the consumer is gone.
const SILENCE: Duration = Duration::from_millis(4500);
/// The broker forgets a consumer that nobody reads.
const FORGOTTEN: Duration = Duration::from_secs(30);
/// Between two tries to make a consumer: at once after the first loss, then growing to this.
const BACKOFF: Duration = Duration::from_millis(1000);

#[derive(Clone, Copy, Debug)]
pub(crate) enum From {
    /// Every message with a sequence above this.
    After(Seq),
    /// The newest of each subject, then all that follow.
    Latest,
}

#[derive(Debug)]
pub(crate) enum Followed {
    /// A consumer was made; so many stored messages will come first.
    Opened { waiting: u64 },
    /// `waiting`: so many stored ones are behind it.
    Message { message: Stored, waiting: u64 },
}

pub(crate) struct Follower {
    broker: Broker,
    stream: &'static str,
    filters: Vec<String>,
    from: From,
    events: broadcast::Receiver<BrokerEvent>,
    consumer: Option<Consumer>,
    /// Consumers in a row that brought nothing.
    barren: u32,
    opened: Option<u64>,
}

/// One life of the consumer on the broker.
struct Consumer {
    name: String,
    answers: Subscriber,
    inbox: String,
    /// Messages still owed by the open request.
    owed: usize,
    delivered: u64,
    heard: Instant,
}

enum Taken {
    Message { message: Stored, waiting: u64 },
    Nothing,
    Lost(String),
}

impl Follower {
    /// Makes the first consumer; an error here is the caller's to handle, later ones are mended.
    pub async fn open(broker: &Broker, stream: &'static str, filters: Vec<String>, from: From) -> Result<Follower, BrokerError> {
        let mut follower =
            Follower { broker: broker.clone(), stream, filters, from, events: broker.events(), consumer: None, barren: 0, opened: None };
        follower.make().await?;
        Ok(follower)
    }

    /// The next thing, after however many repairs. Only an error that mending cannot help is given.
    pub async fn next(&mut self) -> Result<Followed, BrokerError> {
        loop {
            if let Some(waiting) = self.opened.take() {
                return Ok(Followed::Opened { waiting });
            }
            let Some(consumer) = &mut self.consumer else {
                self.make_again().await?;
                continue;
            };
            if consumer.owed == 0
                && let Err(error) = consumer.ask(&self.broker, self.stream).await
            {
                self.lose(&error.to_string());
                continue;
            }
            let silent = consumer.heard + SILENCE;
            let taken = tokio::select! {
                biased;
                answer = consumer.answers.next() => match answer {
                    Some(answer) => consumer.take(answer),
                    None => Taken::Lost("the subscription ended".to_owned()),
                },
                event = self.events.recv() => match event {
                    Ok(BrokerEvent::Connected) | Err(broadcast::error::RecvError::Lagged(_)) => Taken::Lost("the broker came back".to_owned()),
                    Ok(BrokerEvent::Epoch) => Taken::Lost("a new epoch".to_owned()),
                    // A dropped message of ours shows as a gap in the consumer's own count.
                    Ok(BrokerEvent::Disconnected | BrokerEvent::Lagged) => Taken::Nothing,
                    Err(broadcast::error::RecvError::Closed) => return Err(BrokerError::unavailable("the connection is closed")),
                },
                () = sleep_until(silent) => Taken::Lost("it is silent".to_owned()),
            };
            match taken {
                Taken::Message { message, waiting } => {
                    self.barren = 0;
                    if let From::After(after) = &mut self.from {
                        if message.seq <= *after {
                            continue;
                        }
                        *after = message.seq;
                    }
                    return Ok(Followed::Message { message, waiting });
                }
                Taken::Nothing => {}
                Taken::Lost(why) => self.lose(&why),
            }
        }
    }

    /// The messages alone.
    pub fn messages(self) -> BoxStream<'static, Result<Stored, BrokerError>> {
        let step = |follower: Option<Follower>| async move {
            let mut follower = follower?;
            loop {
                match follower.next().await {
                    Ok(Followed::Message { message, .. }) => return Some((Ok(message), Some(follower))),
                    Ok(Followed::Opened { .. }) => {}
                    Err(error) => return Some((Err(error), None)),
                }
            }
        };
        unfold(Some(self), step).boxed()
    }

    fn lose(&mut self, why: &str) {
        if let Some(consumer) = self.consumer.take() {
            tracing::debug!(stream = self.stream, consumer = consumer.name, why, "a reader makes its consumer anew");
            metrics::reader_reopened();
        }
    }

    async fn make_again(&mut self) -> Result<(), BrokerError> {
        let wait = match self.barren {
            0 => Duration::ZERO,
            n => (Duration::from_millis(50) * (1 << n.min(5))).min(BACKOFF),
        };
        self.barren = self.barren.saturating_add(1);
        sleep(wait).await;
        if !self.broker.available() {
            // Woken by the return, or by the clock: the event may have been told before this receiver listened.
            let _ = timeout(BACKOFF, self.events.recv()).await;
            return Ok(());
        }
        match self.make().await {
            Err(BrokerError::Unavailable(why)) => tracing::debug!(stream = self.stream, why, "a reader has no consumer yet"),
            Err(error) => return Err(error),
            Ok(()) => {}
        }
        Ok(())
    }

    async fn make(&mut self) -> Result<(), BrokerError> {
        // What was told until now is answered by the consumer that is about to be made.
        self.events = self.broker.events();
        let inbox = self.broker.client().new_inbox();
        let answers = self.broker.in_time(self.broker.client().subscribe(inbox.clone())).await?;
        let deliver_policy = match self.from {
            From::After(after) => DeliverPolicy::ByStartSequence { start_sequence: after + 1 },
            From::Latest => DeliverPolicy::LastPerSubject,
        };
        let config = pull::Config {
            deliver_policy,
            filter_subjects: self.filters.clone(),
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let made = timeout(self.broker.config().ack_deadline, self.broker.context().create_consumer_on_stream(config, self.stream));
        let consumer = made.await.map_err(|_| BrokerError::late())?.map_err(refusal)?;
        let info = consumer.cached_info();
        self.opened = Some(info.num_pending);
        self.consumer = Some(Consumer { name: info.name.clone(), answers, inbox, owed: 0, delivered: 0, heard: Instant::now() });
        Ok(())
    }
}

/// A malformed consumer stays malformed; everything else may pass.
fn refusal(error: async_nats::jetstream::stream::ConsumerError) -> BrokerError {
    use async_nats::jetstream::stream::ConsumerErrorKind as Kind;
    match error.kind() {
        Kind::JetStream(said) if said.code() == 400 => BrokerError::Refused(error.to_string()),
        Kind::InvalidConsumerType | Kind::InvalidName => BrokerError::Refused(error.to_string()),
        Kind::JetStream(_) | Kind::TimedOut | Kind::Request | Kind::Other => BrokerError::unavailable(error),
    }
}

impl Consumer {
    async fn ask(&mut self, broker: &Broker, stream: &str) -> Result<(), BrokerError> {
        let request = serde_json::json!({
            "batch": PULL,
            "max_bytes": PULL_BYTES,
            "expires": EXPIRES.as_nanos() as u64,
            "idle_heartbeat": HEARTBEAT.as_nanos() as u64,
        });
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{}", self.name);
        broker.in_time(broker.client().publish_with_reply(subject, self.inbox.clone(), request.to_string().into())).await?;
        self.owed = PULL;
        self.heard = Instant::now();
        Ok(())
    }

    fn take(&mut self, answer: Message) -> Taken {
        self.heard = Instant::now();
        let said = answer.description.as_deref().unwrap_or_default();
        match answer.status.map(|s| s.as_u16()) {
            Some(100) => Taken::Nothing,
            // The request ran out, or its bytes are used up: there will be another.
            Some(404 | 408) => {
                self.owed = 0;
                Taken::Nothing
            }
            Some(409) if said.contains("MaxBytes") || said.contains("Batch Completed") => {
                self.owed = 0;
                Taken::Nothing
            }
            Some(code) => Taken::Lost(format!("{code} {said}")),
            None => self.deliver(answer),
        }
    }

    fn deliver(&mut self, answer: Message) -> Taken {
        let Some(place) = answer.reply.as_deref().and_then(Place::parse) else {
            return Taken::Lost(format!("a message without its place on {}", answer.subject));
        };
        if place.consumer_seq != self.delivered + 1 {
            return Taken::Lost(format!("message {} follows {}", place.consumer_seq, self.delivered));
        }
        self.delivered = place.consumer_seq;
        self.owed = self.owed.saturating_sub(1);
        let message = Stored {
            subject: answer.subject.to_string(),
            seq: place.seq,
            stamp: place.stamp,
            headers: answer.headers.unwrap_or_default(),
            payload: answer.payload,
        };
        Taken::Message { message, waiting: place.waiting }
    }
}

/// Where a delivered message stands, as its reply subject says:
/// `$JS.ACK[.<domain>.<account>].<stream>.<consumer>.<deliveries>.<seq>.<consumer seq>.<nanoseconds>.<waiting>[.<token>]`.
#[derive(Debug, PartialEq)]
struct Place {
    seq: Seq,
    consumer_seq: u64,
    stamp: Millis,
    waiting: u64,
}

impl Place {
    fn parse(reply: &str) -> Option<Place> {
        let tokens: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let skip = match tokens.len() {
            7 => 3,
            n if n >= 9 => 5,
            _ => return None,
        };
        let number = |i: usize| tokens.get(skip + i)?.parse::<u64>().ok();
        let stamp = Millis(i64::try_from(number(2)? / 1_000_000).ok()?);
        Some(Place { seq: number(0)?, consumer_seq: number(1)?, stamp, waiting: number(3)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_from_both_forms_of_the_reply() {
        let place = Some(Place { seq: 41, consumer_seq: 7, stamp: Millis(1_769_284_800_123), waiting: 2 });
        assert_eq!(Place::parse("$JS.ACK.LIVE.c1.1.41.7.1769284800123456789.2"), place);
        assert_eq!(Place::parse("$JS.ACK._.hash.LIVE.c1.1.41.7.1769284800123456789.2.token"), place);
        assert_eq!(Place::parse("_INBOX.x"), None);
    }
}
