//! Asking a provider over HTTPS: within a deadline, without following it elsewhere, and no more than fits.

use std::pin::Pin;
use std::time::Duration;

use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde::de::DeserializeOwned;

use crate::providers::ProviderError;

/// What one answer may take: whoever signs in waits for two or three of them.
const DEADLINE: Duration = Duration::from_secs(5);
/// Bytes of an answer. A provider's largest is its keys.
const ANSWER: usize = 256 * 1024;

#[derive(Clone)]
pub(crate) struct Asking(Client);

impl Asking {
    /// None where the system gives no means to speak TLS.
    pub fn new() -> Option<Self> {
        // GitHub answers nobody who does not say what they are.
        let client = Client::builder().redirect(Policy::none()).timeout(DEADLINE).user_agent("Pika").https_only(false);
        client.build().map_err(|error| tracing::error!(%error, "no client for providers")).ok().map(Asking)
    }

    /// One request of the code flow.
    async fn oauth(&self, request: HttpRequest) -> Result<HttpResponse, ProviderError> {
        let (head, body) = request.into_parts();
        let asked = self.0.request(head.method, head.uri.to_string()).headers(head.headers).body(body);
        let response = asked.send().await.map_err(away)?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_server_error() {
            return Err(ProviderError::Away(format!("it answered {status}")));
        }
        let mut answer = HttpResponse::new(whole(response).await?);
        (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
        Ok(answer)
    }

    /// A document, with a token where it is not for everybody.
    pub async fn get<T: DeserializeOwned>(&self, url: &str, bearer: Option<&str>) -> Result<T, ProviderError> {
        let mut asked = self.0.get(url).header("accept", "application/json");
        if let Some(bearer) = bearer {
            asked = asked.bearer_auth(bearer);
        }
        let response = asked.send().await.map_err(away)?;
        let status = response.status();
        if !status.is_success() {
            return Err(ProviderError::Away(format!("it answered {status}")));
        }
        serde_json::from_slice(&whole(response).await?).map_err(|_| ProviderError::Away("its answer cannot be read".to_owned()))
    }
}

impl<'a> AsyncHttpClient<'a> for Asking {
    type Error = ProviderError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ProviderError>> + Send + 'a>>;

    fn call(&'a self, request: HttpRequest) -> Self::Future {
        Box::pin(self.oauth(request))
    }
}

async fn whole(mut response: Response) -> Result<Vec<u8>, ProviderError> {
    let mut bytes = Vec::new();
    while let Some(part) = response.chunk().await.map_err(away)? {
        if bytes.len() + part.len() > ANSWER {
            return Err(ProviderError::Away("its answer is too large".to_owned()));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

/// Without the address, whose query may hold what is nobody's to read.
fn away(error: reqwest::Error) -> ProviderError {
    ProviderError::away(error.without_url())
}
