//! Publishing to a stream: one message, or several as one atomic batch (whole or absent, one fsync, neighbouring sequences).

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use schemas::Seq;
use schemas::fact::FactRecord;
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use crate::connection::{Broker, BrokerError};
use crate::log::AppendError;
use crate::subjects::headers;
use crate::traces::Trace;

/// Until the broker is asked again whether what was on its way has arrived.
const BUSY: Duration = Duration::from_millis(10);
const BUSY_AT_MOST: Duration = Duration::from_millis(200);

/// The broker's own limit for one batch.
pub(crate) const BATCH: usize = 1_000;

/// A message before it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub subject: String,
    pub headers: HeaderMap,
    pub payload: Bytes,
}

impl Outgoing {
    /// A body in the log's form, with its version.
    pub fn new<T: serde::Serialize>(subject: String, body: &T) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(headers::VERSION, schemas::codec::LOG_VERSION.to_string());
        Outgoing { subject, headers, payload: schemas::codec::to_log(body).into() }
    }

    /// A fact, with its kind in a header, so that a reader of the log need not open the body to tell.
    pub fn fact(subject: String, record: &FactRecord) -> Self {
        let mut fact = Self::new(subject, record).with(headers::KIND, record.fact.kind());
        if let Some(trace) = Trace::current() {
            trace.write(&mut fact.headers);
        }
        fact
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.insert(name, value.into());
        self
    }
}

/// The broker's answer to a publish, good or bad.
#[derive(Deserialize)]
struct PubAck {
    #[serde(default)]
    seq: Seq,
    error: Option<Complaint>,
}

#[derive(Deserialize)]
pub(crate) struct Complaint {
    code: u16,
    #[serde(default)]
    err_code: u32,
    #[serde(default)]
    description: String,
}

/// The queue of a stream is full.
const TOO_MANY: u16 = 429;
/// "wrong last sequence: N"
const WRONG_LAST_SEQUENCE: u32 = 10_071;
/// "wrong last sequence", and no more: a message for the same subject is on its way, and nobody can say yet where it will lie.
const SUBJECT_IN_FLIGHT: u32 = 10_164;
/// "no message found"
const NO_MESSAGE: u32 = 10_037;
/// "stream not found"
const NO_STREAM: u32 = 10_059;
/// The broker gave up the batch before its end came, so nothing of it is stored.
const BATCH_INCOMPLETE: u32 = 10_176;

impl Complaint {
    pub fn is_no_stream(&self) -> bool {
        self.err_code == NO_STREAM
    }

    pub fn is_no_message(&self) -> bool {
        self.err_code == NO_MESSAGE
    }

    pub fn into_error(self) -> BrokerError {
        let said = format!("{} ({})", self.description, self.err_code);
        // 5xx is the broker's own trouble: no leader, no space, not started. 429 is a queue that is full. Both may pass.
        if self.code >= 500 || self.code == TOO_MANY || self.err_code == BATCH_INCOMPLETE {
            BrokerError::Unavailable(said)
        } else {
            BrokerError::Refused(said)
        }
    }

    fn into_append_error(self) -> AppendError {
        match self.err_code {
            WRONG_LAST_SEQUENCE => {
                let digits: String = self.description.chars().filter(char::is_ascii_digit).collect();
                AppendError::Conflict { last: digits.parse().unwrap_or(0) }
            }
            SUBJECT_IN_FLIGHT => BrokerError::Busy.into(),
            _ => self.into_error().into(),
        }
    }
}

impl Broker {
    /// Stores one message; its sequence.
    pub(crate) async fn put(&self, message: Outgoing) -> Result<Seq, AppendError> {
        self.try_put(message).await?.ok_or_else(|| BrokerError::unavailable("no stream takes it").into())
    }

    /// As [`Broker::put`]; `None` when there is no stream for the subject, so that certainly nothing was stored.
    pub(crate) async fn try_put(&self, message: Outgoing) -> Result<Option<Seq>, AppendError> {
        let deadline = self.config().ack_deadline;
        let answer = self.request_within(message.subject, Some(message.headers), message.payload, deadline).await?;
        answer.map(|answer| placed(&answer.payload)).transpose()
    }

