use rusqlite::{Connection, Row, params};
use schemas::{Partition, Seq, SessionId};

use super::rows;
use crate::rows::{RunRow, Totals};
use crate::spelling;

pub fn save(c: &Connection, run: &RunRow) -> rusqlite::Result<()> {
    let sql = "INSERT INTO runs
          (session, begin, pos, epoch, partition, dj_name, slug, owner, join_code, began_at, ended_at, end_reason, tracks, likes, peak_listeners)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
        ON CONFLICT DO UPDATE SET
          pos = excluded.pos, dj_name = excluded.dj_name, slug = excluded.slug, owner = excluded.owner, join_code = excluded.join_code,
          began_at = excluded.began_at, ended_at = excluded.ended_at, end_reason = excluded.end_reason, tracks = excluded.tracks,
          likes = excluded.likes, peak_listeners = excluded.peak_listeners
        WHERE excluded.pos > runs.pos";
    let (session, begin, epoch) = (run.session.as_str(), run.begin, run.pos.epoch());
    rows::change(
        c,
        sql,
        params![
            session,
            begin,
            run.pos.0,
            epoch,
            run.session.partition().0,
            run.dj_name,
            run.slug,
            rows::to_json(&run.owner)?,
            run.join_code,
            run.began_at.0,
            run.ended.map(|(at, _)| at.0),
            run.ended.map(|(_, reason)| spelling::of_reason(reason)),
            run.tracks,
            run.likes,
            run.peak_listeners,
        ],
    )?;
    // The first epoch counts, in whatever order the flushes arrive, so an older one is taken even from an older row.
    rows::change(c, "UPDATE runs SET epoch = ?3 WHERE session = ?1 AND begin = ?2 AND epoch > ?3", params![session, begin, epoch]).map(drop)
}

pub fn latest(c: &Connection, session: &SessionId) -> rusqlite::Result<Option<RunRow>> {
    rows::first(c, "SELECT * FROM runs WHERE session = ? ORDER BY epoch DESC, begin DESC LIMIT 1", [session.as_str()], row)
}

pub fn of(c: &Connection, session: &SessionId, begin: Seq) -> rusqlite::Result<Option<RunRow>> {
    rows::first(c, "SELECT * FROM runs WHERE session = ? AND begin = ?", params![session.as_str(), begin], row)
}

pub fn open(c: &Connection, partition: Partition) -> rusqlite::Result<Vec<SessionId>> {
    let sql = "SELECT session FROM runs WHERE partition = ? AND ended_at IS NULL AND NOT EXISTS
          (SELECT 1 FROM runs AS later WHERE later.session = runs.session AND (later.epoch, later.begin) > (runs.epoch, runs.begin))
        ORDER BY session";
    rows::all(c, sql, [partition.0], rows::session)
}

pub fn recent(c: &Connection, limit: usize) -> rusqlite::Result<Vec<RunRow>> {
    rows::all(c, "SELECT * FROM runs WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, begin DESC LIMIT ?", [rows::limit(limit)], row)
}

pub fn by_slug(c: &Connection, slug: &str, limit: usize) -> rusqlite::Result<(Vec<RunRow>, u64, u64)> {
    let newest = "SELECT * FROM runs WHERE slug = ? AND ended_at IS NOT NULL ORDER BY ended_at DESC, begin DESC LIMIT ?";
    let totals = "SELECT count(*), ifnull(sum(tracks), 0) FROM runs WHERE slug = ? AND ended_at IS NOT NULL";
    let runs = rows::all(c, newest, params![slug, rows::limit(limit)], row)?;
    let totals = rows::first(c, totals, [slug], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (count, tracks) = totals.unwrap_or_default();
    Ok((runs, count, tracks))
}

pub fn totals(c: &Connection) -> rusqlite::Result<Totals> {
    let sums = rows::first(c, "SELECT runs, tracks, likes FROM totals WHERE id = 1", [], |row| {
        Ok(Totals { sessions: row.get("runs")?, tracks: row.get("tracks")?, likes: row.get("likes")? })
    })?;
    sums.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

pub(super) fn row(row: &Row) -> rusqlite::Result<RunRow> {
    let reason = rows::made(row, "end_reason", |text: Option<String>| text.map(|t| spelling::reason(&t)).transpose())?;
    Ok(RunRow {
        session: rows::session(row)?,
        begin: row.get("begin")?,
        pos: rows::pos(row)?,
        dj_name: row.get("dj_name")?,
        slug: row.get("slug")?,
        owner: rows::json(row, "owner")?,
        join_code: row.get("join_code")?,
        began_at: rows::millis(row, "began_at")?,
        ended: rows::maybe_millis(row, "ended_at")?.zip(reason),
        tracks: row.get("tracks")?,
        likes: row.get("likes")?,
        peak_listeners: row.get("peak_listeners")?,
    })
}
