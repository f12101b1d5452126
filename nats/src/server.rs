//! A real nats-server of our own: for `pika dev` and for tests.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::metrics;

/// Atomic batches, schedules and per-message TTL came by 2.12.
const OLDEST: (u32, u32) = (2, 12);
/// A log of some gigabytes is read again at the start.
const START: Duration = Duration::from_secs(30);
/// nats-server leaves within a second when it is asked to; what does not is killed.
const STOP: Duration = Duration::from_secs(5);
/// After this a server that died is started again, and after each further death twice as late, up to the last.
const RESTART: Duration = Duration::from_millis(50);
const RESTART_LATEST: Duration = Duration::from_secs(5);
/// A server that lived this long is not in a crash loop.
const STEADY: Duration = Duration::from_secs(30);
/// Between two looks at something that has no event.
const LOOK: Duration = Duration::from_millis(20);
/// Ports tried when somebody else takes the chosen one first.
const PORTS: usize = 5;
/// The log may grow to this or to what the disk holds, whichever is less.
const MAX_FILE: u64 = 20 * 1024 * 1024 * 1024;
/// Below this JetStream is of no use.
const LEAST_FILE: u64 = 64 * 1024 * 1024;
/// Less free disk than this is said before publishing is refused for it. A crowded evening writes some megabytes.
const SCARCE: u64 = 64 * 1024 * 1024;
/// With less than this a file that must grow by a block may already fail.
const NOTHING: u64 = 1024 * 1024;
/// How often the disk is looked at.
const LOOK_AT_DISK: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The nats-server program.
    pub program: PathBuf,
    /// Holds `nats.conf`, `jetstream/`, `nats.pid`, `nats.log`.
    pub dir: PathBuf,
    /// 0: any free port, the same again after a restart in the same directory when it is still free.
    pub port: u16,
}

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("{0}")]
    Failed(String),
}

impl ServerError {
    fn at(what: &str) -> impl Fn(io::Error) -> ServerError {
        move |error| ServerError::Failed(format!("{what}: {error}"))
    }
}

/// A supervised nats-server: started again when it dies, until [`Server::stop`].
pub struct Server {
    port: u16,
    pid: Arc<AtomicU32>,
    stop: CancellationToken,
    supervisor: JoinHandle<()>,
}

impl Server {
    /// Starts it in its directory, which only one process uses at a time, and returns once it accepts connections.
    pub async fn start(config: ServerConfig) -> Result<Server, ServerError> {
        std::fs::create_dir_all(&config.dir).map_err(ServerError::at("the directory for nats-server"))?;
        let dir = std::fs::canonicalize(&config.dir).map_err(ServerError::at("the directory for nats-server"))?;
        let home = Home { program: config.program, dir };
        let lock = home.lock()?;
        home.stop_leftover().await;
        let (port, child) = home.first_start(config.port).await?;
        let pid = Arc::new(AtomicU32::new(child.id().unwrap_or(0)));
        let stop = CancellationToken::new();
        let supervisor = tokio::spawn(supervise(home, lock, port, child, pid.clone(), stop.clone()));
        Ok(Server { port, pid, stop, supervisor })
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub fn pid(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::Acquire)).filter(|pid| *pid != 0)
    }

    /// Asks the server to leave, waits, and kills it if it does not.
    pub async fn stop(self) {
        self.stop.cancel();
        if self.supervisor.await.is_err() {
            tracing::error!("the supervisor of nats-server broke");
        }
    }
}

/// The address of the server that runs, or last ran, in this directory; for tools beside a running `pika dev`.
pub fn running(dir: &Path) -> Option<String> {
    let port: u16 = std::fs::read_to_string(dir.join("nats.port")).ok()?.trim().parse().ok()?;
    Some(format!("nats://127.0.0.1:{port}"))
}

