//! `pika replay`: tells an evening from its log, exports it as lines of JSON, and lets it happen again on another server.

#[cfg(test)]
mod hunt;
mod line;
mod play;
mod score;
mod source;
mod words;

use std::io::{BufWriter, Write};

use anyhow::bail;
use schemas::{Seq, SessionId};

use crate::dj::screen::escaped;
use crate::settings::Overrides;
use line::Line;
use play::Stage;
use source::Source;
use words::Words;

/// Tells an evening from its log, or plays it again.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  pika replay friday-night
      tells the latest evening of the session, beside a running `pika dev`
  pika replay friday-night --json > friday.jsonl
      exports it, one fact or claim a line
  pika replay friday-night --facts --from 4711
      what the DJ did, from a place in the log on
  pika replay friday.jsonl --into http://127.0.0.1:3001 --speed 60
      plays an exported evening again, sixty times as fast, as a new session")]
pub struct Args {
    /// The session, or a file that --json wrote (- is standard input).
    #[arg(value_name = "SESSION|FILE", allow_hyphen_values = true)]
    source: String,
    /// The run that began at this sequence. Default: the latest.
    #[arg(long, value_name = "BEGIN")]
    run: Option<Seq>,
    /// Begin at this sequence of the log.
    #[arg(long, value_name = "SEQ", conflicts_with = "into")]
    from: Option<Seq>,
    /// End with this sequence.
    #[arg(long, value_name = "SEQ", conflicts_with = "into")]
    to: Option<Seq>,
    /// Leave out what dancers said.
    #[arg(long)]
    facts: bool,
    /// One line of JSON for each fact and each claim.
    #[arg(long, conflicts_with = "into")]
    json: bool,
    /// Play the DJ's part again on this server, as a new session: tracks, polls and announcements.
    #[arg(long, value_name = "URL")]
    into: Option<String>,
    /// This many times as fast as it was.
    #[arg(long, default_value_t = 1.0, value_name = "N", requires = "into")]
    speed: f64,
    /// A DJ token, where that server wants one.
    #[arg(long, env = "PIKA_DJ_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,
    /// The DJ's name there. Default: as it was.
    #[arg(long, requires = "into")]
    name: Option<String>,
    /// The session's id there. Default: a new one.
    #[arg(long = "as", value_name = "ID", requires = "into", allow_hyphen_values = true)]
    session: Option<SessionId>,
    /// Go on with a replay that was interrupted.
    #[arg(long, requires = "into")]
    resume: bool,
    /// Do not end the new session.
    #[arg(long, requires = "into")]
    leave_open: bool,
    #[command(flatten)]
    overrides: Overrides,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    if !(0.01..=100_000.0).contains(&args.speed) {
        bail!("--speed must lie between 0.01 and 100000");
    }
    let source = Source::open(&args).await?;
    match &args.into {
        Some(server) => again(&args, server, source).await,
        None => tell(&args, source).await,
    }
}

async fn again(args: &Args, server: &str, source: Source) -> anyhow::Result<()> {
    let (session, name) = (source.session.clone(), source.name.clone());
    let mut lines = Vec::new();
    // Claims are not played again, and an evening may have a million of them.
    source
        .read(&mut |line| {
            if matches!(line, Line::Fact { .. }) {
                lines.push(line);
            }
            true
        })
        .await?;
    let score = score::score(&session, lines.iter(), args.speed);
    if score.steps.is_empty() {
        bail!("there is nothing in {} that a DJ said", args.source);
    }
    let stage = Stage {
        server,
        speed: args.speed,
        token: args.token.as_deref(),
        name: args.name.as_deref(),
        session: args.session.as_ref(),
        resume: args.resume,
        leave_open: args.leave_open,
        source: &name,
    };
    play::play(stage, score).await
}

async fn tell(args: &Args, source: Source) -> anyhow::Result<()> {
    let mut words = Words::new(source.session.clone());
    let mut out = BufWriter::new(std::io::stdout());
    let mut failed = None;
    source
        .read(&mut |line| {
            let text = if args.json { serde_json::to_string(&line).map(|json| escaped(&json)) } else { Ok(words.of(&line)) };
            let within = line.sequence().is_none_or(|seq| args.from.is_none_or(|from| from <= seq) && args.to.is_none_or(|to| seq <= to));
            if within && !(args.facts && matches!(line, Line::Claim { .. })) {
                let written = text.map_err(std::io::Error::from).and_then(|text| writeln!(out, "{text}"));
                failed = written.err();
            }
            failed.is_none()
        })
        .await?;
    match failed.map_or_else(|| out.flush(), Err) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}
