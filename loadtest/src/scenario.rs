//! The evening: doors, music, polls, quiet, judgement, end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::time::sleep;

use crate::meter::held;
use crate::plan::Plan;
use crate::report::{self, Report};
use crate::stage::{Server, Stage};

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  pika-loadtest evening --dancers 50 --seconds 20\n  pika-loadtest evening --dancers 2000 --seconds 120 --tracks-every 10 --reconnects 400 --json evening.json\n  pika-loadtest evening --url http://node1:3001 --url http://node2:3001 --ingest http://ingest:3001 --api http://api:3001"
)]
pub struct Evening {
    #[command(flatten)]
    server: Server,
    /// How many dancers come.
    #[arg(long, default_value_t = 100)]
    dancers: usize,
    /// How long the evening lasts once the doors have closed.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seconds between tracks; at least 1, because dancers hear no more than one a second.
    #[arg(long, default_value_t = 5.0)]
    tracks_every: f64,
    /// How often during the evening a dancer drops the socket and comes back with its last position.
    #[arg(long, default_value_t = 0)]
    reconnects: usize,
    /// Of a hundred dancers so many come while the evening is on.
    #[arg(long, default_value_t = 5)]
    late_percent: usize,
}

impl Evening {
    fn check(&self) -> anyhow::Result<()> {
        if self.dancers == 0 || self.seconds == 0 {
            bail!("an evening needs at least one dancer and one second");
        }
        if !(1.0..=86_400.0).contains(&self.tracks_every) {
            bail!("--tracks-every must be at least 1: dancers hear no more than one track a second");
        }
        self.server.check()
    }
}

/// `false` if a promise was broken.
pub async fn run(args: Evening) -> anyhow::Result<bool> {
    args.check()?;
    let tracks = (args.seconds as f64 / args.tracks_every) as usize + 2;
    let mut stage = Stage::set(&args.server, args.dancers, tracks, 0).await?;
    let (shared, dj) = (Arc::clone(&stage.shared), Arc::clone(&stage.dj));

    let progress = tokio::spawn(report::progress(Arc::clone(&shared), args.dancers));
    let late = open_doors(&args, &mut stage);
    let seated_all = stage.seats(args.dancers - late, args.server.connect_rate).await;
    let doors = shared.now();

    let until = Instant::now() + Duration::from_secs(args.seconds);
    let every = Duration::from_secs_f64(args.tracks_every);
    tokio::try_join!(dj.play_on(every, until), dj.ask_on(until))?;
    sleep(until.saturating_duration_since(Instant::now())).await;
    shared.hush();
    let played = shared.now() - doors;

    let judgement = stage.close(Duration::from_secs(args.server.settle_seconds)).await?;
    progress.abort();
    let report = Report::new(&shared, args.dancers, played, seated_all, &held(&dj.diary), &judgement);
    report.print();
    args.server.write(&report)?;
    Ok(judgement.violations.is_empty())
}

/// Sends the crowd to the doors at the asked pace, a few for later, and deals out the drops. Returns how many come late.
fn open_doors(args: &Evening, stage: &mut Stage) -> usize {
    let mut rng = SmallRng::seed_from_u64(args.server.seed);
    let late = args.dancers * args.late_percent.min(100) / 100;
    let now = Instant::now();
    let opening = Duration::from_secs_f64((args.dancers - late) as f64 / args.server.connect_rate);
    let evening = Duration::from_secs(args.seconds);
    let mut drops: Vec<Vec<Instant>> = vec![Vec::new(); args.dancers];
    for _ in 0..args.reconnects {
        let who = rng.random_range(0..args.dancers);
        drops[who].push(now + opening + evening.mul_f64(rng.random_range(0.1..0.9)));
    }
    for (id, drops) in drops.into_iter().enumerate() {
        let arrives = if id < args.dancers - late {
            now + Duration::from_secs_f64(id as f64 / args.server.connect_rate)
        } else {
            now + opening + evening.mul_f64(rng.random_range(0.0..0.6))
        };
        stage.admit(arrives, None, |mind| drops.into_iter().filter(|at| *at > arrives).for_each(|at| mind.plans.at(at, Plan::Drop)));
    }
    late
}
