//! Notes over core NATS: not stored, at most once. Subjects: `note.<session>.applause`, `note.<session>.probe`, `verdict.<node>`, `presence.<p>`,
//! `presence.ask`, `ask.<p>.mine`, `ask.auth.token`, `tried`, `revoked`.

use std::time::Duration;

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use schemas::codec::{from_log, to_log};
use schemas::note::{Applause, AskMine, AskToken, Mine, Presence, TokenAnswer, Tried, Verdicts};
use schemas::{NodeId, Partition, SessionId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};

use crate::batch::Outgoing;
use crate::connection::{Broker, BrokerError};
use crate::follow::{Follower, From};
use crate::log::AppendError;
use crate::metrics;
use crate::subjects::{self, REVOKED};
use crate::traces::Trace;

/// A node drops a silent socket within 3 s of the question; the rest is for the way of its answer.
const PROBE: Duration = Duration::from_millis(3500);

/// Pause before revocations are followed again after the broker went away.
const AGAIN: Duration = Duration::from_millis(500);

/// A question that somebody asked over the broker, and the way to answer it.
pub struct Question<Q, A> {
    pub ask: Q,
    pub(crate) reply: Box<dyn FnOnce(A) -> futures_util::future::BoxFuture<'static, ()> + Send>,
}

impl<Q, A> Question<Q, A> {
    pub async fn answer(self, answer: A) {
        (self.reply)(answer).await
    }
}

impl Broker {
    pub async fn send_applause(&self, session: &SessionId, applause: &Applause) -> Result<(), BrokerError> {
        self.note(subjects::applause(session), applause).await
    }

    pub async fn send_verdicts(&self, node: &NodeId, verdicts: &Verdicts) -> Result<(), BrokerError> {
        self.note(subjects::verdict(node), verdicts).await
    }

