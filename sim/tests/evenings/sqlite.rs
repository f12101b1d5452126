//! The product's SQLite file where the simulation keeps rows otherwise in memory.

use std::path::Path;

use schemas::{Partition, Pos, SessionId};
use sim::shelf::Rows;
use store::sqlite::Sqlite;
use store::{Changes, Live, RunState};
use tokio::runtime::Runtime;

pub struct File {
    store: Sqlite,
    runtime: Runtime,
}

impl File {
    pub fn open(folder: &Path) -> File {
        File { store: Sqlite::open(&folder.join("rows.sqlite")).unwrap(), runtime: Runtime::new().unwrap() }
    }
}

impl Rows for File {
    fn position(&self, partition: Partition) -> Option<Pos> {
        self.runtime.block_on(self.store.position(partition)).unwrap()
    }

    fn save(&mut self, changes: &Changes) {
        self.runtime.block_on(self.store.save(changes)).unwrap();
    }

    fn load(&self, session: &SessionId) -> Option<RunState> {
        self.runtime.block_on(self.store.load(session)).unwrap()
    }

    fn open_runs(&self, partition: Partition) -> Vec<SessionId> {
        self.runtime.block_on(self.store.open_runs(partition)).unwrap()
    }
}
