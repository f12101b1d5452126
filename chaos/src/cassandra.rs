//! A CQL server of its own, run by `deploy/cassandra.sh`, which keeps its folder and starts it again.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::time::timeout;

/// Java, and a minute for a machine that does other things too.
const READY: Duration = Duration::from_secs(150);

pub struct Cassandra {
    /// Ends the server when its input ends, also when this process is killed.
    script: Child,
    input: ChildStdin,
    /// Where it answers, and as which process; nothing while it is away.
    ready: watch::Receiver<Option<(String, Pid)>>,
    told: watch::Sender<Option<(String, Pid)>>,
}

impl Cassandra {
    /// Starts an empty one, and returns once it answers.
    pub async fn start(script: &Path) -> anyhow::Result<Cassandra> {
        let mut command = Command::new(script);
        command.arg("run").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).process_group(0);
        let mut script = command.spawn().with_context(|| format!("{}: it is run in the project's folder", script.display()))?;
        let input = script.stdin.take().context("the script's input")?;
        let mut lines = BufReader::new(script.stdout.take().context("the script's output")?).lines();
        let (told, ready) = watch::channel(None);
        let tell = told.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let mut words = line.split(' ');
                let (Some("ready"), Some(place), Some(pid)) = (words.next(), words.next(), words.next()) else { continue };
                let pid = pid.parse().ok().and_then(Pid::from_raw);
                tell.send_replace(pid.map(|pid| (place.to_owned(), pid)));
            }
        });
        let mut cassandra = Cassandra { script, input, ready, told };
        cassandra.ready().await?;
        Ok(cassandra)
    }

    /// Returns once it answers; where.
    pub async fn ready(&mut self) -> anyhow::Result<String> {
        let found = tokio::select! {
            found = timeout(READY, self.ready.wait_for(Option::is_some)) => found.context("the CQL server does not answer in time")?,
            status = self.script.wait() => bail!("the CQL server's script ended: {}", status?),
        };
        let found = found.context("what the CQL server says")?.clone();
        found.map(|(place, _)| place).context("where the CQL server is")
    }

    pub fn kill(&self) {
        self.signal(Signal::KILL);
        self.told.send_replace(None);
    }

    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks for it to be started where it was; it takes its time to answer.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        Ok(self.input.write_all(b"start\n").await?)
    }

    pub async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.input);
        self.script.wait().await?;
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        if let Some((_, pid)) = &*self.ready.borrow() {
            // An error means that it has just ended.
            let _ = kill_process(*pid, signal);
        }
    }
}
