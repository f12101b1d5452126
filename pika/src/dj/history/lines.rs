//! One line of a history.

use std::borrow::Cow;

use schemas::Millis;

use super::Source;

#[derive(Debug, Default, PartialEq)]
pub struct Tags {
    pub artist: Option<String>,
    pub title: Option<String>,
    pub remix: Option<String>,
    pub bpm: Option<f64>,
    pub seconds: Option<f64>,
    pub played_at: Option<Millis>,
}

pub enum Line<'a> {
    Nothing,
    Tags(Tags),
    /// A track in words, with nothing to follow.
    Said(Tags),
    Path(&'a str),
    Unreadable(&'static str),
}

/// UTF-8 where it is, else one letter a byte: old programs write Latin-1.
pub fn text(line: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(line) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(line.iter().map(|b| char::from(*b)).collect()),
    }
}

pub fn read(text: &str, source: Source) -> Line<'_> {
    if text.is_empty() {
        return Line::Nothing;
    }
    if let Some(rest) = strip(text, "#EXTVDJ:") {
        return virtual_dj(rest);
    }
    if let Some(rest) = strip(text, "#EXTINF:") {
        return plain(rest);
    }
    match source {
        Source::File if text.starts_with('#') => Line::Nothing,
        Source::File => Line::Path(text),
        Source::Pipe => {
            let (artist, title) = split(text);
            Line::Said(Tags { artist, title: Some(title), ..Tags::default() })
        }
    }
}

fn strip<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let head = text.get(..mark.len())?;
    head.eq_ignore_ascii_case(mark).then(|| &text[mark.len()..])
}

fn virtual_dj(rest: &str) -> Line<'_> {
    let tag = |name: &str| {
        let begin = rest.find(&format!("<{name}>"))? + name.len() + 2;
        let inside = rest.get(begin..)?;
        let end = inside.find(&format!("</{name}>"))?;
        Some(unescape(inside.get(..end)?)).filter(|t| !t.trim().is_empty())
    };
    let number = |name: &str| tag(name)?.trim().parse::<f64>().ok().filter(|n| n.is_finite());
    let tags = Tags {
        artist: tag("artist"),
        title: tag("title"),
        remix: tag("remix"),
        bpm: number("bpm"),
        seconds: number("songlength"),
        played_at: tag("lastplaytime")
            .and_then(|t| t.trim().parse::<i64>().ok())
            .filter(|s| (0..=253_402_300_799).contains(s))
            .map(|s| Millis(s * 1000)),
    };
    if tags == Tags::default() { Line::Unreadable("an #EXTVDJ line without tags that could be read") } else { Line::Tags(tags) }
}

/// `#EXTINF:seconds,Artist - Title`; some players put attributes between the seconds and the comma.
fn plain(rest: &str) -> Line<'_> {
    let Some((head, name)) = rest.split_once(',') else { return Line::Unreadable("an #EXTINF line without a comma") };
    let seconds = head.split_whitespace().next().and_then(|s| s.parse::<f64>().ok()).filter(|s| s.is_finite() && *s > 0.0);
    let name = name.trim();
    if name.is_empty() {
        return Line::Tags(Tags { seconds, ..Tags::default() });
    }
    let (artist, title) = split(name);
    Line::Tags(Tags { artist, title: Some(title), seconds, ..Tags::default() })
}

/// `Artist - Title`, with a hyphen or a dash. Without one, all of it is the title.
pub fn split(name: &str) -> (Option<String>, String) {
    for dash in [" - ", " – ", " — ", "\t"] {
        if let Some((artist, title)) = name.split_once(dash) {
            let (artist, title) = (artist.trim(), title.trim());
            if !artist.is_empty() && !title.is_empty() {
                return (Some(artist.to_owned()), title.to_owned());
            }
        }
    }
    (None, name.trim().to_owned())
}

/// Artist and title of a file's name. `marked`: a mark stood before it, so it is a path for sure; a line without one must
/// at least end like a file, or any text would be taken for a list of tracks.
pub fn of_path(path: &str, marked: bool) -> (Option<String>, Option<String>) {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let ends_like_a_file = |ending: &str| (2..=5).contains(&ending.len()) && ending.bytes().all(|b| b.is_ascii_alphanumeric());
    let stem = match name.rsplit_once('.') {
        Some((stem, ending)) if ends_like_a_file(ending) => stem,
        _ if marked => name,
        _ => return (None, None),
    };
    let stem = stem.trim();
    // Without a readable letter it is no name: a binary file is full of such lines.
    if !stem.chars().any(char::is_alphanumeric) || stem.chars().any(|c| c.is_control() && c != '\t') {
        return (None, None);
    }
    let (artist, title) = split(stem);
    (artist, Some(title))
}

/// The five entities of XML, and numbers. What is no entity stays as it is: programs forget to escape.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.find(';').filter(|end| *end <= 10).and_then(|end| Some((letter(rest.get(1..end)?)?, end)));
        match entity {
            Some((letter, end)) => {
                out.push(letter);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn letter(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number)
        }
    }
}
