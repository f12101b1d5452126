//! The log: facts and packs in, facts and entries out.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use schemas::claim::{Claim, ClaimRecord, Pack, PlacedPack, Speaker};
use schemas::fact::{Fact, FactRecord, PlacedFact};
use schemas::lobby::{Begin, LobbyRecord, LobbyStatus};
use schemas::{Millis, Partition, PollId, Seq, SessionId};
use serde::Deserialize;

use crate::batch::{Complaint, Outgoing};
use crate::connection::{Broker, BrokerError};
use crate::direct::{self, Get, Stored};
use crate::epoch::Log;
use crate::follow::{Follower, From};
use crate::metrics;
use crate::sharing;
use crate::subjects::{self, Leaf, headers};
use crate::traces;

/// An ended session stays in the lobby this long, so that who comes late is told that it is over.
const LOBBY_AFTER_END: &str = "1h";
/// Messages of one Direct Get: a page is about a hundred kilobytes, and its time stays far from the deadline.
const PAGE: usize = 500;
/// How often a server that lags behind the leader is asked again, and after what pause.
const TRIES: usize = 20;
const AGAIN: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another fact came first: the newest fact of the session is at `last` (0 when the broker did not say).
    #[error("another fact came first, at {last}")]
    Conflict { last: Seq },
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl AppendError {
    /// For messages that carry no guard, so that a conflict cannot be.
    pub(crate) fn unguarded(self) -> BrokerError {
        match self {
            AppendError::Broker(error) => error,
            AppendError::Conflict { last } => BrokerError::Unavailable(format!("an unexpected conflict at {last}")),
        }
    }
}

/// Where the facts of one append lie, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    pub seqs: Vec<Seq>,
}

/// A schedule that travels with a poll: at `at` the broker itself puts a close request on `in`.
#[derive(Clone, Debug)]
pub struct Timer {
    pub poll: PollId,
    pub at: Millis,
}

/// One message of a partition, in log order.
#[derive(Clone, Debug)]
pub enum Entry {
    Fact(PlacedFact),
    Pack(PlacedPack),
    /// Stored by a version that we cannot read. Skipped, counted and said; never a reason to stop.
    Unreadable {
        seq: Seq,
        subject: String,
        why: String,
    },
}

impl Entry {
    pub fn seq(&self) -> Seq {
        match self {
            Entry::Fact(fact) => fact.seq,
            Entry::Pack(pack) => pack.seq,
            Entry::Unreadable { seq, .. } => *seq,
        }
    }

    /// Whose it is; nobody knows of one that cannot be read.
    pub fn session(&self) -> Option<&SessionId> {
        match self {
            Entry::Fact(fact) => Some(&fact.session),
            Entry::Pack(pack) => Some(&pack.session),
            Entry::Unreadable { .. } => None,
        }
    }

    /// So many entries of the same message follow.
    pub fn more(&self) -> usize {
        match self {
            Entry::Pack(pack) => pack.more,
            Entry::Fact(_) | Entry::Unreadable { .. } => 0,
        }
    }
}

impl Broker {
    /// Appends facts of one session, whole or not at all, if the session's newest fact is still at `expected` (0: none ever).
    /// The lobby record and timers travel in the same atomic batch.
    pub async fn append(
        &self,
        session: &SessionId,
        expected: Seq,
        facts: &[FactRecord],
        lobby: Option<&LobbyRecord>,
        timers: &[Timer],
    ) -> Result<Appended, AppendError> {
        if facts.is_empty() {
            return Ok(Appended { seqs: Vec::new() });
        }
        let log = self.log(session.partition());
        log.admits()?;
        let messages = layout(session, expected, facts, lobby, timers);
        let count = messages.len() as u64;
        let last = self.put_guarded(&messages).await?;
        log.saw(last);
        let first = (last + 1).saturating_sub(count);
        Ok(Appended { seqs: (first..first + facts.len() as u64).collect() })
    }

