//! Direct Get: reading messages of a stream by sequence or subject, from any replica, without a consumer.

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use futures_util::StreamExt;
use schemas::codec::LOG_VERSION;
use schemas::{Millis, Seq};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::connection::{Broker, BrokerError};
use crate::subjects::headers;

/// A stored message.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub subject: String,
    pub seq: Seq,
    pub stamp: Millis,
    pub headers: HeaderMap,
    pub payload: Bytes,
}

impl Stored {
    /// The body, if it is of a version that we read.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, BrokerError> {
        self.try_body().map_err(|why| self.unreadable(why))
    }

    pub fn try_body<T: DeserializeOwned>(&self) -> Result<T, String> {
        self.version()?;
        schemas::codec::from_log(&self.payload).map_err(|e| e.to_string())
    }

    fn version(&self) -> Result<(), String> {
        let version = self.headers.get(headers::VERSION).map(|v| v.as_str()).ok_or("no version")?;
        let number: u32 = version.parse().map_err(|_| "no version number")?;
        let known = number == LOG_VERSION || number + 1 == LOG_VERSION;
        if known { Ok(()) } else { Err(format!("version {number}")) }
    }

    pub fn unreadable(&self, why: impl std::fmt::Display) -> BrokerError {
        BrokerError::Unreadable { subject: self.subject.clone(), seq: self.seq, why: why.to_string() }
    }
}

/// What to get: the fields of the broker's request.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Get {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_by_subj: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_by_subj: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multi_last: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
}

/// A page of answers.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub messages: Vec<Stored>,
    /// More match than this page holds.
    pub more: bool,
    /// The stream's last sequence at the read. `None` when nothing was found.
    pub up_to: Option<Seq>,
}

impl Broker {
    /// The newest message on a subject.
    pub(crate) async fn last_on(&self, stream: &str, subject: &str) -> Result<Option<Stored>, BrokerError> {
        let get = Get { last_by_subj: Some(subject.to_owned()), ..Get::default() };
        let answer = self.request(direct(stream), None, body(&get)?).await?;
        match answer.status.map(|s| s.as_u16()) {
            None => read(answer).map(Some),
            Some(404) => Ok(None),
            Some(code) => Err(complaint(code, &answer)),
        }
    }

    /// Many messages in one go: needs `batch` or `multi_last`, else the broker never says that it is done.
    pub(crate) async fn get_page(&self, stream: &str, get: &Get) -> Result<Page, BrokerError> {
        debug_assert!(get.batch.is_some() || get.multi_last.is_some());
        if !self.available() {
            return Err(BrokerError::away());
        }
        timeout(self.config().ack_deadline, self.collect(stream, get)).await.map_err(|_| BrokerError::late())?
    }

    async fn collect(&self, stream: &str, get: &Get) -> Result<Page, BrokerError> {
        let client = self.client();
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await.map_err(BrokerError::unavailable)?;
        client.publish_with_reply(direct(stream), inbox, body(get)?).await.map_err(BrokerError::unavailable)?;
        let mut page = Page::default();
        while let Some(answer) = answers.next().await {
            match answer.status.map(|s| s.as_u16()) {
                None => page.messages.push(read(answer)?),
                Some(204) => {
                    page.more = number(&answer, headers::PENDING).is_some_and(|n| n > 0);
                    page.up_to = number(&answer, headers::UP_TO);
                    return Ok(page);
                }
                Some(404) => return Ok(page),
                Some(code) => return Err(complaint(code, &answer)),
            }
        }
        Err(BrokerError::unavailable("the answer broke off"))
    }
}

fn direct(stream: &str) -> String {
    format!("$JS.API.DIRECT.GET.{stream}")
}

pub(crate) fn body(get: &Get) -> Result<Bytes, BrokerError> {
    serde_json::to_vec(get).map(Bytes::from).map_err(|e| BrokerError::Refused(e.to_string()))
}

fn complaint(code: u16, answer: &Message) -> BrokerError {
    let said = format!("{code} {}", answer.description.as_deref().unwrap_or_default());
    // 503: no such stream just now, or no server that holds it.
    if code >= 500 { BrokerError::Unavailable(said) } else { BrokerError::Refused(said) }
}

pub(crate) fn number(message: &Message, name: &str) -> Option<u64> {
    message.headers.as_ref()?.get(name)?.as_str().parse().ok()
}

pub(crate) fn read(message: Message) -> Result<Stored, BrokerError> {
    let headers = message.headers.unwrap_or_default();
    let text = |name: &str| headers.get(name).map(|v| v.as_str());
    let place =
        || Some((text(headers::SUBJECT)?.to_owned(), text(headers::SEQUENCE)?.parse().ok()?, Millis::parse(text(headers::STAMP)?)?));
    let (subject, seq, stamp) = place().ok_or_else(|| BrokerError::unavailable("an answer without its place"))?;
    Ok(Stored { subject, seq, stamp, headers, payload: message.payload })
}
