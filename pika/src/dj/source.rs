//! Where tracks come from and when: a finished history by its recorded times, one that grows, or a pipe.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use schemas::Millis;
use schemas::limits::PLAYED_AT_BACK_MS;
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::history::{Entry, Found, History, Source, Unreadable};

/// What the source tells the evening.
pub enum Told {
    /// A track plays now; `taken` entries of the history are done with then.
    Track {
        entry: Entry,
        at: Millis,
        taken: usize,
    },
    Unreadable(Unreadable),
    Trouble(String),
    /// There will be no more.
    End,
}

/// How long a track is where nobody says.
const USUAL_SECONDS: f64 = 210.0;
/// A gap longer than this between two recorded times is no pause: the file holds two evenings.
const LONGEST_GAP_SECONDS: f64 = 3.0 * 3600.0;
/// VirtualDJ writes a line when a track starts; looking this often is soon enough for a dancer.
const LOOK_EVERY: Duration = Duration::from_millis(400);

pub enum Kind {
    Finished { entries: Vec<Entry>, speed: f64 },
    Growing { path: PathBuf, from_start: bool },
    Pipe,
}

/// Reads a finished history whole, or says what is wrong with it.
pub fn read(path: &str) -> anyhow::Result<(Vec<Entry>, Vec<Unreadable>)> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read the history {path}"))?;
    let mut history = History::new(Source::File);
    let mut found = history.feed(&bytes);
    found.extend(history.finish());
    let (mut entries, mut unreadable) = (Vec::new(), Vec::new());
    for found in found {
        match found {
            Ok(entry) => entries.push(entry),
            Err(bad) => unreadable.push(bad),
        }
    }
    if entries.is_empty() {
        let lines: Vec<String> = unreadable.iter().take(5).map(|u| format!("\n  line {}: {}", u.line, u.why)).collect();
        bail!("there are no tracks in {path}; a VirtualDJ history or an M3U is expected{}", lines.concat());
    }
    Ok((entries, unreadable))
}

/// Seconds after the first at which each entry plays: by the recorded times, else by the lengths.
pub fn offsets(entries: &[Entry]) -> Vec<f64> {
    let mut at = 0.0;
    let mut offsets = Vec::with_capacity(entries.len());
    for (n, entry) in entries.iter().enumerate() {
        if let Some(before) = n.checked_sub(1).and_then(|b| entries.get(b)) {
            let recorded = match (before.played_at, entry.played_at) {
                (Some(a), Some(b)) => Some(b.since(a) as f64 / 1000.0).filter(|gap| (0.0..=LONGEST_GAP_SECONDS).contains(gap)),
                _ => None,
            };
            at += recorded.unwrap_or(before.seconds.unwrap_or(USUAL_SECONDS));
        }
        offsets.push(at);
    }
    offsets
}

/// Plays until there is no more or nobody listens. `done`: entries that an earlier run of this evening was done with.
pub async fn play(kind: Kind, done: usize, tell: mpsc::Sender<Told>) {
    match kind {
        Kind::Finished { entries, speed } => finished(entries, speed, done, &tell).await,
        Kind::Growing { path, from_start } => growing(path, from_start, done, &tell).await,
        Kind::Pipe => pipe(&tell).await,
    }
    let _ = tell.send(Told::End).await;
}

async fn finished(entries: Vec<Entry>, speed: f64, done: usize, tell: &mpsc::Sender<Told>) {
    let offsets = offsets(&entries);
    let Some(first) = offsets.get(done).copied() else { return };
    let began = Instant::now();
    let due = |seconds: f64| began + Duration::from_secs_f64((seconds - first).max(0.0) / speed);
    let mut over = began;
    for (entry, offset) in entries.into_iter().zip(offsets).skip(done) {
        over = due(offset + entry.seconds.unwrap_or(USUAL_SECONDS));
        tokio::select! {
            () = sleep_until(due(offset)) => {}
            () = tell.closed() => return,
        }
        if tell.send(Told::Track { entry, at: Millis::now(), taken: 1 }).await.is_err() {
            return;
        }
    }
    tokio::select! {
        () = sleep_until(over) => {}
        () = tell.closed() => {}
    }
}

