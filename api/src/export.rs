//! A recap for a spreadsheet: CSV as RFC 4180 has it, one line a track.

use std::fmt::Write as _;

use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::recap::RecapAnswer;

const HEAD: &str =
    "position,played_at,artist,title,bpm,key,energy,danceability,brightness,acousticness,groove,likes,slower,perfect,faster\r\n";

pub(crate) fn csv(recap: &RecapAnswer) -> Response {
    let name = format!("attachment; filename=\"pika-{}.csv\"", recap.session_id);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, name.as_str()),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, lines(recap)).into_response()
}

fn lines(recap: &RecapAnswer) -> String {
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
