//! Many sign in at once while an evening goes on. First only the DJ plays; then, for as long again, so many people are always signing
//! in, each anew once they are in. What dancers hear must be about as timely in both.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use reqwest::{Client, StatusCode};
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::meter::Timer;
use crate::report::{Latency, table, verdict};
use crate::stage::{Server, Stage};

#[derive(clap::Args)]
#[command(
    after_help = "The server must not count sign-ins, which all come from one address here: PIKA_SIGN_IN_LIMITS=0\n\nExample:\n  pika-loadtest sign-ins --dancers 500 --at-once 200 --seconds 30"
)]
pub struct SignIns {
    #[command(flatten)]
    server: Server,
    /// Dancers who listen.
    #[arg(long, default_value_t = 500)]
    dancers: usize,
    /// Sign-ins that are under way at any moment of the second phase.
    #[arg(long, default_value_t = 200)]
    at_once: usize,
    /// Accounts that are made for it before the first phase; they take turns.
    #[arg(long, default_value_t = 20)]
    accounts: usize,
    /// How long each of the two phases lasts.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// By which factor the p99 of NOW_PLAYING may be worse during the storm.
    #[arg(long, default_value_t = 2.0)]
    p99_ratio: f64,
}

/// Two tracks may be at most this near for nobody to miss one.
const TRACK_EVERY: Duration = Duration::from_millis(1_500);
/// How long one sign-in may take before whoever waits for it gives up: two hundred wait for one another.
const PATIENCE: Duration = Duration::from_secs(60);
/// Whoever is told that too many are signing in comes back after as long as the answer says, or after this.
const COME_BACK: Duration = Duration::from_secs(2);
/// What accounts that were just made still set off, letters before all, is over after this.
const SETTLE: Duration = Duration::from_secs(3);
/// Nobody's: no guesser would try it soon.
const PASSWORD: &str = "seven quiet elephants dance";
const CLIENT: (&str, &str) = ("X-Pika-Client", "pika-e2e");

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    dancers: usize,
    at_once: usize,
    /// From the POST of a track to its NOW_PLAYING.
    quiet: Latency,
    storm: Latency,
    p99_ratio: f64,
    signed_in: u64,
    signed_in_a_second: f64,
    /// From the first try to the answer with which somebody was in.
    sign_in: Latency,
    /// What else was answered, and was tried again.
    refused: BTreeMap<String, u64>,
    violations: Vec<String>,
}

struct Crowd {
    http: Client,
    url: String,
    emails: Vec<String>,
    signed_in: AtomicU64,
    took: Timer,
    over: AtomicBool,
}

impl Crowd {
    async fn make(url: &str, accounts: usize, tag: &str) -> anyhow::Result<Crowd> {
        let http = Client::builder().timeout(PATIENCE).build()?;
        let emails: Vec<String> = (0..accounts).map(|nth| format!("storm-{tag}-{nth}@example.org").to_lowercase()).collect();
        for (nth, email) in emails.iter().enumerate() {
            let body = json!({"email": email, "password": PASSWORD, "displayName": format!("Storm {tag} {nth}")});
            let answer = http.post(format!("{url}/api/auth/register")).header(CLIENT.0, CLIENT.1).json(&body).send().await?;
            match answer.status() {
                StatusCode::CREATED => {}
                StatusCode::TOO_MANY_REQUESTS => bail!("the server counts sign-ups; start it with PIKA_SIGN_IN_LIMITS=0"),
                status => bail!("no account could be made: {status} {}", answer.text().await.unwrap_or_default()),
            }
        }
        Ok(Crowd {
            http,
            url: format!("{url}/api/auth/token"),
            emails,
            signed_in: AtomicU64::new(0),
            took: Timer::default(),
            over: AtomicBool::new(false),
        })
    }

    /// One of them: in, and in again. Returns what was refused on the way.
    async fn one(self: Arc<Self>, nth: usize) -> anyhow::Result<BTreeMap<String, u64>> {
        let body = json!({"email": self.emails[nth % self.emails.len()], "password": PASSWORD, "name": "load test"});
        let mut refused = BTreeMap::new();
        let mut began = Instant::now();
        while !self.over.load(Relaxed) {
            let answer = self.http.post(&self.url).header(CLIENT.0, CLIENT.1).json(&body).send().await.context("no answer to a sign-in")?;
            match answer.status() {
                StatusCode::OK => {
                    self.signed_in.fetch_add(1, Relaxed);
                    self.took.record(began.elapsed());
                    began = Instant::now();
                }
                StatusCode::SERVICE_UNAVAILABLE => {
                    *refused.entry("too many at once".to_owned()).or_insert(0) += 1;
                    let said = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                    tokio::time::sleep(said.map_or(COME_BACK, Duration::from_secs)).await;
                }
                StatusCode::TOO_MANY_REQUESTS => bail!("the server counts sign-ins; start it with PIKA_SIGN_IN_LIMITS=0"),
                status => bail!("a right password was answered with {status}"),
            }
        }
        Ok(refused)
    }
}

