//! OpenID Connect: where a provider's doors are, its keys, and whether an identity token is what it says.

use std::time::Duration;

use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use schemas::Millis;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::asking::Asking;
use crate::providers::{Claimed, ProviderError};

/// How long what a provider said of itself holds.
const KNOWN: Duration = Duration::from_secs(3600);
/// A key that is not known is looked for no more often than this, whatever comes.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// What our clock and theirs may differ by, and how old a new token may be, in seconds.
const LEEWAY: i64 = 60;
const OLDEST: i64 = 600;
/// Longer is no identity token.
const LONGEST: usize = 16 * 1024;
/// What identity tokens may be signed with: public keys only.
const ALGORITHMS: [Algorithm; 7] =
    [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA];

/// What a provider says of itself at its well-known address.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Doors {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    /// Whether it names itself when somebody comes back, so that two providers cannot be taken for each other (RFC 9207).
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub names_itself: bool,
}

impl Doors {
    /// Whether the secret goes into the body. A header is what the standard wants unless something else is said.
    pub fn secret_in_body(&self) -> bool {
        let methods = &self.token_endpoint_auth_methods_supported;
        methods.iter().all(|method| method != "client_secret_basic") && methods.iter().any(|method| method == "client_secret_post")
    }
}

/// One provider, as far as it is known by now.
pub(crate) struct Oidc {
    issuer: String,
    doors: Mutex<Option<(Instant, Doors)>>,
    keys: Mutex<Option<(Instant, JwkSet)>>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nonce: Option<String>,
    email: Option<String>,
    email_verified: Option<Yes>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Apple writes `"true"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Yes {
    Bool(bool),
    Text(String),
}

impl Yes {
    fn is(&self) -> bool {
        match self {
            Yes::Bool(yes) => *yes,
            Yes::Text(text) => text == "true",
        }
    }
}

impl Oidc {
    pub fn new(issuer: &str) -> Self {
        crate::signatures::install();
        Oidc { issuer: issuer.to_owned(), doors: Mutex::default(), keys: Mutex::default() }
    }

    pub async fn doors(&self, asking: &Asking) -> Result<Doors, ProviderError> {
        let mut known = self.doors.lock().await;
        if let Some((_, doors)) = known.as_ref().filter(|(at, _)| at.elapsed() < KNOWN) {
            return Ok(doors.clone());
        }
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let doors: Doors = asking.get(&url, None).await?;
        if doors.issuer != self.issuer {
            return Err(ProviderError::away("it says that it is another issuer than the one that is set"));
        }
        *known = Some((Instant::now(), doors.clone()));
        Ok(doors)
    }

    /// The provider's key of this name. Keys change, so one that is not known is looked for.
    async fn key(&self, asking: &Asking, kid: Option<&str>, algorithm: Algorithm) -> Result<Jwk, ProviderError> {
        let mut known = self.keys.lock().await;
        let fresh = |at: &Instant, found: bool| at.elapsed() < if found { KNOWN } else { LOOK_AGAIN };
        if let Some((at, keys)) = known.as_ref() {
            let found = pick(keys, kid, algorithm);
            if fresh(at, found.is_some()) {
                return found.cloned().ok_or_else(|| ProviderError::refused("the identity token names a key that is not there"));
            }
        }
        let keys: JwkSet = asking.get(&self.doors(asking).await?.jwks_uri, None).await?;
        let found = pick(&keys, kid, algorithm).cloned();
        *known = Some((Instant::now(), keys));
        found.ok_or_else(|| ProviderError::refused("the identity token names a key that is not there"))
    }

    /// Who the token says that somebody is, if it was made by this provider, for us, now, and for this sign-in.
    pub async fn open(&self, asking: &Asking, token: &str, client_id: &str, nonce: &str, now: Millis) -> Result<Claimed, ProviderError> {
        let refused = |what: &str| ProviderError::refused(format!("the identity token {what}"));
        if token.len() > LONGEST {
            return Err(refused("is too long"));
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused("cannot be read"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(refused("is signed in a way that is not taken"));
        }
        let jwk = self.key(asking, header.kid.as_deref(), header.alg).await?;
        let key = DecodingKey::from_jwk(&jwk).map_err(|_| refused("names a key that cannot be used"))?;
        let mut rules = Validation::new(header.alg);
        rules.set_issuer(&[&self.issuer]);
        rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        // Both are compared below: the one with the clock that this was asked with, the other with what stands beside it.
        (rules.validate_exp, rules.validate_aud) = (false, false);
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &rules).map_err(|_| refused("is not signed by its issuer"))?.claims;
        let seconds = now.0.div_euclid(1_000);
        if claims.exp <= seconds - LEEWAY || claims.iat > seconds + LEEWAY || claims.iat < seconds - OLDEST {
            return Err(refused("is of another time"));
        }
        let ours = match &claims.aud {
            Audience::One(one) => one == client_id,
            Audience::Many(many) => many.iter().any(|one| one == client_id) && (many.len() == 1 || claims.azp.is_some()),
        };
        if !ours || claims.azp.as_deref().is_some_and(|azp| azp != client_id) {
            return Err(refused("is for somebody else"));
        }
        if claims.nonce.as_deref() != Some(nonce) {
            return Err(refused("is of another sign-in"));
        }
        let verified = claims.email_verified.is_some_and(|yes| yes.is());
        let email = claims.email.filter(|_| verified);
        Claimed::new(claims.sub, email.as_deref(), claims.name).ok_or_else(|| refused("names nobody"))
    }
}

/// A key without a name is taken only where there is no other.
fn pick<'k>(keys: &'k JwkSet, kid: Option<&str>, algorithm: Algorithm) -> Option<&'k Jwk> {
    let fits = |key: &&Jwk| {
        let common = &key.common;
        let signs = common.public_key_use.as_ref().is_none_or(|of| *of == PublicKeyUse::Signature);
        // A key that is said to be for one algorithm is for no other.
        signs && common.key_algorithm.is_none_or(|of| of.to_string().parse::<Algorithm>().is_ok_and(|of| of == algorithm))
    };
    match kid {
        Some(kid) => keys.keys.iter().filter(fits).find(|key| key.common.key_id.as_deref() == Some(kid)),
        None => match keys.keys.as_slice() {
            [only] => Some(only).filter(fits),
            _ => None,
        },
    }
}
