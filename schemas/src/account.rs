//! What an account is named by.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use validator::ValidateEmail;

use crate::ids::BadId;

/// The longest address that mail can be sent to (RFC 5321, less the angle brackets).
pub const LONGEST_EMAIL: usize = 254;

/// An e-mail address, in lower case: who writes theirs in capitals is the same person. It is never printed by `{:?}`, so that it
/// cannot slip into a log line.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

impl Email {
    pub fn parse(raw: &str) -> Result<Self, BadId> {
        let text = raw.trim().to_lowercase();
        let fits = text.len() <= LONGEST_EMAIL && !text.contains(|c: char| c.is_control() || c.is_whitespace()) && text.validate_email();
        if fits { Ok(Email(text)) } else { Err(BadId { what: "email", rule: "an e-mail address" }) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(an address)")
    }
}

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let raw = std::borrow::Cow::<str>::deserialize(d)?;
        Self::parse(&raw).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_whatever_its_case_and_never_more_than_one() {
        assert_eq!(Email::parse(" Ada@Example.ORG ").unwrap().as_str(), "ada@example.org");
        let long = format!("{}@example.org", "a".repeat(250));
        for bad in ["", "ada", "@", "ada@", "@example.org", "a b@example.org", "a@b\r\nBcc: c@d.org", "a@b.org,c@d.org", "a@b.org\0", &long]
        {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        assert!(!format!("{:?}", Email::parse("ada@example.org").unwrap()).contains("ada"));
    }
}
