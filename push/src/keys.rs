//! Our keys: with them a push service knows that pushes come from whom the browser subscribed to (VAPID,
//! [RFC 8292](https://www.rfc-editor.org/rfc/rfc8292)). A browser is bound to the key that it was given, so old keys stay beside the
//! newest until the last of theirs is gone.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use schemas::Millis;
use serde::Serialize;

use crate::error::PushError;

/// How long a token may be shown. A day is the most that services take.
const HOLDS_MS: i64 = 12 * 3_600_000;

/// A P-256 key in PKCS #8 as everybody writes it: this, the private number, that, the public point.
const HEAD: [u8; 36] = [
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
];
const MIDDLE: [u8; 5] = [0xa1, 0x44, 0x03, 0x42, 0x00];
const PRIVATE: usize = 32;

pub(crate) struct Key {
    /// In base64url, as browsers want it.
    pub public: String,
    signing: EncodingKey,
}

/// The keys that are held, newest first.
#[derive(Default)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// One key a line, `PUBLIC:PRIVATE` in base64url as other tools write them too; the newest first.
    pub fn parse(text: &str) -> Result<Self, PushError> {
        accounts::sign_with_ring();
        let lines = text.split(['\n', ',']).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Keys(lines.map(Key::parse).collect::<Result<_, _>>()?))
    }

    pub(crate) fn newest(&self) -> Option<&Key> {
        self.0.first()
    }

    pub(crate) fn get(&self, public: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.public == public)
    }
}

#[derive(Serialize)]
struct Claims<'c> {
    aud: &'c str,
    exp: i64,
    sub: &'c str,
}

impl Key {
    fn parse(line: &str) -> Result<Self, PushError> {
        let wrong = || PushError::Setup("a push key is not understood; `pika push-key` makes one".to_owned());
        let (public, private) = line.split_once(':').ok_or_else(wrong)?;
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text.trim().trim_end_matches('=')).map_err(|_| wrong());
        let whole = [&HEAD[..], &bytes(private)?, &MIDDLE[..], &bytes(public)?].concat();
        // Checks that the two belong together.
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &whole, &SystemRandom::new()).map_err(|_| wrong())?;
        Ok(Key { public: URL_SAFE_NO_PAD.encode(bytes(public)?), signing: EncodingKey::from_ec_der(&whole) })
    }

    /// What a request to this origin shows.
    pub(crate) fn authorization(&self, origin: &str, contact: &str, now: Millis) -> Result<String, PushError> {
        let claims = Claims { aud: origin, exp: (now.0 + HOLDS_MS) / 1_000, sub: contact };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.signing);
        let token = token.map_err(|error| PushError::Setup(format!("a push could not be signed: {error}")))?;
        Ok(format!("vapid t={token}, k={}", self.public))
    }
}

/// A new key, as [`Keys::parse`] reads it.
pub fn new_key() -> Result<String, PushError> {
    let failed = || PushError::Setup("this system gives no random numbers".to_owned());
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).map_err(|_| failed())?;
    let private = made.as_ref().get(HEAD.len()..HEAD.len() + PRIVATE).ok_or_else(failed)?;
    let public = made.as_ref().get(HEAD.len() + PRIVATE + MIDDLE.len()..).ok_or_else(failed)?;
    Ok(format!("{}:{}", URL_SAFE_NO_PAD.encode(public), URL_SAFE_NO_PAD.encode(private)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_made_and_half_of_one_is_none() {
        let (old, new) = (new_key().unwrap(), new_key().unwrap());
        let keys = Keys::parse(&format!("# the newest first\n{new}\n\n{old}\n")).unwrap();
        assert_eq!(keys.newest().unwrap().public, new.split(':').next().unwrap());
        assert!(keys.get(old.split(':').next().unwrap()).is_some() && keys.get("").is_none());
        let mixed = format!("{}:{}", new.split(':').next().unwrap(), old.split(':').nth(1).unwrap());
        for bad in ["x", "a:b", &mixed, &new[1..], new.split(':').next().unwrap()] {
            assert!(Keys::parse(bad).is_err(), "{bad}");
        }
        assert!(Keys::parse(" \n").unwrap().newest().is_none());
    }

    #[test]
    fn a_pair_that_another_tool_made_is_a_key() {
        // The application server's key of RFC 8291, section 5.
        let pair = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8:yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
        assert!(Keys::parse(pair).unwrap().newest().is_some());
    }
}
