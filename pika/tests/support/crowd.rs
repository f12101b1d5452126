//! The load test as a witness: a program that knows the wire and nothing else plays against the processes of a story, and
//! keeps account.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::process::PIKA;

pub struct Crowd {
    child: Child,
    dir: TempDir,
}

/// What it found.
pub struct Account {
    pub status: ExitStatus,
    pub report: Value,
}

impl Crowd {
    /// `pika-loadtest` with these arguments.
    pub fn start(args: &[String]) -> Crowd {
        let program: PathBuf = Path::new(PIKA).with_file_name("pika-loadtest");
        assert!(program.is_file(), "{} is not there; `cargo build --workspace --tests` makes it", program.display());
        let dir = tempfile::tempdir().unwrap();
        let child = Command::new(program)
            .args(args)
            .arg("--json")
            .arg(dir.path().join("report.json"))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Crowd { child, dir }
    }

    pub fn plays(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub async fn account(mut self, patience: Duration) -> Account {
        let status = tokio::time::timeout(patience, self.child.wait()).await.expect("the crowd does not go home").unwrap();
        let report = std::fs::read_to_string(self.dir.path().join("report.json"));
        Account { status, report: serde_json::from_str(&report.expect("the crowd wrote no report")).unwrap() }
    }
}
