use std::cmp::Reverse;

use schemas::server::TempoCount;
use schemas::track::{Analysis, Track};
use schemas::{Millis, Seq, SessionId, Text};
use scylla::statement::prepared::PreparedStatement;
use scylla::{DeserializeRow, SerializeRow};

use super::server::{Server, Writes, by_partition, whole_row};
use super::values::{self, natural, number, stamp, unreadable};
use crate::StoreError;
use crate::rows::PlayRow;

const COLUMNS: &str = "session, begin_seq, play, pos, track_key, artist, title, bpm, music_key, energy, danceability, brightness, acousticness, \
                       groove, played_at, likes, faster, slower, perfect";

#[derive(SerializeRow, DeserializeRow, Clone)]
struct Columns {
    session: String,
    begin_seq: i64,
    play: i64,
    pos: i64,
    track_key: Vec<u8>,
    artist: String,
    title: String,
    bpm: Option<f64>,
    music_key: Option<String>,
    energy: Option<f64>,
    danceability: Option<f64>,
    brightness: Option<f64>,
    acousticness: Option<f64>,
    groove: Option<f64>,
    played_at: i64,
    likes: i64,
    faster: i64,
    slower: i64,
    perfect: i64,
}

pub struct Plays {
    put: PreparedStatement,
    of_run: PreparedStatement,
    keys: PreparedStatement,
}

impl Plays {
    pub async fn prepare(server: &Server) -> Result<Self, StoreError> {
        Ok(Plays {
            put: server.to_write(&whole_row("plays", COLUMNS)).await?,
            of_run: server.to_read(&format!("SELECT {COLUMNS} FROM plays WHERE session = ? AND begin_seq = ?")).await?,
            keys: server.to_read("SELECT track_key FROM plays WHERE session = ? AND begin_seq = ?").await?,
        })
    }

    pub fn save<'a>(&'a self, server: &'a Server, plays: &[PlayRow], writes: &mut Writes<'a>) -> Result<(), StoreError> {
        let rows = plays.iter().map(columns).collect::<Result<_, _>>()?;
        writes.extend(by_partition(server, &self.put, rows, |row| (row.session.clone(), row.begin_seq)));
        Ok(())
    }

    /// As the log has them, for the fold: without what fingerprints found, in the order of the log.
    pub async fn of_run(&self, server: &Server, session: &SessionId, begin: Seq) -> Result<Vec<PlayRow>, StoreError> {
        let found: Vec<Columns> = server.rows(&self.of_run, (session.as_str(), number(begin)?)).await?;
        found.into_iter().map(row).collect()
    }

    /// Newest first. A DJ's queued tracks arrive late with the time they were played, and stand where they were played. An evening's
    /// plays are few enough to be read whole and ordered here.
    pub async fn newest(&self, server: &Server, session: &SessionId, begin: Seq, limit: usize) -> Result<Vec<PlayRow>, StoreError> {
        let mut plays = self.of_run(server, session, begin).await?;
        plays.sort_by_key(|play| Reverse((play.played_at, play.play)));
        plays.truncate(limit);
        Ok(plays)
    }

    pub async fn in_order_played(&self, server: &Server, session: &SessionId, begin: Seq) -> Result<Vec<PlayRow>, StoreError> {
        let mut plays = self.of_run(server, session, begin).await?;
        plays.sort_by_key(|play| (play.played_at, play.play));
        Ok(plays)
    }

    /// The tracks of a run, those that were played twice twice.
    pub async fn keys(&self, server: &Server, session: &SessionId, begin: Seq) -> Result<Vec<schemas::TrackKey>, StoreError> {
        let found: Vec<(Vec<u8>,)> = server.rows(&self.keys, (session.as_str(), number(begin)?)).await?;
        found.into_iter().map(|(key,)| values::track_key(&key)).collect()
    }
}

fn columns(play: &PlayRow) -> Result<Columns, StoreError> {
    let Track { title, artist, analysis } = &play.track;
    let Analysis { bpm, key, energy, danceability, brightness, acousticness, groove } = analysis.clone();
    let TempoCount { faster, slower, perfect } = play.tempo;
    Ok(Columns {
        session: play.session.to_string(),
        begin_seq: number(play.begin)?,
        play: number(play.play)?,
        pos: stamp(play.pos)?,
        track_key: play.key.0.to_vec(),
        artist: artist.as_str().to_owned(),
        title: title.as_str().to_owned(),
        bpm,
        music_key: key,
        energy,
        danceability,
        brightness,
        acousticness,
        groove,
        played_at: play.played_at.0,
        likes: number(play.likes)?,
        faster: number(faster)?,
        slower: number(slower)?,
        perfect: number(perfect)?,
    })
}

fn row(found: Columns) -> Result<PlayRow, StoreError> {
    let text = |column, text: &str| Text::parse(text).map_err(|e| unreadable(column, e));
    let Columns { bpm, music_key: key, energy, danceability, brightness, acousticness, groove, .. } = found;
    Ok(PlayRow {
        session: values::session(&found.session)?,
        begin: natural("begin_seq", found.begin_seq)?,
        play: natural("play", found.play)?,
        pos: values::pos(found.pos)?,
        key: values::track_key(&found.track_key)?,
        track: Track {
            title: text("title", &found.title)?,
            artist: text("artist", &found.artist)?,
            analysis: Analysis { bpm, key, energy, danceability, brightness, acousticness, groove },
        },
        played_at: Millis(found.played_at),
        likes: natural("likes", found.likes)?,
        tempo: TempoCount {
            faster: natural("faster", found.faster)?,
            slower: natural("slower", found.slower)?,
            perfect: natural("perfect", found.perfect)?,
        },
    })
}
