//! What broke in somebody's browser, told by the page itself. A defect is wanted, a person is not: the report has no place for
//! who it was, and what looks like one in its words is taken out before it is written down.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemas::error::ErrorBody;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::limits::Limit;
use crate::metrics;
use crate::posted::Posted;
use crate::refused::Refused;
use crate::signed_in::{Client, From};

/// Characters of a message that are worth a line of a log.
const MESSAGE: usize = 300;
/// Characters of a place in a script, as in `assets/index-1a2b.js:1:2345`.
const PLACE: usize = 120;
/// All reports share the log: a defect that a whole floor meets is counted for each and written for some.
const LOG: &str = "the log";

/// How the page noticed it.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Nobody caught it.
    Error,
    /// A promise that nobody waited for.
    Rejection,
    /// A page could not be shown, and its visitor was told so.
    Render,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Kind::Error => "error",
            Kind::Rejection => "rejection",
            Kind::Render => "render",
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Report {
    kind: Kind,
    /// The error's own words. Only the first 300 characters are looked at.
    message: String,
    /// Which of our pages, by its name in the app (`live`, `account`) and never by its address.
    #[serde(default)]
    page: String,
    /// Where in which script: `assets/index-1a2b.js:1:2345`.
    #[serde(default)]
    place: String,
}

/// Takes the report of a page that broke. It names nobody, and nothing is answered.
#[utoipa::path(post, path = "/api/client-errors", tag = "operations", request_body = Report, responses(
    (status = 204, description = "It is counted, and perhaps written down"),
    (status = 413, description = "Longer than 4 KiB", body = ErrorBody), Refused))]
pub(crate) async fn report(
    State(desk): State<Arc<Desk>>,
    _: Client,
    From(address): From,
    Posted(report): Posted<Report>,
) -> Result<Response, Failure> {
    desk.limits.address(Limit::ClientErrors, address)?;
    metrics::client_error(report.kind.name());
    if desk.limits.person(Limit::ClientErrorLines, LOG).is_ok() {
        let (page, place) = (word(&report.page), place(&report.place));
        let message = without_people(&report.message);
        tracing::warn!(
            client.kind = report.kind.name(),
            client.page = page,
            client.place = place,
            client.message = message,
            "a page broke"
        );
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The name of a page. What is none is not repeated.
fn word(raw: &str) -> &str {
    let plain = !raw.is_empty() && raw.len() <= 20 && raw.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    if plain { raw } else { "unknown" }
}

/// A file of ours with line and column. An address of anything else may say where somebody has been.
fn place(raw: &str) -> &str {
    let of_ours = raw.starts_with("assets/") && raw.len() <= PLACE;
    let plain = raw.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-:".contains(&byte));
    if of_ours && plain && !raw.contains("..") { raw } else { "elsewhere" }
}

/// The words of an error without what may be somebody's: what stands in quotes, addresses of people and of pages, secrets,
/// numbers longer than a line's.
fn without_people(raw: &str) -> String {
    let short: String = raw.chars().take(MESSAGE).map(|c| if c.is_control() || is_override(c) { ' ' } else { c }).collect();
    let unquoted = without_quoted(&short);
    let words = unquoted.split_whitespace().map(|word| if tells(word) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// Turns the direction of what follows, so that a line of a log would read as another one.
fn is_override(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Errors quote what they choke on, and that is what somebody typed as often as not. A quote that never ends hides the rest.
fn without_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut closing: Option<char> = None;
    for c in text.chars() {
        match closing {
            Some(end) if c == end => closing = None,
            Some(_) => {}
            None => {
                closing = match c {
                    '"' | '`' => Some(c),
                    '“' => Some('”'),
                    '\'' if !out.ends_with(char::is_alphanumeric) => Some('\''),
                    _ => None,
                };
                out.push(if closing.is_some() { '…' } else { c });
            }
        }
    }
    out
}

fn tells(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    word.contains('@') || word.contains("://") || word.contains("pk_") || word.starts_with('/') || digits > 6 || word.chars().count() > 60
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_and_nobody_in_it() {
        let plain = "TypeError: Cannot read properties of undefined (reading …)";
        assert_eq!(without_people("TypeError: Cannot read properties of undefined (reading 'likes')"), plain);
        assert_eq!(without_people("can't play"), "can't play");
        for (told, kept) in [
            ("no account ada@example.org here", "no account … here"),
            ("failed: https://pika.example/s/friday?x=1 gone", "failed: … gone"),
            ("bad token pk_ses_abcdef", "bad token …"),
            ("\"Ada Lovelace\" is no name", "… is no name"),
            ("“Ada” and `Eve` and 'Mallory Smith", "… and … and …"),
            ("call 48123456789 now", "call … now"),
            ("at /s/friday-night/recap", "at …"),
            ("one\r\ntwo\u{202e}three\u{0}", "one two three"),
        ] {
            assert_eq!(without_people(told), kept, "{told}");
        }
        assert!(without_people(&"x ".repeat(5_000)).chars().count() <= MESSAGE);
    }

    #[test]
    fn a_place_is_a_file_of_ours_or_elsewhere() {
        assert_eq!(place("assets/index-1a2b.js:1:2345"), "assets/index-1a2b.js:1:2345");
        for odd in [
            "",
            "https://evil.example/x.js:1:1",
            "assets/../../etc/passwd",
            "assets/a b.js",
            "assets/x\n.js",
            &format!("assets/{}", "x".repeat(200)),
        ] {
            assert_eq!(place(odd), "elsewhere", "{odd}");
        }
        assert_eq!((word("live"), word("/s/friday"), word(""), word("x".repeat(30).as_str())), ("live", "unknown", "unknown", "unknown"));
    }
}
