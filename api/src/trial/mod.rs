//! The routes, tried without a broker: a stage that a test sets, and a real SQLite file.

mod accounts;
mod client_errors;
mod failures;
mod fakes;
mod fingerprints;
mod likes;
mod metrics;
mod openapi;
mod pages;
mod people;
mod perimeter;
mod pushes;
mod recap;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use schemas::client::Preference;
use schemas::fact::{EndReason, Owner};
use schemas::lobby::{Begin, LobbyRecord, LobbyStatus};
use schemas::secrets::ClusterKey;
use schemas::server::TempoCount;
use schemas::track::{Analysis, Track};
use schemas::{Millis, PersonId, PollId, Pos, Seq, SessionId, Text};
use serde_json::Value;
use store::sqlite::Sqlite;
use store::{Changes, LikeRow, Live, PlayRow, PollRow, PollStatus, RunRow, Tokens};
use tower::ServiceExt;

use crate::config::Config;
use crate::desk::{Desk, Parts};
use crate::limits::Limits;
use crate::listeners::Listeners;
use crate::routes;
use fakes::FakeStage;

/// A Saturday evening, 20:00 in UTC.
pub const EVENING: Millis = Millis(1_769_284_800_000);

pub struct World {
    pub app: Router,
    pub stage: Arc<FakeStage>,
    pub store: Sqlite,
    pub key: ClusterKey,
    pub listeners: Listeners,
    pub mailbox: ::accounts::Mailbox,
    pub accounts: ::accounts::Accounts,
    _dir: tempfile::TempDir,
    _keep: Box<dyn std::any::Any>,
}

/// Where people are kept, and what keeps it.
pub type People = (::accounts::Stores, Box<dyn std::any::Any>);

impl World {
    pub fn new() -> Self {
        World::with(Config { stats_fresh: Duration::ZERO, recent_fresh: Duration::ZERO, ..Config::default() })
    }

    pub fn with(config: Config) -> Self {
        World::over(config, None)
    }

    /// A world whose evenings are kept by `live` instead of the file.
    pub fn over(config: Config, live: Option<Arc<dyn Live>>) -> Self {
        World::of(config, live, Vec::new())
    }

    /// A world in which people may sign in with these.
    pub fn of(config: Config, live: Option<Arc<dyn Live>>, providers: Vec<::accounts::Provider>) -> Self {
        World::made(config, live, providers, None)
    }

    /// A world whose people are kept in these stores instead of the file, for as long as what comes with them lives.
    pub fn made(config: Config, live: Option<Arc<dyn Live>>, providers: Vec<::accounts::Provider>, people: Option<People>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&dir.path().join("pika.db")).unwrap();
        let (stage, key, listeners) = (Arc::new(FakeStage::default()), ClusterKey::new(b"trial"), Listeners::default());
        let live = live.unwrap_or_else(|| Arc::new(store.clone()));
        let mailbox = ::accounts::Mailbox::new(|_, _| Ok(()));
        let (stores, keep) = people.unwrap_or_else(|| {
            let people: Arc<Sqlite> = Arc::new(store.clone());
            let people = ::accounts::Stores {
                accounts: people.clone(),
                secrets: people.clone(),
                audit: people.clone(),
                tokens: people.clone(),
                subscriptions: people,
            };
            let nothing: Box<dyn std::any::Any> = Box::new(());
            (people, nothing)
        });
        let tokens = stores.tokens.clone();
        let push = pushes::push(store.clone(), stores.subscriptions.clone());
        let rules = ::accounts::Config {
            sign_in_floor: Duration::ZERO,
            providers,
            hashing: ::accounts::Hashing { passes: Some(2), ..::accounts::Hashing::default() },
            ..::accounts::Config::default()
        };
        let accounts = ::accounts::Accounts::new(rules, stores, &key, Arc::new(mailbox.clone()), Arc::new(Nobody));
        let limits = Limits::new(&config.rates, &key);
        let parts = Parts {
            config,
            live,
            tokens,
            accounts: accounts.clone(),
            mailbox: Some(mailbox.clone()),
            key: key.clone(),
            limits,
            push,
            listeners: listeners.clone(),
        };
        let desk = Desk::new(parts, stage.clone());
        World { app: routes::router(Arc::new(desk)), stage, store, key, listeners, mailbox, accounts, _dir: dir, _keep: keep }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path)).await
    }

    pub async fn ask(&self, request: axum::http::request::Builder) -> Answer {
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        answer(&self.app, request).await
    }

    pub async fn save(&self, change: impl FnOnce(&mut Changes)) {
        let session = session("friday-night");
        let mut changes = Changes {
            partition: session.partition(),
            upto: Pos::new(1, 1_000),
            runs: vec![],
            plays: vec![],
            likes: vec![],
            wishes: vec![],
            polls: vec![],
            votes: vec![],
        };
        change(&mut changes);
        self.store.save(&changes).await.unwrap();
    }

    /// The DJ's new token.
    pub async fn token(&self, name: &str) -> (String, String) {
        let token = format!("pk_dj_{name}");
        let dj = self.store.add_token(name, &schemas::secrets::token_hash(&token), EVENING).await.unwrap();
        (token, dj.dj)
    }

    /// A `Cookie` header that proves this person.
    pub fn cookie(&self, person: PersonId) -> String {
        format!("pika_id={}", self.key.seal_person(person))
    }
}

