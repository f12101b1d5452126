//! Rows in a cluster that speaks CQL, and that cluster away in the middle of a poll.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use schemas::{SessionId, secrets::token_hash};
use serde_json::{Value, json};
use store::contract::sample::sorted;
use store::cql::{Config, Cql, Login};
use store::sqlite::Sqlite;
use store::{Live, RunRow, RunState, Tokens};
use tempfile::TempDir;

use crate::cassandra::Cassandra;
use crate::floor::recap_agrees;
use crate::support::{Dj, Nats, Pika, Role, SECRET, Socket, attempt, http, track, until};

/// Enough for every request, every retry and every connection of the driver to have failed more than once.
const OUTAGE: Duration = Duration::from_secs(20);

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Dancers of one evening, each a person of their own, who vote and like once.
struct Floor<'a> {
    fanout: &'a Pika,
    dj: &'a Dj,
    poll: Value,
    votes: [u64; 2],
}

impl Floor<'_> {
    /// Somebody comes, votes and likes, and has been told that both are stored. Then the tally shows it to everyone.
    async fn one_more(&mut self, watcher: &mut Socket) {
        let option = (self.votes[0] + self.votes[1]) as usize % 3 % 2;
        let mut dancer = Socket::open(self.fanout).await;
        dancer.subscribe(&self.dj.session).await;
        dancer.ask_ok(json!({"type": "VOTE_ON_POLL", "pollId": self.poll, "optionIndex": option, "clientId": "x"})).await;
        dancer.ask_ok(json!({"type": "SEND_LIKE", "payload": {"track": track("Before")}})).await;
        self.votes[option] += 1;
        let votes = json!(self.votes);
        watcher.wait("a tally with the new vote", |m| m["type"] == "POLL_UPDATE" && m["votes"] == votes).await;
    }

    fn likes(&self) -> u64 {
        self.votes.iter().sum()
    }
}

