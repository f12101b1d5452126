//! What is summed over everything. No sum is stored: rows of runs and plays lie in shelves, and are added up by whoever asks. A shelf that
//! was read is kept in memory until its mark in `shelves` moves, or something is taken out of it, so a question reads what changed since
//! the last one.
//!
//! The rows of a flush are written before its mark. A mark is the place of the flush, and the places of one partition only grow, so
//! whoever reads the old mark reads again once it moves.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt, TryStreamExt, stream};
use schemas::{Partition, Seq, SessionId};
use scylla::SerializeRow;
use scylla::statement::prepared::PreparedStatement;

use super::server::{Server, Writes, all, by_partition};
use super::values::{natural, number, stamp};
use crate::StoreError;
use crate::rows::{Changes, PlayRow, RunRow, TopTrack, Totals};

/// A shelf is this many bits of a sequence wide: sixteen million entries of the log, of which a partition has a quarter of a million.
/// Plays are a few in a hundred of them, so a shelf stays below a few MB, and a year of evenings without pause is a few hundred shelves.
const WIDTH: u32 = 24;
/// Shelves that are read at once.
const AT_ONCE: usize = 16;

#[derive(SerializeRow, Clone)]
struct RunColumns {
    log_partition: i32,
    shelf: i64,
    session: String,
    begin_seq: i64,
    tracks: i64,
    likes: i64,
    #[scylla(rename = "[timestamp]")]
    stamp: i64,
}

#[derive(SerializeRow, Clone)]
struct PlayColumns {
    log_partition: i32,
    shelf: i64,
    session: String,
    begin_seq: i64,
    play: i64,
    track_key: Vec<u8>,
    artist: String,
    title: String,
    likes: i64,
    #[scylla(rename = "[timestamp]")]
    stamp: i64,
}

/// One shelf, added up.
#[derive(Default)]
struct Shelf {
    totals: Totals,
    tracks: HashMap<Vec<u8>, Sum>,
}

#[derive(Clone, Default)]
struct Sum {
    likes: u64,
    /// The latest play, which says how artist and title are spelled.
    play: i64,
    artist: String,
    title: String,
}

impl Sum {
    fn add(&mut self, other: &Sum) {
        if other.play >= self.play {
            (self.play, self.artist, self.title) = (other.play, other.artist.clone(), other.title.clone());
        }
        self.likes += other.likes;
    }
}

type Key = (i32, i64);
/// The place of the last flush that wrote there, and when something was last taken out.
type Mark = (i64, Option<i64>);

pub struct Sums {
    put_run: PreparedStatement,
    put_play: PreparedStatement,
    put_mark: PreparedStatement,
    marks: PreparedStatement,
    runs: PreparedStatement,
    plays: PreparedStatement,
    swept: PreparedStatement,
    /// Shelves by key, each with the mark under which it was read.
    kept: Mutex<BTreeMap<Key, (Mark, Arc<Shelf>)>>,
}

impl Sums {
    pub async fn prepare(server: &Server) -> Result<Self, StoreError> {
        Ok(Sums {
            put_run: server
                .to_write("INSERT INTO run_sums (log_partition, shelf, session, begin_seq, tracks, likes) VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?")
                .await?,
            put_play: server
                .to_write(
                    "INSERT INTO play_sums (log_partition, shelf, session, begin_seq, play, track_key, artist, title, likes)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
                )
                .await?,
            put_mark: server.to_write("INSERT INTO shelves (log_partition, shelf, pos) VALUES (?, ?, ?) USING TIMESTAMP ?").await?,
            marks: server.to_read("SELECT shelf, pos FROM shelves WHERE log_partition = ?").await?,
            runs: server.to_read("SELECT tracks, likes FROM run_sums WHERE log_partition = ? AND shelf = ?").await?,
            plays: server.to_read("SELECT play, track_key, artist, title, likes FROM play_sums WHERE log_partition = ? AND shelf = ?").await?,
            swept: server.to_read("SELECT log_partition, shelf, at FROM swept_shelves WHERE bucket = 0").await?,
            kept: Mutex::default(),
        })
    }