/// There is no other node that would have to hear.
struct Nobody;

#[async_trait::async_trait]
impl ::accounts::Herald for Nobody {
    async fn ended(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The status, and the code of the error.
    pub fn failure(&self) -> (u16, String) {
        let body = self.json();
        assert!(body["error"].as_str().is_some_and(|words| !words.is_empty()), "an error without words: {body}");
        (self.status.as_u16(), body["code"].as_str().unwrap_or_else(|| panic!("no code: {body}")).to_owned())
    }
}

pub async fn answer(app: &Router, request: Request<Body>) -> Answer {
    let (head, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = axum::body::to_bytes(body, 16 << 20).await.unwrap().to_vec();
    Answer { status: head.status, headers: head.headers, body }
}

pub fn request(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path)
}

pub fn session(name: &str) -> SessionId {
    SessionId::parse(name).unwrap()
}

pub fn track(artist: &str, title: &str) -> Track {
    Track { artist: Text::parse(artist).unwrap(), title: Text::parse(title).unwrap(), analysis: Analysis::default() }
}

pub fn record(dj: &str, minute: i64, status: LobbyStatus) -> LobbyRecord {
    LobbyRecord {
        dj_name: dj.to_owned(),
        join_code: "K7WQ2M".to_owned(),
        began_at: EVENING.plus(minute * 60_000),
        status,
        begin: Begin::At(10),
        track: None,
        announcement: None,
    }
}

pub fn run(name: &str, begin: Seq) -> RunRow {
    RunRow {
        session: session(name),
        begin,
        pos: Pos::new(1, begin),
        dj_name: "DJ Kryspin".to_owned(),
        slug: "dj-kryspin".to_owned(),
        owner: Owner::Person { person: PersonId([200; 16]), address: None },
        join_code: "K7WQ2M".to_owned(),
        began_at: EVENING,
        ended: None,
        tracks: 0,
        likes: 0,
        peak_listeners: 7,
    }
}

pub fn over(run: RunRow, minutes: i64) -> RunRow {
    RunRow { ended: Some((EVENING.plus(minutes * 60_000), EndReason::Ended)), ..run }
}

pub fn play(run: &RunRow, seq: Seq, artist: &str, title: &str) -> PlayRow {
    let track = track(artist, title);
    PlayRow {
        session: run.session.clone(),
        begin: run.begin,
        play: seq,
        pos: Pos::new(1, seq),
        key: track.key(),
        track,
        played_at: EVENING.plus(seq as i64 * 1_000),
        likes: 0,
        tempo: TempoCount::default(),
    }
}

pub fn like(play: &PlayRow, person: PersonId, seq: Seq) -> LikeRow {
    LikeRow {
        session: play.session.clone(),
        begin: play.begin,
        person,
        key: play.key,
        pos: Pos::new(1, seq),
        on: true,
        play: play.play,
        liked_at: EVENING.plus(seq as i64 * 1_000),
        ops: vec![],
    }
}

pub fn wish(play: &PlayRow, person: PersonId, preference: Preference) -> store::WishRow {
    store::WishRow { session: play.session.clone(), begin: play.begin, play: play.play, person, pos: play.pos, preference, ops: vec![] }
}

pub fn poll(run: &RunRow, number: u64, status: PollStatus, votes: &[u64], play: Option<Seq>) -> PollRow {
    PollRow {
        session: run.session.clone(),
        begin: run.begin,
        poll: PollId::new(number).unwrap(),
        pos: Pos::new(1, run.begin + number),
        question: "Slower?".to_owned(),
        options: vec!["Yes".to_owned(), "No".to_owned()],
        allow_change: false,
        opened: run.begin + number,
        opened_at: EVENING.plus(60_000),
        ends_at: None,
        play,
        status,
        votes: votes.to_vec(),
    }
}
