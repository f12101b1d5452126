//! A track as a DJ's software describes it, and the key under which a like for it counts.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::limits::BPM;
use crate::text::Text;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema, schemars::JsonSchema)]
#[serde(try_from = "RawTrack")]
pub struct Track {
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    pub title: Text<1, 500>,
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    pub artist: Text<1, 500>,
    #[serde(flatten)]
    pub analysis: Analysis,
}

/// What an analysis found out about a track. Each value may be missing; `bpm` is beats a minute, the rest 0 to 100.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema, schemars::JsonSchema)]
pub struct Analysis {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bpm: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub danceability: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brightness: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acousticness: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groove: Option<f64>,
}

impl Analysis {
    /// The same with every value that `other` has in its place.
    pub fn updated_by(&self, other: &Analysis) -> Analysis {
        Analysis {
            bpm: other.bpm.or(self.bpm),
            key: other.key.clone().or_else(|| self.key.clone()),
            energy: other.energy.or(self.energy),
            danceability: other.danceability.or(self.danceability),
            brightness: other.brightness.or(self.brightness),
            acousticness: other.acousticness.or(self.acousticness),
            groove: other.groove.or(self.groove),
        }
    }
}

/// A track as clients write it. Values from 0 to 1 are fractions of the 0 to 100.
#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Track")]
struct RawTrack {
    title: Text<1, 500>,
    artist: Text<1, 500>,
    #[serde(default)]
    #[schemars(range(min = *BPM.start(), max = *BPM.end()))]
    bpm: Option<f64>,
    #[serde(default)]
    key: Option<Text<0, 10>>,
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    energy: Option<f64>,
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    danceability: Option<f64>,
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    brightness: Option<f64>,
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    acousticness: Option<f64>,
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    groove: Option<f64>,
}

impl TryFrom<RawTrack> for Track {
    type Error = String;

    fn try_from(raw: RawTrack) -> Result<Self, String> {
        if let Some(bpm) = raw.bpm
            && !BPM.contains(&bpm)
        {
            return Err(format!("bpm must be {} to {}", BPM.start(), BPM.end()));
        }
        let analysis = Analysis {
            bpm: raw.bpm,
            key: raw.key.map(Text::into_string).filter(|k| !k.is_empty()),
            energy: percent("energy", raw.energy)?,
            danceability: percent("danceability", raw.danceability)?,
            brightness: percent("brightness", raw.brightness)?,
            acousticness: percent("acousticness", raw.acousticness)?,
            groove: percent("groove", raw.groove)?,
        };
        Ok(Track { title: raw.title, artist: raw.artist, analysis })
    }
}

/// Some clients send fractions where others send 0 to 100: what lies between 0 and 1 is a fraction. A track is read many times on its
/// way, from the wire and from the log, so nothing that this gives may look like a fraction again: below one percent it is 0 or 1.
fn percent(name: &str, value: Option<f64>) -> Result<Option<f64>, String> {
    match value {
        None => Ok(None),
        Some(v) if v > 0.0 && v < 1.0 => Ok(Some(if v < 0.01 { (v * 100.0).round() } else { (v * 100.0).max(1.0) })),
        Some(v) if (0.0..=100.0).contains(&v) => Ok(Some(v)),
        Some(_) => Err(format!("{name} must be 0 to 100")),
    }
}

/// SHA-256 of artist and title in NFC, trimmed and case-folded: the same song, however the two programs spelled it.
/// Bytes in the log, base64url for people.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackKey(pub [u8; 32]);

impl fmt::Display for TrackKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for TrackKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TrackKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { s.collect_str(self) } else { s.serialize_bytes(&self.0) }
    }
}

impl<'de> Deserialize<'de> for TrackKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let bytes = if d.is_human_readable() {
            let text = std::borrow::Cow::<str>::deserialize(d)?;
            URL_SAFE_NO_PAD.decode(&*text).map_err(D::Error::custom)?
        } else {
            serde_bytes::ByteBuf::deserialize(d)?.into_vec()
        };
        bytes.try_into().map(TrackKey).map_err(|_| D::Error::custom("a track's key must be 32 bytes"))
    }
}

impl TrackKey {
    pub fn of(artist: &str, title: &str) -> Self {
        let fold = |s: &str| s.nfc().collect::<String>().trim().to_lowercase();
        TrackKey(Sha256::new().chain_update(fold(artist)).chain_update([0]).chain_update(fold(title)).finalize().into())
    }
}

impl Track {
    pub fn key(&self) -> TrackKey {
        TrackKey::of(self.artist.as_str(), self.title.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Track, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn fractions_become_percent_and_ranges_hold() {
        let t = parse(r#"{"title":" A ","artist":"B","energy":0.5,"groove":1,"bpm":120}"#).unwrap();
        assert_eq!((t.title.as_str(), t.analysis.energy, t.analysis.groove, t.analysis.bpm), ("A", Some(50.0), Some(1.0), Some(120.0)));
        for bad in [
            r#"{"title":"A","artist":"B","bpm":20}"#,
            r#"{"title":"A","artist":"B","energy":101}"#,
            r#"{"title":"","artist":"B"}"#,
            r#"{"title":"A"}"#,
            r#"{"title":"A","artist":"B","key":"longer than 10"}"#,
        ] {
            assert!(parse(bad).is_err(), "{bad} was admitted");
        }
    }

    #[test]
    fn a_key_reads_back_in_both_forms() {
        let key = TrackKey::of("a", "b");
        assert_eq!(serde_json::to_string(&key).unwrap().len(), 45);
        assert_eq!(serde_json::from_str::<TrackKey>(&serde_json::to_string(&key).unwrap()).unwrap(), key);
        assert_eq!(crate::codec::from_log::<TrackKey>(&crate::codec::to_log(&key)).unwrap(), key);
        assert!(serde_json::from_str::<TrackKey>("\"abc\"").is_err());
    }

    #[test]
    fn spelling_does_not_split_a_song() {
        assert_eq!(TrackKey::of("Beyoncé ", "HALO"), TrackKey::of("Beyonce\u{301}", "halo"));
        assert_ne!(TrackKey::of("ab", "c"), TrackKey::of("a", "bc"));
    }
}
