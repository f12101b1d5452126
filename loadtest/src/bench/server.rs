//! A server that is measured, alone on its core, with what feeds it on the other.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bench::child::{Child, free};
use crate::bench::peer::Peer;
use crate::lean::crowd::Crowd;
use crate::lean::dialect::{ARTIST, Dialect, title};
use crate::lean::http::{ask, ask_json};
use crate::lean::publisher::{Publisher, Session, Way};
use crate::lean::usage;

/// The same for all roles. It guards nothing: they live on loopback for seconds.
const SECRET: &str = "measured-on-loopback-for-some-seconds";
const SUBJECT: &str = "bench";
/// The id that peers, who do not look at it, are told. It is as long as those that Pika makes, so that the title which fills a fact
/// to its size is the same for both.
const SESSION: &str = "measured-session";

/// Programs and cores.
#[derive(Clone, clap::Args)]
pub struct Place {
    /// A setting for every process of Pika, as NAME=VALUE: what would be PIKA_NAME in the environment.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub set: Vec<(String, String)>,
    /// The pika to measure. Default: the one beside this program.
    #[arg(long, value_name = "PROGRAM")]
    pub pika: Option<PathBuf>,
    /// Where the peers and their packages are.
    #[arg(long, value_name = "DIR", default_value = "loadtest/peers")]
    pub peers_dir: PathBuf,
    /// Default: where `make tools` puts it, else on PATH.
    #[arg(long, value_name = "PROGRAM")]
    pub nats_server: Option<PathBuf>,
    /// Whether nats-server syncs at its own interval, not before it acknowledges.
    #[arg(skip)]
    pub unsynced: bool,
    /// What runs a CQL server, where one is measured.
    #[arg(long, value_name = "SCRIPT", default_value = "deploy/cassandra.sh")]
    pub cassandra: PathBuf,
    /// The core of the server that is measured.
    #[arg(long, default_value_t = 0)]
    pub server_core: usize,
    /// The core of everything else: the load, and what feeds the server.
    #[arg(long, default_value_t = 1)]
    pub client_core: usize,
}

impl Place {
    pub fn pika(&self) -> anyhow::Result<PathBuf> {
        match &self.pika {
            Some(given) => std::fs::canonicalize(given).with_context(|| format!("--pika {}", given.display())),
            None => Ok(std::env::current_exe()?.with_file_name("pika")),
        }
    }
}

impl Place {
    pub fn cassandra(&self) -> anyhow::Result<PathBuf> {
        std::fs::canonicalize(&self.cassandra).with_context(|| format!("--cassandra {}", self.cassandra.display()))
    }

    /// Makes the tables that `--set store=…` names.
    pub fn migrate(&self) -> anyhow::Result<()> {
        let made =
            std::process::Command::new(self.pika()?).arg("migrate").envs(self.set.iter().cloned()).env("PIKA_SECRET", SECRET).output()?;
        ensure!(made.status.success(), "pika migrate: {}", String::from_utf8_lossy(&made.stderr));
        Ok(())
    }

    fn nats_server(&self) -> PathBuf {
        let cached = || std::env::home_dir().map(|home| home.join(".cache/pika/bin/nats-server")).filter(|program| program.is_file());
        self.nats_server.clone().or_else(cached).unwrap_or_else(|| PathBuf::from("nats-server"))
    }
}

/// What shares the core of the server that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Nothing: what feeds it has the client's core.
    Apart,
    /// The nats-server, where the server stores something.
    Together,
}

pub struct Server {
    pub peer: Peer,
    address: SocketAddr,
    /// Where its sockets are: more than one address only where more nodes were started.
    nodes: Vec<SocketAddr>,
    /// The session that everyone is in who is not told another.
    pub session: Session,
    publish_at: SocketAddr,
    /// Of Pika: what answers questions.
    api: Option<SocketAddr>,
    measured: Vec<u32>,
    start: Start,
    // In this order: who is fed ends before who feeds.
    children: Vec<Child>,
}

