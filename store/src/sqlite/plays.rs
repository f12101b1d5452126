use rusqlite::{Connection, Row, params};
use schemas::server::TempoCount;
use schemas::track::{Analysis, Track};
use schemas::{Seq, SessionId, Text};

use super::rows;
use crate::rows::{PlayRow, TopTrack};

pub fn save(c: &Connection, play: &PlayRow) -> rusqlite::Result<()> {
    let sql = "INSERT INTO plays
          (session, begin, play, pos, track_key, artist, title, bpm, music_key, energy, danceability, brightness, acousticness, groove,
           played_at, likes, faster, slower, perfect)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
        ON CONFLICT DO UPDATE SET
          pos = excluded.pos, track_key = excluded.track_key, artist = excluded.artist, title = excluded.title, bpm = excluded.bpm,
          music_key = excluded.music_key, energy = excluded.energy, danceability = excluded.danceability, brightness = excluded.brightness,
          acousticness = excluded.acousticness, groove = excluded.groove, played_at = excluded.played_at, likes = excluded.likes,
          faster = excluded.faster, slower = excluded.slower, perfect = excluded.perfect
        WHERE excluded.pos > plays.pos";
    let Track { title, artist, analysis } = &play.track;
    let Analysis { bpm, key, energy, danceability, brightness, acousticness, groove } = analysis;
    let TempoCount { faster, slower, perfect } = play.tempo;
    let (session, key_of_track) = (play.session.as_str(), play.key.0);
    rows::change(
        c,
        sql,
        params![
            session,
            play.begin,
            play.play,
            play.pos.0,
            key_of_track,
            artist.as_str(),
            title.as_str(),
            bpm,
            key,
            energy,
            danceability,
            brightness,
            acousticness,
            groove,
            play.played_at.0,
            play.likes,
            faster,
            slower,
            perfect,
        ],
    )
    .map(drop)
}

/// As the log has them, for the fold: without what fingerprints found.
pub fn of_run(c: &Connection, session: &SessionId, begin: Seq) -> rusqlite::Result<Vec<PlayRow>> {
    rows::all(c, "SELECT * FROM plays WHERE session = ? AND begin = ? ORDER BY play", params![session.as_str(), begin], row)
}

/// Newest first. A DJ's queued tracks arrive late with the time they were played, and stand where they were played.
pub fn newest(c: &Connection, session: &SessionId, begin: Seq, limit: usize) -> rusqlite::Result<Vec<PlayRow>> {
    let sql = "SELECT * FROM plays WHERE session = ? AND begin = ? ORDER BY played_at DESC, play DESC LIMIT ?";
    rows::all(c, sql, params![session.as_str(), begin, rows::limit(limit)], row)
}

pub fn in_order_played(c: &Connection, session: &SessionId, begin: Seq) -> rusqlite::Result<Vec<PlayRow>> {
    let sql = "SELECT * FROM plays WHERE session = ? AND begin = ? ORDER BY played_at, play";
    rows::all(c, sql, params![session.as_str(), begin], row)
}

pub fn top(c: &Connection, limit: usize) -> rusqlite::Result<Vec<TopTrack>> {
    let sql = "SELECT artist, title, likes FROM tracks WHERE likes > 0 ORDER BY likes DESC, artist, title LIMIT ?";
    rows::all(c, sql, [rows::limit(limit)], |row| {
        Ok(TopTrack { artist: row.get("artist")?, title: row.get("title")?, likes: row.get("likes")? })
    })
}

fn row(row: &Row) -> rusqlite::Result<PlayRow> {
    Ok(PlayRow {
        session: rows::session(row)?,
        begin: row.get("begin")?,
        play: row.get("play")?,
        pos: rows::pos(row)?,
        key: rows::track_key(row)?,
        track: Track {
            title: rows::made(row, "title", |text: String| Text::parse(&text))?,
            artist: rows::made(row, "artist", |text: String| Text::parse(&text))?,
            analysis: rows::analysis(row)?,
        },
        played_at: rows::millis(row, "played_at")?,
        likes: row.get("likes")?,
        tempo: TempoCount { faster: row.get("faster")?, slower: row.get("slower")?, perfect: row.get("perfect")? },
    })
}
