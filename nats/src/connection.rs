//! The connection to the broker, and whether it is there right now.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::{Context, ContextBuilder};
use async_nats::{Client, ConnectOptions, Event, HeaderMap, Message, Request, RequestErrorKind, Subscriber};
use bytes::Bytes;
use schemas::Partition;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior, sleep, timeout, timeout_at};

use crate::epoch::{COMPARED, Log};
use crate::shard::Shard;
use crate::traces::Trace;
use crate::{metrics, streams, subjects};

/// Three unanswered pings end a connection, so a peer that died without a word is noticed within six seconds.
const PING: Duration = Duration::from_secs(2);
/// A server that is back is rejoined this soon. The library's own back-off grows to four seconds, which is a promise broken.
const REJOIN: Duration = Duration::from_millis(250);
/// Messages of one subscription waiting in this process. A venue's busiest second on one subject is a hundredth of it;
/// beyond it the newest are dropped and `Lagged` is told.
const SUBSCRIPTION: usize = 64 * 1024;
/// A TCP connect and the broker's greeting.
const GREETING: Duration = Duration::from_secs(2);
/// Between two tries of the first connect.
const RETRY: Duration = Duration::from_millis(100);
/// How often the connection's state is compared with what was told, because the library drops its events when many come at once.
const WATCH: Duration = Duration::from_millis(250);
/// Making a stream syncs several files.
const API_DEADLINE: Duration = Duration::from_secs(5);
/// Events waiting for a slow receiver in this process. Beyond it the receiver is told that it lagged, and reads again.
const EVENTS: usize = 64;

#[derive(Clone, Debug)]
pub struct Config {
    /// `nats://host:port`, several for a cluster.
    pub servers: Vec<String>,
    /// Copies of each stream: 1 on one machine, 3 in a cluster.
    pub replicas: usize,
    /// Streams that the log is spread over, as it was made: 1, or several where one cannot sync fast enough.
    pub shards: u8,
    /// How long the log is kept; always longer than the longest session.
    pub keep: Duration,
    /// How long a publish may wait for its PubAck before its outcome counts as unknown.
    pub ack_deadline: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            servers: vec!["nats://127.0.0.1:4222".into()],
            replicas: 1,
            shards: 1,
            keep: Duration::from_secs(30 * 24 * 3600),
            ack_deadline: Duration::from_secs(2),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Not there, or no answer in time. The outcome of a publish is unknown.
    #[error("the broker is temporarily unavailable: {0}")]
    Unavailable(String),
    /// It answered, and refused. Trying again will not help.
    #[error("the broker refused: {0}")]
    Refused(String),
    /// A guarded message found another one for its subject on the way; it is not stored, and trying again helps.
    #[error("another message for the same subject is on its way")]
    Busy,
    /// A message in the log cannot be read by this version.
    #[error("unreadable message at {subject} {seq}: {why}")]
    Unreadable { subject: String, seq: u64, why: String },
}

impl BrokerError {
    pub(crate) fn away() -> Self {
        BrokerError::Unavailable("not connected".to_owned())
    }

    pub(crate) fn late() -> Self {
        BrokerError::Unavailable("no answer in time".to_owned())
    }

    pub(crate) fn lags() -> Self {
        BrokerError::Unavailable("the server that answers lags behind the log's leader".to_owned())
    }

    pub(crate) fn unavailable(error: impl std::fmt::Display) -> Self {
        BrokerError::Unavailable(error.to_string())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerEvent {
    Connected,
    Disconnected,
    /// A subscription of this client dropped messages: whoever follows something must read again.
    Lagged,
    /// A new epoch of the log was declared: what was read of it may not be in it any more.
    Epoch,
}

/// A cheap handle, cloned freely; all clones share one connection.
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    config: Config,
    client: Client,
    context: Context,
    events: broadcast::Sender<BrokerEvent>,
    /// This process lets go of the broker; its absence is no news any more.
    leaving: AtomicBool,
    /// The streams of the log, in the order of their numbers.
    pub logs: Vec<Log>,
}

impl Broker {
    /// Connects (waiting up to `patience`), and makes or updates the streams and buckets.
    pub async fn connect(config: Config, patience: Duration) -> Result<Broker, BrokerError> {
        let deadline = Instant::now() + patience;
        let news = News::new();
        let client = first_connect(&config, news.teller(), deadline).await?;
        let context = ContextBuilder::new().timeout(API_DEADLINE).ack_timeout(config.ack_deadline).build(client.clone());
        let broker = Broker::of(config, client, context);
        // Servers that have just been started may still be choosing who leads a stream.
        loop {
            match broker.set_up().await {
                Ok(()) => break,
                Err(error @ BrokerError::Refused(_)) => return Err(error),
                Err(error) if Instant::now() + RETRY > deadline => return Err(error),
                Err(_) => sleep(RETRY).await,
            }
        }
        news.follow(&broker);
        broker.compare_forever();
        Ok(broker)
    }