async fn growing(path: PathBuf, from_start: bool, done: usize, tell: &mpsc::Sender<Told>) {
    let mut history = History::new(Source::File);
    let mut offset = 0u64;
    // Entries to pass over: those of an earlier run, or of before we came.
    let mut skip = done;
    let mut first_look = done == 0 && !from_start;
    let mut said = false;
    loop {
        let grown = match grown(&path, offset) {
            Ok(grown) => grown,
            Err(e) => {
                if !std::mem::replace(&mut said, true)
                    && tell.send(Told::Trouble(format!("waiting for {}: {e}", path.display()))).await.is_err()
                {
                    return;
                }
                Grown::Same
            }
        };
        let mut found: Vec<Found> = match grown {
            Grown::Same => Vec::new(),
            Grown::Shorter => {
                (history, offset, skip) = (History::new(Source::File), 0, 0);
                continue;
            }
            Grown::By(bytes) => {
                (offset, said) = (offset + bytes.len() as u64, false);
                history.feed(&bytes)
            }
        };
        let mut taken = 1;
        if first_look && !found.is_empty() {
            // What was played before we came is past; the newest is what plays now.
            let newest = found.iter().rposition(Result::is_ok).unwrap_or(found.len());
            taken += found.drain(..newest).filter(Result::is_ok).count();
            first_look = false;
        }
        for found in found {
            if found.is_ok() && skip > 0 {
                skip -= 1;
                continue;
            }
            let told = match found {
                Ok(entry) => {
                    let at = played_at(entry.played_at, Millis::now());
                    Told::Track { entry, at, taken: std::mem::replace(&mut taken, 1) }
                }
                Err(unreadable) => Told::Unreadable(unreadable),
            };
            if tell.send(told).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = tell.closed() => return,
        }
    }
}

enum Grown {
    Same,
    By(Vec<u8>),
    /// Written anew.
    Shorter,
}

/// Read again by its name each time, because programs replace files; at most this much at once.
fn grown(path: &PathBuf, offset: u64) -> std::io::Result<Grown> {
    const MOST: u64 = 4 * 1024 * 1024;
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    if length < offset {
        return Ok(Grown::Shorter);
    }
    if length == offset {
        return Ok(Grown::Same);
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(Grown::By(bytes))
}

/// When a track of a growing history was played: what it says, if the server can take it, else now.
fn played_at(recorded: Option<Millis>, now: Millis) -> Millis {
    recorded.filter(|at| (0..PLAYED_AT_BACK_MS).contains(&now.since(*at))).unwrap_or(now)
}

async fn pipe(tell: &mpsc::Sender<Told>) {
    let mut history = History::new(Source::Pipe);
    let mut input = tokio::io::stdin();
    let mut buffer = [0u8; 4096];
    loop {
        let read = tokio::select! {
            read = input.read(&mut buffer) => read,
            () = tell.closed() => return,
        };
        let found = match read {
            Ok(0) => history.finish(),
            Ok(n) => history.feed(buffer.get(..n).unwrap_or_default()),
            Err(e) => {
                let _ = tell.send(Told::Trouble(format!("the pipe broke: {e}"))).await;
                return;
            }
        };
        for found in found {
            let told = match found {
                Ok(entry) => Told::Track { entry, at: Millis::now(), taken: 1 },
                Err(unreadable) => Told::Unreadable(unreadable),
            };
            if tell.send(told).await.is_err() {
                return;
            }
        }
        if matches!(read, Ok(0)) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn entry(played: Option<i64>, seconds: Option<f64>) -> Entry {
        Entry { artist: "A".into(), title: "B".into(), bpm: None, played_at: played.map(|s| Millis(s * 1000)), seconds }
    }

    #[test]
    fn times_come_from_the_record_or_the_lengths() {
        let day = 86_400;
        let entries = [
            entry(Some(100), Some(60.0)),
            entry(Some(170), Some(60.0)),
            entry(None, None),
            entry(Some(90), Some(10.0)),
            entry(Some(100 + day), None),
        ];
        assert_eq!(offsets(&entries), [0.0, 70.0, 130.0, 340.0, 350.0]);
    }

    #[test]
    fn a_missing_or_empty_history_is_named() {
        assert!(read("/nowhere/at-all.m3u").is_err_and(|e| e.to_string().contains("/nowhere/at-all.m3u")));
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), "#EXTINF:12\n").expect("written");
        let words = read(&file.path().display().to_string()).expect_err("no tracks").to_string();
        assert!(words.contains("no tracks") && words.contains("line 1"), "{words}");
    }

    #[test]
    fn an_old_time_becomes_now() {
        let now = Millis(1_800_000_000_000);
        assert_eq!(played_at(Some(now.plus(-60_000)), now), now.plus(-60_000));
        assert_eq!(played_at(Some(Millis(0)), now), now);
        assert_eq!(played_at(Some(now.plus(60_000)), now), now);
    }

    #[tokio::test]
    async fn a_growing_file_gives_each_track_once_it_is_written() {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        write!(file, "#EXTINF:1,A - Past\nx\n#EXTINF:1,A - Now\n").expect("written");
        let (tell, mut told) = mpsc::channel(8);
        let path = file.path().to_owned();
        let task = tokio::spawn(play(Kind::Growing { path, from_start: false }, 0, tell));
        let mut next = async || match told.recv().await {
            Some(Told::Track { entry, taken, .. }) => (entry.title, taken),
            _ => panic!("a track was expected"),
        };
        assert_eq!(next().await, ("Now".to_owned(), 2));
        write!(file, "y\n#EXTINF:1,A - Ne").expect("written");
        file.flush().expect("flushed");
        writeln!(file, "xt").expect("written");
        assert_eq!(next().await, ("Next".to_owned(), 1));
        drop(told);
        task.await.expect("it ends when nobody listens");
    }
}
