//! Copying the file while others write to it, and looking at a copy without changing it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::errors::explain;
use crate::StoreError;

/// A copy waits this long for another process to finish what it writes.
const BUSY: Duration = Duration::from_secs(30);

/// Copies the file as it is at one moment into a new one. Writers go on meanwhile.
pub fn copy(from: &Path, into: &Path) -> Result<(), StoreError> {
    let connection = look(from)?;
    let into = into.to_str().ok_or_else(|| StoreError::Unavailable(format!("{} is no path that SQLite understands", into.display())))?;
    connection.execute("VACUUM INTO ?1", [into]).map_err(|error| explain(from, &error))?;
    Ok(())
}

/// Each table with the number of its rows, after SQLite has checked the whole file.
pub fn contents(path: &Path) -> Result<Vec<(String, u64)>, StoreError> {
    let connection = look(path)?;
    let read = || -> rusqlite::Result<(String, Vec<(String, u64)>)> {
        let whole: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        let mut tables =
            connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")?;
        let names: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let count = |name: String| -> rusqlite::Result<(String, u64)> {
            let rows: i64 = connection.query_row(&format!("SELECT count(*) FROM \"{name}\""), [], |row| row.get(0))?;
            Ok((name, u64::try_from(rows).unwrap_or(0)))
        };
        Ok((whole, names.into_iter().map(count).collect::<rusqlite::Result<_>>()?))
    };
    let (whole, tables) = read().map_err(|error| explain(path, &error))?;
    match whole.as_str() {
        "ok" => Ok(tables),
        fault => Err(StoreError::Corrupt(format!("{} is damaged: {fault}", path.display()))),
    }
}

/// The step of the schema that a file has taken.
pub fn version(path: &Path) -> Result<u32, StoreError> {
    look(path)?.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|error| explain(path, &error))
}

fn look(path: &Path) -> Result<Connection, StoreError> {
    let open = || {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY)?;
        Ok(connection)
    };
    open().map_err(|error| explain(path, &error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sqlite::Sqlite;

    #[test]
    fn a_copy_is_whole_and_a_damaged_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (file, copied) = (folder.path().join("rows"), folder.path().join("copy"));
        let _open = Sqlite::open(&file).unwrap();
        copy(&file, &copied).unwrap();
        let tables = contents(&copied).unwrap();
        assert_eq!(tables, contents(&file).unwrap());
        assert!(tables.iter().any(|(name, _)| name == "runs"), "{tables:?}");
        assert_eq!(version(&copied).unwrap(), version(&file).unwrap());
        let mut bytes = std::fs::read(&copied).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 4096].fill(0x5a);
        std::fs::write(&copied, bytes).unwrap();
        assert!(contents(&copied).is_err());
        assert!(matches!(contents(&folder.path().join("away")), Err(StoreError::Unavailable(_))));
    }
}