/// Finds nats-server >= 2.12: `PIKA_NATS_SERVER` is read by the `pika` binary and passed as `hint`; else PATH; else `~/.cache/pika/bin/nats-server`.
pub fn find(hint: Option<PathBuf>) -> Result<PathBuf, ServerError> {
    if let Some(program) = hint {
        return new_enough(&program).map(|()| program);
    }
    let cache = std::env::home_dir().map(|home| home.join(".cache/pika/bin/nats-server")).filter(|program| program.is_file());
    let mut said = Vec::new();
    for program in [Some(PathBuf::from("nats-server")), cache].into_iter().flatten() {
        match new_enough(&program) {
            Ok(()) => return Ok(program),
            Err(error) => said.push(error.to_string()),
        }
    }
    Err(ServerError::Failed(format!("{}; `make tools` gets one", said.join("; "))))
}

fn new_enough(program: &Path) -> Result<(), ServerError> {
    let shown = program.display();
    let output = std::process::Command::new(program).arg("--version").output();
    let output = output.map_err(|e| ServerError::Failed(format!("{shown} does not run: {e}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match version(&text) {
        Some(found) if found >= OLDEST => Ok(()),
        Some((major, minor)) => {
            Err(ServerError::Failed(format!("{shown} is version {major}.{minor}, which is older than {}.{}", OLDEST.0, OLDEST.1)))
        }
        None => Err(ServerError::Failed(format!("{shown} does not say its version"))),
    }
}

/// Reads "nats-server: v2.15.2".
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().rsplit_once('v')?.1.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The directory and what lies in it.
struct Home {
    program: PathBuf,
    dir: PathBuf,
}

impl Home {
    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn conf(&self) -> PathBuf {
        self.file("nats.conf")
    }

    /// Held as long as this process lives, so that a second one does not take our server for a leftover.
    fn lock(&self) -> Result<File, ServerError> {
        let file = File::create(self.file("nats.lock")).map_err(ServerError::at("nats.lock"))?;
        file.try_lock().map_err(|_| ServerError::Failed(format!("another process runs a nats-server in {}", self.dir.display())))?;
        Ok(file)
    }

    /// Stops a server of this very directory that outlived its parent.
    async fn stop_leftover(&self) {
        let Ok(text) = std::fs::read_to_string(self.file("nats.pid")) else { return };
        let Some(pid) = text.trim().parse().ok().and_then(Pid::from_raw) else { return };
        if !self.is_ours(pid) {
            return;
        }
        tracing::warn!(nats.pid = pid.as_raw_nonzero().get(), "a nats-server was left over and is stopped");
        for signal in [Signal::TERM, Signal::KILL] {
            // An error means that it is gone already, which the next look sees.
            let _ = kill_process(pid, signal);
            let deadline = Instant::now() + STOP;
            while Instant::now() < deadline {
                if test_kill_process(pid).is_err() || !self.is_ours(pid) {
                    return;
                }
                sleep(LOOK).await;
            }
        }
    }

    /// A process number is used again by others; the command line tells. A dead child that nobody waited for has none.
    fn is_ours(&self, pid: Pid) -> bool {
        let Ok(line) = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())) else { return false };
        let conf = self.conf();
        line.split(|byte| *byte == 0).any(|argument| argument == conf.as_os_str().as_encoded_bytes())
    }

    async fn first_start(&self, wanted: u16) -> Result<(u16, Child), ServerError> {
        let mut said = String::new();
        for _ in 0..PORTS {
            let port = self.port(wanted)?;
            let mut child = self.spawn(port)?;
            match self.accepts(port, &mut child).await {
                Ok(()) => {
                    std::fs::write(self.file("nats.port"), port.to_string()).map_err(ServerError::at("nats.port"))?;
                    return Ok((port, child));
                }
                Err(error) => said = error.to_string(),
            }
            // A port that was asked for is not exchanged for another.
            if wanted != 0 {
                break;
            }
        }
        Err(ServerError::Failed(format!("nats-server did not start ({said}); see {}", self.file("nats.log").display())))
    }

    fn port(&self, wanted: u16) -> Result<u16, ServerError> {
        let free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).and_then(|l| l.local_addr()).map(|a| a.port());
        if wanted != 0 {
            return free(wanted).map_err(|e| ServerError::Failed(format!("port {wanted} for nats-server: {e}")));
        }
        let remembered = std::fs::read_to_string(self.file("nats.port")).ok().and_then(|text| text.trim().parse().ok());
        if let Some(port) = remembered.and_then(|port| free(port).ok()) {
            return Ok(port);
        }
        free(0).map_err(ServerError::at("a port for nats-server"))
    }

    fn spawn(&self, port: u16) -> Result<Child, ServerError> {
        std::fs::write(self.conf(), self.settings(port)?).map_err(ServerError::at("nats.conf"))?;
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(self.conf()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        // A group of its own, so that Ctrl-C at a terminal reaches us alone: who leaves gently needs the broker to the last.
        command.process_group(0);
        command.spawn().map_err(|e| ServerError::Failed(format!("{}: {e}", self.program.display())))
    }

    fn settings(&self, port: u16) -> Result<String, ServerError> {
        let quoted = |path: PathBuf| serde_json::Value::from(path.to_string_lossy().into_owned()).to_string();
        let max_file = self.room()?;
        Ok(format!(
            r#"# Written by pika at each start.
listen: "127.0.0.1:{port}"
pid_file: {pid}
log_file: {log}
logfile_size_limit: 16MB
logfile_max_num: 4
# What one message may be; a pack of claims is a hundredth of it.
max_payload: 2MB
max_connections: 4096
# A client that does not read for so long is cut off rather than waited for.
write_deadline: "10s"
jetstream {{
  store_dir: {store}
  # An acknowledged message is on the disk. This is the promise of the log; do not change it.
  sync_interval: always
  max_mem: 256M
  max_file: {max_file}
}}
"#,
            pid = quoted(self.file("nats.pid")),
            log = quoted(self.file("nats.log")),
            store = quoted(self.file("jetstream")),
        ))
    }

    /// What JetStream may use: what it holds and what is free.
    fn room(&self) -> Result<u64, ServerError> {
        let free = free(&self.dir).map_err(ServerError::at("the disk of nats-server"))?;
        Ok(MAX_FILE.min(free.saturating_add(size(&self.file("jetstream")))).max(LEAST_FILE))
    }

    /// Waits for the server's greeting. It opens its port only after it has read its streams.
    async fn accepts(&self, port: u16, child: &mut Child) -> Result<(), ServerError> {
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(ServerError::Failed(format!("it ended with {status}")));
            }
            if greets(port).await {
                return Ok(());
            }
            sleep(LOOK).await;
        }
        Err(ServerError::Failed("it accepts no connections".to_owned()))
    }
}

