//! The readers: a few connections, each used by one blocking task at a time.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::Semaphore;

use super::open::File;
use crate::StoreError;

pub struct Readers {
    file: Arc<File>,
    seats: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub fn of(file: Arc<File>) -> Self {
        let seats = Arc::new(Semaphore::new(file.config.readers));
        Readers { file, seats, idle: Mutex::default() }
    }

    /// Asks within one transaction, so that a question of several statements sees one moment.
    pub async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let closed = || StoreError::Unavailable("the store is closing".to_owned());
        let seat = self.seats.clone().acquire_owned().await.map_err(|_| closed())?;
        let readers = self.clone();
        let answer = move || {
            let _seat = seat;
            readers.answer(question).map_err(|e| readers.file.explain(&e))
        };
        tokio::task::spawn_blocking(answer).await.map_err(|_| closed())?
    }

    fn answer<T>(&self, question: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.file.for_reading()?,
        };
        let moment = Transaction::new_unchecked(&connection, TransactionBehavior::Deferred)?;
        let answer = question(&connection);
        drop(moment);
        // A connection that met an error is not used again.
        if answer.is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        answer
    }
}
