//! A process of the fleet: started, killed, held still and started again, always in the same place.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

/// A process that was asked to leave and is still there after this is killed.
const LEAVE: Duration = Duration::from_secs(20);
/// Lines of a log that are said when a process fails.
const LAST_WORDS: usize = 20;

pub struct Child {
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    /// Where it works and writes its log.
    dir: PathBuf,
    log: PathBuf,
    process: Option<tokio::process::Child>,
}

impl Child {
    pub fn new(name: &str, program: &Path, dir: &Path) -> Child {
        let log = dir.join(format!("{name}.log"));
        Child { program: program.to_owned(), args: Vec::new(), env: Vec::new(), dir: dir.to_owned(), log, process: None }
    }

    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Child {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub fn env(mut self, key: &str, value: impl Into<String>) -> Child {
        self.env.push((key.to_owned(), value.into()));
        self
    }

    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The end of its log, for whom the directory is gone when they read it.
    pub fn last_words(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n")
    }

    pub fn start(&mut self) -> io::Result<()> {
        let log: File = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(self.env.iter().cloned()).current_dir(&self.dir);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        // A group of its own, so that Ctrl-C reaches us alone and the fleet is taken down in order.
        command.process_group(0);
        self.process = Some(command.spawn()?);
        Ok(())
    }

    /// The end that it cannot prepare for.
    pub async fn kill(&mut self) -> io::Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        process.kill().await
    }

    /// Asks it to leave, and waits until it has. Gives whether it left by itself and cleanly.
    pub async fn stop(&mut self) -> io::Result<bool> {
        self.signal(Signal::CONT);
        self.signal(Signal::TERM);
        let Some(mut process) = self.process.take() else { return Ok(true) };
        match timeout(LEAVE, process.wait()).await {
            Ok(status) => status.map(|status| status.success()),
            Err(_) => process.kill().await.map(|()| false),
        }
    }

    /// Waits until it ends by itself.
    pub async fn end(&mut self) -> io::Result<ExitStatus> {
        match self.process.take() {
            Some(mut process) => process.wait().await,
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Holds it still: it keeps its sockets and answers nothing.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Lets it go on after a pause, first in fits and starts: it works for a tenth of the time.
    pub async fn stammer(&self, time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time {
            self.resume();
            sleep(Duration::from_millis(2)).await;
            self.pause();
            sleep(Duration::from_millis(20)).await;
        }
        self.resume();
    }

    /// How it ended, if it did so without being told to.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.process.as_mut()?.try_wait().ok()??;
        self.process = None;
        Some(status)
    }

    pub fn is_started(&self) -> bool {
        self.process.is_some()
    }

    fn signal(&self, signal: Signal) {
        let pid = self.process.as_ref().and_then(|process| process.id()).and_then(|id| Pid::from_raw(id as i32));
        if let Some(pid) = pid {
            // An error means that it has just ended, which the next look sees.
            let _ = kill_process(pid, signal);
        }
    }
}
