use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use futures_util::{StreamExt, TryStreamExt, stream};
use schemas::{Millis, PersonId, Seq, SessionId};
use scylla::statement::prepared::PreparedStatement;
use scylla::{DeserializeRow, SerializeRow};

use super::plays::Plays;
use super::runs::Runs;
use super::server::{Server, Writes, by_partition, gathered, whole_row};
use super::values::{self, BUCKETS, bucket, natural, number, stamp, unreadable};
use crate::rows::{LikeRow, PersonLike};
use crate::{StoreError, spelling};

/// Evenings of one person that are looked through at once.
const AT_ONCE: usize = 16;

const COLUMNS: &str = "session, begin_seq, bucket, person, track_key, pos, standing, play, liked_at, ops";

#[derive(SerializeRow, DeserializeRow, Clone)]
struct Columns {
    session: String,
    begin_seq: i64,
    bucket: i32,
    person: Vec<u8>,
    track_key: Vec<u8>,
    pos: i64,
    standing: bool,
    play: i64,
    liked_at: i64,
    ops: Vec<u8>,
}

pub struct Likes {
    put: PreparedStatement,
    of_bucket: PreparedStatement,
    of_person: PreparedStatement,
    liked_in: PreparedStatement,
    runs_of: PreparedStatement,
}

impl Likes {
    pub async fn prepare(server: &Server) -> Result<Self, StoreError> {
        let of_bucket = format!("SELECT {COLUMNS} FROM likes WHERE session = ? AND begin_seq = ? AND bucket = ?");
        Ok(Likes {
            put: server.to_write(&whole_row("likes", COLUMNS)).await?,
            of_bucket: server.to_read(&of_bucket).await?,
            of_person: server.to_read(&format!("{of_bucket} AND person = ?")).await?,
            liked_in: server.to_write("INSERT INTO likers (person, session, begin_seq) VALUES (?, ?, ?) USING TIMESTAMP ?").await?,
            runs_of: server.to_read("SELECT session, begin_seq FROM likers WHERE person = ?").await?,
        })
    }

    pub fn save<'a>(&'a self, server: &'a Server, likes: &[LikeRow], writes: &mut Writes<'a>) -> Result<(), StoreError> {
        let rows: Vec<Columns> = likes.iter().map(columns).collect::<Result<_, _>>()?;
        // A person who liked much in this flush did so in one evening, as a rule.
        let evenings: HashMap<_, i64> =
            rows.iter().map(|row| ((row.person.clone(), row.session.clone(), row.begin_seq), row.pos)).collect();
        for ((person, session, begin), pos) in evenings {
            writes.push(Box::pin(async move { server.put(&self.liked_in, (person, session, begin, pos)).await }));
        }
        writes.extend(by_partition(server, &self.put, rows, |row| (row.session.clone(), row.begin_seq, row.bucket)));
        Ok(())
    }

    pub async fn of_run(&self, server: &Server, session: &SessionId, begin: Seq) -> Result<Vec<LikeRow>, StoreError> {
        let begin = number(begin)?;
        let found = gathered((0..BUCKETS).map(|bucket| server.rows(&self.of_bucket, (session.as_str(), begin, bucket)))).await?;
        found.into_iter().map(row).collect()
    }

    /// Reads all that one person ever liked, to count and to order it: a few thousand rows after years of evenings. Runs and plays are
    /// looked up for those that are shown.
    pub async fn of_person(
        &self,
        server: &Server,
        runs: &Runs,
        plays: &Plays,
        person: PersonId,
        limit: usize,
    ) -> Result<(Vec<PersonLike>, u64), StoreError> {
        let evenings: Vec<(String, i64)> = server.rows(&self.runs_of, (person.0.as_slice(),)).await?;
        let likes = stream::iter(evenings).map(|(session, begin)| async move {
            // Of an evening that is leaving nothing is shown, and nothing is counted.
            let (there, likes) = tokio::try_join!(
                runs.is_there(server, &session, begin),
                server.rows::<Columns>(&self.of_person, (&session, begin, bucket(person), person.0.as_slice())),
            )?;
            Ok::<_, StoreError>(if there { likes } else { Vec::new() })
        });
        let likes: Vec<Vec<Columns>> = likes.buffer_unordered(AT_ONCE).try_collect().await?;
        let mut likes: Vec<LikeRow> = likes.into_iter().flatten().filter(|like| like.standing).map(row).collect::<Result<_, _>>()?;
        let count = likes.len() as u64;
        likes.sort_by_key(|like| Reverse((like.liked_at, like.begin, like.play)));
        likes.truncate(limit);

        let shown: BTreeSet<(SessionId, Seq)> = likes.iter().map(|like| (like.session.clone(), like.begin)).collect();
        let evenings = stream::iter(shown).map(|(session, begin)| async move {
            let run = runs.one(server, session.as_str(), number(begin)?).await?;
            let plays = plays.of_run(server, &session, begin).await?;
            let plays: HashMap<Seq, _> = plays.into_iter().map(|play| (play.play, play)).collect();
            Ok::<_, StoreError>(((session, begin), (run, plays)))
        });
        let evenings: HashMap<_, _> = evenings.buffer_unordered(AT_ONCE).try_collect().await?;
        let likes = likes.into_iter().filter_map(|like| {
            let (run, plays) = evenings.get(&(like.session.clone(), like.begin))?;
            let (run, play) = (run.as_ref()?, plays.get(&like.play).filter(|play| play.key == like.key)?);
            Some(PersonLike {
                session: like.session,
                begin: like.begin,
                play: like.play,
                artist: play.track.artist.as_str().to_owned(),
                title: play.track.title.as_str().to_owned(),
                liked_at: like.liked_at,
                dj_name: run.dj_name.clone(),
                began_at: run.began_at,
            })
        });
        Ok((likes.collect(), count))
    }
}

fn columns(like: &LikeRow) -> Result<Columns, StoreError> {
    Ok(Columns {
        session: like.session.to_string(),
        begin_seq: number(like.begin)?,
        bucket: bucket(like.person),
        person: like.person.0.to_vec(),
        track_key: like.key.0.to_vec(),
        pos: stamp(like.pos)?,
        standing: like.on,
        play: number(like.play)?,
        liked_at: like.liked_at.0,
        ops: spelling::of_ops(&like.ops),
    })
}

fn row(found: Columns) -> Result<LikeRow, StoreError> {
    Ok(LikeRow {
        session: values::session(&found.session)?,
        begin: natural("begin_seq", found.begin_seq)?,
        person: values::person(&found.person)?,
        key: values::track_key(&found.track_key)?,
        pos: values::pos(found.pos)?,
        on: found.standing,
        play: natural("play", found.play)?,
        liked_at: Millis(found.liked_at),
        ops: spelling::ops(&found.ops).map_err(|e| unreadable("ops", e))?,
    })
}
