//! The evening: doors, music, polls, quiet, judgement, end.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::ValueEnum;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use schemas::codec::Codec;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::dancer::dance;
use crate::diary::Diary;
use crate::dj::Dj;
use crate::files;
use crate::ledger::{Recap, Violation, judge, judge_end};
use crate::meter::held;
use crate::mind::Mind;
use crate::plan::Plan;
use crate::publish::Publisher;
use crate::report::{self, Report};
use crate::shared::Shared;
use crate::wire::Target;

#[derive(Clone, Copy, ValueEnum)]
pub enum Form {
    Json,
    Msgpack,
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  pika-loadtest evening --dancers 50 --seconds 20\n  pika-loadtest evening --dancers 2000 --seconds 120 --tracks-every 10 --reconnects 400 --json evening.json"
)]
pub struct Evening {
    /// How many dancers come.
    #[arg(long, default_value_t = 100)]
    dancers: usize,
    /// How long the evening lasts once the doors have closed.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:3001")]
    url: String,
    /// Seconds between tracks; at least 1, because dancers hear no more than one a second.
    #[arg(long, default_value_t = 5.0)]
    tracks_every: f64,
    /// Write the report here too.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The same seed plans the same evening.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The form of messages on the sockets.
    #[arg(long, value_enum, default_value = "json")]
    codec: Form,
    /// How often during the evening a dancer drops the socket and comes back with its last position.
    #[arg(long, default_value_t = 0)]
    reconnects: usize,
    /// A DJ token, for servers that take no anonymous DJs.
    #[arg(long, env = "PIKA_DJ_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Dancers a second at the door.
    #[arg(long, default_value_t = 500.0)]
    connect_rate: f64,
    /// Of a hundred dancers so many come while the evening is on.
    #[arg(long, default_value_t = 5)]
    late_percent: usize,
    /// How long counts and verdicts may take to settle once all is quiet.
    #[arg(long, default_value_t = 10)]
    settle_seconds: u64,
}

impl Evening {
    fn check(&self) -> anyhow::Result<()> {
        if self.dancers == 0 || self.seconds == 0 {
            bail!("an evening needs at least one dancer and one second");
        }
        if !(1.0..=86_400.0).contains(&self.tracks_every) {
            bail!("--tracks-every must be at least 1: dancers hear no more than one track a second");
        }
        if !(1.0..=1e6).contains(&self.connect_rate) {
            bail!("--connect-rate must be at least 1");
        }
        Ok(())
    }
}

/// How long the doors may stay open beyond what the connect rate asks.
const DOORS_WITHIN: Duration = Duration::from_secs(60);
/// How long SESSION_ENDED may take to reach everyone.
const END_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(250);

type Diaries = Vec<Arc<Mutex<Diary>>>;

/// `false` if a promise was broken.
pub async fn run(args: Evening) -> anyhow::Result<bool> {
    args.check()?;
    files::allow(args.dancers)?;
    let codec = match args.codec {
        Form::Json => Codec::Json,
        Form::Msgpack => Codec::MsgPack,
    };
    let target = Target::resolve(&args.url, codec).await?;
    let dj_name = format!("DJ Load {}", args.seed);
    let publisher = Publisher::go_live(&target.http, args.token.as_deref(), &dj_name).await?;
    let tracks = (args.seconds as f64 / args.tracks_every) as usize + 2;
    let began = Instant::now();
    let shared = Arc::new(Shared::new(target, publisher.session.clone(), began, tracks));
    let dj = Arc::new(Dj::new(publisher, Arc::clone(&shared)));
    eprintln!("session {} at {}", shared.session, shared.target.http);

    let mut tasks = JoinSet::new();
    tasks.spawn({
        let dj = Arc::clone(&dj);
        async move { dj.listen(dj_name).await }
    });
    if !dj.ready().await {
        bail!("the DJ's socket was not registered: {:?}", held(&dj.diary).surprises);
    }
    dj.play().await?;

    let progress = tokio::spawn(report::progress(Arc::clone(&shared), args.dancers));
    let (diaries, late) = open_doors(&args, &shared, &mut tasks);
    let seated_all = wait_seats(&args, &shared, args.dancers - late).await;
    let doors = shared.now();

    let until = Instant::now() + Duration::from_secs(args.seconds);
    let every = Duration::from_secs_f64(args.tracks_every);
    tokio::try_join!(dj.play_on(every, until), dj.ask_on(until))?;
    sleep(until.saturating_duration_since(Instant::now())).await;
    shared.hush();
    let played = shared.now() - doors;

    let settle = Duration::from_secs(args.settle_seconds);
    let (mut violations, settled) = settle_down(&dj, &diaries, settle).await;
    dj.publisher.end(&shared).await?;
    violations.extend(wait_end(&diaries).await);
    shared.stop.cancel();
    progress.abort();
    if timeout(Duration::from_secs(5), async { while tasks.join_next().await.is_some() {} }).await.is_err() {
        tasks.abort_all();
    }

    let report = Report::new(&shared, args.dancers, played, seated_all, settled, &held(&dj.diary), &violations);
    report.print();
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&report)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(violations.is_empty())
}

