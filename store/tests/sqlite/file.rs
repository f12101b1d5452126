use std::ops::Deref;
use std::path::PathBuf;

use store::sqlite::{Config, Sqlite};
use tempfile::TempDir;

/// A store in a folder of its own, which goes with it.
pub struct Fresh {
    store: Sqlite,
    folder: TempDir,
}

impl Deref for Fresh {
    type Target = Sqlite;
    fn deref(&self) -> &Sqlite {
        &self.store
    }
}

pub fn fresh() -> Fresh {
    fresh_with(Config::default())
}

pub fn fresh_with(config: Config) -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    Fresh { store: Sqlite::open_with(&folder.path().join("pika.db"), config).unwrap(), folder }
}

impl Fresh {
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("pika.db")
    }

    /// The store is closed and opened again.
    pub fn reopened(self) -> Fresh {
        let Fresh { store, folder } = self;
        drop(store);
        Fresh { store: Sqlite::open(&folder.path().join("pika.db")).unwrap(), folder }
    }
}
