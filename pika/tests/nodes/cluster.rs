//! The cluster that stories play in.

use std::sync::{Arc, LazyLock, Weak};

use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

use crate::support::{Nats, Pika, Role, until};

/// Times are short, so that a story sees them pass, and message budgets lifted, so that a story may say much at once.
pub const IMPATIENT: [(&str, &str); 4] =
    [("PIKA_GRACE_SECONDS", "8"), ("PIKA_STAY_SECONDS", "2"), ("PIKA_NODE_SILENCE_SECONDS", "4"), ("PIKA_BUDGETS", "0")];

/// Where shared processes are waited for: a story's own runtime ends with the story.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static SHARED: Mutex<Weak<Cluster>> = Mutex::const_new(Weak::new());

/// One ingest, two nodes with sockets, two workers, one api, a broker and a file.
pub struct Cluster {
    pub ingest: Pika,
    pub nodes: [Pika; 2],
    pub workers: [Pika; 2],
    pub api: Pika,
    pub nats: Nats,
    pub data: Arc<TempDir>,
}

impl Cluster {
    /// The one for stories that leave everything in its place; it runs as long as one of them does.
    pub async fn shared() -> Arc<Cluster> {
        let mut shared = SHARED.lock().await;
        if let Some(cluster) = shared.upgrade() {
            return cluster;
        }
        let cluster = Arc::new(Cluster::start().await);
        *shared = Arc::downgrade(&cluster);
        cluster
    }

    /// One for a story that stops or breaks a part of it.
    pub async fn start() -> Cluster {
        tokio::task::spawn_blocking(|| RUNTIME.block_on(Cluster::start_here())).await.unwrap()
    }

    async fn start_here() -> Cluster {
        let data = Arc::new(tempfile::tempdir().unwrap());
        let nats = Nats::start().await;
        let role = |role| Pika::role(role, &nats, &data, &IMPATIENT);
        // The first makes the streams and the file; the others find them.
        let first = role(Role::Workers).await;
        let (ingest, one, other, second, api) =
            tokio::join!(role(Role::Ingest), role(Role::Fanout), role(Role::Fanout), role(Role::Workers), role(Role::Api));
        for part in [&ingest, &one, &other, &first, &second, &api] {
            part.ready().await;
        }
        // An owner that is new knows no DJ yet; what a story sees is the time after the partitions were shared out.
        for worker in [&first, &second] {
            until("half of the partitions", async || (worker.metric("pika_partitions_owned", "").await == 32.0).then_some(())).await;
        }
        Cluster { ingest, nodes: [one, other], workers: [first, second], api, nats, data }
    }

    /// One more node with sockets, with settings of its own.
    pub async fn node(&self, settings: &[(&str, &str)]) -> Pika {
        let node = Pika::role(Role::Fanout, &self.nats, &self.data, &[&IMPATIENT, settings].concat()).await;
        node.ready().await;
        node
    }

    /// What the home page says of a session; nothing while its DJ is away.
    pub async fn active(&self, session: &str) -> Option<Value> {
        let (_, body) = self.api.get("/api/sessions/active").await;
        body["sessions"].as_array()?.iter().find(|entry| entry["sessionId"] == session).cloned()
    }

    pub async fn until_active(&self, session: &str, active: bool) {
        until("the home page", async || (self.active(session).await.is_some() == active).then_some(())).await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(server) = self.nats.server.take() else { return };
        // Waited for on a thread of its own, because this may be a story's runtime.
        let _ = std::thread::spawn(move || RUNTIME.block_on(server.stop())).join();
    }
}

/// What a session's own people hear: every socket also hears of all sessions that begin, and of others that end.
pub fn own(mut heard: Vec<Value>, session: &str) -> Vec<Value> {
    heard.retain(|m| m["type"] != "SESSION_STARTED" && (m["type"] != "SESSION_ENDED" || m["sessionId"] == session));
    heard
}
