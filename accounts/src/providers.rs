//! Who else says who somebody is: Google, Apple, GitHub, or any provider that speaks OpenID Connect.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use schemas::{Email, Millis};
use serde::Serialize;

use crate::error::AccountError;

/// A provider, as an operator registered this Pika with it.
#[derive(Clone, Debug)]
pub struct Provider {
    /// As it stands in addresses and in the store: `google`, `apple`, `github`, `oidc`.
    pub name: &'static str,
    /// As people know it.
    pub title: String,
    pub client_id: String,
    pub secret: ClientSecret,
    pub speaks: Speaks,
}

#[derive(Clone, Debug)]
pub enum Speaks {
    /// OpenID Connect. All else is found at the issuer's address.
    Oidc { issuer: String, scopes: &'static [&'static str], form_post: bool },
    /// GitHub's OAuth, which has no identity tokens: who somebody is has to be asked.
    Github { url: String, api: String },
}

/// What proves to the provider that it is us who ask. It prints as nothing.
#[derive(Clone)]
pub enum ClientSecret {
    Given(String),
    /// Apple wants one that is signed anew each time, with the key of a team.
    Apple {
        team: String,
        key_id: String,
        pkcs8: Vec<u8>,
    },
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(hidden)")
    }
}

/// What Apple signs its own tokens with, and so whom our secret is for.
const APPLE: &str = "https://appleid.apple.com";
/// Seconds that a secret for Apple holds: one exchange.
const APPLE_HOLDS: i64 = 300;

#[derive(Serialize)]
struct AppleClaims<'c> {
    iss: &'c str,
    iat: i64,
    exp: i64,
    aud: &'c str,
    sub: &'c str,
}

impl ClientSecret {
    /// The key that Apple gives out as a `.p8` file.
    pub fn apple(team: &str, key_id: &str, p8: &str) -> Result<Self, AccountError> {
        let body: String = p8.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
        let pkcs8 = STANDARD.decode(body).map_err(|_| AccountError::invalid("the key is not in the form of a .p8 file"))?;
        let secret = ClientSecret::Apple { team: team.to_owned(), key_id: key_id.to_owned(), pkcs8 };
        // A key that cannot sign is better found out at the start than by the first visitor.
        secret.shown("", Millis(0)).map(|_| secret)
    }

    pub(crate) fn shown(&self, client_id: &str, now: Millis) -> Result<String, AccountError> {
        match self {
            ClientSecret::Given(secret) => Ok(secret.clone()),
            ClientSecret::Apple { team, key_id, pkcs8 } => {
                crate::signatures::install();
                let iat = now.0.div_euclid(1_000);
                let claims = AppleClaims { iss: team, iat, exp: iat + APPLE_HOLDS, aud: APPLE, sub: client_id };
                let header = Header { kid: Some(key_id.clone()), ..Header::new(Algorithm::ES256) };
                jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ec_der(pkcs8))
                    .map_err(|_| AccountError::invalid("the key does not sign with ES256"))
            }
        }
    }
}

impl Provider {
    /// All that there are.
    pub const NAMES: [&str; 4] = ["google", "apple", "github", "oidc"];

    pub fn google(client_id: String, secret: ClientSecret, issuer: Option<String>) -> Self {
        let issuer = issuer.unwrap_or_else(|| "https://accounts.google.com".to_owned());
        let speaks = Speaks::Oidc { issuer, scopes: &["openid", "email", "profile"], form_post: false };
        Provider { name: "google", title: "Google".to_owned(), client_id, secret, speaks }
    }

    /// Whoever asks Apple for a name or an address is answered by a form that the browser posts.
    pub fn apple(client_id: String, secret: ClientSecret, issuer: Option<String>) -> Self {
        let issuer = issuer.unwrap_or_else(|| APPLE.to_owned());
        let speaks = Speaks::Oidc { issuer, scopes: &["openid", "email", "name"], form_post: true };
        Provider { name: "apple", title: "Apple".to_owned(), client_id, secret, speaks }
    }

    pub fn github(client_id: String, secret: ClientSecret, url: Option<String>, api: Option<String>) -> Self {
        let url = url.unwrap_or_else(|| "https://github.com".to_owned());
        let api = api.unwrap_or_else(|| "https://api.github.com".to_owned());
        Provider { name: "github", title: "GitHub".to_owned(), client_id, secret, speaks: Speaks::Github { url, api } }
    }

    pub fn oidc(title: String, client_id: String, secret: ClientSecret, issuer: String) -> Self {
        let speaks = Speaks::Oidc { issuer, scopes: &["openid", "email", "profile"], form_post: false };
        Provider { name: "oidc", title, client_id, secret, speaks }
    }
}

/// Who a provider says that somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claimed {
    /// Theirs for ever, unlike their address.
    pub subject: String,
    /// An address that the provider has verified.
    pub email: Option<Email>,
    pub name: Option<String>,
}

/// Longer is nobody's.
const SUBJECT: usize = 255;

impl Claimed {
    pub fn new(subject: String, email: Option<&str>, name: Option<String>) -> Option<Self> {
        let fits = (1..=SUBJECT).contains(&subject.len()) && !subject.chars().any(|c| c.is_control() || c.is_whitespace());
        let email = email.and_then(|email| Email::parse(email).ok());
        fits.then_some(Claimed { subject, email, name })
    }
}

/// Why a provider did not say who somebody is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    /// It does not answer, or not as it should: trying again may help, and it is nobody's fault here.
    #[error("{0}")]
    Away(String),
    /// It says no, or what it says does not hold. The words are for our log.
    #[error("{0}")]
    Refused(String),
}

impl ProviderError {
    pub fn away(error: impl fmt::Display) -> Self {
        ProviderError::Away(error.to_string())
    }

    pub fn refused(words: impl Into<String>) -> Self {
        ProviderError::Refused(words.into())
    }
}
