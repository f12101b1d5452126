//! DJ tokens, asked for over the broker and remembered. While the stream of revocations is followed, a remembered token
//! holds until it is revoked, also while the store is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use nats::Broker;
use schemas::Code;
use schemas::error::Refusal;
use schemas::note::{AskToken, DjIdentity};
use schemas::secrets::token_hash;
use tokio_util::sync::CancellationToken;

/// Tokens remembered; an operator has a few hundred DJs. Beyond it the memory starts anew, which costs one question each.
const REMEMBERED: usize = 10_000;
/// While revocations cannot be followed, an answer this old is asked for again.
const UNFOLLOWED: Duration = Duration::from_secs(60);

pub struct Tokens {
    broker: Broker,
    known: Arc<DashMap<String, (DjIdentity, Instant)>>,
    followed: Arc<AtomicBool>,
    /// Revocations heard, so that an answer that one of them passed is not remembered.
    heard: Arc<AtomicU64>,
}

impl Tokens {
    pub fn start(broker: Broker, stop: CancellationToken) -> Self {
        let tokens = Tokens { broker: broker.clone(), known: Arc::default(), followed: Arc::default(), heard: Arc::default() };
        let (known, followed, heard) = (tokens.known.clone(), tokens.followed.clone(), tokens.heard.clone());
        tokio::spawn(async move {
            let revoked = |sha256: &str| {
                heard.fetch_add(1, Ordering::AcqRel);
                known.remove(sha256);
            };
            let follow = broker.each_revocation(|now| followed.store(now, Ordering::Relaxed), revoked);
            stop.run_until_cancelled(follow).await;
        });
        tokens
    }

    /// Whose token this is. `Unauthorized` when it is nobody's.
    pub async fn dj(&self, token: &str) -> Result<DjIdentity, Refusal> {
        let sha256 = token_hash(token);
        if let Some(known) = self.known.get(&sha256)
            && (self.followed.load(Ordering::Relaxed) || known.1.elapsed() < UNFOLLOWED)
        {
            return Ok(known.0.clone());
        }
        let before = self.heard.load(Ordering::Acquire);
        let answer = self.broker.ask_token(&AskToken::by_hash(sha256.clone())).await.map_err(|_| Refusal::from(Code::Unavailable))?;
        let dj = answer.dj.ok_or(Refusal::from(Code::Unauthorized))?;
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(sha256.clone(), (dj.clone(), Instant::now()));
        if self.heard.load(Ordering::Acquire) != before {
            // It may have been this token that was revoked meanwhile: asked again next time.
            self.known.remove(&sha256);
        }
        Ok(dj)
    }
}
