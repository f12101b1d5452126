//! One role in a process of its own.

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use push::Dispatcher;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::dev::{LEAVE, leave_together};
use crate::leaving::Leaving;
use crate::node::{self, Node};
use crate::pushes::{self, Criers};
use crate::settings::Settings;
use crate::storage::{self, Storage};
use crate::{admin, durability, log, people, serve};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Ingest,
    Fanout,
    Workers,
    Api,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Role::Ingest => "ingest",
            Role::Fanout => "fanout",
            Role::Workers => "workers",
            Role::Api => "api",
        })
    }
}

pub async fn run(mut settings: Settings, role: Role) -> anyhow::Result<()> {
    let _files = log::start(&settings, &format!("pika-{role}"))?;
    let leaving = Leaving::on_signals(settings.notice())?;
    let key = node::key(&settings, settings.development().then_some(settings.data.as_path()))?;
    let listener = serve::listen(settings.listen).await?;
    settings.listen = listener.local_addr()?;
    let metrics = admin::metrics()?;
    let node = tokio::select! {
        node = Node::join(&settings, settings.nats.clone(), key, leaving.clone()) => node?,
        // Nobody has come yet, so there is nobody to be gentle with.
        () = leaving.asked.cancelled() => return Ok(()),
    };
    durability::check(settings.nats_monitor_url.as_deref(), !settings.development()).await?;
    let admin = admin::routes(node.broker.clone(), metrics, leaving.asked.clone(), storage::places(&settings)?);
    tracing::info!(role = ?role, listen = %settings.listen, "serving");
    println!("pika {} {role} is running on http://{}", env!("CARGO_PKG_VERSION"), settings.listen);
    let served = leaving.unless_at_once(play(&settings, role, &node, listener, admin)).await;
    node.broker.farewell().await;
    served
}

/// Plays the role to its end.
async fn play(settings: &Settings, role: Role, node: &Node, listener: TcpListener, admin: Router) -> anyhow::Result<()> {
    let Leaving { asked, closing, .. } = &node.leaving;
    // What a role answers for stays open until the role itself has let go; `/readyz` and `/metrics` tell how far it is.
    let gone = CancellationToken::new();
    match role {
        Role::Ingest => {
            let router = admin.merge(admin::health(node.broker.clone())).merge(ingest::routes(node.ingest(settings)));
            serve(settings, node, listener, router, closing.clone()).await
        }
        Role::Fanout => {
            let fanout = node.fanout(settings, node.ingest(settings));
            let router = admin.merge(admin::health(node.broker.clone())).merge(fanout::routes(fanout.clone()));
            let serving = serve(settings, node, listener, router, gone.clone());
            let sockets = async {
                fanout.drained().await;
                gone.cancel();
            };
            tokio::join!(serving, sockets).0
        }
        Role::Workers => {
            let store = storage::open(settings).await?;
            let _sizes = node.measure();
            let serving = serve(settings, node, listener, admin.merge(admin::health(node.broker.clone())), gone.clone());
            // Nobody calls on a worker, so there is nobody to notice: another takes over the sooner it lets go.
            let (criers, crying) = Dispatcher::new(pushes::push(settings, store.pushes)?, asked.clone());
            let crying = tokio::spawn(crying);
            let announcer = Arc::new(Criers(criers));
            let work = workers::run(settings.workers(), node.broker.clone(), store.live, store.past, announcer, asked.clone());
            let work = async {
                let worked = leave_together(work, asked.clone(), asked.clone()).await;
                gone.cancel();
                worked
            };
            let (served, worked) = tokio::join!(serving, work);
            // Claims are given back, so that another worker goes on at once.
            let _ = tokio::time::timeout(LEAVE, crying).await;
            worked.context("workers")?;
            served
        }
        Role::Api => {
            let deps = api_deps(settings, node, storage::open(settings).await?)?;
            let answers = tokio::spawn(api::run(deps.clone(), gone.clone()));
            let served = serve(settings, node, listener, admin.merge(api::routes(deps)), closing.clone()).await;
            gone.cancel();
            // What other roles ask over the broker is answered as long as anything is.
            let _ = answers.await;
            served
        }
    }
}

async fn serve(settings: &Settings, node: &Node, listener: TcpListener, router: Router, done: CancellationToken) -> anyhow::Result<()> {
    let router = api::perimeter(router, &settings.api());
    let router = admin::with_address(router, settings.trusted_proxies.clone());
    serve::serve(listener, router, &node.leaving, settings.patience(), done).await;
    Ok(())
}

pub fn api_deps(settings: &Settings, node: &Node, store: Storage) -> anyhow::Result<api::Deps> {
    let told = Arc::new(api::Told(node.broker.clone()));
    let push = pushes::push(settings, store.pushes)?;
    let (accounts, mailbox) = people::accounts(settings, store.people, &node.key, told)?;
    let config = settings.api();
    Ok(api::Deps {
        limits: api::Limits::new(&config.rates, &node.key),
        config,
        broker: node.broker.clone(),
        lobby: node.lobby.clone(),
        live: store.live,
        tokens: store.tokens,
        accounts,
        mailbox,
        key: node.key.clone(),
        push,
        listeners: api::Listeners::default(),
    })
}
