//! A broker, a store and a worker for one test, and an evening to fold.

use std::sync::Arc;
use std::time::Duration;

use nats::server::{Server, ServerConfig, find};
use nats::{Broker, Known, Shard, Timer};
use schemas::claim::{Claim, ClaimRecord, Pack, Speaker};
use schemas::fact::{Begun, Fact, FactRecord, Owner, PlacedFact, PollOpened};
use schemas::note::{Presence, PresenceChange, PresenceReport, Present};
use schemas::view::{View, lobby_after};
use schemas::{Millis, NodeId, OpKey, PersonId, PollId, Seq, SessionId, Track};
use store::sqlite::Sqlite;
use store::{Live, Past, cql};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use workers::Config;

use crate::cassandra::Cassandra;

/// Nothing that a test waits for takes this long on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct World {
    pub server: Server,
    /// Holds the log and the file for as long as the test.
    dir: TempDir,
    pub store: Arc<dyn Live>,
    pub past: Arc<dyn Past>,
    _cassandra: Option<Cassandra>,
}

impl World {
    pub async fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let program = find(None).expect("nats-server: `make tools` gets it");
        let server = Server::start(ServerConfig { program, dir: dir.path().join("nats"), port: 0 }).await.unwrap();
        let store = Arc::new(Sqlite::open(&dir.path().join("pika.db")).unwrap());
        World { server, past: store.clone(), store, dir, _cassandra: None }
    }

    /// The same with a CQL server for a store, which leaves with this world.
    pub async fn on_cql() -> World {
        let cassandra = tokio::task::spawn_blocking(Cassandra::boot).await.unwrap();
        let config: cql::Config = cassandra.place.parse().unwrap();
        cql::migrate(&config).await.unwrap();
        let store = Arc::new(cql::Cql::open(&config).await.unwrap());
        World { past: store.clone(), store, _cassandra: Some(cassandra), ..World::new().await }
    }

    pub async fn broker(&self) -> Broker {
        self.broker_keeping(nats::Config::default().keep).await
    }

    /// One whose log is kept so long, from now on for all.
    pub async fn broker_keeping(&self, keep: Duration) -> Broker {
        let config = nats::Config { servers: vec![self.server.url()], keep, ..nats::Config::default() };
        let broker = Broker::connect(config, PATIENCE).await.unwrap();
        broker.declare(Shard::ONE, Known::default()).await.unwrap();
        broker
    }

    /// An owner of the session's partition, over a connection of its own.
    pub async fn worker(&self, session: &SessionId, config: Config) -> Worker {
        let stop = CancellationToken::new();
        let (broker, store) = (self.broker().await, self.store.clone());
        let task = tokio::spawn(workers::own(config, broker, store, session.partition(), stop.clone()));
        Worker { stop, task }
    }

    /// Another process holds the file: no save gets through until this is dropped.
    pub fn lock_store(&self) -> rusqlite::Connection {
        let other = rusqlite::Connection::open(self.dir.path().join("pika.db")).unwrap();
        other.busy_timeout(PATIENCE).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other
    }

    /// Kills the server without warning; its supervisor starts it again.
    pub fn kill_broker(&self) {
        let pid = self.server.pid().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    }
}

pub struct Worker {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Worker {
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// As good as `kill -9`: nothing is saved, nothing is said.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Paces for a test that waits for time to pass.
pub fn hasty() -> Config {
    Config { silence: Duration::from_secs(2), settle: Duration::from_millis(200), grace: Duration::from_secs(1), ..Config::default() }
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

pub fn person(n: u32) -> PersonId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    PersonId(id)
}

pub fn track(n: u32) -> Track {
    serde_json::from_value(serde_json::json!({"title": format!("Song {n}"), "artist": "Band"})).unwrap()
}

pub fn node() -> NodeId {
    NodeId("node-1".into())
}

pub fn poll(n: u64) -> PollId {
    PollId::new(n).unwrap()
}

/// A session as its DJ and its dancers see it.
pub struct Evening {
    pub broker: Broker,
    pub session: SessionId,
    pub view: View,
}

impl Evening {
    pub async fn begin(world: &World) -> Evening {
        let session = SessionId::random();
        let broker = world.broker().await;
        let mut evening = Evening { broker, view: View::new(session.clone()), session };
        let join_code = evening.broker.reserve_code(&evening.session).await.unwrap();
        let owner = Owner::Dj { id: "dj-1".into() };
        evening.say(Fact::Begun(Begun { dj_name: "DJ One".into(), owner, join_code, by_socket: true }), &[]).await;
        evening
    }

