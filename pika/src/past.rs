//! Evenings of the past, as the log has them: which runs a session had, and their facts and claims one by one.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nats::{Broker, Entry, Reading};
use schemas::fact::Fact;
use schemas::{Seq, SessionId};

use crate::settings::Settings;

/// How long a tool waits for the broker to answer before it says that it does not.
const PATIENCE: Duration = Duration::from_secs(5);
/// A reader mends itself for ever; a person at a terminal does not wait that long for the next message.
const SILENCE: Duration = Duration::from_secs(15);
/// Facts of a session that are looked at for its runs. An evening has a few hundred.
const FACTS: usize = 200_000;
/// Reading shorter than this needs no progress line.
const QUICK: Duration = Duration::from_millis(500);

/// The broker of the settings, only looked at.
pub async fn broker(settings: &Settings) -> anyhow::Result<Broker> {
    let servers = settings.brokers();
    let shown = servers.iter().map(|url| crate::settings::without_password(url)).collect::<Vec<_>>().join(", ");
    Broker::visit(settings.broker(servers), PATIENCE)
        .await
        .with_context(|| format!("the log of a Pika cannot be read at {shown}; is it running? --nats or --data says where it is"))
}

/// One run of a session as its facts tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub begin: Seq,
    /// Where the next run of the session begins, if one does.
    pub next: Option<Seq>,
}

impl Run {
    /// The last place that can belong to this run.
    pub fn last(&self) -> Seq {
        self.next.map_or(Seq::MAX, |next| next - 1)
    }
}

/// The session's runs whose begin the log still holds, oldest first.
pub async fn runs(broker: &Broker, session: &SessionId) -> anyhow::Result<Vec<Run>> {
    let facts = broker.facts_after(session, 0, FACTS).await?;
    let mut runs: Vec<Run> = Vec::new();
    let mut live = false;
    for placed in facts {
        match placed.record.fact {
            // A second begin while the run is on lost a race and is void.
            Fact::Begun(_) if !live => {
                if let Some(run) = runs.last_mut() {
                    run.next = Some(placed.seq);
                }
                runs.push(Run { begin: placed.seq, next: None });
                live = true;
            }
            Fact::Ended { .. } => live = false,
            _ => {}
        }
    }
    Ok(runs)
}

/// The run that begins there, or the latest.
pub fn choose(runs: &[Run], begin: Option<Seq>, session: &SessionId) -> anyhow::Result<Run> {
    let known = || runs.iter().map(|run| run.begin.to_string()).collect::<Vec<_>>().join(", ");
    match begin {
        Some(begin) => match runs.iter().find(|run| run.begin == begin) {
            Some(run) => Ok(*run),
            None if runs.is_empty() => bail!("the log holds no run of session {session}"),
            None => bail!("the log holds no run of session {session} that begins at {begin}; it holds {}", known()),
        },
        None => runs.last().copied().with_context(|| format!("the log holds no run of session {session}")),
    }
}

/// Reads a stretch and gives each entry to `take` until it has enough, with a progress line on a terminal where it takes long.
pub async fn read(broker: &Broker, session: &SessionId, from: Seq, upto: Seq, mut take: impl FnMut(Entry) -> bool) -> anyhow::Result<()> {
    let mut reading = broker.read_session(session, from.saturating_sub(1), upto).await?;
    let mut progress = Progress::new();
    while let Some(entry) = next(&mut reading).await? {
        progress.step(reading.left());
        if !take(entry) {
            break;
        }
    }
    progress.end();
    Ok(())
}

async fn next(reading: &mut Reading) -> anyhow::Result<Option<Entry>> {
    let entry = tokio::time::timeout(SILENCE, reading.next()).await;
    Ok(entry.context("the broker went silent while the log was read")??)
}

struct Progress {
    began: Instant,
    said: Instant,
    shown: bool,
    terminal: bool,
    done: u64,
}

impl Progress {
    fn new() -> Self {
        let now = Instant::now();
        Progress { began: now, said: now, shown: false, terminal: std::io::stderr().is_terminal(), done: 0 }
    }

    fn step(&mut self, left: u64) {
        self.done += 1;
        if self.terminal && self.began.elapsed() > QUICK && self.said.elapsed() > QUICK / 4 {
            (self.said, self.shown) = (Instant::now(), true);
            let _ = write!(std::io::stderr(), "\r\x1b[2Kreading the log: {} of about {}", self.done, self.done + left);
        }
    }

    fn end(&self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}
