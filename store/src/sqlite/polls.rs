use rusqlite::{Connection, Row, params};
use schemas::{Seq, SessionId};

use super::rows;
use crate::rows::PollRow;
use crate::spelling;

pub fn save(c: &Connection, poll: &PollRow) -> rusqlite::Result<()> {
    let sql = "INSERT INTO polls
          (session, begin, poll, pos, question, options, allow_change, opened, opened_at, ends_at, play, status, void, close, closed_at, votes)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
        ON CONFLICT DO UPDATE SET
          pos = excluded.pos, question = excluded.question, options = excluded.options, allow_change = excluded.allow_change,
          opened = excluded.opened, opened_at = excluded.opened_at, ends_at = excluded.ends_at, play = excluded.play,
          status = excluded.status, void = excluded.void, close = excluded.close, closed_at = excluded.closed_at, votes = excluded.votes
        WHERE excluded.pos > polls.pos";
    let status = spelling::Status::from(poll.status);
    rows::change(
        c,
        sql,
        params![
            poll.session.as_str(),
            poll.begin,
            poll.poll.get(),
            poll.pos.0,
            poll.question,
            rows::to_json(&poll.options)?,
            poll.allow_change,
            poll.opened,
            poll.opened_at.0,
            poll.ends_at.map(|at| at.0),
            poll.play,
            status.word,
            status.void,
            status.close.map(|(close, _)| close),
            status.close.map(|(_, at)| at.0),
            rows::to_json(&poll.votes)?,
        ],
    )
    .map(drop)
}

/// In the order they were opened.
pub fn of_run(c: &Connection, session: &SessionId, begin: Seq) -> rusqlite::Result<Vec<PollRow>> {
    rows::all(c, "SELECT * FROM polls WHERE session = ? AND begin = ? ORDER BY opened, poll", params![session.as_str(), begin], row)
}

fn row(row: &Row) -> rusqlite::Result<PollRow> {
    let void = row.get("void")?;
    let close = row.get::<_, Option<Seq>>("close")?.zip(rows::maybe_millis(row, "closed_at")?);
    Ok(PollRow {
        session: rows::session(row)?,
        begin: row.get("begin")?,
        poll: rows::poll(row)?,
        pos: rows::pos(row)?,
        question: row.get("question")?,
        options: rows::json(row, "options")?,
        allow_change: row.get("allow_change")?,
        opened: row.get("opened")?,
        opened_at: rows::millis(row, "opened_at")?,
        ends_at: rows::maybe_millis(row, "ends_at")?,
        play: row.get("play")?,
        status: rows::made(row, "status", |word: String| spelling::status(&word, void, close))?,
        votes: rows::json(row, "votes")?,
    })
}
