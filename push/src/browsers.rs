//! Browsers that subscribe and leave.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use schemas::secrets::token_hash;
use schemas::{Millis, PersonId, SessionId};
use store::Subscription;

use crate::Push;
use crate::error::PushError;
use crate::metrics::{self, Browser};
use crate::seal::{POINT, SECRET, seal};

/// What a browser's page says of its subscription. All of it is a stranger's word.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub endpoint: String,
    pub p256dh: String,
    pub auth: String,
    /// The key of ours that the browser was given. None: the one that is known of it, else the newest.
    pub key: Option<String>,
    /// Of which sessions it is to be told.
    pub sessions: Vec<SessionId>,
    /// Whether its person chose not to be told of announcements. None: as they chose before.
    pub quiet: Option<bool>,
}

/// Browsers write base64url without padding, some pages with it.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

fn bytes(what: &str, text: &str, length: usize) -> Result<Vec<u8>, PushError> {
    let plain = text.replace('+', "-").replace('/', "_");
    let bytes = if text.len() <= 2 * length { LENIENT.decode(plain).ok() } else { None };
    bytes
        .filter(|bytes| bytes.len() == length)
        .ok_or_else(|| PushError::Invalid(format!("keys.{what} must be {length} bytes in base64url")))
}

impl Push {
    /// Keeps the browser's subscription and what it is to be told of. Said again, it is kept longer.
    pub async fn subscribe(&self, person: PersonId, wanted: Wanted, now: Millis) -> Result<Subscription, PushError> {
        let inner = &*self.inner;
        let newest = inner.keys.newest().ok_or(PushError::Off)?;
        let named = wanted.key.as_deref().map(|key| key.trim_end_matches('='));
        if named.is_some_and(|named| inner.keys.get(named).is_none()) {
            return Err(PushError::Invalid("key is not one of this server's".to_owned()));
        }
        let endpoint = inner.config.services.endpoint(&wanted.endpoint)?;
        let (p256dh, auth) = (bytes("p256dh", &wanted.p256dh, POINT)?, bytes("auth", &wanted.auth, SECRET)?);
        // What is no point of the curve would fail at each push.
        seal(&p256dh, &auth, b"?").map_err(|_| PushError::Invalid("keys.p256dh is no public key".to_owned()))?;
        let (store, sha256) = (&inner.stores.subscriptions, token_hash(endpoint.as_str()));
        let before = store.subscription(&sha256).await?;
        let before = before.as_ref();
        // A browser stays bound to the key that it was given, whatever became the newest since.
        let key = named.or(before.map(|before| before.key.as_str())).unwrap_or(&newest.public).to_owned();
        let chosen = before.filter(|before| before.person == person).is_some_and(|before| before.quiet);
        let subscription = Subscription {
            sha256,
            endpoint: endpoint.to_string(),
            p256dh: URL_SAFE_NO_PAD.encode(p256dh),
            auth: URL_SAFE_NO_PAD.encode(auth),
            key,
            person,
            quiet: wanted.quiet.unwrap_or(chosen),
            created_at: now,
            seen_at: now,
        };
        store.subscribe(&subscription).await?;
        let until = now.after(inner.config.follow);
        for session in &wanted.sessions {
            store.follow(session, &subscription.sha256, until).await?;
        }
        metrics::browser(Browser::Subscribed);
        let all = store.subscriptions_of(person).await?;
        let others = all.iter().filter(|one| one.sha256 != subscription.sha256);
        for spare in others.take(all.len().saturating_sub(inner.config.browsers)) {
            store.unsubscribe(spare).await?;
            metrics::browser(Browser::Replaced);
        }
        Ok(subscription)
    }

    /// Ends a subscription, for its person or for whoever shows its secret; with a session it goes on for the others.
    pub async fn unsubscribe(
        &self,
        person: Option<PersonId>,
        endpoint: &str,
        auth: Option<&str>,
        session: Option<&SessionId>,
    ) -> Result<(), PushError> {
        let store = &self.inner.stores.subscriptions;
        // Spelled as it was kept.
        let endpoint = reqwest::Url::parse(endpoint).map_or_else(|_| endpoint.to_owned(), |url| url.to_string());
        let found = store.subscription(&token_hash(&endpoint)).await?.ok_or(PushError::NotFound)?;
        let shown = auth.and_then(|auth| bytes("auth", auth, SECRET).ok()).is_some_and(|auth| URL_SAFE_NO_PAD.encode(auth) == found.auth);
        if person != Some(found.person) && !shown {
            // Whether somebody else has such a browser is nobody's business.
            return Err(PushError::NotFound);
        }
        match session {
            Some(session) => store.unfollow(session, &found.sha256).await?,
            None => {
                store.unsubscribe(&found).await?;
                metrics::browser(Browser::Unsubscribed);
            }
        }
        Ok(())
    }
}
