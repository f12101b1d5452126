//! A real nats-server of our own: for `pika dev` and for tests.
use std::path::PathBuf;

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

/// A supervised nats-server: started again when it dies, until [`Server::stop`].
pub struct Server {}

impl Server {
    pub async fn start(config: ServerConfig) -> Result<Server, ServerError> {
        todo!()
    }
    pub fn url(&self) -> String {
        todo!()
    }
    pub fn pid(&self) -> Option<u32> {
        todo!()
    }
    pub async fn stop(self) {
        todo!()
    }
}
/// Finds nats-server >= 2.12: `PIKA_NATS_SERVER` is read by the `pika` binary and passed as `hint`; else PATH; else `~/.cache/pika/bin/nats-server`.
pub fn find(hint: Option<PathBuf>) -> Result<PathBuf, ServerError> {
    todo!()
}