    /// Connects to look and changes nothing: for a tool that may have been pointed at the wrong server. A broker that Pika never
    /// used is an error here. Nobody is told when such a connection is lost and found again.
    pub async fn visit(config: Config, patience: Duration) -> Result<Broker, BrokerError> {
        let broker = Broker::connected(config, patience).await?;
        broker.compare_logs().await?;
        match Partition::all().all(|partition| broker.epoch(partition) > 0) {
            true => Ok(broker),
            false if broker.was_declared().await? => Err(BrokerError::unavailable(
                "its log is in doubt: it is not the one that was declared, and no worker has compared it with the store yet",
            )),
            false => Err(BrokerError::unavailable("no log of this broker was ever declared; is it the right one?")),
        }
    }

    /// Connects, and no more.
    pub(crate) async fn connected(config: Config, patience: Duration) -> Result<Broker, BrokerError> {
        let client = first_connect(&config, News::new().teller(), Instant::now() + patience).await?;
        let context = ContextBuilder::new().timeout(API_DEADLINE).ack_timeout(config.ack_deadline).build(client.clone());
        Ok(Broker::of(config, client, context))
    }

    async fn set_up(&self) -> Result<(), BrokerError> {
        streams::ensure(self.context(), self.config()).await?;
        self.compare_logs().await
    }

    fn of(config: Config, client: Client, context: Context) -> Broker {
        metrics::describe();
        let logs = Shard::all(config.shards).map(Log::new).collect();
        let shared = Shared { config, client, context, events: broadcast::Sender::new(EVENTS), leaving: AtomicBool::new(false), logs };
        Broker { shared: Arc::new(shared) }
    }

    /// Whether the connection is up at this moment. While it is not, publishing answers `Unavailable` at once; nothing is queued.
    pub fn available(&self) -> bool {
        self.shared.client.connection_state() == State::Connected
    }

    pub fn events(&self) -> broadcast::Receiver<BrokerEvent> {
        self.shared.events.subscribe()
    }

    /// The last call before a process ends: returns once everything that was sent before has reached the broker, which may
    /// then go without being missed here.
    pub async fn farewell(&self) {
        if let Err(error) = self.round_trip().await {
            tracing::debug!(%error, "the broker left first");
        }
        self.shared.leaving.store(true, Ordering::Release);
    }

    pub(crate) fn logs(&self) -> &[Log] {
        &self.shared.logs
    }

    pub(crate) fn client(&self) -> &Client {
        &self.shared.client
    }

    pub(crate) fn context(&self) -> &Context {
        &self.shared.context
    }

    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// One question, one answer, within the deadline of acks.
    pub(crate) async fn request(&self, subject: String, headers: Option<HeaderMap>, payload: Bytes) -> Result<Message, BrokerError> {
        self.request_within(subject, headers, payload, self.shared.config.ack_deadline)
            .await?
            .ok_or_else(|| BrokerError::unavailable("nobody answers"))
    }

    /// `None`: nobody listens on that subject.
    pub(crate) async fn request_within(
        &self,
        subject: String,
        headers: Option<HeaderMap>,
        payload: Bytes,
        patience: Duration,
    ) -> Result<Option<Message>, BrokerError> {
        if !self.available() {
            return Err(BrokerError::away());
        }
        let mut request = Request::new().payload(payload).timeout(None);
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        match timeout(patience, self.shared.client.send_request(subject, request)).await {
            Err(_) => Err(BrokerError::late()),
            Ok(Ok(message)) => Ok(Some(message)),
            Ok(Err(error)) => match error.kind() {
                RequestErrorKind::NoResponders => Ok(None),
                RequestErrorKind::MaxPayloadExceeded | RequestErrorKind::InvalidSubject => Err(BrokerError::Refused(error.to_string())),
                RequestErrorKind::TimedOut | RequestErrorKind::Other => Err(BrokerError::unavailable(error)),
            },
        }
    }

    /// Sends without asking for an answer. While the broker is away this fails at once, because the library would keep
    /// the message and send it whenever it pleases.
    pub(crate) async fn send(&self, subject: String, payload: Bytes) -> Result<(), BrokerError> {
        if !self.available() {
            return Err(BrokerError::away());
        }
        match Trace::current() {
            Some(trace) => {
                let mut headers = HeaderMap::new();
                trace.write(&mut headers);
                self.in_time(self.shared.client.publish_with_headers(subject, headers, payload)).await
            }
            None => self.in_time(self.shared.client.publish(subject, payload)).await,
        }
    }

    /// Subscribes, and returns once the server has taken the subscription.
    pub(crate) async fn subscribe(&self, subject: String) -> Result<Subscriber, BrokerError> {
        let subscriber = self.in_time(self.shared.client.subscribe(subject)).await?;
        self.round_trip().await?;
        Ok(subscriber)
    }

    /// Returns once the server has worked off everything that was sent before on this connection. The library's `flush`
    /// only hands the bytes to the kernel: a message that another client sends then may still come before them.
    pub(crate) async fn round_trip(&self) -> Result<(), BrokerError> {
        // The server says by itself that nobody listens there.
        self.request_within(subjects::NOBODY.to_owned(), None, Bytes::new(), self.shared.config.ack_deadline).await.map(|_| ())
    }

