//! One announcement's way to all its browsers: claim → who was told → push to the others → done. [`Job::run`] is the story.
//!
//! The claim is renewed while it is worked on and runs out after a kill; the next holder reads who was told and goes on. What was
//! under way at the moment of a kill is the only thing that nobody can know; it is pushed again, and the browser shows it once because
//! both carry the announcement's place.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use reqwest::Url;
use schemas::Millis;
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::{Claim, StoreError, Subscription};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Push;
use crate::dispatch::Announcement;
use crate::metrics::{self, Announced, Pushed};
use crate::pace::Pace;
use crate::seal::seal;
use crate::service::{Answer, Parcel};

/// How long after a store's failure it is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// The longest that another's claim is waited for without a look: it may have been given back.
const LOOK: Duration = Duration::from_secs(3);
/// Browsers of one service that are at it or wait for their turn. More than may ask at once: some were told to come back later.
const SIDE_BY_SIDE: usize = 256;
/// Characters of a topic (RFC 8030, section 5.4).
const TOPIC: usize = 32;

pub(crate) struct Job {
    pub push: Push,
    pub pace: Arc<Pace>,
    pub holder: String,
    pub announcement: Announcement,
    /// Browsers that need no push of it any more, whether or not the store could be told.
    pub answered: Mutex<HashSet<String>>,
    /// The announcement does not stand any more.
    pub withdrawn: CancellationToken,
    /// Somebody else is to go on, or nobody.
    pub left: CancellationToken,
}

/// What the browser's service worker reads.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'m> {
    #[serde(rename = "type")]
    kind: &'static str,
    session_id: &'m str,
    dj_name: &'m str,
    message: &'m str,
    timestamp: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<Millis>,
    /// The announcement's place in the log: two messages with the same are one.
    seq: u64,
}

impl Job {
    pub async fn run(self) -> Announced {
        let what = loop {
            if let Err(why) = self.claim().await {
                return why;
            }
            // Ended when the claim is lost: then somebody else pushes, or nobody while the store is away.
            let lost = self.left.child_token();
            let (all, ()) = tokio::join!(
                async {
                    let all = self.push_to_all(&lost).await;
                    lost.cancel();
                    all
                },
                self.hold(&lost)
            );
            match all {
                _ if self.withdrawn.is_cancelled() => break Announced::Withdrawn,
                _ if self.left.is_cancelled() => break Announced::LeftToOthers,
                Some(()) => break Announced::Pushed,
                None => tracing::warn!(session = %self.announcement.key.session, "an announcement's claim was lost; it is claimed again"),
            }
        };
        let done = matches!(what, Announced::Pushed | Announced::Withdrawn);
        if let Err(error) = self.push.inner.stores.pushes.leave_push(&self.announcement.key, &self.holder, done).await {
            tracing::warn!(%error, session = %self.announcement.key.session, "a claim was not given back; it runs out by itself");
        }
        what
    }

    /// When nothing more of it is sent.
    fn deadline(&self) -> Millis {
        let late = self.announcement.at.after(self.push.inner.config.late);
        self.announcement.ends_at.map_or(late, |end| end.min(late))
    }