/// What it takes to start another process beside.
struct Start {
    place: Place,
    nats: SocketAddr,
    dir: TempDir,
}

impl Start {
    fn child(&self, name: &str, core: usize, program: &Path, args: &[String], env: &[(String, String)]) -> anyhow::Result<Child> {
        Child::start(name, core, self.dir.path(), program, args, env)
    }

    /// A role of Pika that is ready.
    fn role(&self, role: &str, core: usize, listen: SocketAddr) -> anyhow::Result<Child> {
        let env = [settings(self.dir.path(), self.nats, listen), self.place.set.clone()].concat();
        let mut child = self.child(role, core, &self.place.pika()?, &[role.to_owned()], &env)?;
        child.ready(listen, "/readyz")?;
        Ok(child)
    }
}

impl Server {
    /// Starts it, with a session that is live and plays a track.
    pub fn start(place: &Place, peer: Peer, layout: Layout) -> anyhow::Result<Server> {
        let dir = tempfile::Builder::new().prefix("pika-bench-").tempdir()?;
        let [address, nats] = free::<2>()?;
        let start = Start { place: place.clone(), nats, dir };
        let session = Session { id: SESSION.to_owned(), token: String::new() };
        let mut server = Server {
            peer,
            address,
            nodes: vec![address],
            session,
            publish_at: address,
            api: None,
            measured: Vec::new(),
            start,
            children: Vec::new(),
        };
        match peer {
            Peer::Bun => {
                let bun = server.peers()?.join("node_modules/.bin/bun");
                server.script(&bun, "bun.ts")?;
            }
            Peer::SocketIo => server.script(Path::new("node"), "socketio.mjs")?,
            Peer::Ws => server.script(Path::new("node"), "ws.mjs")?,
            Peer::Bare => server.bare()?,
            Peer::Pika => server.pika(layout)?,
            Peer::JetStream => bail!("JetStream has no sockets"),
        }
        Ok(server)
    }

    fn peers(&self) -> anyhow::Result<PathBuf> {
        let dir = &self.start.place.peers_dir;
        std::fs::canonicalize(dir).with_context(|| format!("--peers-dir {}", dir.display()))
    }

    fn script(&mut self, program: &Path, script: &str) -> anyhow::Result<()> {
        let script = self.peers()?.join(script).to_string_lossy().into_owned();
        let args = [script, self.address.port().to_string()];
        let core = self.start.place.server_core;
        let mut child = self.start.child(self.peer.name(), core, program, &args, &[("NODE_ENV".to_owned(), "production".to_owned())])?;
        child.ready(self.address, "/")?;
        self.measure(child);
        Ok(())
    }

    fn measure(&mut self, child: Child) {
        self.measured.push(child.pid());
        self.children.push(child);
    }

    fn bare(&mut self) -> anyhow::Result<()> {
        let Start { place, nats, dir } = &self.start;
        let broker = broker(place, place.client_core, dir.path(), *nats)?;
        let args = ["bare", "--listen", &self.address.to_string(), "--nats", &nats.to_string(), "--subject", SUBJECT].map(str::to_owned);
        let mut child = self.start.child("bare", place.server_core, &std::env::current_exe()?, &args, &[])?;
        child.accepts(self.address)?;
        self.publish_at = *nats;
        self.measure(child);
        self.children.push(broker);
        Ok(())
    }

    fn pika(&mut self, layout: Layout) -> anyhow::Result<()> {
        let [ingest, workers, api] = free::<3>()?;
        let Start { place, nats, dir } = &self.start;
        let (own, other) = (place.server_core, place.client_core);
        let broker = broker(place, if layout == Layout::Together { own } else { other }, dir.path(), *nats)?;
        // Nothing is admitted before a worker has compared the log with the store.
        let workers = self.start.role("workers", other, workers)?;
        let door = self.start.role("ingest", other, ingest)?;
        let fanout = self.start.role("fanout", own, self.address)?;
        let mut others = vec![door, workers];
        if layout == Layout::Together {
            others.insert(0, self.start.role("api", other, api)?);
            self.api = Some(api);
        }
        self.measure(fanout);
        self.children.extend(others);
        match layout {
            Layout::Together => self.measure(broker),
            Layout::Apart => self.children.push(broker),
        }
        self.publish_at = ingest;
        self.session = self.go_live(&[title(SESSION)?])?;
        Ok(())
    }