/// Sends the crowd to the doors at the asked pace, a few for later, and deals out the drops. Returns the diaries and how many come late.
fn open_doors(args: &Evening, shared: &Arc<Shared>, tasks: &mut JoinSet<()>) -> (Diaries, usize) {
    let mut rng = SmallRng::seed_from_u64(args.seed);
    let late = args.dancers * args.late_percent.min(100) / 100;
    let now = Instant::now();
    let opening = Duration::from_secs_f64((args.dancers - late) as f64 / args.connect_rate);
    let evening = Duration::from_secs(args.seconds);
    let mut drops: Vec<Vec<Instant>> = vec![Vec::new(); args.dancers];
    for _ in 0..args.reconnects {
        let who = rng.random_range(0..args.dancers);
        drops[who].push(now + opening + evening.mul_f64(rng.random_range(0.1..0.9)));
    }
    let mut diaries = Vec::with_capacity(args.dancers);
    for (id, drops) in drops.into_iter().enumerate() {
        let diary = Arc::new(Mutex::new(Diary::default()));
        let mut mind = Mind::new(id, args.seed, Arc::clone(shared), Arc::clone(&diary));
        let arrives = if id < args.dancers - late {
            now + Duration::from_secs_f64(id as f64 / args.connect_rate)
        } else {
            now + opening + evening.mul_f64(rng.random_range(0.0..0.6))
        };
        for at in drops.into_iter().filter(|at| *at > arrives) {
            mind.plans.at(at, Plan::Drop);
        }
        diaries.push(diary);
        tasks.spawn(dance(mind, Arc::clone(shared), arrives));
    }
    (diaries, late)
}

/// Until everyone who came for the beginning is seated. Returns how long that took, or `None` when the doors stayed jammed.
async fn wait_seats(args: &Evening, shared: &Shared, crowd: usize) -> Option<Duration> {
    let began = Instant::now();
    let within = DOORS_WITHIN + Duration::from_secs_f64(crowd as f64 / args.connect_rate);
    while shared.meter.seated.get() < crowd as u64 {
        if began.elapsed() > within {
            return None;
        }
        sleep(Duration::from_millis(20)).await;
    }
    Some(began.elapsed())
}

/// Judges again and again until nothing is wrong or the deadline has passed. Returns what is wrong then, and how long it took.
async fn settle_down(dj: &Dj, diaries: &Diaries, within: Duration) -> (Vec<Violation>, Duration) {
    let began = Instant::now();
    loop {
        let recap = match dj.publisher.recap().await {
            Ok(recap) => recap,
            Err(e) => {
                eprintln!("no recap: {e:#}");
                Recap::default()
            }
        };
        let violations = with_all(diaries, |all| judge(&held(&dj.diary), all, &recap));
        if violations.is_empty() || began.elapsed() > within {
            return (violations, began.elapsed());
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn wait_end(diaries: &Diaries) -> Vec<Violation> {
    let began = Instant::now();
    loop {
        let violations = with_all(diaries, judge_end);
        if violations.is_empty() || began.elapsed() > END_WITHIN {
            return violations;
        }
        sleep(LOOK_EVERY).await;
    }
}

fn with_all<T>(diaries: &Diaries, look: impl FnOnce(&[&Diary]) -> T) -> T {
    let guards: Vec<_> = diaries.iter().map(|d| held(d)).collect();
    let all: Vec<&Diary> = guards.iter().map(|g| &**g).collect();
    look(&all)
}