    fn time_left(&self) -> Option<Duration> {
        let left = self.deadline().since(Millis::now());
        u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_millis)
    }

    fn over(&self, lost: &CancellationToken) -> bool {
        lost.is_cancelled() || self.withdrawn.is_cancelled()
    }

    /// Waits until it is ours.
    async fn claim(&self) -> Result<(), Announced> {
        loop {
            if self.time_left().is_none() {
                return Err(Announced::TooOld);
            }
            let now = Millis::now();
            let wait = match self.claimed(now).await {
                Ok(Claim::Ours) => return Ok(()),
                Ok(Claim::Done) => return Err(Announced::Elsewhere),
                Ok(Claim::Held(until)) => Duration::from_millis(until.since(now).max(50) as u64).min(LOOK),
                Err(error) => {
                    tracing::warn!(%error, session = %self.announcement.key.session, "an announcement cannot be claimed; it is tried again");
                    RETRY
                }
            };
            tokio::select! {
                () = self.withdrawn.cancelled() => return Err(Announced::Withdrawn),
                () = self.left.cancelled() => return Err(Announced::LeftToOthers),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn claimed(&self, now: Millis) -> Result<Claim, StoreError> {
        let until = now.after(self.push.inner.config.hold);
        self.push.inner.stores.pushes.claim_push(&self.announcement.key, &self.holder, now, until).await
    }

    /// Renews the claim until `lost`, and says so when it could not be renewed in time.
    async fn hold(&self, lost: &CancellationToken) {
        let hold = self.push.inner.config.hold;
        let mut until = Instant::now() + hold;
        loop {
            tokio::select! {
                () = lost.cancelled() => return,
                () = tokio::time::sleep(hold / 3) => {}
            }
            let asked = Instant::now();
            match tokio::time::timeout_at(until, self.claimed(Millis::now())).await {
                Ok(Ok(Claim::Ours)) => until = asked + hold,
                Ok(Err(_)) if Instant::now() < until => {}
                Ok(Ok(Claim::Held(_) | Claim::Done)) | Ok(Err(_)) | Err(_) => return lost.cancel(),
            }
        }
    }

    /// Pushes to everybody who was not told. None: the claim was lost, or the store could not say who they are.
    async fn push_to_all(&self, lost: &CancellationToken) -> Option<()> {
        let (stores, key, most) = (&self.push.inner.stores, &self.announcement.key, self.push.inner.config.followers);
        let (told, followers) = loop {
            let asked = async {
                Ok::<_, StoreError>((
                    stores.pushes.told(key).await?,
                    stores.subscriptions.followers(&key.session, Millis::now(), most).await?,
                ))
            };
            match asked.await {
                Ok(known) => break known,
                Err(error) => tracing::warn!(%error, session = %key.session, "nobody knows whom to push to; it is tried again"),
            }
            if self.over(lost) || self.time_left().is_none() {
                return None;
            }
            tokio::time::sleep(RETRY).await;
        };
        let mut told: HashSet<String> = told.into_iter().collect();
        told.extend(self.answered.lock().iter().cloned());
        let untold: Vec<Subscription> = followers.into_iter().filter(|one| !one.quiet && !told.contains(&one.sha256)).collect();
        tracing::info!(session = %key.session, browsers = untold.len(), told = told.len(), "pushing an announcement");
        // Services side by side, so that one that is slow holds up nobody else's; how many ask at once is the pace's.
        let mut services: HashMap<String, Vec<(Url, Subscription)>> = HashMap::new();
        for browser in untold {
            // Services that are allowed may have been changed, and that cannot be mended here.
            match self.push.inner.config.services.endpoint(&browser.endpoint) {
                Ok(to) => services.entry(to.origin().ascii_serialization()).or_default().push((to, browser)),
                Err(_) => metrics::pushed(Pushed::Refused),
            }
        }
        let each = async |(origin, browsers): (String, Vec<(Url, Subscription)>)| {
            let origin = &origin;
            stream::iter(browsers).for_each_concurrent(SIDE_BY_SIDE, |(to, browser)| self.push_to(origin, to, browser, lost)).await;
        };
        stream::iter(services).for_each_concurrent(None, each).await;
        (!lost.is_cancelled()).then_some(())
    }

    async fn push_to(&self, origin: &str, to: Url, browser: Subscription, lost: &CancellationToken) {
        let inner = &self.push.inner;
        // The key was taken away, and that cannot be mended here.
        let Some(key) = inner.keys.get(&browser.key) else { return metrics::pushed(Pushed::Refused) };
        let (mut tries, mut not_before) = (0, Instant::now());
        loop {
            let Some(left) = self.time_left() else { return metrics::pushed(Pushed::Late) };
            let turn = tokio::select! {
                // What was taken back goes to nobody, also where it is its turn in the same moment.
                biased;
                () = lost.cancelled() => return,
                () = self.withdrawn.cancelled() => return,
                turn = self.pace.turn(origin, not_before, Instant::now() + left) => turn,
            };
            let Some(turn) = turn else { return metrics::pushed(Pushed::Late) };
            let parcel = key.authorization(origin, &inner.config.contact, Millis::now()).ok().zip(self.sealed(&browser));
            let Some((authorization, sealed)) = parcel else { return metrics::pushed(Pushed::Refused) };
            if self.over(lost) {
                return;
            }
            let parcel = Parcel { to: to.clone(), authorization, sealed, ttl: self.keep(), topic: self.topic() };
            let answer = inner.services.send(parcel).await;
            drop(turn);
            match answer {
                Answer::Accepted => {
                    self.pace.accepted(origin);
                    metrics::lagged(Millis::now().since(self.announcement.at));
                    self.note(&browser).await;
                    // Only what is noted is done: what is not may come once more.
                    return metrics::pushed(Pushed::Accepted);
                }
                Answer::Gone => {
                    metrics::pushed(Pushed::Gone);
                    if let Err(error) = inner.stores.subscriptions.unsubscribe(&browser).await {
                        tracing::warn!(%error, "a browser that is gone was not forgotten; the next announcement finds it again");
                    }
                    return;
                }
                Answer::Refused(status) => {
                    // The host and nothing else: whoever knows the address can push.
                    tracing::warn!(status, service = %origin, "a push service refuses a push");
                    metrics::pushed(Pushed::Refused);
                    return self.note(&browser).await;
                }
                Answer::Wait(wait) => {
                    metrics::pushed(Pushed::Waited);
                    not_before = Instant::now() + self.pace.patience(origin, &browser.sha256, wait);
                }
                Answer::Busy(wait) => {
                    metrics::pushed(Pushed::Waited);
                    self.pace.wait(origin, wait);
                }
                Answer::Failed => {
                    tries += 1;
                    metrics::pushed(Pushed::Failed);
                    self.pace.failed(origin);
                    if tries >= inner.config.tries {
                        return metrics::pushed(Pushed::GivenUp);
                    }
                }
            }
        }
    }

    async fn note(&self, browser: &Subscription) {
        self.answered.lock().insert(browser.sha256.clone());
        if let Err(error) = self.push.inner.stores.pushes.note_told(&self.announcement.key, &browser.sha256).await {
            tracing::warn!(%error, "that a browser was told could not be kept");
        }
    }

    /// How long a service may keep it: as long as it stands.
    fn keep(&self) -> Duration {
        let end = self.announcement.ends_at.unwrap_or_else(|| self.deadline());
        Duration::from_millis(u64::try_from(end.since(Millis::now())).unwrap_or_default())
    }

    /// One topic a session: of two announcements that a service holds, the newer one counts.
    fn topic(&self) -> String {
        let mut topic = URL_SAFE_NO_PAD.encode(Sha256::digest(self.announcement.key.session.as_str()));
        topic.truncate(TOPIC);
        topic
    }

    fn sealed(&self, browser: &Subscription) -> Option<Vec<u8>> {
        let Announcement { key, dj_name, message, at, ends_at } = &self.announcement;
        let message = Message {
            kind: "announcement",
            session_id: key.session.as_str(),
            dj_name,
            message,
            timestamp: *at,
            ends_at: *ends_at,
            seq: key.seq,
        };
        let (p256dh, auth) = (URL_SAFE_NO_PAD.decode(&browser.p256dh).ok()?, URL_SAFE_NO_PAD.decode(&browser.auth).ok()?);
        seal(&p256dh, &auth, &serde_json::to_vec(&message).ok()?).ok()
    }
}
