//! CQL: ScyllaDB, or Cassandra 5 where nothing else can be had. `schema.cql` is the tables, each made for one question.
//!
//! It promises what SQLite does, with less: a flush is not seen as one, because partitions are written one by one, rows before the
//! position. It knows no transactions, so nothing here reads before it writes; what must not go back is kept by the servers, which
//! compare the places that rows are written under.

pub mod backup;
mod connect;
mod errors;
mod migrate;
mod place;
mod server;
mod values;

mod accounts;
mod audit;
mod fingerprints;
mod likes;
mod live;
mod past;
mod plays;
mod polls;
mod positions;
mod pushes;
mod runs;
mod secrets;
mod sums;
mod tokens;
mod votes;
mod wishes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::StoreError;
use crate::metrics::{self, Operation};
use server::Server;

pub use migrate::{Migrated, migrate};

#[derive(Clone, Debug)]
pub struct Config {
    /// Servers to begin with, `HOST` or `HOST:PORT`; the others are learned from them.
    pub nodes: Vec<String>,
    pub keyspace: String,
    pub login: Option<Login>,
    /// The data centre whose servers are asked. None: all of them alike.
    pub datacenter: Option<String>,
    /// Copies of each row in each data centre, for a keyspace that is made new. None: three, or as many as there are servers.
    pub replication: Option<usize>,
    /// How long connecting is tried before it fails with a message.
    pub patience: Duration,
    /// How long a request may take, repeats included. Less than the time after which a worker gives its partition up.
    pub deadline: Duration,
    /// Writes under way at once, of all saves of this process. A few servers take that many without a queue; beyond it callers wait.
    pub writes: usize,
}

/// Who we are to the servers. The password is never shown.
#[derive(Clone)]
pub struct Login {
    pub user: String,
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (password hidden)", self.user)
    }
}

/// Cloned freely; all clones share one session, which finds servers that went away again by itself.
#[derive(Clone)]
pub struct Cql {
    server: Arc<Server>,
    tables: Arc<Tables>,
}

struct Tables {
    runs: runs::Runs,
    plays: plays::Plays,
    likes: likes::Likes,
    wishes: wishes::Wishes,
    polls: polls::Polls,
    votes: votes::Votes,
    fingerprints: fingerprints::Fingerprints,
    positions: positions::Positions,
    sums: sums::Sums,
    tokens: tokens::TokenTables,
    accounts: accounts::AccountTables,
    secrets: secrets::SecretTables,
    audit: audit::AuditTables,
    pushes: pushes::PushTables,
    past: past::PastTables,
}

impl Cql {
    /// Connects to a keyspace that `migrate` made. An error names the servers that do not answer, or says what to do when the tables are
    /// not those of this program.
    pub async fn open(config: &Config) -> Result<Cql, StoreError> {
        metrics::describe();
        let session = connect::connect(config).await?;
        migrate::expect_current(&session, config).await?;
        let server = Server::new(session, config);
        let tables = Tables {
            runs: runs::Runs::prepare(&server).await?,
            plays: plays::Plays::prepare(&server).await?,
            likes: likes::Likes::prepare(&server).await?,
            wishes: wishes::Wishes::prepare(&server).await?,
            polls: polls::Polls::prepare(&server).await?,
            votes: votes::Votes::prepare(&server).await?,
            fingerprints: fingerprints::Fingerprints::prepare(&server).await?,
            positions: positions::Positions::prepare(&server).await?,
            sums: sums::Sums::prepare(&server).await?,
            tokens: tokens::TokenTables::prepare(&server).await?,
            accounts: accounts::AccountTables::prepare(&server).await?,
            secrets: secrets::SecretTables::prepare(&server).await?,
            audit: audit::AuditTables::prepare(&server).await?,
            pushes: pushes::PushTables::prepare(&server).await?,
            past: past::PastTables::prepare(&server).await?,
        };
        Ok(Cql { server: Arc::new(server), tables: Arc::new(tables) })
    }

    async fn measured<T>(&self, operation: Operation, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let asked = Instant::now();
        let answer = work.await;
        metrics::took(operation, asked.elapsed(), answer.as_ref().err());
        answer
    }
}
