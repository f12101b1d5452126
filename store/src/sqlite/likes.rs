use rusqlite::{Connection, Row, params};
use schemas::{PersonId, Seq, SessionId};

use super::rows;
use crate::rows::{LikeRow, PersonLike};

pub fn save(c: &Connection, like: &LikeRow) -> rusqlite::Result<()> {
    let sql = "INSERT INTO likes (session, begin, person, track_key, pos, standing, play, liked_at, ops)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET
          pos = excluded.pos, standing = excluded.standing, play = excluded.play, liked_at = excluded.liked_at, ops = excluded.ops
        WHERE excluded.pos > likes.pos";
    let ops = rows::ops_bytes(&like.ops);
    let (person, key) = (like.person.0, like.key.0);
    rows::change(c, sql, params![like.session.as_str(), like.begin, person, key, like.pos.0, like.on, like.play, like.liked_at.0, ops])
        .map(drop)
}

pub fn of_run(c: &Connection, session: &SessionId, begin: Seq) -> rusqlite::Result<Vec<LikeRow>> {
    rows::all(c, "SELECT * FROM likes WHERE session = ? AND begin = ? ORDER BY person, track_key", params![session.as_str(), begin], row)
}

pub fn of_person(c: &Connection, person: PersonId, limit: usize) -> rusqlite::Result<(Vec<PersonLike>, u64)> {
    let newest = "SELECT l.session, l.begin, l.play, p.artist, p.title, l.liked_at, r.dj_name, r.began_at
        FROM likes AS l
        JOIN plays AS p ON p.session = l.session AND p.begin = l.begin AND p.play = l.play
        JOIN runs AS r ON r.session = l.session AND r.begin = l.begin
        WHERE l.person = ? AND l.standing = 1
        ORDER BY l.liked_at DESC, l.begin DESC, l.play DESC LIMIT ?";
    let likes = rows::all(c, newest, params![person.0, rows::limit(limit)], |row| {
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
    let count = rows::number(c, "SELECT count(*) FROM likes WHERE person = ? AND standing = 1", [person.0])?;
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
