//! One role in a process of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::Router;
use store::Live;
use tokio_util::sync::CancellationToken;

use crate::dev::leave_together;
use crate::node::{self, Node};
use crate::settings::Settings;
use crate::{admin, durability, log};

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
    log::start(&settings)?;
    let stop = CancellationToken::new();
    node::stop_on_signals(&stop)?;
    let key = node::key(&settings, settings.development().then_some(settings.data.as_path()))?;
    let listener = node::listen(settings.listen).await?;
    settings.listen = listener.local_addr()?;
    let metrics = admin::metrics()?;
    let node = Node::join(&settings, settings.nats.clone(), key, stop.clone()).await?;
    durability::check(settings.nats_monitor_url.as_deref(), !settings.development()).await?;
    let admin = admin::routes(node.broker.clone(), metrics, stop.clone());
    tracing::info!(role = ?role, listen = %settings.listen, "serving");
    println!("pika {} {role} is running on http://{}", env!("CARGO_PKG_VERSION"), settings.listen);
    match role {
        Role::Ingest => {
            let router = admin.merge(admin::health(node.broker.clone())).merge(ingest::routes(node.ingest(&settings)));
            serve(&settings, listener, router, stop).await
        }
        Role::Fanout => {
            let fanout = node.fanout(&settings, node.ingest(&settings));
            let router = admin.merge(admin::health(node.broker.clone())).merge(fanout::routes(fanout.clone()));
            serve(&settings, listener, router, stop).await?;
            fanout.drained().await;
            Ok(())
        }
        Role::Workers => {
            let store = open(&settings)?;
            let serving = serve(&settings, listener, admin.merge(admin::health(node.broker.clone())), stop.clone());
            let work =
                leave_together(workers::run(settings.workers(), node.broker.clone(), Arc::new(store), stop.clone()), stop.clone(), stop);
            let (served, worked) = tokio::join!(serving, work);
            worked.context("workers")?;
            served
        }
        Role::Api => {
            let deps = api_deps(&settings, &node, open(&settings)?);
            tokio::spawn(api::run(deps.clone(), stop.clone()));
            let router = admin.merge(api::routes(deps));
            serve(&settings, listener, router, stop).await
        }
    }
}

async fn serve(settings: &Settings, listener: tokio::net::TcpListener, router: Router, stop: CancellationToken) -> anyhow::Result<()> {
    let router = api::perimeter(router, &settings.api());
    node::serve(listener, admin::with_address(router, settings.trusted_proxies.clone()), stop).await
}

pub fn api_deps(settings: &Settings, node: &Node, store: store::sqlite::Sqlite) -> api::Deps {
    let store = Arc::new(store);
    api::Deps {
        config: settings.api(),
        broker: node.broker.clone(),
        lobby: node.lobby.clone(),
        live: store.clone(),
        tokens: store,
        key: node.key.clone(),
        listeners: api::Listeners::default(),
    }
}

/// The store of the settings, made if it does not exist.
pub fn open(settings: &Settings) -> anyhow::Result<store::sqlite::Sqlite> {
    let path = path(settings)?;
    let store = store::sqlite::Sqlite::open(&path).with_context(|| format!("store {}", path.display()))?;
    let _: &dyn Live = &store;
    Ok(store)
}

/// The store of the settings as it is: a tool that looks must not leave an empty file where it was pointed at by mistake.
pub fn existing(settings: &Settings) -> anyhow::Result<Arc<dyn Live>> {
    let path = path(settings)?;
    if !path.is_file() {
        bail!("there is no store at {}; --data or --store says where it is", path.display());
    }
    Ok(Arc::new(open(settings)?))
}

fn path(settings: &Settings) -> anyhow::Result<PathBuf> {
    match settings.store.as_deref() {
        None => Ok(settings.data.join("pika.sqlite")),
        Some(store) => match store.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Path::new(path).to_owned()),
            Some(_) | None => bail!("store `{store}` is not understood; `sqlite:PATH` is"),
        },
    }
}
