//! A start that is meant to fail, and what an operator sees of it.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::leaks::leak;
use super::process::PIKA;
use super::{Disk, PATIENCE};

#[derive(Debug)]
pub struct Attempt {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

/// Runs `pika` with these arguments and variables in `dir`, and waits for its end.
pub async fn attempt(dir: &std::path::Path, args: &[&str], settings: &[(&str, &OsStr)]) -> Attempt {
    finish(Command::new(PIKA), dir, args, settings).await
}

impl Attempt {
    /// As a user whom the modes of files hold back. A root that may read and write everything is no such user.
    pub async fn without_privileges(dir: &std::path::Path, args: &[&str], settings: &[(&str, &OsStr)]) -> Attempt {
        let root = user_id().await == 0;
        let command = if root {
            let mut command = Command::new("setpriv");
            command.arg("--bounding-set=-dac_override,-dac_read_search").arg(PIKA);
            command
        } else {
            Command::new(PIKA)
        };
        finish(command, dir, args, settings).await
    }

    pub async fn on(disk: &Disk, args: &[&str], settings: &[(&str, &OsStr)]) -> Attempt {
        let place = disk.place();
        finish(disk.command(PIKA), place.path(), args, settings).await
    }
}

async fn user_id() -> u32 {
    let output = Command::new("id").arg("-u").output().await.unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
}

async fn finish(mut command: Command, dir: &std::path::Path, args: &[&str], settings: &[(&str, &OsStr)]) -> Attempt {
    let started = Instant::now();
    command.args(args).current_dir(dir).env("PIKA_LISTEN", "127.0.0.1:0").envs(settings.iter().copied());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.unwrap_or_else(|_| panic!("pika {args:?} did not give up")).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    for line in String::from_utf8_lossy(&output.stderr).lines().chain(String::from_utf8_lossy(&output.stdout).lines()) {
        if let Some(what) = leak(line) {
            panic!("pika {args:?} tells {what}: {line}");
        }
    }
    Attempt { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr), took: started.elapsed() }
}
