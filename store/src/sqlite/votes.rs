use rusqlite::{Connection, Row, params};
use schemas::{Seq, SessionId};

use super::rows;
use crate::rows::VoteRow;
use crate::spelling;

pub fn save(c: &Connection, vote: &VoteRow) -> rusqlite::Result<()> {
    let sql = "INSERT INTO votes (session, begin, poll, person, pos, option, known, ops) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET pos = excluded.pos, option = excluded.option, known = excluded.known, ops = excluded.ops
        WHERE excluded.pos > votes.pos";
    let ops = spelling::of_ops(&vote.ops);
    let (session, poll) = (vote.session.as_str(), vote.poll.get());
    rows::change(c, sql, params![session, vote.begin, poll, vote.person.0, vote.pos.0, vote.option, vote.known, ops]).map(drop)
}

pub fn of_run(c: &Connection, session: &SessionId, begin: Seq) -> rusqlite::Result<Vec<VoteRow>> {
    rows::all(c, "SELECT * FROM votes WHERE session = ? AND begin = ? ORDER BY poll, person", params![session.as_str(), begin], row)
}

fn row(row: &Row) -> rusqlite::Result<VoteRow> {
    Ok(VoteRow {
        session: rows::session(row)?,
        begin: row.get("begin")?,
        poll: rows::poll(row)?,
        person: rows::person(row)?,
        pos: rows::pos(row)?,
        option: row.get("option")?,
        known: row.get("known")?,
        ops: rows::ops(row)?,
    })
}
