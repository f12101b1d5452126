use std::collections::{BTreeMap, BTreeSet, HashMap};

use schemas::track::Analysis;
use schemas::{Seq, SessionId, TrackKey};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::MaybeUnset;
use scylla::{DeserializeRow, SerializeRow};

use super::plays::Plays;
use super::server::{Server, all, by_partition};
use super::values::{self, number};
use crate::StoreError;
use crate::rows::{Fingerprint, PlayRow};

const COLUMNS: &str = "track_key, bpm, music_key, energy, danceability, brightness, acousticness, groove";

/// A value that was not found is not written, so an earlier one stays.
#[derive(SerializeRow, Clone)]
struct Columns {
    session: String,
    begin_seq: i64,
    track_key: Vec<u8>,
    bpm: MaybeUnset<f64>,
    music_key: MaybeUnset<String>,
    energy: MaybeUnset<f64>,
    danceability: MaybeUnset<f64>,
    brightness: MaybeUnset<f64>,
    acousticness: MaybeUnset<f64>,
    groove: MaybeUnset<f64>,
}

#[derive(DeserializeRow)]
struct Found {
    track_key: Vec<u8>,
    bpm: Option<f64>,
    music_key: Option<String>,
    energy: Option<f64>,
    danceability: Option<f64>,
    brightness: Option<f64>,
    acousticness: Option<f64>,
    groove: Option<f64>,
}

impl Found {
    fn read(self) -> Result<(TrackKey, Analysis), StoreError> {
        let Found { track_key: key, bpm, music_key, energy, danceability, brightness, acousticness, groove } = self;
        Ok((values::track_key(&key)?, Analysis { bpm, key: music_key, energy, danceability, brightness, acousticness, groove }))
    }
}

pub struct Fingerprints {
    put: PreparedStatement,
    of_run: PreparedStatement,
}

impl Fingerprints {
    pub async fn prepare(server: &Server) -> Result<Self, StoreError> {
        let markers: Vec<String> = COLUMNS.split(", ").map(|column| format!(":{column}")).collect();
        let put = format!("INSERT INTO fingerprints (session, begin_seq, {COLUMNS}) VALUES (:session, :begin_seq, {})", markers.join(", "));
        Ok(Fingerprints {
            put: server.to_write(&put).await?,
            of_run: server.to_read(&format!("SELECT {COLUMNS} FROM fingerprints WHERE session = ? AND begin_seq = ?")).await?,
        })
    }

    /// Keeps them all, since a play may be on its way still, and counts the run's distinct tracks among them.
    pub async fn save(
        &self,
        server: &Server,
        plays: &Plays,
        session: &SessionId,
        begin: Seq,
        prints: &[Fingerprint],
    ) -> Result<usize, StoreError> {
        // Of one track's prints the later wins. In one batch they would have one timestamp, and the greater value would.
        let mut found: BTreeMap<TrackKey, Analysis> = BTreeMap::new();
        for print in prints {
            let known = found.entry(print.key).or_default();
            *known = known.updated_by(&print.analysis);
        }
        let number = number(begin)?;
        let rows = found.iter().map(|(key, analysis)| columns(session, number, *key, analysis.clone())).collect();
        all(by_partition(server, &self.put, rows, |row| (row.session.clone(), row.begin_seq))).await?;
        let played: BTreeSet<TrackKey> = plays.keys(server, session, begin).await?.into_iter().collect();
        Ok(played.iter().filter(|key| found.contains_key(key)).count())
    }

    /// Fills what a play lacks. What the DJ sent stays.
    pub async fn fill(&self, server: &Server, session: &SessionId, begin: Seq, plays: &mut [PlayRow]) -> Result<(), StoreError> {
        let found: Vec<Found> = server.rows(&self.of_run, (session.as_str(), number(begin)?)).await?;
        let found: HashMap<TrackKey, Analysis> = found.into_iter().map(Found::read).collect::<Result<_, _>>()?;
        for play in plays {
            if let Some(analysis) = found.get(&play.key) {
                play.track.analysis = analysis.updated_by(&play.track.analysis);
            }
        }
        Ok(())
    }
}

fn columns(session: &SessionId, begin: i64, key: TrackKey, analysis: Analysis) -> Columns {
    let Analysis { bpm, key: music_key, energy, danceability, brightness, acousticness, groove } = analysis;
    Columns {
        session: session.to_string(),
        begin_seq: begin,
        track_key: key.0.to_vec(),
        bpm: MaybeUnset::from_option(bpm),
        music_key: MaybeUnset::from_option(music_key),
        energy: MaybeUnset::from_option(energy),
        danceability: MaybeUnset::from_option(danceability),
        brightness: MaybeUnset::from_option(brightness),
        acousticness: MaybeUnset::from_option(acousticness),
        groove: MaybeUnset::from_option(groove),
    }
}
