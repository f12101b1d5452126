//! Three nats-servers that keep the log together: what one of them has acknowledged lies on two disks at least.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::time::{Instant, sleep};

use crate::child::Child;
use crate::link::Link;
use crate::ports;

/// How long the three may take to find each other and agree.
const TOGETHER: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

pub struct Server {
    pub child: Child,
    /// The way of clients to it.
    pub link: Link,
    monitor: SocketAddr,
}

pub struct Brokers {
    pub servers: [Server; 3],
}

impl Brokers {
    /// Starts them in `dir`, and returns once they are one cluster. `program`: which nats-server, or the one that is found.
    pub async fn start(dir: &Path, program: Option<PathBuf>) -> anyhow::Result<Brokers> {
        let program = nats::server::find(program)?;
        let [a, b, c, d, e, f, g, h, i] = ports::free::<9>()?;
        let (clients, routes, monitors) = ([a, b, c], [d, e, f], [g, h, i]);
        let mut servers = Vec::new();
        for n in 0..3 {
            let home = dir.join(name(n));
            std::fs::create_dir_all(&home)?;
            std::fs::write(home.join("nats.conf"), settings(n, &home, clients[n], routes, monitors[n]))?;
            let mut child = Child::new("nats", &program, &home).args(["--config", "nats.conf"]);
            child.start().context("nats-server")?;
            servers.push(Server { child, link: Link::to(clients[n]).await?, monitor: monitors[n] });
        }
        let servers = servers.try_into().map_err(|_| anyhow::anyhow!("three servers"))?;
        let mut brokers = Brokers { servers };
        brokers.together().await?;
        Ok(brokers)
    }

    /// Where clients find them, each over its link.
    pub fn urls(&self) -> Vec<String> {
        self.servers.iter().map(|server| format!("nats://{}", server.link.address())).collect()
    }

    /// The server of this name.
    pub fn by_name(&self, wanted: &str) -> Option<usize> {
        (0..3).find(|n| name(*n) == wanted)
    }

    /// Returns once all three say that they are well, which they do when their copies are whole.
    pub async fn together(&mut self) -> anyhow::Result<()> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(2)).build()?;
        let deadline = Instant::now() + TOGETHER;
        for server in &mut self.servers {
            let url = format!("http://{}/healthz", server.monitor);
            while !http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                if let Some(status) = server.child.ended() {
                    bail!("a nats-server ended with {status}: {}", server.child.last_words());
                }
                ensure!(Instant::now() < deadline, "the brokers do not come together; one says: {}", server.child.last_words());
                sleep(LOOK).await;
            }
        }
        Ok(())
    }
}

fn name(n: usize) -> String {
    format!("nats-{n}")
}

fn settings(n: usize, home: &Path, client: SocketAddr, routes: [SocketAddr; 3], monitor: SocketAddr) -> String {
    let store = serde_json::Value::from(home.join("jetstream").to_string_lossy());
    let [a, b, c] = routes.map(|route| format!("\"nats://{route}\""));
    format!(
        r#"server_name: {name}
listen: "{client}"
http: "{monitor}"
max_payload: 2MB
jetstream {{
  store_dir: {store}
  # An acknowledged message is on two disks at least.
  sync_interval: always
  max_mem: 256M
  max_file: 4G
}}
cluster {{
  name: pika
  listen: "{route}"
  routes: [{a}, {b}, {c}]
  # Clients stay with the addresses they were given, so that a link can be cut.
  no_advertise: true
}}
"#,
        name = name(n),
        route = routes[n],
    )
}
