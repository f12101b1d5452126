//! Notes over core NATS: not stored, at most once. Subjects: `note.<session>.applause`, `note.<session>.probe`, `verdict.<node>`, `presence.<p>`,
//! `presence.ask`, `ask.<p>.mine`, `ask.auth.token`, `revoked`.
use std::time::Duration;
use futures_util::stream::BoxStream;
use schemas::note::{Applause, AskMine, AskToken, Mine, Presence, TokenAnswer, Verdicts};
use schemas::{NodeId, Partition, SessionId};

use crate::connection::{Broker, BrokerError};

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
        todo!()
    }
    pub async fn send_verdicts(&self, node: &NodeId, verdicts: &Verdicts) -> Result<(), BrokerError> {
        todo!()
    }
    pub async fn verdicts(&self, node: &NodeId) -> Result<BoxStream<'static, Verdicts>, BrokerError> {
        todo!()
    }
    pub async fn send_presence(&self, partition: Partition, presence: &Presence) -> Result<(), BrokerError> {
        todo!()
    }
    pub async fn presence(&self, partition: Partition) -> Result<BoxStream<'static, Presence>, BrokerError> {
        todo!()
    }
    /// Asks all nodes to report their full sets of this partition now.
    pub async fn ask_presence(&self, partition: Partition) -> Result<(), BrokerError> {
        todo!()
    }
    pub async fn presence_asked(&self) -> Result<BoxStream<'static, Partition>, BrokerError> {
        todo!()
    }
    /// Asks whether a DJ's socket of this session is alive anywhere. `false` at once when no node holds one; `true` when it answered a ping.
    /// A node that holds a silent one drops it within 3 s and answers `false`. Waits at most 4 s.
    pub async fn probe_dj(&self, session: &SessionId) -> Result<bool, BrokerError> {
        todo!()
    }
    pub async fn dj_probes(&self, session: &SessionId) -> Result<BoxStream<'static, Question<(), bool>>, BrokerError> {
        todo!()
    }
    /// A person's own vote; `None` when nobody answered in `patience`.
    pub async fn ask_mine(&self, partition: Partition, ask: &AskMine, patience: Duration) -> Option<Mine> {
        todo!()
    }
    pub async fn mine_asked(&self, partition: Partition) -> Result<BoxStream<'static, Question<AskMine, Mine>>, BrokerError> {
        todo!()
    }
    /// Whose token this is. An error when nobody could answer; `dj: None` when the token is not valid.
    pub async fn ask_token(&self, ask: &AskToken) -> Result<TokenAnswer, BrokerError> {
        todo!()
    }
    pub async fn token_asked(&self) -> Result<BoxStream<'static, Question<AskToken, TokenAnswer>>, BrokerError> {
        todo!()
    }
    /// Revoked tokens: a small stream kept 30 days. `revoke` stores; `revocations` gives all kept ones, then follows.
    pub async fn revoke(&self, sha256: &str) -> Result<(), BrokerError> {
        todo!()
    }
    pub async fn revocations(&self) -> Result<BoxStream<'static, String>, BrokerError> {
        todo!()
    }
}
