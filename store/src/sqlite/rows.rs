//! From rows to values and back. A value that cannot be read is an error, never a default: the fold would go on from it.

use rusqlite::types::{FromSql, Type};
use rusqlite::{Connection, Params, Row};
use schemas::track::Analysis;
use schemas::{Millis, OpKey, PersonId, PollId, Pos, SessionId, TrackKey};

use crate::spelling;

/// The statement's rows, in the order it gives them.
pub fn all<T>(
    c: &Connection,
    sql: &'static str,
    params: impl Params,
    read: impl FnMut(&Row) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    #[cfg(test)]
    super::plans::seen(sql);
    c.prepare_cached(sql)?.query_map(params, read)?.collect()
}

/// The statement's first row.
pub fn first<T>(
    c: &Connection,
    sql: &'static str,
    params: impl Params,
    read: impl FnOnce(&Row) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    #[cfg(test)]
    super::plans::seen(sql);
    c.prepare_cached(sql)?.query(params)?.next()?.map(read).transpose()
}

/// The number of a statement that always gives one row of one number, such as a count.
pub fn number(c: &Connection, sql: &'static str, params: impl Params) -> rusqlite::Result<u64> {
    #[cfg(test)]
    super::plans::seen(sql);
    c.prepare_cached(sql)?.query_one(params, |row| row.get(0))
}

/// Runs a statement that changes rows, and tells how many it changed.
pub fn change(c: &Connection, sql: &'static str, params: impl Params) -> rusqlite::Result<usize> {
    #[cfg(test)]
    super::plans::seen(sql);
    c.prepare_cached(sql)?.execute(params)
}

/// A limit too large for SQLite is none.
pub fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A column, made into a value by `make`.
pub fn made<S: FromSql, T, E>(row: &Row, column: &str, make: impl FnOnce(S) -> Result<T, E>) -> rusqlite::Result<T>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    make(row.get(column)?).map_err(|e| {
        let at = row.as_ref().column_index(column).unwrap_or_default();
        let kind = row.get_ref(at).map_or(Type::Null, |value| value.data_type());
        rusqlite::Error::FromSqlConversionFailure(at, kind, format!("{column}: {}", e.into()).into())
    })
}

pub fn session(row: &Row) -> rusqlite::Result<SessionId> {
    made(row, "session", |text: String| SessionId::parse(&text))
}

pub fn person(row: &Row) -> rusqlite::Result<PersonId> {
    row.get("person").map(PersonId)
}

pub fn track_key(row: &Row) -> rusqlite::Result<TrackKey> {
    row.get("track_key").map(TrackKey)
}

pub fn pos(row: &Row) -> rusqlite::Result<Pos> {
    row.get("pos").map(Pos)
}

pub fn poll(row: &Row) -> rusqlite::Result<PollId> {
    made(row, "poll", PollId::new)
}

pub fn millis(row: &Row, column: &str) -> rusqlite::Result<Millis> {
    row.get(column).map(Millis)
}

pub fn maybe_millis(row: &Row, column: &str) -> rusqlite::Result<Option<Millis>> {
    row.get::<_, Option<i64>>(column).map(|at| at.map(Millis))
}

pub fn ops(row: &Row) -> rusqlite::Result<Vec<OpKey>> {
    made(row, "ops", |bytes: Vec<u8>| spelling::ops(&bytes))
}

pub fn analysis(row: &Row) -> rusqlite::Result<Analysis> {
    Ok(Analysis {
        bpm: row.get("bpm")?,
        key: row.get("music_key")?,
        energy: row.get("energy")?,
        danceability: row.get("danceability")?,
        brightness: row.get("brightness")?,
        acousticness: row.get("acousticness")?,
        groove: row.get("groove")?,
    })
}

pub fn json<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> rusqlite::Result<T> {
    made(row, column, |text: String| serde_json::from_str(&text))
}

pub fn to_json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))
}