    /// A session that has played these tracks; the last still plays.
    pub fn go_live(&self, titles: &[String]) -> anyhow::Result<Session> {
        let begun = ask_json(self.publish_at, "POST", "/api/sessions", None, &json!({"djName": "DJ Bench"}))?;
        let text = |field: &str| begun[field].as_str().map(str::to_owned).with_context(|| format!("no {field} in {begun}"));
        let session = Session { id: text("sessionId")?, token: text("ownerToken")? };
        self.play(&session, titles)?;
        Ok(session)
    }

    /// Plays these tracks one after another.
    pub fn play(&self, session: &Session, titles: &[String]) -> anyhow::Result<()> {
        let tracks = titles.iter().map(|title| json!({"type": "BROADCAST_TRACK", "track": {"title": title, "artist": ARTIST}}));
        self.tell(session, &Value::from_iter(tracks))
    }

    /// What the DJ of a session says, one message or several. Fails unless all are stored.
    pub fn tell(&self, session: &Session, messages: &Value) -> anyhow::Result<()> {
        let path = format!("/api/sessions/{}/messages", session.id);
        let said = ask_json(self.publish_at, "POST", &path, Some(&session.token), messages)?;
        let results = said["results"].as_array().cloned().unwrap_or_default();
        ensure!(results.iter().all(|result| result["status"] == "ok"), "not stored: {said}");
        Ok(())
    }

    /// Where questions are answered.
    pub fn api(&self) -> anyhow::Result<SocketAddr> {
        self.api.context("nobody answers questions here")
    }

    /// The likes of each track of a session, in the order of play, as the store has them now.
    pub fn likes(&self, session: &Session) -> anyhow::Result<Vec<u64>> {
        let answer = ask(self.api()?, "GET", &format!("/api/sessions/{}/recap", session.id), Some(&session.token), "")?;
        if answer.status == 404 {
            return Ok(Vec::new());
        }
        let recap: Value = serde_json::from_str(&answer.body).with_context(|| answer.body.clone())?;
        let tracks = recap["tracks"].as_array().with_context(|| format!("no tracks in {recap}"))?;
        Ok(tracks.iter().map(|track| track["likes"].as_u64().unwrap_or(0)).collect())
    }

    /// Everyone in the one session.
    pub fn crowd(&self) -> anyhow::Result<Crowd> {
        self.crowd_of([(self.session.id.as_str(), None)])
    }

