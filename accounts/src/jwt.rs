//! Access tokens: short-lived, signed with Ed25519, checked by whoever has the cluster's key. A new key signs each period; which
//! one is named in the token, and only this period's and the last one's are believed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::signature::{Ed25519KeyPair, KeyPair};
use schemas::secrets::ClusterKey;
use schemas::{AccountId, Millis};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::error::AccountError;
use crate::signatures;

/// How long a key signs. Tokens hold a day at most, so one key before this is enough to check those that are about.
const PERIOD_MS: i64 = 30 * 24 * 3_600_000;
const AUDIENCE: &str = "pika";
/// What the clocks of two nodes may differ by, in seconds.
const LEEWAY: u64 = 30;
/// Longer is no token of ours, and is not worth checking.
const LONGEST: usize = 2_000;
const A_DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The account.
    pub sub: String,
    /// The session that it came from, by the hash that it is kept under; with it the token ends.
    pub sid: String,
    pub iss: String,
    pub aud: String,
    /// Seconds since 1970.
    pub iat: i64,
    pub exp: i64,
}

pub(crate) struct Signer {
    key: ClusterKey,
    issuer: String,
    holds: Duration,
}

impl Signer {
    pub fn new(key: &ClusterKey, config: &Config) -> Self {
        signatures::install();
        Signer { key: key.clone(), issuer: config.public_url.trim_end_matches('/').to_owned(), holds: config.access.min(A_DAY) }
    }

    pub fn holds(&self) -> Duration {
        self.holds
    }

    fn seed(&self, period: i64) -> [u8; 32] {
        self.key.derive("access token", &period.to_be_bytes())
    }

    pub fn sign(&self, account: AccountId, session: &str, now: Millis) -> Result<String, AccountError> {
        let period = now.0.div_euclid(PERIOD_MS);
        let iat = now.0.div_euclid(1_000);
        let claims = AccessClaims {
            sub: account.to_string(),
            sid: session.to_owned(),
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            iat,
            exp: iat + i64::try_from(self.holds.as_secs()).unwrap_or(i64::MAX / 2),
        };
        let header = Header { typ: Some("at+jwt".to_owned()), kid: Some(period.to_string()), ..Header::new(Algorithm::EdDSA) };
        let key = EncodingKey::from_ed_der(&self.seed(period));
        jsonwebtoken::encode(&header, &claims, &key).map_err(|error| {
            tracing::error!(%error, "an access token could not be signed");
            AccountError::NotSignedIn
        })
    }

    /// The claims of a token that we signed and that holds at `now`.
    pub fn open(&self, token: &str, now: Millis) -> Option<AccessClaims> {
        if token.len() > LONGEST {
            return None;
        }
        let header = jsonwebtoken::decode_header(token).ok()?;
        let this = now.0.div_euclid(PERIOD_MS);
        // As we write it, so that one key has one name.
        let period = [this, this - 1].into_iter().find(|period| header.kid.as_deref() == Some(period.to_string().as_str()))?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some("at+jwt") {
            return None;
        }
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_audience(&[AUDIENCE]);
        rules.set_issuer(&[&self.issuer]);
        rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        // Times are compared below, with the clock that this was asked with.
        rules.validate_exp = false;
        let public = public(&self.seed(period))?;
        let claims = jsonwebtoken::decode::<AccessClaims>(token, &DecodingKey::from_ed_der(&public), &rules).ok()?.claims;
        let seconds = now.0.div_euclid(1_000);
        let leeway = i64::try_from(LEEWAY).unwrap_or_default();
        (claims.exp > seconds && claims.iat <= seconds + leeway).then_some(claims)
    }

