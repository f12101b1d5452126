//! Opening the file: what a connection is set to, and the steps that bring an older file up to date.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::Config;
use super::errors::explain;
use crate::StoreError;

/// The version of a file is how many of these it has taken. A step that was released is never changed; a change of the
/// schema is one more step.
const STEPS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("accounts.sql"),
    include_str!("persons.sql"),
    include_str!("pushes.sql"),
    include_str!("leaving.sql"),
];

/// The step that a file which is up to date has taken.
pub fn newest() -> u32 {
    STEPS.len() as u32
}

/// "PIKA": how a file of ours is told from another program's database.
const APPLICATION: i32 = i32::from_be_bytes(*b"PIKA");

/// All statements of this room fit, so each is prepared once a connection.
const STATEMENTS: usize = 128;

pub struct File {
    path: PathBuf,
    pub config: Config,
}

impl File {
    pub fn at(path: &Path, config: Config) -> Self {
        File { path: path.to_owned(), config }
    }

    pub fn explain(&self, error: &rusqlite::Error) -> StoreError {
        explain(&self.path, error)
    }

    /// The writer's connection, on a file that is up to date.
    pub fn for_writing(&self) -> Result<Connection, StoreError> {
        let path = self.path.display();
        if self.path.is_dir() {
            return Err(StoreError::Unavailable(format!("{path} is a folder, not a database file")));
        }
        if let Some(folder) = self.path.parent().filter(|f| !f.as_os_str().is_empty())
            && !folder.is_dir()
        {
            return Err(StoreError::Unavailable(format!("{path} cannot be made: there is no folder {}", folder.display())));
        }
        let mut connection = self.prepare().map_err(|e| self.explain(&e))?;
        match migrate(&mut connection).map_err(|e| self.explain(&e))? {
            Version::Ours => {}
            Version::Newer(found) => {
                let known = STEPS.len();
                let words = "was made by a newer version of this program: its schema is";
                return Err(StoreError::Corrupt(format!("{path} {words} {found}, this program knows up to {known}")));
            }
            Version::Foreign => return Err(StoreError::Corrupt(format!("{path} is another program's database"))),
        }
        let mode = self.write_ahead(&connection).map_err(|e| self.explain(&e))?;
        if mode != "wal" {
            let words = "cannot be shared between readers and a writer: is it in a network folder?";
            return Err(StoreError::Unavailable(format!("{path} {words}")));
        }
        Ok(connection)
    }

    fn prepare(&self) -> rusqlite::Result<Connection> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        // An answered save has been through fsync. On macOS fsync alone does not reach the disk.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // After a burst the log file beside the database is cut back to this many bytes.
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        if let Some(bytes) = self.config.max_bytes {
            let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page;
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
        }
        Ok(connection)
    }

    /// Turns to write-ahead logging, which a file keeps for ever, so this does something only once. SQLite does not wait for
    /// its turn here when several processes open a new file at once, so this does.
    fn write_ahead(&self, connection: &Connection) -> rusqlite::Result<String> {
        let asked = Instant::now();
        loop {
            match connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)) {
                Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && asked.elapsed() < self.config.busy => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                mode => return mode,
            }
        }
    }

    /// A connection that cannot write.
    pub fn for_reading(&self) -> rusqlite::Result<Connection> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    fn connect(&self, flags: OpenFlags) -> rusqlite::Result<Connection> {
        // Each connection is used by one thread at a time, so SQLite need not lock it again.
        let connection = Connection::open_with_flags(&self.path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(self.config.busy)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    }
}

#[derive(PartialEq, Eq)]
enum Version {
    /// Empty, or made by this program at this version or an older one.
    Ours,
    Newer(usize),
    Foreign,
}

impl Version {
    fn of(connection: &Connection) -> rusqlite::Result<Version> {
        let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        let taken = steps_taken(connection)?;
        Ok(if application != APPLICATION && (objects > 0 || application != 0 || taken != 0) {
            Version::Foreign
        } else if taken > STEPS.len() {
            Version::Newer(taken)
        } else {
            Version::Ours
        })
    }
}