#[tokio::test]
async fn a_store_that_is_away_keeps_nobody_from_voting_and_nothing_is_missing_afterwards() {
    let (cassandra, nats, data) = (blocking(Cassandra::guarded).await, Nats::start().await, Arc::new(TempDir::new().unwrap()));
    let cassandra = Arc::new(cassandra);
    let store = format!("cql:{}/evenings", cassandra.place);
    // As on an operator's machine: the settings in a file, the password in another.
    let login = "store_user = \"cassandra\"\nstore_password_file = \"password\"\n";
    std::fs::write(data.path().join("pika.toml"), format!("store = \"{store}\"\n{login}")).unwrap();
    std::fs::write(data.path().join("password"), "cassandra\n").unwrap();

    let development = [("PIKA_PROFILE", OsStr::new("development")), ("PIKA_SECRET", OsStr::new(SECRET))];
    let early = attempt(data.path(), &["workers", "--nats", &nats.url], &development).await;
    assert!(early.code == Some(1) && early.stderr.contains(&format!("run `pika migrate --store {store}`")), "{early:?}");
    let made = Pika::tool(&["migrate"], &nats, &data).await;
    assert!(made.contains("keyspace evenings is up to date"), "{made}");
    let token = Pika::tool(&["token", "add", "DJ Anna"], &nats, &data).await;

    let role = async |role| Pika::role(role, &nats, &data, &[]).await;
    let (mut workers, api) = (role(Role::Workers).await, role(Role::Api).await);
    let (ingest, fanout) = (role(Role::Ingest).await, role(Role::Fanout).await);
    for part in [&workers, &api, &ingest, &fanout] {
        part.ready().await;
    }
    let mut dj = Dj::live(&ingest).await;
    dj.play("Before").await;
    let mut watcher = Socket::open(&fanout).await;
    watcher.subscribe(&dj.session).await;
    dj.open_poll(None).await;
    let poll = watcher.hear("POLL_STARTED").await["pollId"].clone();
    let mut floor = Floor { fanout: &fanout, dj: &dj, poll: poll.clone(), votes: [0, 0] };
    for _ in 0..3 {
        floor.one_more(&mut watcher).await;
    }
    let likes = floor.likes();
    let on_disk = async || (recap(&api, &dj).await.2["totalLikes"] == likes).then_some(());
    until("the rows of the first dancers", on_disk).await;

    cassandra.signal("KILL");
    let away = Instant::now();
    while away.elapsed() < OUTAGE {
        floor.one_more(&mut watcher).await;
    }
    let (status, retry_after, body) = recap(&api, &dj).await;
    assert_eq!((status, retry_after.is_some()), (503, true), "{body}");
    assert_eq!(api.get("/health").await.0, 503);
    assert_eq!(api.get("/readyz").await.0, 200, "a role whose store is away still answers what it can");
    assert!(workers.metric("pika_store_errors_total", "save").await > 0.0, "nothing was tried meanwhile");
    println!("{} dancers voted while the store was away", floor.likes() - likes);

    let again = cassandra.clone();
    blocking(move || again.start_again()).await;
    let back = Instant::now();
    until("a recap again", async || (recap(&api, &dj).await.0 == 200).then_some(())).await;
    println!("a recap again after {:?}", back.elapsed());
    let (likes, votes) = (floor.likes(), floor.votes);
    dj.publish_ok(json!({"type": "END_POLL", "pollId": poll})).await;
    assert_eq!(watcher.hear("POLL_ENDED").await["results"], json!(votes));
    dj.publish_ok(json!({"type": "END_SESSION"})).await;
    recap_agrees(&api, &dj, likes, &votes).await;

    // The rows are what somebody makes of the same log who had no outage and another store.
    let session = SessionId::parse(&dj.session).unwrap();
    let mut config: Config = store.strip_prefix("cql:").unwrap().parse().unwrap();
    config.login = Some(Login { user: "cassandra".to_owned(), password: "cassandra".to_owned() });
    let stranger =
        Config { login: Some(Login { user: "eve".to_owned(), password: "guess".to_owned() }), patience: Duration::ZERO, ..config.clone() };
    let refused = Cql::open(&stranger).await.err().unwrap().to_string();
    assert!(refused.contains("does not let us in as eve") && !refused.contains("guess"), "{refused}");
    let cql = Cql::open(&config).await.unwrap();
    assert_eq!(cql.find_token(&token_hash(&token), schemas::Millis::now()).await.unwrap().unwrap().name, "DJ Anna");
    let (kept, position) = (over(&cql, &session).await, cql.position(session.partition()).await.unwrap());
    assert!(workers.terminate().await);
    let file = data.path().join("another.sqlite");
    let other = format!("sqlite:{}", file.display());
    let _workers = Pika::role(Role::Workers, &nats, &data, &[("PIKA_STORE", other.as_str())]).await;
    let file = Sqlite::open(&file).unwrap();
    until("the log folded anew", async || (file.position(session.partition()).await.unwrap() >= position).then_some(())).await;
    assert_eq!(kept, over(&file, &session).await);
    assert_eq!((kept.likes.len() as u64, kept.votes.len() as u64), (likes, likes));
}

/// Status, Retry-After and body, as the owner sees them.
async fn recap(api: &Pika, dj: &Dj) -> (u16, Option<String>, Value) {
    let url = format!("{}/api/sessions/{}/recap", api.url, dj.session);
    let answer = http().get(url).bearer_auth(&dj.owner_token).send().await.unwrap();
    let retry_after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), retry_after, answer.json().await.unwrap())
}

/// The rows of a session whose end is saved, but for how many listened, which no log tells.
async fn over(store: &dyn Live, session: &SessionId) -> RunState {
    let state = until("the run's end on disk", async || store.load(session).await.unwrap().filter(|state| state.run.ended.is_some()));
    let state = state.await;
    sorted(RunState { run: RunRow { peak_listeners: 0, ..state.run.clone() }, ..state })
}