    /// The public keys in force, as a JWK set.
    pub fn keys(&self, now: Millis) -> serde_json::Value {
        let this = now.0.div_euclid(PERIOD_MS);
        let key = |period: i64| {
            let x = URL_SAFE_NO_PAD.encode(public(&self.seed(period))?);
            Some(serde_json::json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": period.to_string(), "x": x}))
        };
        let keys: Vec<_> = [this, this - 1].into_iter().filter_map(key).collect();
        serde_json::json!({ "keys": keys })
    }
}

fn public(seed: &[u8]) -> Option<Vec<u8>> {
    Ed25519KeyPair::from_seed_unchecked(seed).ok().map(|pair| pair.public_key().as_ref().to_vec())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Millis = Millis(1_790_000_000_000);

    fn signer() -> Signer {
        Signer::new(&ClusterKey::new(b"one"), &Config::default())
    }

    fn parts(token: &str) -> (serde_json::Value, serde_json::Value, String) {
        let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        let mut parts = token.split('.');
        let mut next = || parts.next().unwrap();
        (read(next()), read(next()), next().to_owned())
    }

    fn put_together(header: &serde_json::Value, claims: &serde_json::Value, signature: &str) -> String {
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{signature}", part(header), part(claims))
    }

    #[test]
    fn a_token_is_good_until_it_ends() {
        let (signer, account) = (signer(), AccountId::random());
        let token = signer.sign(account, "session", NOW).unwrap();
        let claims = signer.open(&token, NOW).unwrap();
        assert_eq!((claims.sub.as_str(), claims.sid.as_str()), (account.to_string().as_str(), "session"));
        assert!(signer.open(&token, NOW.plus(899_000)).is_some());
        assert_eq!(signer.open(&token, NOW.plus(900_000)), None);
        assert_eq!(signer.open(&token, NOW.plus(-31_000)), None, "it is from the future");
        let another = Signer::new(&ClusterKey::new(b"two"), &Config::default());
        assert_eq!(another.open(&token, NOW), None);
        let elsewhere = Signer::new(&ClusterKey::new(b"one"), &Config { public_url: "https://other".to_owned(), ..Config::default() });
        assert_eq!(elsewhere.open(&token, NOW), None, "it was made for another Pika");
    }

    #[test]
    fn keys_change_and_the_last_one_is_still_believed() {
        let signer = Signer::new(&ClusterKey::new(b"one"), &Config { access: A_DAY * 5, ..Config::default() });
        assert_eq!(signer.holds(), A_DAY, "never longer than a day");
        let end = Millis((NOW.0.div_euclid(PERIOD_MS) + 1) * PERIOD_MS);
        let (before, after) =
            (signer.sign(AccountId::random(), "s", end.plus(-1_000)).unwrap(), signer.sign(AccountId::random(), "s", end).unwrap());
        assert_ne!(parts(&before).0["kid"], parts(&after).0["kid"]);
        assert!(signer.open(&before, end.plus(1_000)).is_some() && signer.open(&after, end.plus(1_000)).is_some());
        let keys = signer.keys(end);
        assert_eq!(
            (keys["keys"][0]["kid"].clone(), keys["keys"][1]["kid"].clone()),
            (parts(&after).0["kid"].clone(), parts(&before).0["kid"].clone())
        );
        assert_eq!(URL_SAFE_NO_PAD.decode(keys["keys"][0]["x"].as_str().unwrap()).unwrap().len(), 32);
    }

    #[test]
    fn a_token_that_was_tampered_with_is_nobodys() {
        let signer = signer();
        let token = signer.sign(AccountId::random(), "session", NOW).unwrap();
        let (header, claims, signature) = parts(&token);
        assert_eq!(put_together(&header, &claims, &signature).len(), token.len());
        let with = |value: &serde_json::Value, key: &str, to: serde_json::Value| {
            let mut value = value.clone();
            value[key] = to;
            value
        };
        let public = URL_SAFE_NO_PAD.encode(public(&signer.seed(NOW.0.div_euclid(PERIOD_MS))).unwrap());
        let forged = [
            put_together(&header, &with(&claims, "sub", json!(AccountId::random().to_string())), &signature),
            put_together(&header, &with(&claims, "exp", json!(9_999_999_999_i64)), &signature),
            put_together(&with(&header, "alg", json!("none")), &claims, ""),
            put_together(&with(&header, "alg", json!("HS256")), &claims, &signature),
            put_together(&with(&header, "alg", json!("RS256")), &claims, &signature),
            put_together(&with(&header, "kid", json!("0")), &claims, &signature),
            put_together(&with(&header, "kid", json!("../../etc/passwd")), &claims, &signature),
            put_together(&with(&header, "kid", json!(null)), &claims, &signature),
            put_together(&with(&header, "typ", json!("JWT")), &claims, &signature),
            put_together(&with(&header, "jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": public})), &claims, &signature),
            put_together(&header, &claims, ""),
            put_together(&header, &claims, &URL_SAFE_NO_PAD.encode([0; 64])),
            token.replace('.', ""),
            format!("{token}.x"),
            format!("{token}{}", "x".repeat(3_000)),
            String::new(),
            "...".to_owned(),
        ];
        for forged in forged {
            assert_eq!(signer.open(&forged, NOW), None, "{forged}");
        }
        assert!(signer.open(&token, NOW).is_some());
    }
}