    pub async fn say(&mut self, fact: Fact, timers: &[Timer]) -> Seq {
        self.catch_up().await;
        let facts = [FactRecord { at: Millis::now(), op: None, fact }];
        let lobby = lobby_after(&self.view, &facts, Millis::now());
        self.broker.append(&self.session, self.view.last, &facts, lobby.as_ref(), timers).await.unwrap();
        self.catch_up().await.last().unwrap().seq
    }

    pub async fn play(&mut self, n: u32) -> Seq {
        self.say(Fact::Track { track: track(n), played_at: Millis::now() }, &[]).await
    }

    /// Opens a poll that is due so much later; `timed`: with the broker's own timer.
    pub async fn open(&mut self, n: u64, due: Duration, timed: bool) -> Millis {
        let at = Millis::now().plus(due.as_millis() as i64);
        let options = vec!["A".into(), "B".into(), "C".into()];
        let ends_at = Some(at);
        let opened = PollOpened { poll: poll(n), question: "Which?".into(), options, ends_at, allow_change: false, hide_results: false };
        let timers = if timed { vec![Timer { poll: poll(n), at }] } else { vec![] };
        self.say(Fact::PollOpened(opened), &timers).await;
        at
    }

    /// The facts that came since the last look.
    pub async fn catch_up(&mut self) -> Vec<PlacedFact> {
        let facts = self.broker.facts_after(&self.session, self.view.last, 1000).await.unwrap();
        for fact in &facts {
            self.view.apply(fact);
        }
        facts
    }

    /// The next fact of this kind; those after it are left to be heard.
    pub async fn hear(&mut self, kind: &str) -> PlacedFact {
        let after = self.view.last;
        let (broker, session) = (self.broker.clone(), self.session.clone());
        let heard = until(kind, || async {
            let facts = broker.facts_after(&session, after, 1000).await.ok()?;
            let at = facts.iter().position(|fact| fact.record.fact.kind() == kind)?;
            Some(facts[..=at].to_vec())
        })
        .await;
        for fact in &heard {
            self.view.apply(fact);
        }
        heard.last().unwrap().clone()
    }

    pub async fn claim(&self, who: u32, claim: Claim) -> Seq {
        self.claims(vec![(who, claim)]).await
    }

    /// One pack; each person's claim has a messageId of its own.
    pub async fn claims(&self, claims: Vec<(u32, Claim)>) -> Seq {
        let claims = claims.into_iter().map(|(who, claim)| ClaimRecord {
            at: Millis::now(),
            by: Speaker::Person { id: person(who), known: true },
            op: Some(OpKey::of(&format!("{who}-{claim:?}"))),
            claim,
        });
        let pack = Pack { node: Some(node()), claims: claims.collect() };
        self.broker.publish_packs(&[(self.session.clone(), pack)]).await.unwrap()[0]
    }

    pub async fn owner_claims(&self, claim: Claim) -> Seq {
        let record = ClaimRecord { at: Millis::now(), by: Speaker::Owner, op: None, claim };
        self.broker.publish_packs(&[(self.session.clone(), Pack { node: None, claims: vec![record] })]).await.unwrap()[0]
    }

    pub async fn present(&self, who: Present, here: bool) {
        let report = PresenceReport::Changes(vec![PresenceChange { session: self.session.clone(), who, here }]);
        self.broker.send_presence(self.session.partition(), &Presence { node: node(), report }).await.unwrap();
    }

    /// Waits until everything up to `seq` is folded and saved.
    pub async fn folded(&self, world: &World, seq: Seq) {
        let partition = self.session.partition();
        until("the fold", || async { world.store.position(partition).await.unwrap().filter(|pos| pos.seq() >= seq) }).await;
    }
}
