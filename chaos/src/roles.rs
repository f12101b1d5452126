//! Two processes of each role of Pika, over one cluster of brokers and one store, each behind a link.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::time::{Instant, sleep};

use crate::child::Child;
use crate::link::Link;
use crate::ports;

/// The same for all roles of the fleet. It guards nothing: the fleet lives on loopback for minutes.
const SECRET: &str = "chaos-on-loopback-for-a-few-minutes";
const READY: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Fanout,
    Ingest,
    Workers,
    Api,
}

pub const ROLES: [Role; 4] = [Role::Workers, Role::Ingest, Role::Fanout, Role::Api];

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Role::Fanout => "fanout",
            Role::Ingest => "ingest",
            Role::Workers => "workers",
            Role::Api => "api",
        }
    }
}

pub struct Member {
    pub role: Role,
    /// 1 or 2.
    pub number: usize,
    pub child: Child,
    /// The way of people to it.
    pub link: Link,
    address: SocketAddr,
}

impl Member {
    pub fn url(&self) -> String {
        format!("http://{}", self.link.address())
    }

    /// Past the link: what is asked here is the process, not the network.
    pub async fn is_ready(&self, http: &reqwest::Client) -> bool {
        http.get(format!("http://{}/readyz", self.address)).send().await.is_ok_and(|answer| answer.status().is_success())
    }
}

/// What every process of Pika is told.
pub struct Common {
    pub pika: PathBuf,
    pub dir: PathBuf,
    pub brokers: Vec<String>,
    pub log_streams: u8,
    /// Where rows are kept: the setting `store`.
    pub store: String,
}

impl Common {
    /// A process of Pika with what it needs to find the others.
    pub fn child(&self, name: &str) -> Child {
        let brokers = serde_json::Value::from(&self.brokers[..]).to_string();
        let child = Child::new(name, &self.pika, &self.dir);
        let child = child.env("PIKA_PROFILE", "development").env("PIKA_SECRET", SECRET).env("PIKA_REPLICAS", "3");
        let child = child.env("PIKA_LOG_STREAMS", self.log_streams.to_string());
        let child = child.env("PIKA_NATS", brokers).env("PIKA_DATA", self.dir.to_string_lossy());
        child.env("PIKA_STORE", &self.store)
    }

    /// Runs one of Pika's tools to its end. Gives its exit code.
    pub async fn tool(&self, name: &str, args: &[&str]) -> anyhow::Result<i32> {
        let mut child = self.child(name).args(args.iter().copied());
        child.start().with_context(|| format!("pika {name}"))?;
        child.end().await?.code().with_context(|| format!("pika {name} was killed"))
    }
}

/// Starts all, and returns once each is ready.
pub async fn start(common: &Common) -> anyhow::Result<Vec<Member>> {
    let mut addresses = ports::free::<8>()?.into_iter();
    let mut members = Vec::new();
    for role in ROLES {
        for number in 1..=2 {
            let address = addresses.next().context("eight addresses")?;
            let name = format!("{}-{number}", role.name());
            let child = common.child(&name).args([role.name()]).env("PIKA_LISTEN", address.to_string()).env("PIKA_LOG", "info");
            let mut member = Member { role, number, child, link: Link::to(address).await?, address };
            member.child.start().with_context(|| format!("pika {}", role.name()))?;
            members.push(member);
        }
    }
    ready(&mut members).await?;
    Ok(members)
}

/// Returns once every member can do its work.
pub async fn ready(members: &mut [Member]) -> anyhow::Result<()> {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(2)).build()?;
    let deadline = Instant::now() + READY;
    for member in members {
        while !member.is_ready(&http).await {
            let name = member.role.name();
            if let Some(status) = member.child.ended() {
                anyhow::bail!("{name} ended with {status} before it was ready: {}", member.child.last_words());
            }
            ensure!(Instant::now() < deadline, "{name} {} does not become ready: {}", member.number, member.child.last_words());
            sleep(LOOK).await;
        }
    }
    Ok(())
}
