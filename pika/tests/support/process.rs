//! Processes of a story: `pika dev`, or roles apart with a nats-server beside them.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::disk::Disk;
use super::leaks::leak;
use super::log::Log;
use super::{PATIENCE, http, until};

pub const PIKA: &str = env!("CARGO_BIN_EXE_pika");
/// The same for all roles of a story.
pub const SECRET: &str = "a-secret-that-is-only-used-by-these-tests";

/// A running process of Pika; killed when dropped.
pub struct Pika {
    pub url: String,
    pub data: Arc<TempDir>,
    /// What it said on stderr, over all its lives.
    pub log: Log,
    child: Child,
    settings: Vec<(String, String)>,
    args: Vec<String>,
    disk: Option<Arc<Disk>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Ingest,
    Fanout,
    Workers,
    Api,
}

impl Pika {
    /// `pika dev` on a free port with a data directory of its own.
    pub async fn dev() -> Pika {
        Pika::dev_with(&[]).await
    }

    /// The same with settings: `("PIKA_GRACE_SECONDS", "2")`.
    pub async fn dev_with(settings: &[(&str, &str)]) -> Pika {
        let data = Arc::new(tempfile::tempdir().unwrap());
        Pika::start(data, vec!["dev".to_owned()], settings, "127.0.0.1:0").await
    }

    /// The same with its data on a small disk, which only this process and its children see.
    pub async fn dev_on(disk: &Arc<Disk>, settings: &[(&str, &str)]) -> Pika {
        Pika::start_on(Some(disk.clone()), disk.place(), vec!["dev".to_owned()], settings, "127.0.0.1:0").await
    }

    /// One role of a cluster that shares `nats` and a data directory.
    pub async fn role(role: Role, nats: &Nats, data: &Arc<TempDir>, settings: &[(&str, &str)]) -> Pika {
        let name = format!("{role:?}").to_lowercase();
        let args = vec![name, "--nats".to_owned(), nats.url.clone()];
        let development = [("PIKA_PROFILE", "development"), ("PIKA_SECRET", SECRET)];
        Pika::start(data.clone(), args, &[&development, settings].concat(), "127.0.0.1:0").await
    }

