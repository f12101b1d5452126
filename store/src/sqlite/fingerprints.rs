use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, params};
use schemas::track::Analysis;
use schemas::{Seq, SessionId, TrackKey};

use super::rows;
use crate::rows::{Fingerprint, PlayRow};

/// Keeps them all, since a play may be on its way still, and counts the run's distinct tracks among them. A value found
/// later replaces an earlier one; a value not found leaves it.
pub fn save(c: &Connection, session: &SessionId, begin: Seq, prints: &[Fingerprint]) -> rusqlite::Result<usize> {
    let sql = "INSERT INTO fingerprints
          (session, begin, track_key, bpm, music_key, energy, danceability, brightness, acousticness, groove)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET
          bpm = ifnull(excluded.bpm, bpm), music_key = ifnull(excluded.music_key, music_key), energy = ifnull(excluded.energy, energy),
          danceability = ifnull(excluded.danceability, danceability), brightness = ifnull(excluded.brightness, brightness),
          acousticness = ifnull(excluded.acousticness, acousticness), groove = ifnull(excluded.groove, groove)";
    let session = session.as_str();
    for print in prints {
        let Analysis { bpm, key, energy, danceability, brightness, acousticness, groove } = &print.analysis;
        let values = params![session, begin, print.key.0, bpm, key, energy, danceability, brightness, acousticness, groove];
        rows::change(c, sql, values)?;
    }
    let played = "SELECT DISTINCT track_key FROM plays WHERE session = ? AND begin = ?";
    let played: HashSet<TrackKey> = rows::all(c, played, params![session, begin], rows::track_key)?.into_iter().collect();
    let found: HashSet<TrackKey> = prints.iter().map(|print| print.key).collect();
    Ok(played.intersection(&found).count())
}

/// Fills what a play lacks. What the DJ sent stays.
pub fn fill(c: &Connection, session: &SessionId, begin: Seq, plays: &mut [PlayRow]) -> rusqlite::Result<()> {
    let sql = "SELECT * FROM fingerprints WHERE session = ? AND begin = ?";
    let found = rows::all(c, sql, params![session.as_str(), begin], |row| Ok((rows::track_key(row)?, rows::analysis(row)?)))?;
    let found: HashMap<TrackKey, Analysis> = found.into_iter().collect();
    for play in plays {
        if let Some(analysis) = found.get(&play.key) {
            play.track.analysis = analysis.updated_by(&play.track.analysis);
        }
    }
    Ok(())
}
