use rusqlite::{Connection, Row, params};
use schemas::{PersonId, Seq, SessionId};

use super::rows;
use crate::rows::{LikeRow, PersonLike};
use crate::spelling;

pub fn save(c: &Connection, like: &LikeRow) -> rusqlite::Result<()> {
    let sql = "INSERT INTO likes (session, begin, track_key, person, pos, standing, play, liked_at, ops)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET
          pos = excluded.pos, standing = excluded.standing, play = excluded.play, liked_at = excluded.liked_at, ops = excluded.ops
        WHERE excluded.pos > likes.pos";
    let ops = spelling::of_ops(&like.ops);
    let (person, key) = (like.person.0, like.key.0);
    rows::change(c, sql, params![like.session.as_str(), like.begin, key, person, like.pos.0, like.on, like.play, like.liked_at.0, ops])
        .map(drop)
}

pub fn of_run(c: &Connection, session: &SessionId, begin: Seq) -> rusqlite::Result<Vec<LikeRow>> {
    rows::all(c, "SELECT * FROM likes WHERE session = ? AND begin = ? ORDER BY track_key, person", params![session.as_str(), begin], row)
}

/// CROSS JOIN keeps this order: by the run's plays to the person's likes, not through everybody's likes of the run.
/// Reads all that one person ever liked, to count and to order it: a few thousand rows after years of evenings.
pub fn of_person(c: &Connection, person: PersonId, limit: usize) -> rusqlite::Result<(Vec<PersonLike>, u64)> {
    let newest_first = "SELECT l.session, l.begin, l.play, p.artist, p.title, l.liked_at, r.dj_name, r.began_at
        FROM likers AS who
        JOIN runs AS r ON r.session = who.session AND r.begin = who.begin
        CROSS JOIN plays AS p ON p.session = who.session AND p.begin = who.begin
        CROSS JOIN likes AS l ON l.session = p.session AND l.begin = p.begin AND l.track_key = p.track_key AND l.person = who.person
        WHERE who.person = ? AND l.standing = 1 AND l.play = p.play
        ORDER BY l.liked_at DESC, l.begin DESC, l.play DESC";
    let mut likes = rows::all(c, newest_first, [person.0], |row| {
        Ok(PersonLike {
            session: rows::session(row)?,
            begin: row.get("begin")?,
            play: row.get("play")?,
            artist: row.get("artist")?,
            title: row.get("title")?,
            liked_at: rows::millis(row, "liked_at")?,
            dj_name: row.get("dj_name")?,
            began_at: rows::millis(row, "began_at")?,
        })
    })?;
    let count = likes.len() as u64;
    likes.truncate(limit);
    Ok((likes, count))
}

fn row(row: &Row) -> rusqlite::Result<LikeRow> {
    Ok(LikeRow {
        session: rows::session(row)?,
        begin: row.get("begin")?,
        person: rows::person(row)?,
        key: rows::track_key(row)?,
        pos: rows::pos(row)?,
        on: row.get("standing")?,
        play: row.get("play")?,
        liked_at: rows::millis(row, "liked_at")?,
        ops: rows::ops(row)?,
    })
}
