//! Points in time. On the wire they are ISO 8601 strings in UTC, in the log milliseconds since 1970.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since 1970 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub i64);

impl Millis {
    /// The only reading of the clock in this room; roles pass time on as a parameter from there.
    pub fn now() -> Self {
        Millis(jiff::Timestamp::now().as_millisecond())
    }

    pub fn plus(self, milliseconds: i64) -> Self {
        Millis(self.0.saturating_add(milliseconds))
    }

    pub fn after(self, span: Duration) -> Self {
        self.plus(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
    }

    pub fn before(self, span: Duration) -> Self {
        self.plus(i64::try_from(span.as_millis()).map_or(i64::MIN, |milliseconds| -milliseconds))
    }

    pub fn plus_seconds(self, seconds: u32) -> Self {
        self.plus(i64::from(seconds) * 1000)
    }

    /// Milliseconds from `earlier` to this, negative if it is the other way round.
    pub fn since(self, earlier: Millis) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Millis(t.as_millisecond()))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => write!(f, "{t:.3}"),
            Err(_) => f.write_str("1970-01-01T00:00:00.000Z"),
        }
    }
}

impl fmt::Debug for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { s.collect_str(self) } else { s.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() {
            let text = std::borrow::Cow::<str>::deserialize(d)?;
            Millis::parse(&text).ok_or_else(|| serde::de::Error::custom("a time must be ISO 8601 in UTC"))
        } else {
            Ok(Millis(i64::deserialize(d)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let t = Millis(1_769_284_800_123);
        assert_eq!(t.to_string(), "2026-01-24T20:00:00.123Z");
        assert_eq!(Millis::parse(&t.to_string()), Some(t));
        assert_eq!(Millis::parse("yesterday"), None);
    }
}
