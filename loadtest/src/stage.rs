//! What every scenario is played on: a session that is live, a DJ who plays and listens, the doors, and the judgement at the end.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::ValueEnum;
use schemas::codec::Codec;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::dancer::dance;
use crate::diary::Diary;
use crate::dj::Dj;
use crate::files;
use crate::ledger::{Recap, Violation, Weather, judge, judge_end};
use crate::meter::held;
use crate::mind::Mind;
use crate::publish::{Doors, Publisher};
use crate::shared::Shared;
use crate::wire::Target;

#[derive(Clone, Copy, ValueEnum)]
pub enum Form {
    Json,
    Msgpack,
}

#[derive(clap::Args)]
pub struct Server {
    /// A node that takes sockets. Given several (again, or after a comma) the crowd spreads over them, and moves on to the next
    /// when one is gone or asks it to.
    #[arg(long, default_value = "http://127.0.0.1:3001", value_delimiter = ',')]
    pub url: Vec<String>,
    /// The publish API, where it is not at --url. Given several, the next is asked when one does not answer.
    #[arg(long, value_delimiter = ',')]
    ingest: Vec<String>,
    /// The API that answers questions, likewise.
    #[arg(long, value_delimiter = ',')]
    api: Vec<String>,
    /// Processes are killed meanwhile. How soon something comes is then not judged, only that it comes, counted once; nor is what
    /// goes unsaid or is said again when its sender dies: a like in the DJ's ear, a voter's verdict, a listener count that falls.
    #[arg(long)]
    faults: bool,
    /// A DJ token, for servers that take no anonymous DJs.
    #[arg(long, env = "PIKA_DJ_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The form of messages on the sockets.
    #[arg(long, value_enum, default_value = "json")]
    codec: Form,
    /// Dancers a second at the door.
    #[arg(long, default_value_t = 500.0)]
    pub connect_rate: f64,
    /// The same seed plans the same evening.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long counts and verdicts may take to settle once all is quiet.
    #[arg(long, default_value_t = 10)]
    pub settle_seconds: u64,
    /// Write the report here too.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// How long the doors may stay open beyond what the connect rate asks.
const DOORS_WITHIN: Duration = Duration::from_secs(60);
/// How long SESSION_ENDED may take to reach everyone.
const END_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub struct Stage {
    pub shared: Arc<Shared>,
    pub dj: Arc<Dj>,
    pub diaries: Vec<Arc<Mutex<Diary>>>,
    tasks: JoinSet<()>,
    seed: u64,
    weather: Weather,
}

/// What was wrong, and how long it took until nothing changed any more.
pub struct Judgement {
    pub violations: Vec<Violation>,
    pub settled: Duration,
}

impl Server {
    pub fn check(&self) -> anyhow::Result<()> {
        if !(1.0..=1e6).contains(&self.connect_rate) {
            bail!("--connect-rate must be at least 1");
        }
        Ok(())
    }

    /// Where questions are answered, and people sign in.
    pub fn api(&self) -> &str {
        self.api.first().or(self.url.first()).map_or("", |url| url.trim_end_matches('/'))
    }

    pub fn write<T: Serialize>(&self, report: &T) -> anyhow::Result<()> {
        let Some(path) = &self.json else { return Ok(()) };
        let text = serde_json::to_string_pretty(report)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Stage {
    /// Goes live and plays the first track. `people`: how many sockets there will be; `tracks`: how many at most.
    pub async fn set(server: &Server, people: usize, tracks: usize, padding: usize) -> anyhow::Result<Stage> {
        files::allow(people)?;
        let codec = match server.codec {
            Form::Json => Codec::Json,
            Form::Msgpack => Codec::MsgPack,
        };
        let target = Target::resolve(&server.url, codec).await?;
        let doors = |given: &Vec<String>| {
            let urls = if given.is_empty() { &server.url } else { given };
            urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect()
        };
        let doors = Doors { ingest: doors(&server.ingest), api: doors(&server.api) };
        let dj_name = format!("DJ Load {}", server.seed);
        let publisher = Publisher::go_live(doors, server.token.as_deref(), &dj_name).await?;
        eprintln!("session {} at {}", publisher.session, server.url.join(", "));
        let weather = if server.faults { Weather::Faults } else { Weather::Fair };
        let shared = Arc::new(Shared::new(target, publisher.session.clone(), Instant::now(), tracks, padding));
        let dj = Arc::new(Dj::new(publisher, Arc::clone(&shared), weather));
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let dj = Arc::clone(&dj);
            async move { dj.listen(dj_name).await }
        });
        if !dj.ready().await {
            bail!("the DJ's socket was not registered: {:?}", held(&dj.diary).surprises);
        }
        dj.play().await?;
        Ok(Stage { shared, dj, diaries: Vec::new(), tasks, seed: server.seed, weather })
    }

    /// Sends one more dancer to the door. `prepare` may change its mind; `buffer`: what its system may keep unread.
    pub fn admit(&mut self, arrives: Instant, buffer: Option<u32>, prepare: impl FnOnce(&mut Mind)) {
        let diary = Arc::new(Mutex::new(Diary::default()));
        let mut mind = Mind::new(self.diaries.len(), self.seed, Arc::clone(&self.shared), Arc::clone(&diary));
        prepare(&mut mind);
        self.diaries.push(diary);
        self.tasks.spawn(dance(mind, Arc::clone(&self.shared), arrives, buffer));
    }

    /// Until so many are seated. Returns how long that took, or `None` when the doors stayed jammed.
    pub async fn seats(&self, crowd: usize, connect_rate: f64) -> Option<Duration> {
        let began = Instant::now();
        let within = DOORS_WITHIN + Duration::from_secs_f64(crowd as f64 / connect_rate);
        while self.shared.meter.seated.get() < crowd as u64 {
            if began.elapsed() > within {
                return None;
            }
            sleep(Duration::from_millis(20)).await;
        }
        Some(began.elapsed())
    }

    /// Judges again and again until nothing is wrong or the deadline has passed, then ends the session and looks who heard it.
    pub async fn close(&mut self, within: Duration) -> anyhow::Result<Judgement> {
        let began = Instant::now();
        let (mut violations, settled) = loop {
            let recap = match self.dj.publisher.recap().await {
                Ok(recap) => recap,
                Err(e) => {
                    eprintln!("no recap: {e:#}");
                    Recap::default()
                }
            };
            let violations = self.with_all(|all| judge(&held(&self.dj.diary), all, &recap, self.weather));
            if violations.is_empty() || began.elapsed() > within {
                break (violations, began.elapsed());
            }
            sleep(LOOK_EVERY).await;
        };
        self.dj.publisher.end(&self.shared).await?;
        let ended = Instant::now();
        violations.extend(loop {
            let violations = self.with_all(judge_end);
            if violations.is_empty() || ended.elapsed() > END_WITHIN {
                break violations;
            }
            sleep(LOOK_EVERY).await;
        });
        self.shared.stop.cancel();
        if timeout(Duration::from_secs(5), async { while self.tasks.join_next().await.is_some() {} }).await.is_err() {
            self.tasks.abort_all();
        }
        Ok(Judgement { violations, settled })
    }

    pub fn with_all<T>(&self, look: impl FnOnce(&[&Diary]) -> T) -> T {
        let guards: Vec<_> = self.diaries.iter().map(|d| held(d)).collect();
        let all: Vec<&Diary> = guards.iter().map(|g| &**g).collect();
        look(&all)
    }
}
