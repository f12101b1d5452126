//! `pika dev`: an evening on one machine. All roles in this process, a real nats-server as its child, SQLite in the data directory.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use nats::server::{Server, ServerConfig};
use push::Dispatcher;
use tokio_util::sync::CancellationToken;

use crate::leaving::Leaving;
use crate::node::{self, Node};
use crate::pushes::{self, Criers};
use crate::settings::Settings;
use crate::storage::{self, Storage};
use crate::{admin, log, roles, serve};

/// How long the workers may take to commit and hand over once the sockets have left.
pub const LEAVE: Duration = Duration::from_secs(10);

pub async fn run(mut settings: Settings) -> anyhow::Result<()> {
    let _files = log::start(&settings, "pika")?;
    let data = std::path::absolute(&settings.data)?;
    if data.exists() && !data.is_dir() {
        bail!("data directory {} is not a directory; move the file away, or set PIKA_DATA", data.display());
    }
    std::fs::create_dir_all(&data).with_context(|| format!("data directory {}", data.display()))?;
    let _lock = lock(&data)?;
    let listener = serve::listen(settings.listen).await?;
    settings.listen = listener.local_addr()?;
    let leaving = Leaving::on_signals(settings.notice())?;
    let key = node::key(&settings, Some(&data))?;
    // First: what the store says of its numbers is heard only once there is somebody to hear it.
    let metrics = admin::metrics()?;
    let store = storage::open(&Settings { data: data.clone(), ..settings.clone() }).await?;
    let program = nats::server::find(settings.nats_server.clone())?;
    let server = Server::start(ServerConfig { program, dir: data.join("nats"), port: settings.nats_port }).await.context("nats-server")?;
    let served = match Node::join(&settings, vec![server.url()], key, leaving.clone()).await {
        Ok(node) => {
            let served = leaving.unless_at_once(serve(&settings, &data, &server, listener, &node, store, metrics)).await;
            node.broker.farewell().await;
            served
        }
        Err(error) => Err(error),
    };
    server.stop().await;
    served
}

async fn serve(
    settings: &Settings,
    data: &Path,
    server: &Server,
    listener: tokio::net::TcpListener,
    node: &Node,
    store: Storage,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
) -> anyhow::Result<()> {
    let Leaving { asked, .. } = &node.leaving;
    // Before anything is admitted: the log may have been put back from a backup.
    workers::compare(&node.broker, &*store.live).await.context("comparing the log with the store")?;
    let ingest = node.ingest(settings);
    let fanout = node.fanout(settings, ingest.clone());
    // Workers and api leave last: what the sockets still said is folded before they go.
    let last = CancellationToken::new();
    let at = Settings { data: data.to_owned(), ..settings.clone() };
    let (criers, crying) = Dispatcher::new(pushes::push(&at, store.pushes.clone())?, last.clone());
    let crying = tokio::spawn(crying);
    let work = workers::run(
        settings.workers(),
        node.broker.clone(),
        store.live.clone(),
        store.past.clone(),
        Arc::new(Criers(criers)),
        last.clone(),
    );
    let work = tokio::spawn(leave_together(work, last.clone(), asked.clone()));
    let deps = roles::api_deps(&at, node, store)?;
    let answers = tokio::spawn(api::run(deps.clone(), last.clone()));
    let _sizes = node.measure();
    let places = storage::places(&at)?;
    let router = admin::routes(node.broker.clone(), metrics, asked.clone(), places)
        .merge(ingest::routes(ingest))
        .merge(fanout::routes(fanout.clone()))
        .merge(api::routes(deps));
    let router = admin::with_address(api::perimeter(router, &settings.api()), settings.trusted_proxies.clone());
    welcome(settings, data, server);
    let gone = CancellationToken::new();
    let sockets = async {
        fanout.drained().await;
        gone.cancel();
    };
    tokio::join!(serve::serve(listener, router, &node.leaving, settings.patience(), gone.clone()), sockets);
    last.cancel();
    let _ = tokio::time::timeout(LEAVE, answers).await;
    let _ = tokio::time::timeout(LEAVE, crying).await;
    tokio::time::timeout(LEAVE, work).await.context("workers did not leave in time")?.context("workers")?.context("workers")
}

/// Workers that end before they were asked to take the process with them.
pub async fn leave_together<T>(work: impl Future<Output = T>, last: CancellationToken, stop: CancellationToken) -> T {
    let done = work.await;
    if !last.is_cancelled() {
        tracing::error!("the workers ended; stopping");
        stop.cancel();
    }
    done
}

/// One process a data directory: two would fight over the log and the rows.
pub fn lock(data: &Path) -> anyhow::Result<File> {
    let path = data.join("lock");
    let file = File::create(&path).with_context(|| format!("data directory {} cannot be written", data.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("another pika uses the data directory {}; stop it, or set PIKA_DATA", data.display()),
        Err(TryLockError::Error(e)) => Err(e).with_context(|| format!("locking {}", path.display())),
    }
}

fn welcome(settings: &Settings, data: &Path, server: &Server) {
    let url = settings.public_url();
    println!("pika {} is running", env!("CARGO_PKG_VERSION"));
    println!("  page     {url}/");
    println!("  api      {url}/docs");
    if settings.development() && settings.smtp_url.is_none() {
        println!("  mail     {url}/dev/mail");
    }
    println!("  metrics  {url}/metrics");
    println!("  data     {}", data.display());
    println!("  broker   {}", server.url());
    println!("Go live from a terminal:  pika dj --name \"DJ Test\" --history samples/wcs-night.m3u --speed 120 --server {url}");
}