    /// A tool beside a running cluster, as an operator uses it: `["token", "add", "Ada"]`. Gives what it printed.
    pub async fn tool(args: &[&str], nats: &Nats, data: &Arc<TempDir>) -> String {
        let mut command = Command::new(PIKA);
        command.args(args).current_dir(data.path()).env("PIKA_DATA", data.path()).env("PIKA_NATS", format!("[\"{}\"]", nats.url));
        let output = command.env("PIKA_SECRET", SECRET).stderr(Stdio::inherit()).kill_on_drop(true).output().await.unwrap();
        assert!(output.status.success(), "pika {args:?} failed");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    async fn start(data: Arc<TempDir>, args: Vec<String>, settings: &[(&str, &str)], listen: &str) -> Pika {
        Pika::start_on(None, data, args, settings, listen).await
    }

    async fn start_on(disk: Option<Arc<Disk>>, data: Arc<TempDir>, args: Vec<String>, settings: &[(&str, &str)], listen: &str) -> Pika {
        let mut settings: Vec<(String, String)> = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        if !settings.iter().any(|(key, _)| key == "PIKA_LOG") {
            settings.push(("PIKA_LOG".to_owned(), "warn".to_owned()));
        }
        let log = Log::default();
        let (child, url) = spawn(disk.as_deref(), &data, &args, &settings, listen, &log).await;
        Pika { url, data, log, child, settings, args, disk }
    }

    /// The end that no process can prepare for.
    pub async fn kill(&mut self) {
        self.child.start_kill().unwrap();
        self.child.wait().await.unwrap();
    }

    /// SIGTERM, and waits for the exit; gives whether it was clean.
    pub async fn terminate(&mut self) -> bool {
        signal(self.child.id().unwrap(), "TERM").await;
        self.left().await
    }

    /// Waits for the exit of a process that was asked to stop; gives whether it was clean.
    pub async fn left(&mut self) -> bool {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("the process did not leave").unwrap().success()
    }

    /// Starts it again where it was: same data, same settings, same address.
    pub async fn restart(&mut self) {
        let listen = self.url.trim_start_matches("http://").to_owned();
        let (child, url) = spawn(self.disk.as_deref(), &self.data, &self.args, &self.settings, &listen, &self.log).await;
        (self.child, self.url) = (child, url);
    }

    /// `pika dev`'s own nats-server.
    pub fn nats_pid(&self) -> u32 {
        std::fs::read_to_string(self.file("nats/nats.pid")).unwrap().trim().parse().unwrap()
    }

    /// Where this test finds a file of the data directory.
    pub fn file(&self, name: &str) -> PathBuf {
        let path = self.data.path().join(name);
        self.disk.as_ref().map_or(path.clone(), |disk| disk.seen(&path))
    }

    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Whether the process is still there.
    pub fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn nats_url(&self) -> String {
        format!("nats://127.0.0.1:{}", std::fs::read_to_string(self.file("nats/nats.port")).unwrap().trim())
    }

    pub fn ws_url(&self) -> String {
        format!("{}/ws", self.url.replacen("http", "ws", 1))
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let response = http().get(format!("{}{path}", self.url)).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The value of a metric without labels, or the sum over the lines whose labels contain `labels`.
    pub async fn metric(&self, name: &str, labels: &str) -> f64 {
        let text = http().get(format!("{}/metrics", self.url)).send().await.unwrap().text().await.unwrap();
        let lines = text.lines().filter(|l| l.split(['{', ' ']).next() == Some(name) && l.contains(labels));
        lines.filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until every role of this process can do its work.
    pub async fn ready(&self) {
        until("ready", || async { (self.get("/readyz").await.0 == 200).then_some(()) }).await;
    }
}

async fn spawn(
    disk: Option<&Disk>,
    data: &TempDir,
    args: &[String],
    settings: &[(String, String)],
    listen: &str,
    log: &Log,
) -> (Child, String) {
    let mut child = disk
        .map_or_else(|| Command::new(PIKA), |disk| disk.command(PIKA))
        .args(args)
        .current_dir(data.path())
        .env("PIKA_DATA", data.path())
        .env("PIKA_LISTEN", listen)
        .envs(settings.iter().cloned())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    log.follow(std::fs::File::from(child.stderr.take().unwrap().into_owned_fd().unwrap()));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = tokio::time::timeout(PATIENCE * 2, async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some(what) = leak(&line) {
                panic!("a line on stdout tells {what}: {line}");
            }
            if let Some(at) = line.find("http://") {
                return line[at..].trim_end_matches('/').to_owned();
            }
        }
        panic!("pika {args:?} ended before it served");
    });
    let url = url.await.expect("pika did not start in time");
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, url)
}

pub async fn signal(pid: u32, name: &str) {
    Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().await.unwrap();
}

impl Drop for Pika {
    fn drop(&mut self) {
        // A killed `pika dev` leaves its nats-server behind; the next start would adopt its place, a finished story has none.
        let pid_file = self.file("nats/nats.pid");
        if let Some(pid) = std::fs::read_to_string(pid_file).ok().filter(|_| self.args[0] == "dev") {
            let _ = std::process::Command::new("kill").arg("-KILL").arg(pid.trim()).stderr(Stdio::null()).status();
        }
        let _ = self.child.start_kill();
        // A story that has failed already says why; this would hide it.
        if !std::thread::panicking() {
            self.log.tells_nothing();
        }
    }
}

/// A nats-server of a cluster story; stopped when dropped.
pub struct Nats {
    pub url: String,
    pub server: Option<nats::server::Server>,
    dir: TempDir,
}

impl Nats {
    pub async fn start() -> Nats {
        let dir = tempfile::tempdir().unwrap();
        let server = Nats::serve(&dir).await;
        Nats { url: server.url(), server: Some(server), dir }
    }

    async fn serve(dir: &TempDir) -> nats::server::Server {
        let program = nats::server::find(std::env::var_os("PIKA_NATS_SERVER").map(PathBuf::from)).unwrap();
        nats::server::Server::start(nats::server::ServerConfig { program, dir: dir.path().to_owned(), port: 0 }).await.unwrap()
    }

    /// The end that it cannot prepare for; it stays away until it is started again.
    pub async fn kill(&mut self) {
        let server = self.server.take().unwrap();
        signal(server.pid().unwrap(), "KILL").await;
        server.stop().await;
    }

    /// Where it was: same address, same directory.
    pub async fn start_again(&mut self) {
        let server = Nats::serve(&self.dir).await;
        assert_eq!(server.url(), self.url, "somebody took the port meanwhile");
        self.server = Some(server);
    }
}