/// `false` if a promise was broken.
pub async fn run(args: SignIns) -> anyhow::Result<bool> {
    args.server.check()?;
    if args.dancers == 0 || args.at_once == 0 || args.accounts == 0 {
        bail!("dancers, sign-ins and accounts are needed");
    }
    let phase = Duration::from_secs(args.seconds);
    let tracks = 2 * (phase.as_millis() / TRACK_EVERY.as_millis()) as usize + 16;
    let mut stage = Stage::set(&args.server, args.dancers, tracks, 0).await?;
    let (shared, dj) = (Arc::clone(&stage.shared), Arc::clone(&stage.dj));
    let tag: String = shared.session.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    let crowd = Arc::new(Crowd::make(args.server.api(), args.accounts, &tag).await?);
    for id in 0..args.dancers {
        let arrives = Instant::now() + Duration::from_secs_f64(id as f64 / args.server.connect_rate);
        stage.admit(arrives, None, |mind| mind.plans.lively = false);
    }
    if stage.seats(args.dancers, args.server.connect_rate).await.is_none() {
        bail!("{} of {} were seated: take fewer, or a lower --connect-rate", shared.meter.seated.get(), args.dancers);
    }
    sleep_until((Instant::now() + SETTLE).into()).await;
    shared.meter.now_playing.take();

    dj.talk(TRACK_EVERY, 1, Instant::now() + phase).await?;
    let quiet = Latency::from(shared.meter.now_playing.take());

    let mut people = JoinSet::new();
    for nth in 0..args.at_once {
        people.spawn(Arc::clone(&crowd).one(nth));
    }
    let began = Instant::now();
    dj.talk(TRACK_EVERY, 1, began + phase).await?;
    let (storm, lasted) = (Latency::from(shared.meter.now_playing.take()), began.elapsed());
    let signed_in = crowd.signed_in.load(Relaxed);
    crowd.over.store(true, Relaxed);
    let mut refused = BTreeMap::new();
    while let Some(one) = people.join_next().await {
        for (words, count) in one?? {
            *refused.entry(words).or_insert(0) += count;
        }
    }

    shared.hush();
    let judgement = stage.close(Duration::from_secs(args.server.settle_seconds)).await?;
    let mut violations: Vec<String> = judgement.violations.iter().map(ToString::to_string).collect();
    let ratio = storm.p99() / quiet.p99().max(0.001);
    if ratio > args.p99_ratio {
        violations.push(format!("DancersHarmed: p99 of {:.1} ms while people signed in, {:.1} ms before", storm.p99(), quiet.p99()));
    }
    if signed_in < args.at_once as u64 {
        violations.push(format!("NotSignedIn: {signed_in} of {} at once were in within {lasted:.0?}", args.at_once));
    }
    let report = Report {
        dancers: args.dancers,
        at_once: args.at_once,
        p99_ratio: ratio,
        quiet,
        storm,
        signed_in,
        signed_in_a_second: signed_in as f64 / lasted.as_secs_f64(),
        sign_in: Latency::from(crowd.took.take()),
        refused,
        violations,
    };
    report.print();
    args.server.write(&report)?;
    Ok(report.violations.is_empty())
}

impl Report {
    fn print(&self) {
        println!("{} dancers; {} sign-ins at once in the second phase", self.dancers, self.at_once);
        println!("NOW_PLAYING, milliseconds");
        for (name, latency) in [("quiet", &self.quiet), ("sign-ins", &self.storm)] {
            println!("  {name:<12} {latency}");
        }
        println!("  p99 during sign-ins / p99 when quiet: {:.2}", self.p99_ratio);
        println!("signed in: {}, {:.1} a second; how long one took, milliseconds", self.signed_in, self.signed_in_a_second);
        println!("  {:<12} {}", "", self.sign_in);
        table("refused, and tried again", &self.refused);
        println!();
        verdict(&self.violations);
    }
}
