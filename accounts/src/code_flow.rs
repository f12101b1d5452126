//! The code flow with a provider: what is asked of it and what it answers, up to who it says that somebody is.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth2::basic::{
    BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, EndpointNotSet, EndpointSet, ExtraTokenFields, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use ring::hmac;
use schemas::Millis;
use serde::{Deserialize, Serialize};

use crate::asking::Asking;
use crate::error::AccountError;
use crate::logins::Returned;
use crate::oidc::Oidc;
use crate::providers::{Claimed, ClientSecret, Provider, ProviderError, Speaks};
use crate::sessions::label;
use crate::{Inner, github};

/// What a provider may take for all of its answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// The state, the nonce and the proof of a way, each made of what only the browser holds.
pub(crate) struct Marks {
    pub state: String,
    pub nonce: String,
    pub proof: String,
}

impl Marks {
    pub fn of(shown: &str) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, shown.as_bytes());
        let mark = |what: &str| URL_SAFE_NO_PAD.encode(hmac::sign(&key, what.as_bytes()));
        Marks { state: mark("state"), nonce: mark("nonce"), proof: mark("proof") }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Extra {
    id_token: Option<String>,
}

impl ExtraTokenFields for Extra {}

pub(crate) type Answer = StandardTokenResponse<Extra, BasicTokenType>;
pub(crate) type Client<Authorize = EndpointSet, Token = EndpointSet> = oauth2::Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    Authorize,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    Token,
>;

impl Inner {
    /// What a provider takes too long for is a provider that does not answer.
    pub(crate) async fn within<T>(
        &self,
        provider: &Provider,
        asked: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, AccountError> {
        let answer =
            tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(ProviderError::Away("no answer in time".to_owned())));
        answer.map_err(|error| {
            tracing::warn!(provider = provider.name, %error, "a sign-in by a provider failed");
            match error {
                ProviderError::Away(_) => AccountError::Provider(provider.title.clone()),
                ProviderError::Refused(_) => AccountError::LoginFailed(format!("{} did not say who you are; begin again", provider.title)),
            }
        })
    }

    /// A client of the provider's doors, and whether the provider names itself to whoever comes back.
    pub(crate) async fn client(
        &self,
        asking: &Asking,
        provider: &Provider,
        oidc: Option<&Oidc>,
        now: Millis,
    ) -> Result<(Client, Option<String>), ProviderError> {
        let (authorize, token, in_body, issuer) = match (&provider.speaks, oidc) {
            (Speaks::Oidc { .. }, Some(oidc)) => {
                let doors = oidc.doors(asking).await?;
                // Apple takes its signed secret in the body alone.
                let in_body = doors.secret_in_body() || matches!(provider.secret, ClientSecret::Apple { .. });
                let issuer = doors.names_itself.then_some(doors.issuer);
                (doors.authorization_endpoint, doors.token_endpoint, in_body, issuer)
            }
            (Speaks::Github { url, .. }, _) => {
                let url = url.trim_end_matches('/');
                (format!("{url}/login/oauth/authorize"), format!("{url}/login/oauth/access_token"), true, None)
            }
            (Speaks::Oidc { .. }, None) => return Err(ProviderError::away("it is not set up")),
        };
        let secret = provider.secret.shown(&provider.client_id, now).map_err(ProviderError::away)?;
        let back = format!("{}/api/auth/{}/callback", self.config.public_url.trim_end_matches('/'), provider.name);
        let client = Client::<EndpointNotSet, EndpointNotSet>::new(ClientId::new(provider.client_id.clone()))
            .set_client_secret(oauth2::ClientSecret::new(secret))
            .set_auth_type(if in_body { AuthType::RequestBody } else { AuthType::BasicAuth })
            .set_auth_uri(AuthUrl::new(authorize).map_err(ProviderError::away)?)
            .set_token_uri(TokenUrl::new(token).map_err(ProviderError::away)?)
            .set_redirect_uri(RedirectUrl::new(back).map_err(ProviderError::away)?);
        Ok((client, issuer))
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) async fn claimed(
        &self,
        asking: &Asking,
        provider: &Provider,
        oidc: Option<&Oidc>,
        code: String,
        marks: Marks,
        returned: &Returned,
        now: Millis,
    ) -> Result<Claimed, ProviderError> {
        let (client, issuer) = self.client(asking, provider, oidc, now).await?;
        if issuer.is_some_and(|issuer| returned.iss.as_deref() != Some(issuer.as_str())) {
            return Err(ProviderError::refused("whoever sent the browser back is another provider"));
        }
        let exchange = client.exchange_code(AuthorizationCode::new(code)).set_pkce_verifier(PkceCodeVerifier::new(marks.proof));
        let answer = exchange.request_async(asking).await.map_err(refused)?;
        match (&provider.speaks, oidc) {
            (Speaks::Github { api, .. }, _) => github::who(asking, api, answer.access_token().secret()).await,
            (Speaks::Oidc { .. }, Some(oidc)) => {
                let token = answer.extra_fields().id_token.as_deref();
                let token = token.ok_or_else(|| ProviderError::refused("there is no identity token in its answer"))?;
                oidc.open(asking, token, &provider.client_id, &marks.nonce, now).await
            }
            (Speaks::Oidc { .. }, None) => Err(ProviderError::away("it is not set up")),
        }
    }
}

/// What the provider said to the code. Words of its own are not repeated: they may hold what it was asked.
fn refused(error: RequestTokenError<ProviderError, BasicErrorResponse>) -> ProviderError {
    let named = |error: &BasicErrorResponseType| ProviderError::Refused(format!("it refused the code: {}", label(error.as_ref())));
    match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::ServerResponse(error) => named(error.error()),
        // GitHub says no with 200.
        RequestTokenError::Parse(_, body) => match serde_json::from_slice::<BasicErrorResponse>(&body) {
            Ok(error) => named(error.error()),
            Err(_) => ProviderError::away("its answer cannot be read"),
        },
        RequestTokenError::Other(_) => ProviderError::away("its answer cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marks_of_a_way_are_three_and_of_this_way() {
        let (one, other) = (Marks::of("pk_log_a"), Marks::of("pk_log_b"));
        assert!(one.state != one.nonce && one.nonce != one.proof && one.state != other.state);
        assert!((43..=128).contains(&one.proof.len()), "what PKCE takes");
    }
}
