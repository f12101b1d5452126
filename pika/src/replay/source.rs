//! Where an evening comes from: the log, or a file of lines that was exported from one.

use std::io::{BufRead, BufReader};

use anyhow::{Context, bail};
use nats::Broker;
use schemas::SessionId;

use super::Args;
use super::line::{FORMAT, Line, lines};
use crate::past::{self, Run};
use crate::settings::{self, Profile};

/// A longer line is no line of ours.
const LINE_BYTES: u64 = 1024 * 1024;

pub struct Source {
    pub session: SessionId,
    /// The evening's name for people and for the state of an interrupted replay.
    pub name: String,
    from: Origin,
}

enum Origin {
    Log { broker: Broker, run: Run },
    File { lines: Box<dyn BufRead + Send>, header: Box<Line> },
}

impl Source {
    pub async fn open(args: &Args) -> anyhow::Result<Source> {
        // An id has no dot and no slash, so a file can always be named in a way that is none: ./friday-night
        match args.source.parse::<SessionId>() {
            Ok(session) => {
                let settings = settings::load(&args.overrides, Profile::Production)?;
                let broker = past::broker(&settings).await?;
                let run = past::choose(&past::runs(&broker, &session).await?, args.run, &session)?;
                Ok(Source { name: format!("{session}@{}", run.begin), session, from: Origin::Log { broker, run } })
            }
            Err(_) => Source::file(&args.source),
        }
    }

    fn file(path: &str) -> anyhow::Result<Source> {
        let lines: Box<dyn BufRead + Send> = match path {
            "-" => Box::new(BufReader::new(std::io::stdin())),
            path => {
                let words = || format!("cannot read {path}, and it is no session id either");
                Box::new(BufReader::new(std::fs::File::open(path).with_context(words)?))
            }
        };
        Source::exported(path, lines)
    }

    /// An evening from its lines; `path` is what they are called.
    pub(super) fn exported(path: &str, mut lines: Box<dyn BufRead + Send>) -> anyhow::Result<Source> {
        let header = read_line(&mut lines).and_then(|line| line.context("it is empty"));
        let header = header.with_context(|| format!("{path} is no evening that `pika replay --json` exported"))?;
        match &header {
            Line::Evening { format, session, .. } if *format <= FORMAT => {
                Ok(Source { session: session.clone(), name: path.to_owned(), from: Origin::File { lines, header: Box::new(header) } })
            }
            Line::Evening { format, .. } => bail!("{path} has format {format}; this program knows up to {FORMAT}"),
            Line::Fact { .. } | Line::Claim { .. } | Line::Unreadable { .. } => {
                bail!("the first line of {path}, which names the evening, is missing")
            }
        }
    }

    /// Gives each line in order, until `take` has enough.
    pub async fn read(self, take: &mut (dyn FnMut(Line) -> bool + Send)) -> anyhow::Result<()> {
        match self.from {
            Origin::Log { broker, run } => {
                let mut wanted = take(Line::Evening { format: FORMAT, session: self.session.clone(), begin: run.begin });
                past::read(&broker, &self.session, run.begin, run.last(), |entry| {
                    wanted = wanted && lines(entry).into_iter().all(&mut *take);
                    wanted
                })
                .await
            }
            Origin::File { lines: mut rest, header } => {
                let (mut wanted, mut number) = (take(*header), 1);
                while wanted {
                    number += 1;
                    match read_line(&mut rest).with_context(|| format!("line {number}"))? {
                        Some(line) => wanted = take(line),
                        None => break,
                    }
                }
                Ok(())
            }
        }
    }
}

/// `None` at the end. A line that is cut off is an error, not an end.
fn read_line(lines: &mut dyn BufRead) -> anyhow::Result<Option<Line>> {
    let mut text = String::new();
    let read = std::io::Read::take(lines, LINE_BYTES).read_line(&mut text)?;
    match read {
        0 => Ok(None),
        _ => Ok(Some(serde_json::from_str(&text)?)),
    }
}
