//! What a DJ's software writes down: VirtualDJ's history, a plain M3U, or lines from a pipe. Bytes in, tracks out.
//! Nothing here fails: what cannot be read is named with its line, and the evening goes on.

mod lines;

pub use lines::split as split_name;

use schemas::Millis;
use schemas::limits::BPM;
use schemas::text::clean;
use serde_json::{Value, json};

/// A track as the history has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub artist: String,
    pub title: String,
    pub bpm: Option<f64>,
    /// When it was played, where the history says so.
    pub played_at: Option<Millis>,
    /// How long it is.
    pub seconds: Option<f64>,
}

/// A line that holds no track, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub line: usize,
    pub why: &'static str,
}

pub type Found = Result<Entry, Unreadable>;

/// What lines without a mark of their own mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Paths of files.
    File,
    /// `Artist - Title`, one a line.
    Pipe,
}

/// A title and an artist may have this many characters.
const LONGEST: usize = 500;
/// A line longer than this is no history; its beginning is dropped so that a wrong file cannot fill the memory.
const LINE_BYTES: usize = 64 * 1024;
pub const NOBODY: &str = "Unknown artist";

/// Reads a history in pieces of any size; the last line may be half written.
pub struct History {
    source: Source,
    rest: Vec<u8>,
    line: usize,
    /// An `#EXT…` line whose track needs the path on the next line.
    waiting: Option<lines::Tags>,
    /// The next path belongs to a track that was already found.
    path_follows: bool,
}

impl History {
    pub fn new(source: Source) -> Self {
        History { source, rest: Vec::new(), line: 0, waiting: None, path_follows: false }
    }

    /// Takes more bytes and gives the tracks of all lines that are complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Found> {
        self.rest.extend_from_slice(bytes);
        let mut found = Vec::new();
        let all = std::mem::take(&mut self.rest);
        let mut lines = all.split_inclusive(|b| *b == b'\n').peekable();
        while let Some(line) = lines.next() {
            match line.strip_suffix(b"\n") {
                Some(line) => found.extend(self.take(line)),
                None => {
                    debug_assert!(lines.peek().is_none());
                    self.rest = line.get(line.len().saturating_sub(LINE_BYTES)..).unwrap_or(line).to_vec();
                }
            }
        }
        found
    }

    /// The history is complete: so is its last line.
    pub fn finish(&mut self) -> Vec<Found> {
        let rest = std::mem::take(&mut self.rest);
        let mut found: Vec<Found> = if rest.is_empty() { Vec::new() } else { self.take(&rest).into_iter().collect() };
        if let Some(tags) = self.waiting.take() {
            found.push(entry(tags).ok_or(Unreadable { line: self.line, why: "no title" }));
        }
        found
    }

    fn take(&mut self, line: &[u8]) -> Option<Found> {
        self.line += 1;
        let text = lines::text(line);
        let text = text.trim_start_matches('\u{feff}').trim();
        let refused = |why| Some(Err(Unreadable { line: self.line, why }));
        match lines::read(text, self.source) {
            lines::Line::Nothing => None,
            lines::Line::Unreadable(why) => refused(why),
            lines::Line::Tags(tags) => {
                let earlier = self.waiting.take().and_then(entry).map(Ok);
                if tags.title.is_some() && tags.artist.is_some() {
                    self.path_follows = true;
                    return Some(entry(tags).ok_or(Unreadable { line: self.line, why: "no title" }));
                }
                (self.waiting, self.path_follows) = (Some(tags), false);
                earlier
            }
            // A pipe may carry an M3U as well: then the line after a mark is a path and no track.
            lines::Line::Said(_) if std::mem::take(&mut self.path_follows) => None,
            lines::Line::Said(tags) => Some(entry(tags).ok_or(Unreadable { line: self.line, why: "no title" })),
            lines::Line::Path(path) => {
                if std::mem::take(&mut self.path_follows) {
                    return None;
                }
                let (artist, title) = lines::of_path(path, self.waiting.is_some());
                let mut tags = self.waiting.take().unwrap_or_default();
                // The name of the file is only asked where the tags are silent.
                if tags.title.is_none() {
                    (tags.title, tags.artist) = (title, tags.artist.or(artist));
                } else {
                    tags.artist = tags.artist.or(artist);
                }
                Some(entry(tags).ok_or(Unreadable { line: self.line, why: "neither a track nor a file name" }))
            }
        }
    }
}

fn entry(tags: lines::Tags) -> Option<Entry> {
    let text = |raw: &str| clean(raw).chars().take(LONGEST).collect::<String>().trim().to_owned();
    let mut title = text(&tags.title?);
    if let Some(remix) = tags.remix.map(|r| text(&r)).filter(|r| !r.is_empty() && !title.to_lowercase().contains(&r.to_lowercase())) {
        title = text(&format!("{title} ({remix})"));
    }
    let artist = tags.artist.map(|a| text(&a)).filter(|a| !a.is_empty()).unwrap_or_else(|| NOBODY.to_owned());
    if title.is_empty() {
        return None;
    }
    // VirtualDJ's database keeps seconds per beat, its history beats a minute.
    let bpm = tags.bpm.map(|b| if (0.2..=1.5).contains(&b) { 60.0 / b } else { b }).filter(|b| BPM.contains(b));
    let seconds = tags.seconds.filter(|s| (1.0..=86_400.0).contains(s));
    Some(Entry { artist, title, bpm, played_at: tags.played_at, seconds })
}

impl Entry {
    /// As the wire has a track.
    pub fn track(&self) -> Value {
        match self.bpm {
            Some(bpm) => json!({"title": self.title, "artist": self.artist, "bpm": (bpm * 10.0).round() / 10.0}),
            None => json!({"title": self.title, "artist": self.artist}),
        }
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} – {}", self.artist, self.title)
    }
}

#[cfg(test)]
mod hunt;
#[cfg(test)]
mod tests;
