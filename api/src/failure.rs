//! A refusal on its way out: the status of its code, and the body that every HTTP error has.

use accounts::AccountError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use push::PushError;
use schemas::Code;
use schemas::error::Refusal;
use store::StoreError;

/// The refusal, and after how many seconds the same may be tried again where that is known.
#[derive(Debug)]
pub(crate) struct Failure(pub Refusal, pub Option<u64>);

impl Failure {
    pub fn with(code: Code, words: impl Into<String>) -> Self {
        Failure(Refusal::with(code, words), None)
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Failure(code.into(), None)
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        // What keeps an account from being answered for is logged here and nowhere else. The other errors are the caller's.
        if let AccountError::Store(StoreError::Unavailable(_) | StoreError::Corrupt(_)) = &error {
            tracing::warn!(error = %error, "the store did not answer for an account");
        }
        Failure(error.into(), None)
    }
}

impl From<PushError> for Failure {
    fn from(error: PushError) -> Self {
        let code = match &error {
            PushError::Off | PushError::NotFound => Code::NotFound,
            PushError::Invalid(_) => Code::InvalidMessage,
            PushError::Taken => Code::Conflict,
            PushError::Store(StoreError::Unavailable(_)) => Code::Unavailable,
            PushError::Store(StoreError::Corrupt(_) | StoreError::Taken) | PushError::Setup(_) => Code::Internal,
        };
        match code {
            Code::Unavailable | Code::Internal => {
                tracing::warn!(%error, "a browser's subscription could not be changed");
                code.into()
            }
            code => Failure::with(code, error.to_string()),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = self.0.body();
        let mut response = (status, [(header::CACHE_CONTROL, "no-store")], Json(&body)).into_response();
        // For the perimeter, which knows in what form the caller wants it.
        response.extensions_mut().insert(body);
        match status {
            StatusCode::UNAUTHORIZED => {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            _ => {}
        }
        if let Some(seconds) = self.1 {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The code that stands for a status which the framework chose before any handler of ours was asked.
pub(crate) fn code_of(status: StatusCode) -> Code {
    match status.as_u16() {
        401 => Code::Unauthorized,
        403 => Code::NotOwner,
        404 => Code::NotFound,
        405 => Code::MethodNotAllowed,
        413 => Code::TooLarge,
        429 => Code::Rate,
        400..500 => Code::InvalidMessage,
        503 | 504 => Code::Unavailable,
        _ => Code::Internal,
    }
}
