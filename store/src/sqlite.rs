//! SQLite: a file that people can open, copy and back up.
use std::path::Path;

use crate::StoreError;

/// Cloned freely; all clones share one writer thread.
#[derive(Clone)]
pub struct Sqlite {}

impl Sqlite {
    /// Opens or makes the file and migrates it. A clear error names the path when it is unreadable, locked, no database, or newer than this program.
    pub fn open(path: &Path) -> Result<Sqlite, StoreError> {
        todo!("{path:?}")
    }
}
