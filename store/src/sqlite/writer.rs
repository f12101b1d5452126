//! The writer: one thread a process, so that changes which wait together share one commit and one fsync.

use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::open::File;
use crate::{StoreError, metrics};

#[derive(Clone)]
pub struct Writer {
    waiting: mpsc::Sender<Box<dyn Work>>,
}

impl Writer {
    /// The thread ends when the last handle is gone and all that waited is answered.
    pub fn start(file: Arc<File>, connection: Connection) -> Result<Writer, StoreError> {
        let (waiting, arriving) = mpsc::channel(file.config.queue);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || serve(&file, &connection, arriving))
            .map_err(|e| StoreError::Unavailable(format!("no thread for the writer: {e}")))?;
        Ok(Writer { waiting })
    }

    /// Answered after the commit: `Ok` means on disk, an error means that nothing of this change is stored.
    pub async fn commit<T: Send + 'static>(
        &self,
        change: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let stopped = || StoreError::Unavailable("the writer has stopped".to_owned());
        self.waiting.send(Box::new(Task { change, result: None, answer })).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

/// One caller's change, whatever it gives back.
trait Work: Send {
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Task<T, F> {
    change: F,
    result: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: FnMut(&Connection) -> rusqlite::Result<T> + Send> Work for Task<T, F> {
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.result = Some((self.change)(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Task { change: _, result, answer } = *self;
        let nothing = || StoreError::Unavailable("the change was not run".to_owned());
        // A caller that has gone away needs no answer; its change is stored all the same.
        let _ = answer.send(outcome.and_then(|()| result.ok_or_else(nothing)));
    }
}

fn serve(file: &File, connection: &Connection, mut arriving: mpsc::Receiver<Box<dyn Work>>) {
    let mut batch = Vec::with_capacity(file.config.queue);
    while arriving.blocking_recv_many(&mut batch, file.config.queue) > 0 {
        let outcomes = settle(file, connection, &mut batch);
        for (work, outcome) in batch.drain(..).zip(outcomes) {
            work.answer(outcome);
        }
    }
}

/// Commits a batch together. Where that comes to nothing (the disk is full, say), each change gets a commit of its own, so
/// that a small one is not refused for the sake of a large one beside it.
fn settle(file: &File, connection: &Connection, batch: &mut [Box<dyn Work>]) -> Vec<Outcome> {
    match together(file, connection, batch) {
        Ok(outcomes) => outcomes,
        // While another process holds the file nobody would fare better alone, and each would wait as long again.
        Err(e) if batch.len() == 1 || e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => vec![Err(file.explain(&e)); batch.len()],
        Err(_) => batch.chunks_mut(1).flat_map(|one| settle(file, connection, one)).collect(),
    }
}

type Outcome = Result<(), StoreError>;

/// One transaction: what became of each change, or an error when none of them is stored.
fn together(file: &File, connection: &Connection, batch: &mut [Box<dyn Work>]) -> rusqlite::Result<Vec<Outcome>> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let mut outcomes = Vec::with_capacity(batch.len());
    for work in batch.iter_mut() {
        connection.prepare_cached("SAVEPOINT change")?.execute([])?;
        match work.run(connection) {
            Ok(()) => outcomes.push(Ok(())),
            // SQLite has given up the whole transaction, not only this change.
            Err(error) if connection.is_autocommit() => return Err(error),
            Err(error) => {
                connection.prepare_cached("ROLLBACK TO change")?.execute([])?;
                outcomes.push(Err(file.explain(&error)));
            }
        }
        connection.prepare_cached("RELEASE change")?.execute([])?;
    }
    transaction.commit()?;
    metrics::committed_together(outcomes.len());
    Ok(outcomes)
}
