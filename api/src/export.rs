//! A recap to take along: for a spreadsheet as CSV in the form of RFC 4180, one line a track or one line an option of a poll; and as JSON.

use std::fmt::Write as _;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::polls::RecapPoll;
use crate::recap::RecapAnswer;
use crate::wants::Wants;

const HEAD: &str =
    "position,played_at,artist,title,bpm,key,energy,danceability,brightness,acousticness,groove,likes,slower,perfect,faster\r\n";

const POLLS_HEAD: &str = "asked_at,question,option,votes,won\r\n";

/// What a recap is given out as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As an answer, in the form that the caller wants.
    Answer,
    /// As a file.
    Json,
    Csv,
    /// Its polls, which only the owner sees.
    PollsCsv,
}

/// The recap in this form; `None` for its polls where the caller may not see them.
pub(crate) fn given(form: Form, recap: &RecapAnswer, wants: Wants) -> Option<Response> {
    let id = &recap.session_id;
    match form {
        Form::Answer => Some(wants.say(recap)),
        Form::Json => {
            let mut response = wants.say(recap);
            if let Ok(name) = HeaderValue::try_from(format!("attachment; filename=\"pika-{id}.json\"")) {
                response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
            }
            Some(response)
        }
        Form::Csv => Some(csv(&format!("pika-{id}.csv"), tracks(recap))),
        Form::PollsCsv => recap.polls.as_deref().map(|all| csv(&format!("pika-{id}-polls.csv"), polls(all))),
    }
}

fn csv(name: &str, lines: String) -> Response {
    let name = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, name.as_str()),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, lines).into_response()
}

fn tracks(recap: &RecapAnswer) -> String {
    let mut out = String::from(HEAD);
    for track in &recap.tracks {
        let (slower, perfect, faster) = track.tempo.map_or((0, 0, 0), |t| (t.slower, t.perfect, t.faster));
        let cells = [
            track.position.to_string(),
            track.played_at.to_string(),
            cell(&track.artist),
            cell(&track.title),
            number(track.bpm),
            cell(track.key.as_deref().unwrap_or("")),
            number(track.energy),
            number(track.danceability),
            number(track.brightness),
            number(track.acousticness),
            number(track.groove),
            track.likes.to_string(),
            slower.to_string(),
            perfect.to_string(),
            faster.to_string(),
        ];
        let _ = write!(out, "{}\r\n", cells.join(","));
    }
    out
}

fn polls(all: &[RecapPoll]) -> String {
    let mut out = String::from(POLLS_HEAD);
    for poll in all {
        for (option, votes) in poll.options.iter().zip(&poll.votes) {
            let won = poll.winner.as_ref() == Some(option);
            let _ = write!(out, "{},{},{},{votes},{won}\r\n", poll.started_at, cell(&poll.question), cell(option));
        }
    }
    out
}

fn number(value: Option<f64>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

/// Text as a cell. Spreadsheets run a cell that begins like a formula, and the text comes from strangers, so such a one gets
/// an apostrophe in front, which they hide.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{guard}{}\"", text.replace('"', "\"\"")) } else { format!("{guard}{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_can_neither_break_its_line_nor_run_as_a_formula() {
        assert_eq!(cell("Say \"Yes\", No"), "\"Say \"\"Yes\"\", No\"");
        assert_eq!(cell("=HYPERLINK(\"http://x\",\"y\")"), "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"");
        assert_eq!(cell("+1"), "'+1");
        assert_eq!(cell("two\nlines"), "\"two\nlines\"");
        assert_eq!(cell("Plain"), "Plain");
    }
}
