//! What sockets were opened with, and closing them when it ends: signed out, suspended, a token made anew.
//!
//! Whose a credential is only the api can tell, so it is asked over the broker. A browser's session that cannot be asked about, or
//! is no more, leaves its owner a guest; who shows a ticket or a bearer is refused instead.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, header};
use dashmap::DashMap;
use nats::Broker;
use schemas::Code;
use schemas::error::{Close, Refusal};
use schemas::note::{AskToken, TokenAnswer};
use schemas::shown;

use crate::Fanout;
use crate::crowd::Ticket;

#[derive(Default)]
pub struct Credentials {
    /// Sockets by the SHA-256 that a revocation would name.
    sockets: DashMap<String, Vec<Ticket>>,
    /// Revocations heard: whoever was told of a credential before one of them asks again.
    heard: AtomicU64,
}

/// What somebody showed as they came, and what it was found to be.
pub struct Shown {
    ask: AskToken,
    answer: TokenAnswer,
    /// What had been heard before it was asked about.
    before: u64,
}

impl Shown {
    pub fn answer(&self) -> &TokenAnswer {
        &self.answer
    }
}

impl Credentials {
    /// Asks about what was shown. Nothing where nothing counts.
    pub async fn look(&self, broker: &Broker, ticket: Option<&str>, headers: &HeaderMap, https: bool) -> Result<Option<Shown>, Refusal> {
        let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let (authorization, cookie) = (text(header::AUTHORIZATION), text(header::COOKIE));
        let on_purpose = shown::question(ticket, authorization, None, https);
        let meant = on_purpose.is_some();
        let Some(ask) = on_purpose.or_else(|| shown::question(None, None, cookie, https)) else { return Ok(None) };
        let before = self.heard.load(Ordering::Acquire);
        match broker.ask_token(&ask).await {
            Ok(answer) if answer.credential.is_some() => Ok(Some(Shown { ask, answer, before })),
            Ok(_) if meant => Err(Code::Unauthorized.into()),
            Err(_) if meant => Err(Code::Unavailable.into()),
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// From now on the socket ends with the credential.
    pub fn bind(&self, credential: &str, socket: Ticket) {
        self.sockets.entry(credential.to_owned()).or_default().push(socket);
    }

    /// Whether what was found of it may be out of date: something was revoked since.
    pub async fn still_holds(&self, broker: &Broker, shown: &Shown) -> bool {
        if self.heard.load(Ordering::Acquire) == shown.before {
            return true;
        }
        // A ticket is used up by now, so its session is asked about instead.
        let ask = match &shown.answer.credential {
            Some(credential) if shown.ask.access.is_none() => AskToken::by_hash(credential.clone()),
            _ => shown.ask.clone(),
        };
        broker.ask_token(&ask).await.is_ok_and(|answer| answer.credential.is_some())
    }

    pub fn unbind(&self, credential: &str, socket: Ticket) {
        self.sockets.remove_if_mut(credential, |_, sockets| {
            sockets.retain(|one| *one != socket);
            sockets.is_empty()
        });
    }
}

/// Closes the sockets of whatever is revoked.
pub async fn follow(fanout: Fanout) {
    let inner = &fanout.inner;
    let revoked = |sha256: &str| {
        inner.credentials.heard.fetch_add(1, Ordering::AcqRel);
        let sockets = inner.credentials.sockets.get(sha256).map(|sockets| sockets.clone()).unwrap_or_default();
        for line in sockets.into_iter().filter_map(|socket| inner.everyone.get(socket)) {
            line.close(Close::SignedOut);
        }
    };
    let follow = inner.broker.each_revocation(|_| {}, revoked);
    inner.gone.run_until_cancelled(follow).await;
}