    /// Stores one message if the newest on its subject is still at `expected` (0: there is none).
    pub(crate) async fn put_expecting(
        &self,
        subject: String,
        mut headers: HeaderMap,
        payload: Bytes,
        expected: Seq,
    ) -> Result<Seq, AppendError> {
        headers.insert(headers::EXPECTED, expected.to_string());
        self.put_guarded(&[Outgoing { subject, headers, payload }]).await
    }

    /// As [`Broker::put_all`], for messages that carry a guard. A broker of several servers refuses such a one while another for the
    /// same subject is on its way to them, whether or not the guard will hold; so it is asked again, within the deadline of one answer.
    pub(crate) async fn put_guarded(&self, messages: &[Outgoing]) -> Result<Seq, AppendError> {
        let told = async {
            let mut wait = BUSY;
            loop {
                match self.put_all(messages.to_vec()).await {
                    Err(AppendError::Broker(BrokerError::Busy)) => sleep(wait).await,
                    outcome => return outcome,
                }
                wait = (wait * 2).min(BUSY_AT_MOST);
            }
        };
        timeout(self.config().ack_deadline, told).await.map_err(|_| AppendError::from(BrokerError::late()))?
    }

    /// Stores all or none; the sequence of the last, the others lie right before it. Only the last is answered: whatever
    /// the broker held against an earlier one makes it refuse the last.
    pub(crate) async fn put_all(&self, mut messages: Vec<Outgoing>) -> Result<Seq, AppendError> {
        let Some(mut last) = messages.pop() else { return Ok(0) };
        if messages.is_empty() {
            return self.put(last).await;
        }
        let count = messages.len() + 1;
        if count > BATCH {
            return Err(BrokerError::Refused(format!("a batch of {count} messages")).into());
        }
        if !self.available() {
            return Err(BrokerError::away().into());
        }
        let id = format!("{:032x}", rand::random::<u128>());
        let all = async {
            for (i, message) in messages.into_iter().enumerate() {
                let headers = numbered(message.headers, &id, i + 1);
                let sent = self.client().publish_with_headers(message.subject, headers, message.payload).await;
                sent.map_err(|e| match e.kind() {
                    async_nats::client::PublishErrorKind::MaxPayloadExceeded | async_nats::client::PublishErrorKind::InvalidSubject => {
                        BrokerError::Refused(e.to_string())
                    }
                    async_nats::client::PublishErrorKind::Send => BrokerError::unavailable(e),
                })?;
            }
            last.headers = numbered(last.headers, &id, count);
            last.headers.insert(headers::BATCH_COMMIT, "1");
            self.put(last).await
        };
        // Sending waits when the connection is choked, so the deadline is around the whole.
        timeout(self.config().ack_deadline, all).await.map_err(|_| AppendError::from(BrokerError::late()))?
    }
}

fn numbered(mut headers: HeaderMap, id: &str, number: usize) -> HeaderMap {
    headers.insert(headers::BATCH_ID, id);
    headers.insert(headers::BATCH_SEQUENCE, number.to_string());
    headers
}

fn placed(answer: &[u8]) -> Result<Seq, AppendError> {
    let ack: PubAck = serde_json::from_slice(answer).map_err(|e| BrokerError::unavailable(format!("no PubAck: {e}")))?;
    match ack.error {
        Some(complaint) => Err(complaint.into_append_error()),
        None if ack.seq == 0 => Err(BrokerError::unavailable("a PubAck without a sequence").into()),
        None => Ok(ack.seq),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_place_a_conflict_or_trouble() {
        assert_eq!(placed(br#"{"stream":"LIVE","seq":7,"count":3}"#).unwrap(), 7);
        let refused = |json: &str| placed(json.as_bytes()).unwrap_err();
        let wrong = r#"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 41"},"stream":"LIVE","seq":0}"#;
        assert!(matches!(refused(wrong), AppendError::Conflict { last: 41 }));
        let passing = r#"{"error":{"code":400,"err_code":10164,"description":"wrong last sequence"},"stream":"LIVE","seq":0}"#;
        assert!(matches!(refused(passing), AppendError::Broker(BrokerError::Busy)));
        let full = r#"{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}"#;
        assert!(matches!(refused(full), AppendError::Broker(BrokerError::Unavailable(_))));
        let bad = r#"{"error":{"code":400,"err_code":10190,"description":"message schedule target is invalid"}}"#;
        assert!(matches!(refused(bad), AppendError::Broker(BrokerError::Refused(_))));
        assert!(matches!(refused(""), AppendError::Broker(BrokerError::Unavailable(_))));
    }
}
