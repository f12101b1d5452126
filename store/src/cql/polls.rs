use schemas::{Millis, Seq, SessionId};
use scylla::statement::prepared::PreparedStatement;
use scylla::{DeserializeRow, SerializeRow};

use super::server::{Server, Writes, by_partition, whole_row};
use super::values::{self, natural, number, stamp, unreadable};
use crate::rows::PollRow;
use crate::{StoreError, spelling};

const COLUMNS: &str = "session, begin_seq, poll, pos, question, options, allow_change, opened, opened_at, ends_at, play, status, void, close, \
                       closed_at, votes";

#[derive(SerializeRow, DeserializeRow, Clone)]
struct Columns {
    session: String,
    begin_seq: i64,
    poll: i64,
    pos: i64,
    question: String,
    options: String,
    allow_change: bool,
    opened: i64,
    opened_at: i64,
    ends_at: Option<i64>,
    play: Option<i64>,
    status: String,
    void: bool,
    close: Option<i64>,
    closed_at: Option<i64>,
    votes: String,
}

pub struct Polls {
    put: PreparedStatement,
    of_run: PreparedStatement,
}

impl Polls {
    pub async fn prepare(server: &Server) -> Result<Self, StoreError> {
        Ok(Polls {
            put: server.to_write(&whole_row("polls", COLUMNS)).await?,
            of_run: server.to_read(&format!("SELECT {COLUMNS} FROM polls WHERE session = ? AND begin_seq = ?")).await?,
        })
    }

    pub fn save<'a>(&'a self, server: &'a Server, polls: &[PollRow], writes: &mut Writes<'a>) -> Result<(), StoreError> {
        let rows = polls.iter().map(columns).collect::<Result<_, _>>()?;
        writes.extend(by_partition(server, &self.put, rows, |row| (row.session.clone(), row.begin_seq)));
        Ok(())
    }

    /// In the order they were opened.
    pub async fn of_run(&self, server: &Server, session: &SessionId, begin: Seq) -> Result<Vec<PollRow>, StoreError> {
        let found: Vec<Columns> = server.rows(&self.of_run, (session.as_str(), number(begin)?)).await?;
        let mut polls: Vec<PollRow> = found.into_iter().map(row).collect::<Result<_, _>>()?;
        polls.sort_by_key(|poll| (poll.opened, poll.poll.get()));
        Ok(polls)
    }
}

fn columns(poll: &PollRow) -> Result<Columns, StoreError> {
    let spelling::Status { word, void, close } = poll.status.into();
    Ok(Columns {
        session: poll.session.to_string(),
        begin_seq: number(poll.begin)?,
        poll: number(poll.poll.get())?,
        pos: stamp(poll.pos)?,
        question: poll.question.clone(),
        options: values::to_json(&poll.options)?,
        allow_change: poll.allow_change,
        opened: number(poll.opened)?,
        opened_at: poll.opened_at.0,
        ends_at: poll.ends_at.map(|at| at.0),
        play: values::maybe(poll.play, number)?,
        status: word.to_owned(),
        void,
        close: values::maybe(close, |(close, _)| number(close))?,
        closed_at: close.map(|(_, at)| at.0),
        votes: values::to_json(&poll.votes)?,
    })
}

fn row(found: Columns) -> Result<PollRow, StoreError> {
    let close = values::maybe(found.close, |close| natural("close", close))?.zip(values::millis(found.closed_at));
    Ok(PollRow {
        session: values::session(&found.session)?,
        begin: natural("begin_seq", found.begin_seq)?,
        poll: values::poll(found.poll)?,
        pos: values::pos(found.pos)?,
        question: found.question,
        options: values::json("options", &found.options)?,
        allow_change: found.allow_change,
        opened: natural("opened", found.opened)?,
        opened_at: Millis(found.opened_at),
        ends_at: values::millis(found.ends_at),
        play: values::maybe(found.play, |play| natural("play", play))?,
        status: spelling::status(&found.status, found.void, close).map_err(|e| unreadable("status", e))?,
        votes: values::json("votes", &found.votes)?,
    })
}
