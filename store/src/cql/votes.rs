use schemas::{Seq, SessionId};
use scylla::statement::prepared::PreparedStatement;
use scylla::{DeserializeRow, SerializeRow};

use super::server::{Server, Writes, by_partition, gathered, whole_row};
use super::values::{self, BUCKETS, bucket, natural, number, stamp, unreadable};
use crate::rows::VoteRow;
use crate::{StoreError, spelling};

const COLUMNS: &str = "session, begin_seq, bucket, poll, person, pos, option, known, ops";

#[derive(SerializeRow, DeserializeRow, Clone)]
struct Columns {
    session: String,
    begin_seq: i64,
    bucket: i32,
    poll: i64,
    person: Vec<u8>,
    pos: i64,
    option: i32,
    known: bool,
    ops: Vec<u8>,
}

pub struct Votes {
    put: PreparedStatement,
    of_bucket: PreparedStatement,
}

impl Votes {
    pub async fn prepare(server: &Server) -> Result<Self, StoreError> {
        Ok(Votes {
            put: server.to_write(&whole_row("votes", COLUMNS)).await?,
            of_bucket: server.to_read(&format!("SELECT {COLUMNS} FROM votes WHERE session = ? AND begin_seq = ? AND bucket = ?")).await?,
        })
    }

    pub fn save<'a>(&'a self, server: &'a Server, votes: &[VoteRow], writes: &mut Writes<'a>) -> Result<(), StoreError> {
        let rows = votes.iter().map(columns).collect::<Result<_, _>>()?;
        writes.extend(by_partition(server, &self.put, rows, |row| (row.session.clone(), row.begin_seq, row.bucket)));
        Ok(())
    }

    pub async fn of_run(&self, server: &Server, session: &SessionId, begin: Seq) -> Result<Vec<VoteRow>, StoreError> {
        let begin = number(begin)?;
        let found = gathered((0..BUCKETS).map(|bucket| server.rows(&self.of_bucket, (session.as_str(), begin, bucket)))).await?;
        found.into_iter().map(row).collect()
    }
}

fn columns(vote: &VoteRow) -> Result<Columns, StoreError> {
    Ok(Columns {
        session: vote.session.to_string(),
        begin_seq: number(vote.begin)?,
        bucket: bucket(vote.person),
        poll: number(vote.poll.get())?,
        person: vote.person.0.to_vec(),
        pos: stamp(vote.pos)?,
        option: i32::try_from(vote.option).map_err(|e| unreadable("option", e))?,
        known: vote.known,
        ops: spelling::of_ops(&vote.ops),
    })
}

fn row(found: Columns) -> Result<VoteRow, StoreError> {
    Ok(VoteRow {
        session: values::session(&found.session)?,
        begin: natural("begin_seq", found.begin_seq)?,
        poll: values::poll(found.poll)?,
        person: values::person(&found.person)?,
        pos: values::pos(found.pos)?,
        option: u32::try_from(found.option).map_err(|e| unreadable("option", e))?,
        known: found.known,
        ops: spelling::ops(&found.ops).map_err(|e| unreadable("ops", e))?,
    })
}