    pub(crate) async fn in_time<T, E: std::fmt::Display>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, BrokerError> {
        timeout(self.shared.config.ack_deadline, work).await.map_err(|_| BrokerError::late())?.map_err(BrokerError::unavailable)
    }

    pub(crate) fn tell(&self, event: BrokerEvent) {
        // Nobody may be listening.
        let _ = self.shared.events.send(event);
    }
}

async fn first_connect(config: &Config, teller: Teller, deadline: Instant) -> Result<Client, BrokerError> {
    loop {
        let teller = teller.clone();
        let options = ConnectOptions::new()
            .name("pika")
            .ping_interval(PING)
            .connection_timeout(GREETING)
            .subscription_capacity(SUBSCRIPTION)
            .reconnect_delay_callback(|attempts| Duration::from_millis(5 << attempts.min(8)).min(REJOIN))
            .event_callback(move |event| {
                teller.tell(&event);
                std::future::ready(())
            });
        let said = match timeout_at(deadline, options.connect(&config.servers[..])).await {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        if Instant::now() + RETRY > deadline {
            return Err(BrokerError::Unavailable(said));
        }
        sleep(RETRY).await;
    }
}

/// What the library tells of the connection, on its way to [`Broker::events`].
struct News {
    teller: Teller,
    heard: mpsc::Receiver<BrokerEvent>,
}

#[derive(Clone)]
struct Teller {
    queue: mpsc::Sender<BrokerEvent>,
    /// Messages were dropped, or an event found the queue full. A flood of drops is told once for each look.
    dropped: Arc<AtomicBool>,
}

impl Teller {
    pub(crate) fn tell(&self, event: &Event) {
        let event = match event {
            Event::Connected => BrokerEvent::Connected,
            Event::Disconnected | Event::Closed => BrokerEvent::Disconnected,
            Event::SlowConsumer(_) => return self.dropped.store(true, Ordering::Release),
            Event::ServerError(error) => return tracing::warn!(broker.error = %error, "the broker complains"),
            Event::ClientError(error) => return tracing::debug!(broker.error = %error, "no connection to the broker yet"),
            Event::LameDuckMode | Event::Draining => return,
        };
        if self.queue.try_send(event).is_err() {
            self.dropped.store(true, Ordering::Release);
        }
    }
}

impl News {
    fn new() -> Self {
        let (queue, heard) = mpsc::channel(EVENTS);
        News { teller: Teller { queue, dropped: Arc::default() }, heard }
    }

    fn teller(&self) -> Teller {
        self.teller.clone()
    }

    /// Passes events on until the last handle of the broker is gone.
    fn follow(mut self, broker: &Broker) {
        let shared = Arc::downgrade(&broker.shared);
        let mut up = true;
        // The first `Connected` is the connect that has just been waited for.
        while self.heard.try_recv().is_ok() {}
        tokio::spawn(async move {
            let mut watch = tokio::time::interval(WATCH);
            watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let event = tokio::select! {
                    event = self.heard.recv() => event,
                    _ = watch.tick() => None,
                };
                let Some(shared) = shared.upgrade().filter(|shared| !shared.leaving.load(Ordering::Acquire)) else { return };
                let broker = Broker { shared };
                if event.is_none() && self.teller.dropped.swap(false, Ordering::AcqRel) {
                    tracing::warn!("messages of the broker were dropped because this process did not keep up");
                    broker.tell(BrokerEvent::Lagged);
                }
                let now = broker.available();
                // Down and up again between two looks still was a break in what was heard.
                let blinked = event == Some(BrokerEvent::Disconnected) || (event == Some(BrokerEvent::Connected) && up);
                if up && (!now || blinked) {
                    up = false;
                    tracing::warn!("the broker is away");
                    broker.tell(BrokerEvent::Disconnected);
                }
                if !up && now {
                    up = true;
                    metrics::reconnected();
                    broker.mend().await;
                    tracing::info!("the broker is back");
                    broker.tell(BrokerEvent::Connected);
                }
            }
        });
    }
}

impl Broker {
    /// What a restarted broker has forgotten, before anybody is told that it is back.
    async fn mend(&self) {
        if let Err(error) = self.in_time(streams::ensure_beside_log(self.context(), self.config())).await {
            tracing::warn!(%error, "some streams could not be made again");
        }
        if let Err(error) = self.compare_logs().await {
            tracing::warn!(%error, "the log could not be compared");
        }
    }

    /// Compares the log for as long as a handle exists.
    fn compare_forever(&self) {
        let shared = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            let mut tick = tokio::time::interval_at(Instant::now() + COMPARED, COMPARED);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                let Some(shared) = shared.upgrade() else { return };
                let broker = Broker { shared };
                if broker.available()
                    && let Err(error) = broker.compare_logs().await
                {
                    tracing::debug!(%error, "the log could not be compared");
                }
            }
        });
    }
}
