//! A process on a core of its own, ended when it is dropped.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::lean::http;

const READY: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

pub struct Child {
    process: std::process::Child,
    log: PathBuf,
    name: String,
}

impl Child {
    /// Starts it on this core. `taskset` becomes the program, so its number is the program's.
    pub fn start(name: &str, core: usize, dir: &Path, program: &Path, args: &[String], env: &[(String, String)]) -> anyhow::Result<Child> {
        let log = dir.join(format!("{name}.log"));
        let out = File::create(&log).with_context(|| log.display().to_string())?;
        let mut command = Command::new("taskset");
        command.arg("-c").arg(core.to_string()).arg(program).args(args).current_dir(dir);
        command.envs(env.iter().map(|(key, value)| (key, value)));
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let process = command.spawn().with_context(|| format!("taskset and {}", program.display()))?;
        Ok(Child { process, log, name: name.to_owned() })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Returns once a GET of this path is answered with 2xx.
    pub fn ready(&mut self, address: SocketAddr, path: &str) -> anyhow::Result<()> {
        self.until(|| http::ask(address, "GET", path, None, "").is_ok_and(|answer| (200..300).contains(&answer.status)))
    }

    /// Returns once it accepts connections.
    pub fn accepts(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        self.until(|| std::net::TcpStream::connect(address).is_ok())
    }

    fn until(&mut self, ready: impl Fn() -> bool) -> anyhow::Result<()> {
        let began = Instant::now();
        while !ready() {
            if let Some(status) = self.process.try_wait()? {
                let said = std::fs::read_to_string(&self.log).unwrap_or_default();
                bail!("{} ended with {status}: {}", self.name, said.lines().last().unwrap_or("it said nothing"));
            }
            if began.elapsed() > READY {
                bail!("{} does not become ready; see {}", self.name, self.log.display());
            }
            sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Free addresses on this machine, all different.
pub fn free<const N: usize>() -> io::Result<[SocketAddr; N]> {
    let held: Vec<TcpListener> = (0..N).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<io::Result<_>>()?;
    let addresses: Vec<SocketAddr> = held.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
    addresses.try_into().map_err(|_| io::ErrorKind::Other.into())
}
