//! What the DJ reads: lines that stay, and on a terminal one line below them that is drawn again in place.

use std::io::{IsTerminal, Write};

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

pub struct Screen {
    /// A terminal: a status line can be drawn. Else only lines, without any escape code.
    terminal: bool,
    /// Raw mode takes the carriage return away from the line feed.
    pub raw: bool,
    status: String,
}

impl Screen {
    pub fn new() -> Self {
        Screen { terminal: std::io::stdout().is_terminal(), raw: false, status: String::new() }
    }

    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// A line that stays.
    pub fn log(&mut self, line: &str) {
        let end = if self.raw { "\r\n" } else { "\n" };
        let mut text = String::new();
        if self.terminal {
            text.push_str("\r\x1b[2K");
        }
        for line in line.lines() {
            text.push_str(&printable(line));
            text.push_str(end);
        }
        self.put(&text);
        self.redraw();
    }

    /// The line that changes; where nothing can be redrawn it is left out.
    pub fn status(&mut self, line: &str) {
        if self.terminal && line != self.status {
            self.status = line.to_owned();
            self.redraw();
        }
    }

    fn redraw(&mut self) {
        if self.terminal && !self.status.is_empty() {
            let width = crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns));
            let text = format!("\r\x1b[2K{}", fit(&printable(&self.status), width.saturating_sub(1)));
            self.put(&text);
        }
    }

    /// Ends the line that changes, so that the shell's prompt stands on its own.
    pub fn close(&mut self) {
        if self.terminal && !std::mem::take(&mut self.status).is_empty() {
            self.put("\r\x1b[2K");
        }
    }

    /// A closed pipe is no reason to stop an evening.
    fn put(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// Titles and poll answers come from files and strangers: no control character of theirs reaches the terminal, nor a mark that
/// turns the direction of what follows.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !hidden(*c)).collect()
}

/// The same for JSON, where they can only stand in strings: they are written as escapes.
pub fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if hidden(c) { out.push_str(&format!("\\u{:04x}", u32::from(c))) } else { out.push(c) }
    }
    out
}

fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}')
}

fn fit(text: &str, width: usize) -> String {
    if text.chars().map(columns).sum::<usize>() <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let mut cut: String = text
        .chars()
        .take_while(|c| {
            used += columns(*c);
            used <= width
        })
        .collect();
    cut.push('…');
    cut
}

/// East Asian letters and pictures take two columns. A guess that is wrong cuts the line early or late, and no more.
fn columns(letter: char) -> usize {
    match u32::from(letter) {
        0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0x1F300..=0x1FAFF => 2,
        _ => 1,
    }
}

/// Two rows of modules a line; light on dark, as phones read it from a terminal with a dark ground.
pub fn qr(link: &str) -> Option<String> {
    let code = QrCode::new(link).ok()?;
    Some(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).quiet_zone(true).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_never_wraps_and_carries_no_escape() {
        assert_eq!(fit("ABCDEF", 4), "ABC…");
        assert_eq!(fit("ABC", 4), "ABC");
        assert_eq!(fit("東京東京", 6), "東京…");
        assert_eq!(printable("a\x1b[31mb\r\n\u{9b}2J\u{202E}c"), "a[31mb2Jc");
        let json = escaped(&serde_json::json!({"a": "\x1b\u{9b}\u{202E}"}).to_string());
        assert_eq!(json, r#"{"a":"\u001b\u009b\u202e"}"#);
    }

    #[test]
    fn a_link_becomes_a_square_of_half_blocks() {
        let code = qr("https://pika.example.org/j/ABC234").expect("short enough");
        let lines: Vec<&str> = code.lines().collect();
        assert!(lines.len() > 12 && lines.iter().all(|l| l.chars().count() == lines[0].chars().count()));
        assert!(code.chars().all(|c| matches!(c, ' ' | '▀' | '▄' | '█' | '\n')));
    }
}
