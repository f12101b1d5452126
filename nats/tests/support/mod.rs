//! A real nats-server for a test, and words for sessions and facts.

use std::time::Duration;

use nats::server::{Server, ServerConfig, find};
use nats::{Broker, Config, Known};
use schemas::fact::{Begun, EndReason, Fact, FactRecord, Owner};
use schemas::lobby::{Begin, LobbyRecord, LobbyStatus};
use schemas::{Millis, PersonId, SessionId, Track};
use tempfile::TempDir;

/// Nothing that a test waits for takes this long on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct World {
    pub server: Server,
    pub dir: TempDir,
}

impl World {
    pub async fn new() -> World {
        let dir = tempfile::tempdir().expect("a directory");
        World { server: start(dir.path().into()).await, dir }
    }

    pub async fn broker(&self) -> Broker {
        self.broker_with(Config::default()).await
    }

    pub async fn broker_with(&self, config: Config) -> Broker {
        let config = Config { servers: vec![self.server.url()], ..config };
        let broker = Broker::connect(config, PATIENCE).await.expect("a connection");
        broker.declare(Known::default()).await.expect("an epoch");
        broker
    }

    /// A plain client of the same server, to look behind the broker's back.
    pub async fn stranger(&self) -> async_nats::Client {
        async_nats::connect(self.server.url()).await.expect("a connection")
    }

    /// What a plain client hears on a subject, from now on.
    pub async fn overhear(&self, subject: String) -> async_nats::Subscriber {
        let stranger = self.stranger().await;
        let heard = stranger.subscribe(subject).await.expect("a subscription");
        // The server's "nobody listens" comes after it has taken the subscription; a flush would not wait for that.
        let nobody = stranger.request("nobody", "".into()).await;
        assert_eq!(nobody.expect_err("an answer from nobody").kind(), async_nats::RequestErrorKind::NoResponders);
        heard
    }

    /// Kills the server without warning; its supervisor starts it again.
    pub fn kill(&self) {
        signal(self.server.pid().expect("a running server"), "-KILL");
    }
}

pub async fn start(dir: std::path::PathBuf) -> Server {
    let program = find(None).expect("nats-server: `make tools` gets it");
    Server::start(ServerConfig { program, dir, port: 0 }).await.expect("a server")
}

pub fn signal(pid: u32, signal: &str) {
    let status = std::process::Command::new("kill").arg(signal).arg(pid.to_string()).status().expect("kill");
    assert!(status.success(), "kill {signal} {pid}");
}

/// Waits until `look` gives something.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let seen = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Waits for a future that should not take long.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

pub fn session(name: &str) -> SessionId {
    SessionId::parse(name).expect("a session id")
}

pub fn owner() -> Owner {
    Owner::Person { person: PersonId([7; 16]), address: None }
}

pub fn record(fact: Fact) -> FactRecord {
    FactRecord { at: Millis::now(), op: None, fact }
}

pub fn begun() -> FactRecord {
    record(Fact::Begun(Begun { dj_name: "Ana".to_owned(), owner: owner(), join_code: "C7X4KM".to_owned(), by_socket: true }))
}

pub fn ended(begin: u64) -> FactRecord {
    record(Fact::Ended { reason: EndReason::Ended, begin, owner: owner(), dj_name: "Ana".to_owned() })
}

pub fn track(title: &str) -> FactRecord {
    let track: Track = serde_json::from_value(serde_json::json!({ "artist": "Somebody", "title": title })).expect("a track");
    record(Fact::Track { track, played_at: Millis::now() })
}

pub fn title(record: &FactRecord) -> String {
    match &record.fact {
        Fact::Track { track, .. } => track.title.as_str().to_owned(),
        other => panic!("{} is no track", other.kind()),
    }
}

pub fn lobby(status: LobbyStatus, code: &str, begin: Begin) -> LobbyRecord {
    LobbyRecord {
        dj_name: "Ana".to_owned(),
        join_code: code.to_owned(),
        began_at: Millis::now(),
        status,
        begin,
        track: None,
        announcement: None,
    }
}
