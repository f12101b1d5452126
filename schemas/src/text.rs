//! Text that people typed. It is kept as they typed it, less what could deceive a reader: control characters and the
//! marks that reverse the direction of everything after them. Markup stays: it is the pages' duty to show it as text.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Drops control characters and bidirectional overrides and isolates, turns line breaks and tabs to spaces, and trims.
pub fn clean(raw: &str) -> String {
    let kept: String = raw
        .chars()
        .filter_map(|c| match c {
            '\n' | '\r' | '\t' => Some(' '),
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{2028}' | '\u{2029}' => None,
            c if c.is_control() => None,
            c => Some(c),
        })
        .collect();
    kept.trim().to_owned()
}

/// What [`clean`] drops, as a class of a regular expression.
const DROPPED: &str = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\u2028\u2029";
/// What it trims, and what becomes a space in it.
const BLANK: &str = r"\x09\x0a\x0d\x20\xa0\u1680\u2000-\u200a\u202f\u205f\u3000";

/// The pattern of texts that have `least` (1 or 2) to `most` characters once they are cleaned, none of them in `never`: for those who
/// describe what is taken, in the words of a JSON schema.
pub fn pattern(least: usize, most: usize, never: &str) -> String {
    let seen = format!("[^{DROPPED}{BLANK}{never}]");
    let inner = format!("(?:[{DROPPED}]*[^{DROPPED}{never}]){{0,{}}}[{DROPPED}]*", most - 2);
    let rest = if least > 1 { format!("{inner}{seen}") } else { format!("(?:{inner}{seen})?") };
    format!("^[{DROPPED}{BLANK}]*{seen}{rest}[{DROPPED}{BLANK}]*$")
}

/// A name as it stands in an address: lower case, words joined by `-`.
pub fn slug(name: &str) -> String {
    let lower = name.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "dj".to_owned() } else { words.join("-") }
}

/// Cleaned text of `MIN` to `MAX` characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    pub fn parse(raw: &str) -> Result<Self, String> {
        let text = clean(raw);
        let length = text.chars().count();
        if (MIN..=MAX).contains(&length) { Ok(Text(text)) } else { Err(format!("must have {MIN} to {MAX} characters, has {length}")) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MIN: usize, const MAX: usize> fmt::Debug for Text<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const MIN: usize, const MAX: usize> fmt::Display for Text<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MIN: usize, const MAX: usize> Serialize for Text<MIN, MAX> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Text<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let raw = std::borrow::Cow::<str>::deserialize(d)?;
        Self::parse(&raw).map_err(serde::de::Error::custom)
    }
}

/// A DJ's name: 1 to 100 characters, none of `< > " '`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct DjName(Text<1, { DjName::MOST }>);

impl DjName {
    /// The most characters of one.
    pub const MOST: usize = 100;
    /// What none holds, as it stands in a class of a regular expression.
    pub const NEVER: &str = "<>\"'";

    pub fn parse(raw: &str) -> Result<Self, String> {
        let text = Text::parse(raw)?;
        if text.as_str().contains(|c| Self::NEVER.contains(c)) {
            return Err("must not contain < > \" '".to_owned());
        }
        Ok(DjName(text))
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for DjName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for DjName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let raw = std::borrow::Cow::<str>::deserialize(d)?;
        Self::parse(&raw).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_an_address() {
        assert_eq!(slug("DJ  Ünal & Co."), "dj-ünal-co");
        assert_eq!(slug("***"), "dj");
    }

    #[test]
    fn overrides_and_controls_go_markup_and_letters_stay() {
        assert_eq!(clean("\u{202E}<b>Żółć</b>\u{0000}\n(feat. X)\u{2069} "), "<b>Żółć</b> (feat. X)");
    }

    #[test]
    fn length_counts_characters_after_cleaning() {
        assert!(Text::<1, 3>::parse("  żół ").is_ok());
        assert!(Text::<1, 3>::parse("\u{202E}\u{0007}").is_err());
        assert!(Text::<1, 3>::parse("four").is_err());
    }

    #[test]
    fn a_dj_name_has_no_markup() {
        assert!(DjName::parse("DJ Test").is_ok());
        assert!(DjName::parse("DJ <script>").is_err());
    }
}