async fn greets(port: u16) -> bool {
    let greeting = async {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
        let mut word = [0; 5];
        socket.read_exact(&mut word).await?;
        Ok::<_, io::Error>(&word == b"INFO ")
    };
    matches!(timeout(Duration::from_secs(1), greeting).await, Ok(Ok(true)))
}

/// Bytes that are free on the disk of a directory.
fn free(dir: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(dir)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Enough,
    Scarce,
    Nothing,
}

/// Says when the disk runs out and when there is room again. The server says it in its own log alone, and what it answers to a
/// publish does not tell why.
struct Disk {
    dir: PathBuf,
    room: Room,
    look: Interval,
}

impl Disk {
    fn of(dir: &Path) -> Disk {
        Disk { dir: dir.to_owned(), room: Room::Enough, look: interval(LOOK_AT_DISK) }
    }

    /// Returns when there is room again after there was none.
    async fn mended(&mut self) {
        loop {
            self.look.tick().await;
            let Ok(free) = free(&self.dir) else { continue };
            let before = self.room;
            self.room = before.after(free);
            if before == self.room {
                continue;
            }
            let dir = self.dir.display();
            match self.room {
                Room::Nothing => tracing::error!(disk.free = free, "the disk of {dir} is full: publishing is refused until there is room"),
                Room::Scarce => tracing::warn!(disk.free = free, "the disk of {dir} is nearly full: when it is, publishing is refused"),
                Room::Enough => tracing::info!(disk.free = free, "the disk of {dir} has room again"),
            }
            if before == Room::Nothing {
                return;
            }
        }
    }
}

