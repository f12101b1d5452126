use rusqlite::{Connection, Row, params};
use schemas::{Seq, SessionId};

use super::rows;
use crate::rows::WishRow;
use crate::spelling;

pub fn save(c: &Connection, wish: &WishRow) -> rusqlite::Result<()> {
    let sql = "INSERT INTO wishes (session, begin, play, person, pos, preference, ops) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET pos = excluded.pos, preference = excluded.preference, ops = excluded.ops
        WHERE excluded.pos > wishes.pos";
    let ops = spelling::of_ops(&wish.ops);
    let session = wish.session.as_str();
    rows::change(c, sql, params![session, wish.begin, wish.play, wish.person.0, wish.pos.0, spelling::of_preference(wish.preference), ops])
        .map(drop)
}

pub fn of_run(c: &Connection, session: &SessionId, begin: Seq) -> rusqlite::Result<Vec<WishRow>> {
    rows::all(c, "SELECT * FROM wishes WHERE session = ? AND begin = ? ORDER BY play, person", params![session.as_str(), begin], row)
}

fn row(row: &Row) -> rusqlite::Result<WishRow> {
    Ok(WishRow {
        session: rows::session(row)?,
        begin: row.get("begin")?,
        play: row.get("play")?,
        person: rows::person(row)?,
        pos: rows::pos(row)?,
        preference: rows::made(row, "preference", |text: String| spelling::preference(&text))?,
        ops: rows::ops(row)?,
    })
}
