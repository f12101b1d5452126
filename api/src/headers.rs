//! What is read from the headers of a request and written to those of an answer by several routes.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// A header's value, where there is one and it is text.
pub(crate) fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether somebody asks who comes by a browser's own way and reads pages; a program reads bodies.
pub(crate) fn reads_pages(headers: &HeaderMap) -> bool {
    text(headers, header::ACCEPT).is_some_and(|kinds| kinds.contains("text/html"))
}

/// Puts cookies, as `Set-Cookie` writes them, to an answer.
pub(crate) fn add_cookies(headers: &mut HeaderMap, cookies: impl IntoIterator<Item = String>) {
    let values = cookies.into_iter().filter_map(|cookie| HeaderValue::try_from(cookie).ok());
    values.for_each(|value| {
        headers.append(header::SET_COOKIE, value);
    });
}
