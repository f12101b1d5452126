//! What the cluster signs. One key; each purpose derives its own signature, so that one can never stand for another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::net::IpAddr;

use crate::ids::{OpKey, PersonId, Seq, SessionId};

/// The cluster's key. It prints as nothing.
#[derive(Clone)]
pub struct ClusterKey([u8; 32]);

impl std::fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClusterKey(hidden)")
    }
}

/// The name of the identity cookie: with the `__Host-` prefix under HTTPS, without it on plain HTTP in development.
pub const COOKIE: &str = "pika_id";
pub const SECURE_COOKIE: &str = "__Host-pika_id";

impl ClusterKey {
    /// From a secret of any length; at least 32 random bytes are wanted.
    pub fn new(secret: &[u8]) -> Self {
        ClusterKey(Sha256::digest(secret).into())
    }

    fn sign(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).expect("HMAC takes any key");
        mac.update(purpose.as_bytes());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// A key for one purpose. Nothing can be learned from it of this key, nor of one for another purpose.
    pub fn derive(&self, purpose: &str, number: &[u8]) -> [u8; 32] {
        self.sign("derive", &[purpose.as_bytes(), number])
    }

    /// The value of the identity cookie: `person.signature`.
    pub fn seal_person(&self, person: PersonId) -> String {
        let signature = self.sign("person", &[&person.0]);
        format!("{person}.{}", URL_SAFE_NO_PAD.encode(&signature[..16]))
    }

    /// The person of a cookie that we signed, or none.
    pub fn open_person(&self, value: &str) -> Option<PersonId> {
        let (person, signature) = value.split_once('.')?;
        let person: PersonId = person.parse().ok()?;
        let given = URL_SAFE_NO_PAD.decode(signature).ok()?;
        equal(&given, &self.sign("person", &[&person.0])[..16]).then_some(person)
    }

    /// What an owner shows to speak for a run. It holds for that run only.
    pub fn owner_token(&self, session: &SessionId, begin: Seq) -> String {
        let signature = self.sign("owner", &[session.as_str().as_bytes(), &begin.to_be_bytes()]);
        format!("pk_own_{}", URL_SAFE_NO_PAD.encode(&signature[..24]))
    }

    pub fn owns(&self, token: &str, session: &SessionId, begin: Seq) -> bool {
        equal(token.as_bytes(), self.owner_token(session, begin).as_bytes())
    }

    /// An address as the log may keep it: keyed, so that it cannot be guessed back, and cut to /64 for IPv6.
    pub fn address(&self, address: IpAddr) -> OpKey {
        let signature = match address.to_canonical() {
            IpAddr::V4(v4) => self.sign("address", &[&v4.octets()]),
            IpAddr::V6(v6) => self.sign("address", &[&v6.octets()[..8]]),
        };
        OpKey(signature[..16].try_into().expect("sixteen bytes"))
    }
}

/// SHA-256 in hex: how what lets its holder do something, a token or an endpoint, is stored and asked for.
pub fn token_hash(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

fn equal(a: &[u8], b: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_proves_a_person_and_a_changed_one_does_not() {
        let key = ClusterKey::new(b"one");
        let person = PersonId::random();
        let cookie = key.seal_person(person);
        assert_eq!(key.open_person(&cookie), Some(person));
        assert_eq!(ClusterKey::new(b"two").open_person(&cookie), None);
        let other = key.seal_person(PersonId::random());
        let forged = format!("{}.{}", person, other.split_once('.').unwrap().1);
        assert_eq!(key.open_person(&forged), None);
    }

    #[test]
    fn an_owner_token_holds_for_its_run_only() {
        let key = ClusterKey::new(b"one");
        let session = SessionId::parse("friday-night").unwrap();
        let token = key.owner_token(&session, 7);
        assert!(key.owns(&token, &session, 7));
        assert!(!key.owns(&token, &session, 8));
        assert!(!key.owns("", &session, 7));
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let key = ClusterKey::new(b"one");
        let at = |s: &str| key.address(s.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::2"));
        assert_ne!(at("10.0.0.1"), at("10.0.0.2"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
    }
}
