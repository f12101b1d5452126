//! What every role of a process shares: the broker, the sessions it follows, the lobby, the key.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::future::BoxFuture;
use nats::{Broker, Lobby, Sessions};
use schemas::caller::{Admitted, Caller};
use schemas::client::Incoming;
use schemas::error::Refusal;
use schemas::secrets::ClusterKey;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::leaving::Leaving;
use crate::settings::Settings;
use crate::{people, secrets};

/// How long a process waits for its broker at start before it gives up with a message.
pub const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Clone)]
pub struct Node {
    pub broker: Broker,
    pub sessions: Sessions,
    pub lobby: Lobby,
    pub key: ClusterKey,
    pub leaving: Leaving,
}

impl Node {
    pub async fn join(settings: &Settings, servers: Vec<String>, key: ClusterKey, leaving: Leaving) -> anyhow::Result<Node> {
        let broker =
            Broker::connect(settings.broker(servers.clone()), PATIENCE).await.with_context(|| format!("broker {}", servers.join(", ")))?;
        // The sessions and the lobby are followed until the very end: sockets that are leaving still hear.
        let follow = CancellationToken::new();
        let lobby = Lobby::follow(&broker, follow.clone()).await.context("reading the lobby")?;
        let sessions = Sessions::new(broker.clone(), follow);
        Ok(Node { broker, sessions, lobby, key, leaving })
    }

    pub fn ingest(&self, settings: &Settings) -> ingest::Ingest {
        ingest::metrics::describe();
        // The group commit must outlive the sockets that wait for it, so it does not end with `stop`.
        ingest::Ingest::start(settings.ingest(), self.broker.clone(), self.sessions.clone(), self.key.clone(), CancellationToken::new())
    }

    /// Keeps the gauges of the streams until it is dropped.
    pub fn measure(&self) -> AbortOnDropHandle<()> {
        let broker = self.broker.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            let mut tick = tokio::time::interval(MEASURE);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                if let Err(error) = broker.measure().await {
                    tracing::debug!(%error, "the streams were not measured");
                }
            }
        }))
    }

    pub fn fanout(&self, settings: &Settings, ingest: ingest::Ingest) -> fanout::Fanout {
        fanout::metrics::describe();
        let admit = Arc::new(Door(ingest));
        fanout::Fanout::new(
            settings.fanout(),
            self.broker.clone(),
            self.sessions.clone(),
            self.lobby.clone(),
            self.key.clone(),
            admit,
            fanout::Leave { gently: self.leaving.closing.clone(), at_once: self.leaving.at_once.clone() },
        )
    }
}

/// How often the streams are asked how large they are. Nobody is woken by a number that is a quarter of a minute old.
const MEASURE: Duration = Duration::from_secs(15);

/// The sockets' door to admission.
struct Door(ingest::Ingest);

impl fanout::Admit for Door {
    fn accept(&self, caller: Arc<Caller>, incoming: Incoming) -> BoxFuture<'static, Result<Admitted, Refusal>> {
        self.0.accept_owned(caller, incoming)
    }
}

/// The cluster's key: the setting, or one made once in the data directory (development only).
pub fn key(settings: &Settings, data: Option<&Path>) -> anyhow::Result<ClusterKey> {
    if let Some(secret) = people::secret(settings)? {
        if let Some(file) = settings.secret_file.as_ref().filter(|_| secret.len() < 32) {
            bail!("secret_file {} must hold at least 32 characters; `pika key` makes a key", file.display());
        }
        return Ok(ClusterKey::new(secret.as_bytes()));
    }
    let Some(data) = data else { bail!("`secret` (PIKA_SECRET) is not set; all roles of a cluster need the same one") };
    let path = data.join("cluster.key");
    let secret = secrets::made_once(&path, || Ok(rand::random::<[u8; 32]>().to_vec()))?;
    if secret.len() < 32 {
        bail!("{} is too short to be a key", path.display());
    }
    Ok(ClusterKey::new(&secret))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::result_large_err)]
    use figment::Jail;

    use super::*;
    use crate::settings::{Overrides, Profile, load};

    /// What becomes of a secret in both forms, in the settings and in a file that they name: nothing, or the words of its refusal. Asked
    /// as a role does, and as `pika dev`, which could make a key of its own.
    fn refusals(profile: Profile, secret: &str) -> Vec<Option<String>> {
        let mut refusals = Vec::new();
        for file in [false, true] {
            Jail::expect_with(|jail| {
                jail.create_file("secret.txt", &format!("{secret}\n"))?;
                if file {
                    jail.set_env("PIKA_SECRET_FILE", "secret.txt");
                } else {
                    jail.set_env("PIKA_SECRET", secret);
                }
                let settings = load(&Overrides::default(), profile).unwrap();
                for data in [None, Some(jail.directory())] {
                    refusals.push(key(&settings, data).err().map(|error| error.to_string()));
                }
                Ok(())
            });
        }
        refusals
    }

    #[test]
    fn a_word_from_a_document_is_nobodys_key() {
        for example in ["change-me-to-something-long-and-random", "x0000000000000000000000000000000000000000"] {
            let words = Some("`secret` is no secret; `pika key` makes one".to_owned());
            assert_eq!(refusals(Profile::Production, example), vec![words; 4], "{example}");
            assert_eq!(refusals(Profile::Development, example), vec![None; 4], "while developing any is good enough");
        }
    }

    #[test]
    fn what_pika_key_makes_is_a_key_in_both_forms() {
        // A letter in front: figment takes a value of digits alone for a number.
        assert_eq!(refusals(Profile::Production, &format!("k{}", people::new_key())), vec![None; 4]);
    }
}
