//! Sending letters: over SMTP, or into a box on this machine.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::Mailbox as Address;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use parking_lot::Mutex;

use crate::letters::Letter;
use crate::metrics;

/// A letter that could not be sent. The words name no address: they are logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PostError(pub String);

#[async_trait]
pub trait Post: Send + Sync {
    /// Returns when whoever is next has taken it over.
    async fn send(&self, letter: &Letter) -> Result<(), PostError>;
}

pub(crate) async fn send(post: &dyn Post, letter: &Letter) -> Result<(), PostError> {
    let sent = post.send(letter).await;
    metrics::letter(sent.is_ok());
    sent.inspect_err(|error| tracing::error!(%error, letter.about = letter.about, "a letter could not be sent"))
}

/// How long a mail server may take for one letter.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Address,
}

impl Smtp {
    /// `url`: `smtps://user:password@host`, or `smtp://host:port` with `?tls=required` where the server speaks STARTTLS. `from`: an
    /// address, with or without a name: `Pika <no-reply@pika.dance>`.
    pub fn new(url: &str, from: &str) -> Result<Self, PostError> {
        // What the library says of an address may repeat it, password and all.
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_| PostError("the mail server's address is not understood".to_owned()))?;
        let from = from.parse().map_err(|_| PostError("the sender's address is not understood".to_owned()))?;
        Ok(Smtp { transport: builder.timeout(Some(PATIENCE)).build(), from })
    }
}

#[async_trait]
impl Post for Smtp {
    async fn send(&self, letter: &Letter) -> Result<(), PostError> {
        let message = written(letter, self.from.clone())?;
        match tokio::time::timeout(PATIENCE, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            // A server's own words may repeat the address; whether it will ever take it is enough.
            Ok(Err(error)) if error.is_permanent() => Err(PostError("the mail server refuses it".to_owned())),
            Ok(Err(_)) => Err(PostError("the mail server cannot be reached or asks to be asked later".to_owned())),
            Err(_) => Err(PostError("the mail server does not answer in time".to_owned())),
        }
    }
}

fn written(letter: &Letter, from: Address) -> Result<Message, PostError> {
    let to = letter.to.as_str().parse().map_err(|_| PostError("no letter can be sent to such an address".to_owned()))?;
    Message::builder()
        .from(from)
        .to(Address::new(None, to))
        .subject(&letter.subject)
        .header(ContentType::TEXT_PLAIN)
        .body(letter.text.clone())
        .map_err(|_| PostError("the letter cannot be written".to_owned()))
}

/// Letters that the box shows; older ones are only in its folder.
const SHOWN: usize = 100;

type Keep = dyn Fn(&str, &[u8]) -> std::io::Result<()> + Send + Sync;

/// A box on this machine, for an evening without a mail server: the newest letters to look at, and each given to `keep`.
#[derive(Clone)]
pub struct Mailbox {
    letters: Arc<Mutex<VecDeque<Letter>>>,
    keep: Arc<Keep>,
    number: Arc<std::sync::atomic::AtomicU64>,
}

impl Mailbox {
    /// `keep` is given a file's name and what belongs into it.
    pub fn new(keep: impl Fn(&str, &[u8]) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        Mailbox { letters: Arc::default(), keep: Arc::new(keep), number: Arc::default() }
    }

    /// Newest first.
    pub fn letters(&self) -> Vec<Letter> {
        self.letters.lock().iter().cloned().collect()
    }
}

#[async_trait]
impl Post for Mailbox {
    async fn send(&self, letter: &Letter) -> Result<(), PostError> {
        let from = "Pika <no-reply@localhost>".parse().map_err(|_| PostError("no sender".to_owned()))?;
        let message = written(letter, from)?;
        let number = self.number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("{}-{number}.eml", schemas::Millis::now().0);
        (self.keep)(&name, &message.formatted()).map_err(|error| PostError(format!("the mailbox cannot be written: {error}")))?;
        let mut letters = self.letters.lock();
        letters.push_front(letter.clone());
        letters.truncate(SHOWN);
        Ok(())
    }
}