    /// Stores the lobby record of a session whose newest fact is at `last`, unless another fact has come since.
    pub async fn show(&self, session: &SessionId, last: Seq, record: &LobbyRecord) -> Result<(), AppendError> {
        let log = self.log(session.partition());
        log.admits()?;
        let message =
            lobby_message(session, record).with(headers::EXPECTED, last.to_string()).with(headers::EXPECTED_ON, subjects::out(session));
        log.saw(self.put_guarded(&[message]).await?);
        Ok(())
    }

    /// All facts of the session after `after`, in order, up to `limit`. Empty when there are none.
    /// One that cannot be read is skipped, counted and said: an evening must not end for it.
    pub async fn facts_after(&self, session: &SessionId, after: Seq, limit: usize) -> Result<Vec<PlacedFact>, BrokerError> {
        self.read_facts(session, after, limit).await.map(|(facts, _)| facts)
    }

    /// The same, and the place of the last fact that was read, readable or not. A broker that lags behind its leader answers too,
    /// with what it has: who knows of a later fact sees by that place that not all was read.
    pub(crate) async fn read_facts(&self, session: &SessionId, after: Seq, limit: usize) -> Result<(Vec<PlacedFact>, Seq), BrokerError> {
        let mut facts = Vec::new();
        let mut next = after + 1;
        while facts.len() < limit {
            let batch = (limit - facts.len()).min(PAGE);
            let get = Get { seq: Some(next), next_by_subj: Some(subjects::out(session)), batch: Some(batch), ..Get::default() };
            let page = self.get_page(&self.stream_of(session), &get).await?;
            let Some(last) = page.messages.last().map(|m| m.seq) else { break };
            next = last + 1;
            facts.extend(page.messages.into_iter().flat_map(entries).filter_map(|entry| match entry {
                Entry::Fact(fact) => Some(fact),
                Entry::Pack(_) | Entry::Unreadable { .. } => None,
            }));
            if !page.more {
                break;
            }
        }
        Ok((facts, next - 1))
    }

    /// All facts of the session after `after`, as many as the log's leader knows of when this is asked. A server that lags behind it
    /// is asked again, and in the end it is an error: whoever decides on facts may not miss one.
    pub async fn whole_facts_after(&self, session: &SessionId, after: Seq) -> Result<Vec<PlacedFact>, BrokerError> {
        let Some(newest) = self.newest_at_leader(session).await? else { return Ok(vec![]) };
        for _ in 0..TRIES {
            let (facts, reached) = self.read_facts(session, after, usize::MAX).await?;
            if reached >= newest || newest <= after {
                return Ok(facts);
            }
            tokio::time::sleep(AGAIN).await;
        }
        Err(BrokerError::lags())
    }

    /// Where the session's newest fact lies, as the leader of its log knows it. What the other servers answer may be older.
    pub(crate) async fn newest_at_leader(&self, session: &SessionId) -> Result<Option<Seq>, BrokerError> {
        let subject = format!("$JS.API.STREAM.MSG.GET.{}", self.stream_of(session));
        let get = Get { last_by_subj: Some(subjects::out(session)), ..Get::default() };
        let answer = self.request(subject, None, direct::body(&get)?).await?;
        match serde_json::from_slice::<Answer<Got>>(&answer.payload).map_err(BrokerError::unavailable)? {
            Answer::Bad { error } if error.is_no_message() => Ok(None),
            Answer::Bad { error } => Err(error.into_error()),
            Answer::Good(Got { message }) => Ok(Some(message.seq)),
        }
    }

    /// The session's newest fact.
    pub async fn newest_fact(&self, session: &SessionId) -> Result<Option<PlacedFact>, BrokerError> {
        let Some(message) = self.last_on(&self.stream_of(session), &subjects::out(session)).await? else { return Ok(None) };
        let record = message.try_body().map_err(|why| message.unreadable(why))?;
        Ok(Some(PlacedFact { session: session.clone(), seq: message.seq, stamp: message.stamp, record }))
    }

    /// Where the session's newest fact lies, readable or not.
    pub async fn newest_seq(&self, session: &SessionId) -> Result<Option<Seq>, BrokerError> {
        Ok(self.last_on(&self.stream_of(session), &subjects::out(session)).await?.map(|message| message.seq))
    }

