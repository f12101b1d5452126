//! What went wrong, in words for the person who runs this: which file, and what to look at.

use std::path::Path;

use rusqlite::{Error, ErrorCode};

use crate::StoreError;

pub fn explain(path: &Path, error: &Error) -> StoreError {
    let path = path.display();
    if let Error::ToSqlConversionFailure(reason) = error {
        return StoreError::Corrupt(format!("{path} cannot hold a value: {reason}"));
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::Corrupt(format!("{path} is not a SQLite database")),
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Corrupt(format!("{path} is damaged: {error}")),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Unavailable(format!("{path} is locked: another process has been writing to it for too long"))
        }
        Some(ErrorCode::DiskFull) => StoreError::Unavailable(format!("{path} cannot grow: its disk or its size limit is full")),
        Some(ErrorCode::CannotOpen) => StoreError::Unavailable(format!("{path} cannot be opened: {error}")),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            StoreError::Unavailable(format!("{path} cannot be written: the file or its folder is read-only"))
        }
        Some(ErrorCode::SystemIoFailure) => StoreError::Unavailable(format!("the disk under {path} fails: {error}")),
        Some(_) => StoreError::Unavailable(format!("{path}: {error}")),
        // Not SQLite's own failure: a value did not have the form that this program gives it.
        None => StoreError::Corrupt(format!("{path} holds a value that this program did not write: {error}")),
    }
}