impl Room {
    /// A full disk has room again only with some to spare, so that a disk at the brink is not full and not full every second.
    fn after(self, free: u64) -> Room {
        let nothing = if self == Room::Nothing { 2 * NOTHING } else { NOTHING };
        match free {
            free if free < nothing => Room::Nothing,
            free if free < SCARCE => Room::Scarce,
            _ => Room::Enough,
        }
    }
}

/// Bytes of the files below a directory; what cannot be read counts nothing.
fn size(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Holds the lock and the child until the end; starts the child again when it dies.
async fn supervise(home: Home, _lock: File, port: u16, mut child: Child, pid: Arc<AtomicU32>, stop: CancellationToken) {
    let mut deaths = 0;
    let mut disk = Disk::of(&home.dir);
    loop {
        let started = Instant::now();
        tokio::select! {
            () = stop.cancelled() => break,
            status = child.wait() => {
                pid.store(0, Ordering::Release);
                metrics::server_died();
                let status = status.map_or_else(|e| e.to_string(), |s| s.to_string());
                tracing::error!(nats.status = status, nats.log = %home.file("nats.log").display(), "nats-server died and is started again");
            }
            () = disk.mended() => {
                // A stream that met the full disk takes nothing more in this life of the server, whatever room there is.
                tracing::warn!("nats-server is started again, because after a full disk it does not write by itself");
                leave(&mut child).await;
                pid.store(0, Ordering::Release);
            }
        }
        deaths = if started.elapsed() > STEADY { 0 } else { deaths + 1 };
        loop {
            let wait = (RESTART * (1 << u32::min(deaths, 7))).min(RESTART_LATEST);
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(wait) => {}
            }
            match home.spawn(port) {
                Ok(again) => {
                    child = again;
                    break;
                }
                Err(error) => {
                    deaths += 1;
                    tracing::error!(%error, "nats-server could not be started");
                }
            }
        }
        pid.store(child.id().unwrap_or(0), Ordering::Release);
    }
    leave(&mut child).await;
    pid.store(0, Ordering::Release);
}

async fn leave(child: &mut Child) {
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        // An error means that it is gone already.
        let _ = kill_process(pid, Signal::TERM);
    }
    if timeout(STOP, child.wait()).await.is_err() {
        tracing::warn!("nats-server did not leave and is killed");
        if let Err(error) = child.kill().await {
            tracing::error!(%error, "nats-server could not be killed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_at_the_brink_stays_full() {
        assert_eq!(Room::Enough.after(SCARCE), Room::Enough);
        assert_eq!(Room::Enough.after(SCARCE - 1), Room::Scarce);
        assert_eq!(Room::Scarce.after(NOTHING - 1), Room::Nothing);
        assert_eq!(Room::Nothing.after(NOTHING), Room::Nothing);
        assert_eq!(Room::Nothing.after(2 * NOTHING), Room::Scarce);
    }

    #[test]
    fn a_version_is_read_from_what_the_server_says() {
        assert_eq!(version("nats-server: v2.15.2\n"), Some((2, 15)));
        assert_eq!(version("nats-server: v2.9.10"), Some((2, 9)));
        assert!(version("nats-server: v2.9.10") < Some(OLDEST));
        assert_eq!(version("something else"), None);
    }
}