    /// The lobby record with its own sequence.
    pub async fn lobby_record(&self, session: &SessionId) -> Result<Option<(Seq, LobbyRecord)>, BrokerError> {
        let Some(message) = self.last_on(&self.stream_of(session), &subjects::lobby(session)).await? else { return Ok(None) };
        Ok(Some((message.seq, message.body()?)))
    }

    /// Removes a poll's timer (the poll was closed early). Losing this is harmless: a late close request changes nothing.
    pub async fn cancel_timer(&self, session: &SessionId, poll: PollId) -> Result<(), BrokerError> {
        self.purge(&self.stream_of(session), &subjects::timer(session, poll)).await
    }

    /// Every fact and pack of the partition with a sequence above `after`, in order, for ever: the reader mends itself over
    /// reconnects without skipping or repeating. Ends only with an error that mending cannot help.
    pub async fn read_partition(
        &self,
        partition: Partition,
        after: Seq,
    ) -> Result<BoxStream<'static, Result<Entry, BrokerError>>, BrokerError> {
        let follower =
            Follower::open(self, self.log(partition).stream(), subjects::partition(partition).into(), From::After(after)).await?;
        let entries = follower.messages().flat_map(|message| {
            stream::iter(match message {
                Ok(message) => entries(message).into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            })
        });
        Ok(entries.boxed())
    }

    fn stream_of(&self, session: &SessionId) -> String {
        self.log(session.partition()).stream()
    }

    /// First and last sequence of the stream that a partition lies on.
    pub async fn log_range(&self, partition: Partition) -> Result<(Seq, Seq), BrokerError> {
        let log = self.log_info(self.log(partition)).await?.ok_or_else(|| BrokerError::unavailable("there is no log"))?;
        Ok((log.first, log.last))
    }

    /// What the broker says of a stream of the log; `None` when there is none.
    pub(crate) async fn log_info(&self, log: &Log) -> Result<Option<LogInfo>, BrokerError> {
        let answer = self.request(format!("$JS.API.STREAM.INFO.{}", log.stream()), None, Bytes::from_static(b"{}")).await?;
        match serde_json::from_slice::<Answer<Info>>(&answer.payload).map_err(BrokerError::unavailable)? {
            Answer::Bad { error } if error.is_no_stream() => Ok(None),
            Answer::Bad { error } => Err(error.into_error()),
            Answer::Good(Info { created, state }) => {
                Ok(Some(LogInfo { created, first: state.first_seq, last: state.last_seq, messages: state.messages }))
            }
        }
    }

    /// Removes all messages on a subject.
    pub(crate) async fn purge(&self, stream: &str, subject: &str) -> Result<(), BrokerError> {
        let _: Purged = self.api(&format!("STREAM.PURGE.{stream}"), &serde_json::json!({ "filter": subject })).await?;
        Ok(())
    }

    /// Removes all messages on a subject but the newest.
    pub(crate) async fn purge_to_last(&self, stream: &str, subject: &str) -> Result<(), BrokerError> {
        let _: Purged = self.api(&format!("STREAM.PURGE.{stream}"), &serde_json::json!({ "filter": subject, "keep": 1 })).await?;
        Ok(())
    }

    /// Removes all messages before `seq`. Where there is none so far, the next one gets `seq`.
    pub(crate) async fn purge_up_to(&self, stream: &str, seq: Seq) -> Result<(), BrokerError> {
        let _: Purged = self.api(&format!("STREAM.PURGE.{stream}"), &serde_json::json!({ "seq": seq })).await?;
        Ok(())
    }

    pub(crate) async fn api<T: serde::de::DeserializeOwned>(&self, call: &str, body: &serde_json::Value) -> Result<T, BrokerError> {
        let answer = self.request(format!("$JS.API.{call}"), None, Bytes::from(body.to_string())).await?;
        let answer: Answer<T> = serde_json::from_slice(&answer.payload).map_err(BrokerError::unavailable)?;
        match answer {
            Answer::Bad { error } => Err(error.into_error()),
            Answer::Good(good) => Ok(good),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer<T> {
    Bad { error: Complaint },
    Good(T),
}

/// A message that was asked of the leader; only its place is of interest.
#[derive(Deserialize)]
struct Got {
    message: At,
}

#[derive(Deserialize)]
struct At {
    seq: Seq,
}

/// The log as the broker sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogInfo {
    /// When the stream was made.
    pub created: String,
    pub first: Seq,
    /// The newest sequence given out, also when its message is gone.
    pub last: Seq,
    pub messages: u64,
}

#[derive(Deserialize)]
struct Info {
    created: String,
    state: Range,
}

#[derive(Deserialize)]
struct Range {
    first_seq: Seq,
    last_seq: Seq,
    messages: u64,
}

#[derive(Deserialize)]
struct Purged {}

/// A batch in its order: facts first, so that each one's sequence follows from the last; the lobby record at the end.
fn layout(session: &SessionId, expected: Seq, facts: &[FactRecord], lobby: Option<&LobbyRecord>, timers: &[Timer]) -> Vec<Outgoing> {
    let out = subjects::out(session);
    let mut messages: Vec<Outgoing> = facts.iter().map(|record| Outgoing::fact(out.clone(), record)).collect();
    // The guard on the first guards the whole batch.
    messages[0].headers.insert(headers::EXPECTED, expected.to_string());
    messages.extend(timers.iter().map(|timer| schedule(session, timer)));
    if let Some(record) = lobby {
        let mut record = record.clone();
        if matches!(record.begin, Begin::Before(_))
            && let Some(begun) = facts.iter().rposition(|r| matches!(r.fact, Fact::Begun(_)))
        {
            record.begin = Begin::Before((messages.len() - begun) as u64);
        }
        messages.push(lobby_message(session, &record));
    }
    messages
}

fn lobby_message(session: &SessionId, record: &LobbyRecord) -> Outgoing {
    let message = Outgoing::new(subjects::lobby(session), record).with(headers::ROLLUP, "sub");
    match record.status {
        LobbyStatus::Ended => message.with(headers::TTL, LOBBY_AFTER_END),
        LobbyStatus::Live | LobbyStatus::Away => message,
    }
}

fn schedule(session: &SessionId, timer: &Timer) -> Outgoing {
    let close = ClaimRecord { at: timer.at, by: Speaker::System, op: None, claim: Claim::ClosePoll { poll: timer.poll } };
    Outgoing::new(subjects::timer(session, timer.poll), &Pack { node: None, claims: vec![close] })
        .with(headers::SCHEDULE, format!("@at {}", timer.at))
        .with(headers::SCHEDULE_TARGET, subjects::claims(session))
        // Else a log that is kept for less than the poll's time would drop the timer without a trace.
        .with(headers::TTL, "never")
}

/// What a message holds, in order: one entry, or the packs of several sessions.
pub(crate) fn entries(message: Stored) -> Vec<Entry> {
    let unreadable = |why: String| {
        metrics::unreadable();
        tracing::error!(log.subject = message.subject, log.seq = message.seq, why, "a message in the log cannot be read and is skipped");
        vec![Entry::Unreadable { seq: message.seq, subject: message.subject.clone(), why }]
    };
    if let Some(partition) = subjects::parse_shared(&message.subject) {
        return sharing::placed(&message, partition).map_or_else(unreadable, |packs| packs.into_iter().map(Entry::Pack).collect());
    }
    let live = subjects::parse_live(&message.subject);
    if let Some((_, session, _)) = &live {
        traces::remember(session, message.seq, Some(&message.headers));
    }
    match live {
        Some((_, session, Leaf::Out)) => match message.try_body() {
            Ok(record) => vec![Entry::Fact(PlacedFact { session, seq: message.seq, stamp: message.stamp, record })],
            Err(why) => unreadable(why),
        },
        Some((_, session, Leaf::In)) => match message.try_body() {
            Ok(pack) => vec![Entry::Pack(PlacedPack { session, seq: message.seq, stamp: message.stamp, pack, more: 0 })],
            Err(why) => unreadable(why),
        },
        Some((_, _, Leaf::Timer(_) | Leaf::Lobby)) | None => unreadable("neither a fact nor a pack".to_owned()),
    }
}
