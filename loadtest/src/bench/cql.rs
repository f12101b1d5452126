//! A CQL server of its own, run by `deploy/cassandra.sh`; it ends when this is dropped, and its folder goes with it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};

pub struct Cql {
    /// Ends the server when its input ends, also when this process is killed.
    script: Child,
    /// `HOST:PORT`.
    pub place: String,
}

impl Cql {
    /// Returns once it answers, which takes Java half a minute.
    pub fn start(script: &Path, core: usize) -> anyhow::Result<Cql> {
        let mut command = Command::new("taskset");
        command.arg("-c").arg(core.to_string()).arg(script).arg("run").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = command.spawn().with_context(|| format!("taskset and {}", script.display()))?;
        let mut line = String::new();
        BufReader::new(script.stdout.take().context("the script's output")?).read_line(&mut line)?;
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["ready", place, _] => Ok(Cql { place: place.to_owned(), script }),
            _ => {
                drop(script.stdin.take());
                let status = script.wait()?;
                bail!("no CQL server: its script ended with {status}; `deploy/tools.sh cassandra` gets what it needs")
            }
        }
    }
}

impl Drop for Cql {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        // An error means that it has ended already.
        let _ = self.script.wait();
    }
}
