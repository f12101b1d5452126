//! Everything that runs in a drill, and how it is struck and mended.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use nats::Broker;
use schemas::Partition;
use tokio::time::Instant;

use crate::brokers::Brokers;
use crate::cassandra::Cassandra;
use crate::child::Child;
use crate::link::{Link, Way};
use crate::roles::{self, Common, Member, Role};
use crate::schedule::{Act, Blow, Target};

pub struct Fleet {
    pub brokers: Brokers,
    pub members: Vec<Member>,
    /// The server behind the store; none behind a file.
    store: Option<Cassandra>,
    common: Common,
    /// Asks who leads, and is never struck itself.
    broker: Broker,
    undo: Vec<(Instant, Part, Act)>,
    /// Blows so far: each that is for a leader looks at another stream of the log.
    blows: u8,
}

/// What a target turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Broker(usize),
    Member(usize),
    Store,
}

/// What a fleet is made of.
pub struct Plan<'a> {
    pub pika: &'a Path,
    /// Where it is not the one that is found.
    pub nats_server: Option<PathBuf>,
    pub dir: &'a Path,
    pub log_streams: u8,
    /// What runs the CQL server; without it the store is a file.
    pub cassandra: Option<&'a Path>,
}

impl Fleet {
    pub async fn start(plan: &Plan<'_>) -> anyhow::Result<Fleet> {
        let cassandra = async {
            match plan.cassandra {
                Some(script) => Cassandra::start(script).await.map(Some),
                None => Ok(None),
            }
        };
        let (brokers, mut store) = tokio::try_join!(Brokers::start(plan.dir, plan.nats_server.clone()), cassandra)?;
        let config = nats::Config { servers: brokers.urls(), replicas: 3, shards: plan.log_streams, ..nats::Config::default() };
        let broker = Broker::connect(config, Duration::from_secs(30)).await.context("the brokers")?;
        let place = match &mut store {
            Some(cassandra) => format!("cql:{}/evenings", cassandra.ready().await?),
            None => format!("sqlite:{}", plan.dir.join("pika.sqlite").display()),
        };
        let (pika, dir, urls) = (plan.pika.to_owned(), plan.dir.to_owned(), brokers.urls());
        let common = Common { pika, dir, brokers: urls, log_streams: plan.log_streams, store: place };
        ensure!(common.tool("migrate", &["migrate"]).await? == 0, "pika migrate failed; see migrate.log in {}", plan.dir.display());
        let members = roles::start(&common).await?;
        Ok(Fleet { brokers, members, store, common, broker, undo: Vec::new(), blows: 0 })
    }

    /// Where people find a role.
    pub fn urls(&self, role: Role) -> Vec<String> {
        self.members.iter().filter(|member| member.role == role).map(Member::url).collect()
    }

    async fn find(&self, target: Target) -> anyhow::Result<Part> {
        match target {
            Target::Broker(n) => Ok(Part::Broker(n)),
            Target::Leader => {
                let leader = self.broker.log_leader(self.turn()).await?.context("nobody leads the log")?;
                self.brokers.by_name(&leader).map(Part::Broker).with_context(|| format!("no broker is called {leader}"))
            }
            Target::Member(role, number) => {
                let place = self.members.iter().position(|member| member.role == role && member.number == number);
                place.map(Part::Member).with_context(|| format!("no {} {number}", role.name()))
            }
            Target::Store => Ok(Part::Store),
        }
    }

    fn turn(&self) -> Partition {
        Partition(self.blows % self.common.log_streams)
    }

    /// Strikes, and notes when that is to be undone. Gives what was struck, where that was not said.
    pub async fn strike(&mut self, blow: &Blow) -> anyhow::Result<Option<String>> {
        self.blows = self.blows.wrapping_add(1);
        if blow.act == Act::HandOver {
            self.broker.step_down(self.turn()).await?;
            return Ok(None);
        }
        let part = self.find(blow.target).await?;
        match part {
            Part::Broker(n) => {
                let server = &mut self.brokers.servers[n];
                hurt(&mut server.child, &server.link, blow.act).await?;
            }
            Part::Member(n) => {
                let member = &mut self.members[n];
                hurt(&mut member.child, &member.link, blow.act).await?;
            }
            Part::Store => {
                let store = self.store.as_ref().context("there is no server behind the store")?;
                if blow.act == Act::Pause { store.pause() } else { store.kill() }
            }
        }
        self.undo.push((Instant::now() + blow.lasts, part, blow.act));
        Ok(match part {
            Part::Broker(n) if blow.target == Target::Leader => Some(Target::Broker(n).to_string()),
            Part::Broker(_) | Part::Member(_) | Part::Store => None,
        })
    }