    pub fn crowd_of<'a>(&self, sessions: impl IntoIterator<Item = (&'a str, Option<String>)>) -> anyhow::Result<Crowd> {
        Crowd::new(&self.nodes, Dialect::new(self.peer.wrapping(), sessions))
    }

    /// So many, who take turns where there are several sessions.
    pub fn publishers(&self, count: usize) -> anyhow::Result<Vec<Publisher>> {
        self.publishers_of(std::slice::from_ref(&self.session), count)
    }

    pub fn publishers_of(&self, sessions: &[Session], count: usize) -> anyhow::Result<Vec<Publisher>> {
        let way = || match self.peer {
            Peer::Pika => Way::Http { ingest: self.publish_at },
            Peer::Bare => Way::Nats { subject: SUBJECT.to_owned() },
            Peer::Bun | Peer::SocketIo | Peer::Ws | Peer::JetStream => Way::Socket { wrapping: self.peer.wrapping() },
        };
        (0..count).map(|_| Publisher::to(self.publish_at, way(), sessions)).collect()
    }

    /// CPU seconds so far of what is measured.
    pub fn cpu(&self) -> anyhow::Result<f64> {
        self.measured.iter().map(|pid| usage::cpu(*pid)).sum()
    }

    /// Everything that runs for it, by name and number.
    pub fn processes(&self) -> impl Iterator<Item = (&str, u32)> {
        self.children.iter().map(|child| (child.name(), child.pid()))
    }

    pub fn resident(&self) -> anyhow::Result<u64> {
        self.measured.iter().map(|pid| usage::resident(*pid)).sum()
    }

    /// Kills the first node.
    pub fn kill(&mut self) {
        drop(self.children.remove(0));
        self.measured.remove(0);
        self.nodes.remove(0);
    }

    /// Ends a role, so that nobody can ask it any more.
    pub fn without(&mut self, role: &str) {
        self.children.retain(|child| child.name() != role);
    }

    /// Starts one more process of a role and kills it; gives how long it took until it was ready.
    pub fn try_start(&self, role: &str) -> anyhow::Result<Duration> {
        let [address] = free::<1>()?;
        let began = Instant::now();
        let child = self.start.role(role, self.start.place.server_core, address)?;
        let took = began.elapsed();
        drop(child);
        Ok(took)
    }

    /// Another node for sockets on the same core.
    pub fn another(&mut self) -> anyhow::Result<()> {
        let [address] = free::<1>()?;
        let node = self.start.role("fanout", self.start.place.server_core, address)?;
        self.nodes.push(address);
        self.measured.push(node.pid());
        self.children.insert(1, node);
        Ok(())
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a setting has the form NAME=VALUE")?;
    Ok((format!("PIKA_{}", name.to_uppercase()), value.to_owned()))
}

/// What every process of Pika is told: every limit and budget is lifted that would hold a load on loopback back.
fn settings(dir: &Path, nats: SocketAddr, listen: SocketAddr) -> Vec<(String, String)> {
    let settings = [
        ("PIKA_PROFILE", "development".to_owned()),
        ("PIKA_SECRET", SECRET.to_owned()),
        ("PIKA_NATS", format!("[\"nats://{nats}\"]")),
        ("PIKA_LISTEN", listen.to_string()),
        ("PIKA_DATA", dir.to_string_lossy().into_owned()),
        ("PIKA_STORE", format!("sqlite:{}", dir.join("pika.sqlite").display())),
        ("PIKA_BUDGETS", "0".to_owned()),
        ("PIKA_LOG", "warn".to_owned()),
    ];
    settings.map(|(key, value)| (key.to_owned(), value)).to_vec()
}

/// A nats-server that syncs what it acknowledges, unless it is told otherwise.
pub fn broker(place: &Place, core: usize, dir: &Path, address: SocketAddr) -> anyhow::Result<Child> {
    let store = json!(dir.join("jetstream").to_string_lossy());
    let sync = if place.unsynced { "2m" } else { "always" };
    let config = format!(
        "listen: \"{address}\"\nmax_payload: 2MB\njetstream {{\n  store_dir: {store}\n  sync_interval: {sync}\n  max_mem: 256M\n  max_file: 4G\n}}\n"
    );
    let path = dir.join("nats.conf");
    std::fs::write(&path, config)?;
    let args = ["--config".to_owned(), path.to_string_lossy().into_owned()];
    let mut child = Child::start("nats-server", core, dir, &place.nats_server(), &args, &[])?;
    child.accepts(address)?;
    Ok(child)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lean::dialect::Wrapping;

    #[test]
    fn a_place_finds_the_pika_beside_it_or_the_one_that_is_named() {
        let place = |pika: Option<&str>| Place {
            set: Vec::new(),
            pika: pika.map(PathBuf::from),
            peers_dir: PathBuf::new(),
            nats_server: None,
            unsynced: false,
            cassandra: PathBuf::new(),
            server_core: 0,
            client_core: 1,
        };
        assert!(place(None).pika().unwrap().ends_with("pika"));
        assert_eq!(place(Some("/bin/../bin")).pika().unwrap(), std::fs::canonicalize("/bin").unwrap());
        assert!(place(Some("/nowhere/pika")).pika().is_err());
        assert_eq!(Peer::SocketIo.wrapping(), Wrapping::SocketIo);
    }
}
