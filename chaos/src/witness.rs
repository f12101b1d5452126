//! Who judges: the load test, which keeps account of what was acknowledged; and what the processes themselves said.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long counts and verdicts may take to settle after the last fault.
const SETTLE: Duration = Duration::from_secs(45);
/// What the doors, the judgement and the end take beside.
const BESIDE: Duration = Duration::from_secs(180);

pub struct Evening<'a> {
    pub loadtest: &'a Path,
    pub dir: &'a Path,
    pub fanout: Vec<String>,
    pub ingest: Vec<String>,
    pub api: Vec<String>,
    pub dancers: usize,
    pub length: Duration,
    pub seed: u64,
}

pub struct Witness {
    child: Child,
    /// Passes on what it says. Gives the last line: why it could not judge is that one.
    voice: JoinHandle<String>,
    session: watch::Receiver<Option<String>>,
    report: PathBuf,
    length: Duration,
}

/// What the witness says at the end.
pub struct Account {
    pub held: bool,
    pub report: Value,
}

impl Witness {
    /// Opens the evening.
    pub fn start(evening: &Evening<'_>) -> anyhow::Result<Witness> {
        let report = evening.dir.join("evening.json");
        let mut command = Command::new(evening.loadtest);
        command.args(["evening", "--faults"]).arg("--json").arg(&report);
        for (option, urls) in [("--url", &evening.fanout), ("--ingest", &evening.ingest), ("--api", &evening.api)] {
            urls.iter().for_each(|url| {
                command.arg(option).arg(url);
            });
        }
        let number = |option: &str, number: u64| [option.to_owned(), number.to_string()];
        command.args(number("--dancers", evening.dancers as u64)).args(number("--seconds", evening.length.as_secs()));
        command.args(number("--seed", evening.seed)).args(number("--settle-seconds", SETTLE.as_secs()));
        command.args(number("--reconnects", evening.dancers as u64)).args(["--connect-rate", "100"]);
        command.stdin(Stdio::null()).stdout(Stdio::inherit()).stderr(Stdio::piped()).kill_on_drop(true).process_group(0);
        let mut child = command.spawn().context("pika-loadtest")?;
        let (told, session) = watch::channel(None);
        let said = child.stderr.take().context("what the witness says")?;
        let voice = tokio::spawn(async move {
            let mut lines = BufReader::new(said).lines();
            let mut last = String::new();
            while let Ok(Some(line)) = lines.next_line().await {
                match line.strip_prefix("session ").and_then(|rest| rest.split(' ').next()) {
                    Some(session) => drop(told.send_replace(Some(session.to_owned()))),
                    None => eprintln!("{line}"),
                }
                last = line;
            }
            last
        });
        Ok(Witness { child, voice, session, report, length: evening.length })
    }

    /// The session, once the DJ is live.
    pub async fn session(&mut self) -> anyhow::Result<String> {
        let session = timeout(BESIDE, self.session.wait_for(Option::is_some)).await.context("the evening did not begin in time")?;
        session.context("the witness left before the evening began")?.clone().context("a session")
    }

    /// Until it has ended, whatever its verdict.
    pub async fn gone(&mut self) {
        // What cannot be waited for is told by the account.
        let _ = self.child.wait().await;
    }

    pub async fn account(mut self) -> anyhow::Result<Account> {
        let within = self.length + SETTLE + BESIDE;
        let status = timeout(within, self.child.wait()).await.context("the witness does not come to an end")??;
        let last = self.voice.await?;
        ensure!(matches!(status.code(), Some(0 | 1)), "the witness could not judge: {status}: {last}");
        let text = std::fs::read_to_string(&self.report).context("the witness's report")?;
        Ok(Account { held: status.success(), report: serde_json::from_str(&text)? })
    }
}

/// Lines that must be in no log, whatever was broken: a panic, and a log declared lost that was not.
pub fn complaints(logs: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    const BAD: [&str; 3] = ["panicked at", "is lost from the log", " BUG"];
    let mut found = Vec::new();
    for path in logs {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        found.extend(text.lines().filter(|line| BAD.iter().any(|bad| line.contains(bad))).map(|line| format!("{name}: {line}")));
    }
    Ok(found)
}