    /// When something is to be undone next.
    pub fn next_undo(&self) -> Option<Instant> {
        self.undo.iter().map(|(at, _, _)| *at).min()
    }

    /// Undoes what is due; all of it when `now` is `None`.
    pub async fn mend(&mut self, now: Option<Instant>) -> anyhow::Result<()> {
        let due = |at: &Instant| now.is_none_or(|now| *at <= now);
        let (mend, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.undo).into_iter().partition(|(at, _, _)| due(at));
        self.undo = later;
        for (_, part, act) in mend {
            match part {
                Part::Broker(n) => {
                    let server = &mut self.brokers.servers[n];
                    heal(&mut server.child, &server.link, act)?;
                }
                Part::Member(n) => {
                    let member = &mut self.members[n];
                    heal(&mut member.child, &member.link, act)?;
                }
                Part::Store => {
                    let Some(store) = &mut self.store else { continue };
                    if act == Act::Pause { store.resume() } else { store.start_again().await? }
                }
            }
        }
        Ok(())
    }

    /// Starts again what ended by itself, as the supervisor of a real cluster does. Gives what that was.
    pub fn revive(&mut self) -> anyhow::Result<Vec<String>> {
        let mut ended = Vec::new();
        for member in &mut self.members {
            if let Some(status) = member.child.ended() {
                member.child.start()?;
                ended.push(format!("{} {} ended by itself ({status})", member.role.name(), member.number));
            }
        }
        for (n, server) in self.brokers.servers.iter_mut().enumerate() {
            if let Some(status) = server.child.ended() {
                server.child.start()?;
                ended.push(format!("{} ended by itself ({status})", Target::Broker(n)));
            }
        }
        Ok(ended)
    }

    /// Returns once everything is as it was at the start.
    pub async fn whole(&mut self) -> anyhow::Result<()> {
        self.mend(None).await?;
        self.revive()?;
        self.brokers.together().await?;
        if let Some(store) = &mut self.store {
            store.ready().await?;
        }
        roles::ready(&mut self.members).await
    }

    /// Counts the evening again from its log, and gives whether every row agrees.
    pub async fn audit(&self, session: &str) -> anyhow::Result<bool> {
        Ok(self.common.tool("audit", &["audit", session]).await? == 0)
    }

    pub fn logs(&self) -> Vec<PathBuf> {
        let members = self.members.iter().map(|member| member.child.log());
        let brokers = self.brokers.servers.iter().map(|server| server.child.log());
        members.chain(brokers).map(Path::to_owned).collect()
    }

    /// Takes it down in order, so that nothing complains of what goes before it.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for member in &mut self.members {
            member.child.stop().await?;
        }
        for server in &mut self.brokers.servers {
            server.child.stop().await?;
        }
        if let Some(store) = self.store {
            store.stop().await?;
        }
        Ok(())
    }
}

async fn hurt(child: &mut Child, link: &Link, act: Act) -> std::io::Result<()> {
    match act {
        Act::Kill => child.kill().await?,
        Act::Restart => {
            child.stop().await?;
        }
        Act::Pause => child.pause(),
        Act::Cut => link.set(Way::Cut),
        Act::Silence => link.set(Way::Silent),
        // Done by the leader itself, not to a process.
        Act::HandOver => {}
    }
    Ok(())
}

fn heal(child: &mut Child, link: &Link, act: Act) -> std::io::Result<()> {
    match act {
        Act::Kill | Act::Restart => child.start()?,
        Act::Pause => child.resume(),
        Act::Cut | Act::Silence => link.set(Way::Open),
        Act::HandOver => {}
    }
    Ok(())
}
