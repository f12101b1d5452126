//! Everything that runs in a drill, and how it is struck and mended.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use nats::Broker;
use schemas::Partition;
use tokio::time::Instant;

use crate::brokers::Brokers;
use crate::child::Child;
use crate::link::{Link, Way};
use crate::roles::{self, Common, Member, Role};
use crate::schedule::{Act, Blow, Target};

pub struct Fleet {
    pub brokers: Brokers,
    pub members: Vec<Member>,
    /// Asks who leads, and is never struck itself.
    broker: Broker,
    undo: Vec<(Instant, Part, Act)>,
}

/// What a target turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Broker(usize),
    Member(usize),
}

/// What a fleet is made of.
pub struct Plan<'a> {
    pub pika: &'a Path,
    /// Where it is not the one that is found.
    pub nats_server: Option<PathBuf>,
    pub dir: &'a Path,
    pub log_streams: u8,
}

impl Fleet {
    pub async fn start(plan: &Plan<'_>) -> anyhow::Result<Fleet> {
        let brokers = Brokers::start(plan.dir, plan.nats_server.clone()).await?;
        let config = nats::Config { servers: brokers.urls(), replicas: 3, shards: plan.log_streams, ..nats::Config::default() };
        let broker = Broker::connect(config, Duration::from_secs(30)).await.context("the brokers")?;
        let urls = brokers.urls();
        let members =
            roles::start(&Common { pika: plan.pika, dir: plan.dir, brokers: &urls, log_streams: plan.log_streams, store: &[] }).await?;
        Ok(Fleet { brokers, members, broker, undo: Vec::new() })
    }

    /// Where people find a role.
    pub fn urls(&self, role: Role) -> Vec<String> {
        self.members.iter().filter(|member| member.role == role).map(Member::url).collect()
    }

    fn part(&mut self, part: Part) -> (&mut Child, &Link) {
        match part {
            Part::Broker(n) => {
                let server = &mut self.brokers.servers[n];
                (&mut server.child, &server.link)
            }
            Part::Member(n) => {
                let member = &mut self.members[n];
                (&mut member.child, &member.link)
            }
        }
    }

    async fn find(&self, target: Target) -> anyhow::Result<Part> {
        match target {
            Target::Broker(n) => Ok(Part::Broker(n)),
            Target::Leader => {
                let leader = self.broker.log_leader(Partition(0)).await?.context("nobody leads the log")?;
                self.brokers.by_name(&leader).map(Part::Broker).with_context(|| format!("no broker is called {leader}"))
            }
            Target::Member(role, number) => {
                let place = self.members.iter().position(|member| member.role == role && member.number == number);
                place.map(Part::Member).with_context(|| format!("no {} {number}", role.name()))
            }
            Target::Store => anyhow::bail!("there is no server behind the store"),
        }
    }

    /// Strikes, and notes when that is to be undone. Gives what was struck, where that was not said.
    pub async fn strike(&mut self, blow: &Blow) -> anyhow::Result<Option<String>> {
        if blow.act == Act::HandOver {
            self.broker.step_down(Partition(0)).await?;
            return Ok(None);
        }
        let part = self.find(blow.target).await?;
        let found = (blow.target == Target::Leader).then(|| match part {
            Part::Broker(n) => Target::Broker(n).to_string(),
            Part::Member(_) => String::new(),
        });
        let (child, link) = self.part(part);
        match blow.act {
            Act::Kill => child.kill().await?,
            Act::Restart => {
                child.stop().await?;
            }
            Act::Pause => child.pause(),
            Act::Cut => link.set(Way::Cut),
            Act::Silence => link.set(Way::Silent),
            Act::HandOver => {}
        }
        self.undo.push((Instant::now() + blow.lasts, part, blow.act));
        Ok(found)
    }

    /// When something is to be undone next.
    pub fn next_undo(&self) -> Option<Instant> {
        self.undo.iter().map(|(at, _, _)| *at).min()
    }

    /// Undoes what is due; all of it when `now` is `None`.
    pub fn mend(&mut self, now: Option<Instant>) -> anyhow::Result<()> {
        let due = |at: &Instant| now.is_none_or(|now| *at <= now);
        let (mend, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.undo).into_iter().partition(|(at, _, _)| due(at));
        self.undo = later;
        for (_, part, act) in mend {
            let (child, link) = self.part(part);
            match act {
                Act::Kill | Act::Restart => child.start()?,
                Act::Pause => child.resume(),
                Act::Cut | Act::Silence => link.set(Way::Open),
                Act::HandOver => {}
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
        self.mend(None)?;
        self.revive()?;
        self.brokers.together().await?;
        roles::ready(&mut self.members).await
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
        Ok(())
    }
}