    pub async fn verdicts(&self, node: &NodeId) -> Result<BoxStream<'static, (Verdicts, Option<Trace>)>, BrokerError> {
        let read = |message: Message| decode(&message).map(|verdicts| (verdicts, Trace::read(message.headers.as_ref())));
        Ok(self.subscribe(subjects::verdict(node)).await?.filter_map(move |message| std::future::ready(read(message))).boxed())
    }

    pub async fn send_presence(&self, partition: Partition, presence: &Presence) -> Result<(), BrokerError> {
        self.note(subjects::presence(partition), presence).await
    }

    pub async fn presence(&self, partition: Partition) -> Result<BoxStream<'static, Presence>, BrokerError> {
        Ok(decoded(self.subscribe(subjects::presence(partition)).await?))
    }

    /// Asks all nodes to report their full sets of this partition now.
    pub async fn ask_presence(&self, partition: Partition) -> Result<(), BrokerError> {
        self.note(subjects::PRESENCE_ASK.to_owned(), &partition).await
    }

    pub async fn presence_asked(&self) -> Result<BoxStream<'static, Partition>, BrokerError> {
        Ok(decoded(self.subscribe(subjects::PRESENCE_ASK.to_owned()).await?))
    }

    /// Asks whether a DJ's socket of this session is alive anywhere. `false` at once when no node holds one; `true` when it answered a ping.
    /// A node that holds a silent one drops it within 3 s and answers `false`. Waits at most 4 s.
    ///
    /// Several nodes may hold one. The first `true` decides; how many others will speak is unknown, so a `false` waits the
    /// time out for a `true`.
    pub async fn probe_dj(&self, session: &SessionId) -> Result<bool, BrokerError> {
        let client = self.client();
        let inbox = client.new_inbox();
        if !self.available() {
            return Err(BrokerError::away());
        }
        let mut answers = self.in_time(client.subscribe(inbox.clone())).await?;
        self.in_time(client.publish_with_reply(subjects::probe(session), inbox, Bytes::from(to_log(&())))).await?;
        let deadline = Instant::now() + PROBE;
        while let Ok(Some(answer)) = timeout_at(deadline, answers.next()).await {
            if answer.status.is_some() {
                return Ok(false);
            }
            if decode::<bool>(&answer) == Some(true) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub async fn dj_probes(&self, session: &SessionId) -> Result<BoxStream<'static, Question<(), bool>>, BrokerError> {
        Ok(self.questions(self.subscribe(subjects::probe(session)).await?))
    }

    /// A person's own vote; `None` when nobody answered in `patience`.
    pub async fn ask_mine(&self, partition: Partition, ask: &AskMine, patience: Duration) -> Option<Mine> {
        let answer = self.request_within(subjects::ask_mine(partition), None, to_log(ask).into(), patience).await.ok()??;
        decode(&answer)
    }

    pub async fn mine_asked(&self, partition: Partition) -> Result<BoxStream<'static, Question<AskMine, Mine>>, BrokerError> {
        Ok(self.questions(self.subscribe(subjects::ask_mine(partition)).await?))
    }

    /// Whose token this is. An error when nobody could answer; `dj: None` when the token is not valid.
    pub async fn ask_token(&self, ask: &AskToken) -> Result<TokenAnswer, BrokerError> {
        let answer = self.request(subjects::ASK_TOKEN.to_owned(), None, to_log(ask).into()).await?;
        decode(&answer).ok_or_else(|| BrokerError::unavailable("an answer that cannot be read"))
    }

    /// The processes that can answer share the questions.
    pub async fn token_asked(&self) -> Result<BoxStream<'static, Question<AskToken, TokenAnswer>>, BrokerError> {
        let client = self.client();
        let asked = self.in_time(client.queue_subscribe(subjects::ASK_TOKEN, subjects::ASK_TOKEN_GROUP.to_owned())).await?;
        self.round_trip().await?;
        Ok(self.questions(asked))
    }

    pub async fn send_tried(&self, tried: &Tried) -> Result<(), BrokerError> {
        self.note(subjects::TRIED.to_owned(), tried).await
    }

    /// What is limited and was let through, by all processes.
    pub async fn tried(&self) -> Result<BoxStream<'static, Tried>, BrokerError> {
        Ok(decoded(self.subscribe(subjects::TRIED.to_owned()).await?))
    }

    /// Revoked tokens: a small stream kept 30 days. `revoke` stores; `revocations` gives all kept ones, then follows.
    pub async fn revoke(&self, sha256: &str) -> Result<(), BrokerError> {
        self.put(Outgoing::new(subjects::REVOKED_ALL.to_owned(), &sha256)).await.map(|_| ()).map_err(AppendError::unguarded)
    }

    pub async fn revocations(&self) -> Result<BoxStream<'static, String>, BrokerError> {
        let follower = Follower::open(self, REVOKED.to_owned(), vec![subjects::REVOKED_ALL.to_owned()], From::After(0)).await?;
        let read = |message: Result<crate::direct::Stored, BrokerError>| async move {
            message.and_then(|m| m.body()).inspect_err(|error| tracing::error!(%error, "a revocation is skipped")).ok()
        };
        Ok(follower.messages().filter_map(read).boxed())
    }

    /// Says each revoked token, the kept ones first, for as long as it is polled: after an outage it begins anew. `followed` is told when
    /// revocations begin to be heard and when they are heard no more.
    pub async fn each_revocation(&self, followed: impl Fn(bool), revoked: impl Fn(&str)) {
        loop {
            if let Ok(mut revocations) = self.revocations().await {
                followed(true);
                while let Some(sha256) = revocations.next().await {
                    revoked(&sha256);
                }
                followed(false);
            }
            sleep(AGAIN).await;
        }
    }

    async fn note<T: Serialize>(&self, subject: String, body: &T) -> Result<(), BrokerError> {
        self.send(subject, to_log(body).into()).await
    }

    fn questions<Q, A>(&self, asked: Subscriber) -> BoxStream<'static, Question<Q, A>>
    where
        Q: DeserializeOwned + Send + 'static,
        A: Serialize + Send + 'static,
    {
        let broker = self.clone();
        let read = move |message: Message| {
            let question = message.reply.as_ref().map(ToString::to_string).zip(decode(&message)).map(|(to, ask)| {
                let broker = broker.clone();
                let answer = move |answer: A| {
                    let body = to_log(&answer);
                    async move {
                        if let Err(error) = broker.send(to, body.into()).await {
                            tracing::debug!(%error, "an answer could not be sent");
                        }
                    }
                    .boxed()
                };
                Question { ask, reply: Box::new(answer) }
            });
            std::future::ready(question)
        };
        asked.filter_map(read).boxed()
    }
}

fn decoded<T: DeserializeOwned + Send + 'static>(subscriber: Subscriber) -> BoxStream<'static, T> {
    subscriber.filter_map(|message| std::future::ready(decode(&message))).boxed()
}

/// A note of a version that we cannot read is dropped and counted: it cost freshness, never truth.
fn decode<T: DeserializeOwned>(message: &Message) -> Option<T> {
    let read = from_log(&message.payload);
    if let Err(error) = &read {
        metrics::note_undecodable();
        tracing::debug!(note.subject = %message.subject, %error, "a note cannot be read");
    }
    read.ok()
}
