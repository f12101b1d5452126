//! SQLite: a file that people can open, copy and back up. All that writes goes through one thread, which lets saves that wait
//! together share a commit; reads use connections of their own and never wait for a write.
//!
//! Several processes may open the same file. They take turns writing, and rows are safe from each other by their `pos`.

mod errors;
mod open;
#[cfg(test)]
mod plans;
mod readers;
mod rows;
mod writer;

mod accounts;
mod audit;
mod copy;
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
mod tokens;
mod votes;
mod wishes;

pub use copy::{contents, copy, version};
pub use open::newest;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::StoreError;
use crate::metrics::{self, Operation};
use readers::Readers;
use writer::Writer;

#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// How long a write waits for another process to finish its own before it fails as locked. Five seconds is a thousand
    /// commits of another process, and less than the time after which a worker gives its partition up.
    pub busy: Duration,
    /// Connections for reading, opened when first needed. Four keep two cores busy while one of them waits for the disk.
    pub readers: usize,
    /// Saves waiting for the writer thread, and the most that share one commit. A process owns at most 64 partitions and each
    /// has one flush under way, so a worker never waits for a place; beyond that callers wait, and nothing is dropped.
    pub queue: usize,
    /// The size that the file may grow to, so that the rows cannot take the disk from the log beside them. No limit by default.
    pub max_bytes: Option<u64>,
}

impl Default for Config {
    fn default() -> Self {
        Config { busy: Duration::from_secs(5), readers: 4, queue: 64, max_bytes: None }
    }
}

/// Cloned freely; all clones share one writer thread.
#[derive(Clone)]
pub struct Sqlite {
    writer: Writer,
    readers: Arc<Readers>,
}

impl Sqlite {
    /// Opens or makes the file and migrates it. A clear error names the path when it is unreadable, locked, no database, or newer than this program.
    pub fn open(path: &Path) -> Result<Sqlite, StoreError> {
        Self::open_with(path, Config::default())
    }

    pub fn open_with(path: &Path, config: Config) -> Result<Sqlite, StoreError> {
        let file = Arc::new(open::File::at(path, config));
        let connection = file.for_writing()?;
        metrics::describe();
        Ok(Sqlite { writer: Writer::start(file.clone(), connection)?, readers: Arc::new(Readers::of(file)) })
    }

    /// A question. It sees one moment of the file, which lies after every save that was answered before.
    async fn read<T: Send + 'static>(
        &self,
        operation: Operation,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let asked = Instant::now();
        let answer = self.readers.ask(question).await;
        metrics::took(operation, asked.elapsed(), answer.as_ref().err());
        answer
    }

    /// A change. It is answered once it is on disk, and may run again if its company spoiled the first commit.
    async fn write<T: Send + 'static>(
        &self,
        operation: Operation,
        change: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let asked = Instant::now();
        let answer = self.writer.commit(change).await;
        metrics::took(operation, asked.elapsed(), answer.as_ref().err());
        answer
    }
}
