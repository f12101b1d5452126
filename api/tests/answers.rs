//! The role over a real nats-server and a real file: what the broker says reaches the routes, and questions are answered.
#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use api::{Config, Deps, Limits, Listeners};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use nats::server::{Server, ServerConfig, find};
use nats::{Broker, Known, Lobby, Shard};
use schemas::fact::{Begun, EndReason, Fact, FactRecord, Owner};
use schemas::note::{AskToken, DjIdentity};
use schemas::secrets::{ClusterKey, token_hash};
use schemas::state::State;
use schemas::view::{View, lobby_after};
use schemas::{Millis, PersonId, Seq, SessionId};
use serde_json::{Value, json};
use store::Tokens;
use store::sqlite::Sqlite;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;

/// Nothing that a test waits for takes this long on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    server: Option<Server>,
    broker: Broker,
    store: Sqlite,
    app: Router,
    _stop: DropGuard,
    _dir: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let program = find(None).expect("nats-server: `make tools` gets it");
        let server = Server::start(ServerConfig { program, dir: dir.path().join("nats"), port: 0 }).await.unwrap();
        let config = nats::Config { servers: vec![server.url()], ..nats::Config::default() };
        let broker = Broker::connect(config, PATIENCE).await.unwrap();
        broker.declare(Shard::ONE, Known::default()).await.unwrap();
        let stop = CancellationToken::new();
        let lobby = Lobby::follow(&broker, stop.clone()).await.unwrap();
        let store = Sqlite::open(&dir.path().join("pika.db")).unwrap();
        let key = ClusterKey::new(b"trial");
        let kept = Arc::new(store.clone());
        let stores = accounts::Stores {
            accounts: kept.clone(),
            secrets: kept.clone(),
            audit: kept.clone(),
            tokens: kept.clone(),
            subscriptions: kept,
        };
        let pushes = push::Stores { subscriptions: stores.subscriptions.clone(), pushes: Arc::new(store.clone()) };
        let mailbox = accounts::Mailbox::new(|_, _| Ok(()));
        let told = Arc::new(api::Told(broker.clone()));
        let deps = Deps {
            accounts: accounts::Accounts::new(accounts::Config::default(), stores, &key, Arc::new(mailbox.clone()), told),
            mailbox: Some(mailbox),
            config: Config::default(),
            broker: broker.clone(),
            lobby,
            live: Arc::new(store.clone()),
            tokens: Arc::new(store.clone()),
            limits: Limits::new(&Config::default().rates, &key),
            key,
            push: push::Push::new(push::Config::default(), push::Keys::default(), pushes).unwrap(),
            listeners: Listeners::default(),
        };
        let app = api::routes(deps.clone());
        tokio::spawn(api::run(deps, stop.clone()));
        World { server: Some(server), broker, store, app, _stop: stop.drop_guard(), _dir: dir }
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let (head, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        (head.status, serde_json::from_slice(&body).unwrap())
    }

    async fn say(&self, view: &mut View, fact: Fact) {
        let record = FactRecord { at: Millis::now(), op: None, fact };
        let lobby = lobby_after(view, std::slice::from_ref(&record), Millis::now());
        let appended = self.broker.append(&view.session, view.last, std::slice::from_ref(&record), lobby.as_ref(), &[]).await.unwrap();
        let seq: Seq = appended.seqs[0];
        view.apply(&schemas::fact::PlacedFact { session: view.session.clone(), seq, stamp: Millis::now(), record });
        // What plays comes from the session's owner among the workers.
        if let (None, Some(shown)) = (lobby, view.lobby()) {
            self.broker.show(&view.session, seq, &shown).await.unwrap();
        }
    }
}

async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
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

fn session() -> SessionId {
    SessionId::parse("friday-night").unwrap()
}

fn owner() -> Owner {
    Owner::Person { person: PersonId([7; 16]), address: None }
}

fn begun() -> Fact {
    Fact::Begun(Begun { dj_name: "DJ Ana".to_owned(), owner: owner(), join_code: "C7X4KM".to_owned(), by_socket: true })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_evening_shows_while_its_dj_is_there() {
    let world = World::new().await;
    let mut view = View::new(session());
    world.say(&mut view, begun()).await;
    let track = serde_json::from_value(json!({"artist": "Etta James", "title": "At Last", "bpm": 98.5})).unwrap();
    world.say(&mut view, Fact::Track { track, played_at: Millis::now() }).await;
    world.broker.put_state(&session(), &State::Listeners { of: 5, count: 42, momentum: 0.75 }).await.unwrap();
    let active = async || world.get("/api/sessions/active").await.1;
    let shown = until("the evening on the home page", async || {
        let active = active().await;
        (active["sessions"][0]["listenerCount"] == 42 && active["sessions"][0]["currentTrack"] != Value::Null).then_some(active)
    })
    .await;
    assert_eq!((&shown["live"], &shown["count"]), (&json!(true), &json!(1)));
    let entry = &shown["sessions"][0];
    assert_eq!((&entry["sessionId"], &entry["djName"], &entry["momentum"]), (&json!("friday-night"), &json!("DJ Ana"), &json!(0.75)));
    assert_eq!(entry["currentTrack"], json!({"title": "At Last", "artist": "Etta James", "bpm": 98.5}));
    assert_eq!(world.get("/api/join/c7x-4km").await.1, json!({"sessionId": "friday-night"}));
    assert_eq!(world.get("/health").await.1["activeSessions"], json!(1));

    world.say(&mut view, Fact::Away { since: Millis::now() }).await;
    until("the home page without it", async || (active().await["live"] == false).then_some(())).await;
    assert_eq!(world.get("/api/sessions").await.1[0]["sessionId"], json!("friday-night"));

    let begin = view.run.as_ref().unwrap().begin;
    world.say(&mut view, Fact::Ended { reason: EndReason::Ended, begin, owner: owner(), dj_name: "DJ Ana".to_owned() }).await;
    until("an empty list", async || (world.get("/api/sessions").await.1 == json!([])).then_some(())).await;
    assert_eq!(world.get("/api/join/C7X4KM").await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_token_it_is_can_be_asked_over_the_broker() {
    let world = World::new().await;
    let (good, bad) = (token_hash("pk_dj_good"), token_hash("pk_dj_bad"));
    let kept = world.store.add_token("DJ Ana", &good, Millis::now()).await.unwrap();
    let ask =
        async |sha256: &str| until("an answer", async || world.broker.ask_token(&AskToken::by_hash(sha256.to_owned())).await.ok()).await.dj;
    assert_eq!(ask(&good).await, Some(DjIdentity { id: kept.dj, name: "DJ Ana".to_owned() }));
    assert_eq!(ask(&bad).await, None);
    world.store.revoke_tokens("DJ Ana", Millis::now()).await.unwrap();
    assert_eq!(ask(&good).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_broker_health_says_so_and_the_past_stays_readable() {
    let mut world = World::new().await;
    assert_eq!(world.get("/health").await.0, 200);
    world.server.take().unwrap().stop().await;
    let (status, said) =
        until("health without the broker", async || Some(world.get("/health").await).filter(|(status, _)| *status != 200)).await;
    assert_eq!((status.as_u16(), &said["broker"], &said["database"]), (503, &json!("disconnected"), &json!("connected")));
    assert_eq!(world.get("/api/stats/global").await, (StatusCode::OK, json!({"totalSessions": 0, "totalTracks": 0, "totalLikes": 0})));
}
