//! The box that letters go into where there is no mail server, to look at.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use schemas::Code;
use schemas::error::ErrorBody;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::pages::escaped;

/// Letters of an evening without a mail server, newest first.
///
/// Whoever reads them can sign in as anybody, so the page is there in development only.
#[utoipa::path(get, path = "/dev/mail", tag = "pages", responses(
    (status = 200, description = "HTML", body = String, content_type = "text/html"),
    (status = 404, description = "Letters go to a mail server here", body = ErrorBody)))]
pub(crate) async fn page(State(desk): State<Arc<Desk>>) -> Result<Response, Failure> {
    let mailbox = desk.mailbox.as_ref().ok_or(Code::NotFound)?;
    let mut html = String::from("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Mail</title><h1>Mail</h1>");
    for letter in mailbox.letters() {
        let (to, subject, text) = (escaped(letter.to.as_str()), escaped(&letter.subject), escaped(&letter.text));
        let _ = write!(html, "<article><h2>{subject}</h2><p>To {to}</p><pre>{text}</pre></article>");
    }
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], html).into_response())
}
