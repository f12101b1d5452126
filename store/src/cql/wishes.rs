use schemas::{Seq, SessionId};
use scylla::statement::prepared::PreparedStatement;
use scylla::{DeserializeRow, SerializeRow};

use super::server::{Server, Writes, by_partition, gathered, whole_row};
use super::values::{self, BUCKETS, bucket, natural, number, stamp, unreadable};
use crate::rows::WishRow;
use crate::{StoreError, spelling};

const COLUMNS: &str = "session, begin_seq, bucket, play, person, pos, preference, ops";

#[derive(SerializeRow, DeserializeRow, Clone)]
struct Columns {
    session: String,
    begin_seq: i64,
    bucket: i32,
    play: i64,
    person: Vec<u8>,
    pos: i64,
    preference: String,
    ops: Vec<u8>,
}

pub struct Wishes {
    put: PreparedStatement,
    of_bucket: PreparedStatement,
}

impl Wishes {
    pub async fn prepare(server: &Server) -> Result<Self, StoreError> {
        Ok(Wishes {
            put: server.to_write(&whole_row("wishes", COLUMNS)).await?,
            of_bucket: server.to_read(&format!("SELECT {COLUMNS} FROM wishes WHERE session = ? AND begin_seq = ? AND bucket = ?")).await?,
        })
    }

    pub fn save<'a>(&'a self, server: &'a Server, wishes: &[WishRow], writes: &mut Writes<'a>) -> Result<(), StoreError> {
        let rows = wishes.iter().map(columns).collect::<Result<_, _>>()?;
        writes.extend(by_partition(server, &self.put, rows, |row| (row.session.clone(), row.begin_seq, row.bucket)));
        Ok(())
    }

    pub async fn of_run(&self, server: &Server, session: &SessionId, begin: Seq) -> Result<Vec<WishRow>, StoreError> {
        let begin = number(begin)?;
        let found = gathered((0..BUCKETS).map(|bucket| server.rows(&self.of_bucket, (session.as_str(), begin, bucket)))).await?;
        found.into_iter().map(row).collect()
    }
}

fn columns(wish: &WishRow) -> Result<Columns, StoreError> {
    Ok(Columns {
        session: wish.session.to_string(),
        begin_seq: number(wish.begin)?,
        bucket: bucket(wish.person),
        play: number(wish.play)?,
        person: wish.person.0.to_vec(),
        pos: stamp(wish.pos)?,
        preference: spelling::of_preference(wish.preference).to_owned(),
        ops: spelling::of_ops(&wish.ops),
    })
}

fn row(found: Columns) -> Result<WishRow, StoreError> {
    Ok(WishRow {
        session: values::session(&found.session)?,
        begin: natural("begin_seq", found.begin_seq)?,
        play: natural("play", found.play)?,
        person: values::person(&found.person)?,
        pos: values::pos(found.pos)?,
        preference: spelling::preference(&found.preference).map_err(|e| unreadable("preference", e))?,
        ops: spelling::ops(&found.ops).map_err(|e| unreadable("ops", e))?,
    })
}