    pub fn save<'a>(&'a self, server: &'a Server, changes: &Changes, writes: &mut Writes<'a>) -> Result<(), StoreError> {
        let runs = changes.runs.iter().map(run_columns).collect::<Result<_, _>>()?;
        let plays = changes.plays.iter().map(play_columns).collect::<Result<_, _>>()?;
        writes.extend(by_partition(server, &self.put_run, runs, |row| (row.log_partition, row.shelf)));
        writes.extend(by_partition(server, &self.put_play, plays, |row| (row.log_partition, row.shelf)));
        Ok(())
    }

    /// Says that the shelves of these rows have changed, once the rows are written.
    pub async fn mark(&self, server: &Server, changes: &Changes) -> Result<(), StoreError> {
        let pos = stamp(changes.upto)?;
        let runs = changes.runs.iter().map(|run| key(&run.session, run.begin));
        let plays = changes.plays.iter().map(|play| key(&play.session, play.play));
        let touched: BTreeSet<Key> = runs.chain(plays).collect::<Result<_, _>>()?;
        let mut marks = Writes::new();
        for (partition, shelf) in &touched {
            marks.push(Box::pin(server.put(&self.put_mark, (partition, shelf, pos, pos))));
        }
        all(marks).await?;
        // What this process wrote it reads again, also where an older flush left the mark as it is.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        touched.iter().for_each(|key| drop(kept.remove(key)));
        Ok(())
    }

    /// All shelves as they are now, read where they changed.
    async fn shelves(&self, server: &Server) -> Result<Vec<Arc<Shelf>>, StoreError> {
        let marks = stream::iter(Partition::all()).map(|partition| async move {
            let partition = i32::from(partition.0);
            let marks: Vec<(i64, i64)> = server.rows(&self.marks, (partition,)).await?;
            Ok::<_, StoreError>(marks.into_iter().map(move |(shelf, pos)| ((partition, shelf), pos)))
        });
        let marks: Vec<_> = marks.buffered(AT_ONCE).try_collect().await?;
        let swept: Vec<(i32, i64, i64)> = server.rows(&self.swept, ()).await?;
        let swept: HashMap<Key, i64> = swept.into_iter().map(|(partition, shelf, at)| ((partition, shelf), at)).collect();
        let marks = marks.into_iter().flatten().map(|(key, pos)| (key, (pos, swept.get(&key).copied())));
        let shelves = stream::iter(marks.collect::<Vec<_>>()).map(|(key, mark)| async move {
            let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
            if let Some((_, shelf)) = known.filter(|(read_at, _)| *read_at == mark) {
                return Ok(shelf);
            }
            let shelf = Arc::new(self.shelf(server, key).await?);
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (mark, shelf.clone()));
            Ok(shelf)
        });
        shelves.buffered(AT_ONCE).try_collect().await
    }

    async fn shelf(&self, server: &Server, key: Key) -> Result<Shelf, StoreError> {
        let mut shelf = Shelf::default();
        for (tracks, likes) in server.rows::<(i64, i64)>(&self.runs, key).await? {
            shelf.totals.sessions += 1;
            shelf.totals.tracks += natural("tracks", tracks)?;
            shelf.totals.likes += natural("likes", likes)?;
        }
        for (play, key, artist, title, likes) in server.rows::<(i64, Vec<u8>, String, String, i64)>(&self.plays, key).await? {
            let sum = Sum { likes: natural("likes", likes)?, play, artist, title };
            shelf.tracks.entry(key).or_default().add(&sum);
        }
        Ok(shelf)
    }

    pub async fn totals(&self, server: &Server) -> Result<Totals, StoreError> {
        let mut totals = Totals::default();
        for shelf in self.shelves(server).await? {
            totals.sessions += shelf.totals.sessions;
            totals.tracks += shelf.totals.tracks;
            totals.likes += shelf.totals.likes;
        }
        Ok(totals)
    }

    pub async fn top_tracks(&self, server: &Server, limit: usize) -> Result<Vec<TopTrack>, StoreError> {
        let shelves = self.shelves(server).await?;
        let mut sums: HashMap<&[u8], Sum> = HashMap::new();
        for (key, sum) in shelves.iter().flat_map(|shelf| &shelf.tracks) {
            sums.entry(key).or_default().add(sum);
        }
        let liked = sums.into_values().filter(|sum| sum.likes > 0);
        let mut top: Vec<TopTrack> = liked.map(|Sum { likes, artist, title, .. }| TopTrack { artist, title, likes }).collect();
        top.sort_by(|a, b| (Reverse(a.likes), &a.artist, &a.title).cmp(&(Reverse(b.likes), &b.artist, &b.title)));
        top.truncate(limit);
        Ok(top)
    }
}

fn key(session: &SessionId, seq: Seq) -> Result<Key, StoreError> {
    Ok((i32::from(session.partition().0), shelf_of(seq)?))
}

/// The shelf of a run's or a play's sequence.
pub fn shelf_of(seq: Seq) -> Result<i64, StoreError> {
    number(seq >> WIDTH)
}

fn run_columns(run: &RunRow) -> Result<RunColumns, StoreError> {
    let (partition, shelf) = key(&run.session, run.begin)?;
    Ok(RunColumns {
        log_partition: partition,
        shelf,
        session: run.session.to_string(),
        begin_seq: number(run.begin)?,
        tracks: number(run.tracks)?,
        likes: number(run.likes)?,
        stamp: stamp(run.pos)?,
    })
}

fn play_columns(play: &PlayRow) -> Result<PlayColumns, StoreError> {
    let (partition, shelf) = key(&play.session, play.play)?;
    Ok(PlayColumns {
        log_partition: partition,
        shelf,
        session: play.session.to_string(),
        begin_seq: number(play.begin)?,
        play: number(play.play)?,
        track_key: play.key.0.to_vec(),
        artist: play.track.artist.as_str().to_owned(),
        title: play.track.title.as_str().to_owned(),
        likes: number(play.likes)?,
        stamp: stamp(play.pos)?,
    })
}
