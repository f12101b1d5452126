//! `pika audit`: counts an evening once more from its log and compares with the store, row by row.
//!
//! The count is made twice: by [`recount`], which knows nothing of the fold, and by the fold itself. What the store has must be what
//! both say. It promises to change nothing, and to say so when it cannot tell.

mod claims;
mod compare;
mod look;
mod lost;
mod recount;
mod report;
#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::time::Duration;

use schemas::{Seq, SessionId};
use serde_json::json;

use crate::dj::screen::{escaped, printable};
use crate::settings::{self, Overrides, Profile};
use crate::{past, storage};
use report::Report;

/// Log and store agree; they differ; nobody can tell.
const AGREES: u8 = 0;
const DIFFERS: u8 = 1;
const CANNOT_TELL: u8 = 2;

/// Counts an evening again from its log and compares with the store.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  pika audit friday-night
      beside a running `pika dev` with its data in ./data
  pika audit friday-night --data /var/lib/pika --run 4711
      an earlier evening of the same session, by the sequence at which it began
  pika audit friday-night --nats nats://broker:4222 --store sqlite:/var/lib/pika/pika.sqlite --json
      on a cluster, for a machine

Where the log lost something and a new epoch was declared, that is said, and rows that only the lost stretch justified are \
told apart from mistakes.

Exit codes: 0 the store agrees with the log, 1 it differs, 2 could not tell.")]
pub struct Args {
    /// The session.
    // An id may begin with a hyphen.
    #[arg(allow_hyphen_values = true)]
    session: SessionId,
    /// The run that began at this sequence. Default: the latest.
    #[arg(long, value_name = "BEGIN")]
    run: Option<Seq>,
    /// Seconds to wait for a store that is behind the log. What it has by then is compared at the place where it stands.
    #[arg(long, default_value_t = 5, value_name = "SECONDS")]
    wait: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

pub async fn run(args: Args) -> ExitCode {
    let code = match examine(&args).await {
        Ok(report) => {
            match args.json {
                true => println!("{}", escaped(&report.json().to_string())),
                false => report.words().lines().for_each(|line| println!("{}", printable(line))),
            }
            if report.differences() == 0 { AGREES } else { DIFFERS }
        }
        Err(error) => {
            if args.json {
                println!("{}", json!({"session": args.session, "couldNotTell": format!("{error:#}")}));
            }
            eprintln!("pika: could not tell: {error:#}");
            CANNOT_TELL
        }
    };
    ExitCode::from(code)
}

async fn examine(args: &Args) -> anyhow::Result<Report> {
    let settings = settings::load(&args.overrides, Profile::Production)?;
    let store = storage::existing(&settings).await?;
    let broker = past::broker(&settings).await?;
    let look = look::look(&broker, &*store, &args.session, args.run, Duration::from_secs(args.wait)).await?;
    Ok(Report::of(args.session.clone(), look))
}
