//! The contract on SQLite, and what only a file can promise: that it outlives its process, and says clearly what is wrong with it.
#![allow(clippy::unwrap_used)]

use store::sqlite::Sqlite;

/// A store in a folder of its own, which goes with it.
struct Fresh {
    store: Sqlite,
    _folder: tempfile::TempDir,
}

impl std::ops::Deref for Fresh {
    type Target = Sqlite;
    fn deref(&self) -> &Sqlite {
        &self.store
    }
}

fn fresh() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    Fresh { store: Sqlite::open(&folder.path().join("pika.db")).unwrap(), _folder: folder }
}

store::live_promises!(crate::fresh());
store::token_promises!(crate::fresh());