fn steps_taken(connection: &Connection) -> rusqlite::Result<usize> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Takes the steps that are missing, all or none. A file that is not ours, or newer, stays as it is.
fn migrate(connection: &mut Connection) -> rusqlite::Result<Version> {
    // One moment: between two statements another process may make the file ours.
    let look = Transaction::new(connection, TransactionBehavior::Deferred)?;
    let (version, taken) = (Version::of(&look)?, steps_taken(&look)?);
    look.finish()?;
    if version != Version::Ours || taken == STEPS.len() {
        return Ok(version);
    }
    // Of two processes that open a new file at once the second waits here and finds nothing left to do.
    let step = Transaction::new(connection, TransactionBehavior::Immediate)?;
    let version = Version::of(&step)?;
    if version == Version::Ours {
        for sql in STEPS.iter().skip(steps_taken(&step)?) {
            step.execute_batch(sql)?;
        }
        step.pragma_update(None, "application_id", APPLICATION)?;
        step.pragma_update(None, "user_version", STEPS.len())?;
        step.commit()?;
    }
    Ok(version)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::contract::sample::{evening, loaded, pos, session, sorted};
    use crate::sqlite::live;

    fn shape(file: &Connection) -> Vec<(String, String)> {
        let mut asked = file.prepare("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").unwrap();
        asked.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    }

    fn of_version(version: usize) -> Connection {
        let file = Connection::open_in_memory().unwrap();
        for sql in &STEPS[..version] {
            file.execute_batch(sql).unwrap();
        }
        file.pragma_update(None, "application_id", APPLICATION).unwrap();
        file.pragma_update(None, "user_version", version).unwrap();
        file
    }

    #[test]
    fn a_file_of_every_earlier_version_becomes_one_of_this() {
        let new = shape(&of_version(STEPS.len()));
        for version in 1..STEPS.len() {
            let mut file = of_version(version);
            file.execute("INSERT INTO djs (id, name, folded_name, created_at) VALUES ('kept', 'Kept', 'kept', 1)", []).unwrap();
            file.execute("INSERT INTO tokens (sha256, dj, created_at, label) VALUES ('hash', 'kept', 1, '')", [])
                .or_else(|_| file.execute("INSERT INTO tokens (sha256, dj, created_at) VALUES ('hash', 'kept', 1)", []))
                .unwrap();
            let friday = evening(&session("of-an-earlier-version"), 10, pos(100));
            live::save(&file, &friday).unwrap();
            assert!(migrate(&mut file).unwrap() == Version::Ours, "{version}");
            assert_eq!(shape(&file), new, "{version}");
            let kept: String = file.query_row("SELECT name FROM djs WHERE id = 'kept'", [], |row| row.get(0)).unwrap();
            assert_eq!(kept, "Kept", "{version}");
            let token: String = file.query_row("SELECT dj FROM tokens WHERE sha256 = 'hash'", [], |row| row.get(0)).unwrap();
            assert_eq!(token, "kept", "{version}");
            assert_eq!(live::load(&file, &friday.runs[0].session).unwrap().map(sorted), Some(loaded(&friday)), "{version}");
        }
    }

    /// Of two accounts that older programs let be one person, the first is.
    #[test]
    fn accounts_of_an_older_file_claim_who_they_are() {
        let mut file = of_version(2);
        for (id, created_at) in [("second", 7), ("first", 5), ("third", 9)] {
            let made =
                "INSERT INTO accounts (id, version, email, display_name, slug, person, created_at, roles, identities, profile, preferences)
                VALUES (?, 1, '', '', '', 'somebody', ?, '[]', '[]', '{}', '{}')";
            file.execute(made, (id, created_at)).unwrap();
        }
        assert!(migrate(&mut file).unwrap() == Version::Ours);
        let sql = "SELECT account, person FROM account_names JOIN accounts ON account = id AND name = person WHERE kind = 'person'";
        let mut who = file.prepare(sql).unwrap();
        let mut people: Vec<(String, String)> =
            who.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
        assert_eq!(people.len(), 3);
        people.retain(|(_, person)| person.parse::<schemas::PersonId>().is_err());
        assert_eq!(people, [("first".to_owned(), "somebody".to_owned())], "the others are somebody new");
    }
}
