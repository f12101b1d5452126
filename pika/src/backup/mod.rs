//! `pika backup` and `pika restore`: copies of the rows and of the log, of one moment, compressed and with their sums.
//!
//! The rows are copied before the log, so that a copy's log never ends before its rows: what the rows lack is folded from it. A log that
//! is put back begins a new epoch, because sequences were given out since the copy was taken and must not be given out again.

mod manifest;
mod packing;
mod place;
mod progress;
mod restore;
mod scratch;
mod seal;
mod status;
mod sweep;
mod tables;
mod take;
mod trust;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio_util::sync::CancellationToken;

use crate::settings::{Overrides, Profile, Settings, load};
use place::Place;
use seal::Key;

pub use status::Status;

/// Copies the rows and the log, beside a running Pika. With `backup_key` (PIKA_BACKUP_KEY, PIKA_BACKUP_KEY_FILE) they are encrypted.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    overrides: Overrides,
    /// A folder, or s3://BUCKET/PREFIX with keys and endpoint in the AWS_… variables. Default: `backups` in the data directory.
    #[arg(long, value_name = "PLACE", global = true)]
    to: Option<String>,
    /// How many backups are kept; older ones are removed after a good one.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    keep: u16,
    /// Goes on, and takes one each so many hours.
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u16).range(1..))]
    every_hours: Option<u16>,
    /// Takes backups that are not signed although `backup_key` is set: open ones, and those of an older Pika.
    #[arg(long, global = true)]
    allow_unsigned: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Lists the finished backups.
    List,
    /// Puts a backup back into a scratch place, and compares it with what it says of itself.
    Verify {
        /// Default: the newest.
        name: Option<String>,
        /// Where rows and log are unpacked, in clear, into a folder that only this user may enter and that is removed at the end.
        /// Default: TMPDIR, or /tmp.
        #[arg(long, value_name = "DIR")]
        scratch: Option<PathBuf>,
    },
}

/// Puts a backup back where there is nothing: into an empty data directory, or to the brokers of --nats and the keyspace of --store. One that is
/// encrypted needs its `backup_key` (PIKA_BACKUP_KEY, PIKA_BACKUP_KEY_FILE).
#[derive(clap::Args)]
pub struct RestoreArgs {
    /// Its name, as `pika backup list` shows it. Default: the newest.
    name: Option<String>,
    /// Where backups lie. Default: `backups` in the data directory.
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
    /// Takes one that is not signed although `backup_key` is set: an open one, or one of an older Pika.
    #[arg(long)]
    allow_unsigned: bool,
    #[command(flatten)]
    overrides: Overrides,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let settings = load(&args.overrides, Profile::Production)?;
    let place = open(&settings, args.to.as_deref(), args.allow_unsigned)?;
    let (stop, keep) = (scratch::stop()?, usize::from(args.keep));
    match args.command {
        Some(Command::List) => scratch::until(&stop, list(&place)).await,
        Some(Command::Verify { name, scratch }) => {
            let within = scratch.unwrap_or_else(std::env::temp_dir);
            let name = scratch::until(&stop, chosen(&place, name)).await?;
            verify::verify(&settings, &place, &name, &within, &stop).await
        }
        None => match args.every_hours {
            None => once(&settings, &place, keep, &stop).await,
            Some(hours) => always(&settings, &place, keep, Duration::from_secs(u64::from(hours) * 3600), &stop).await,
        },
    }
}

pub async fn restore(args: RestoreArgs) -> anyhow::Result<()> {
    let settings = load(&args.overrides, Profile::Production)?;
    let place = open(&settings, args.from.as_deref(), args.allow_unsigned)?;
    restore::restore(&settings, &place, &chosen(&place, args.name).await?).await
}

fn open(settings: &Settings, named: Option<&str>, allow_unsigned: bool) -> anyhow::Result<Place> {
    let beside = settings.data.join("backups");
    let named = named.map_or_else(|| beside.to_string_lossy().into_owned(), str::to_owned);
    Place::open(&named, Key::given(settings)?, allow_unsigned)
}

async fn chosen(place: &Place, name: Option<String>) -> anyhow::Result<String> {
    match name {
        Some(name) => Ok(name),
        None => place.list().await?.pop().with_context(|| format!("there is no finished backup in {}", place.shown)),
    }
}

async fn list(place: &Place) -> anyhow::Result<()> {
    let mut refused = 0;
    for name in place.list().await? {
        let manifest = match place.manifest(&name).await {
            Ok(manifest) => manifest,
            Err(error) => {
                refused += 1;
                eprintln!("pika: {error:#}");
                continue;
            }
        };
        let sealed = if manifest.key.is_some() { "\tencrypted" } else { "" };
        println!("{name}\t{}\t{} bytes\tPika {}{sealed}", manifest.at, manifest.bytes(), manifest.version);
    }
    match refused {
        0 => Ok(()),
        refused => bail!("{refused} more cannot be read or believed"),
    }
}

/// One try, whose outcome the running processes say to Prometheus.
async fn once(settings: &Settings, place: &Place, keep: usize, stop: &CancellationToken) -> anyhow::Result<()> {
    let taken = take::take(settings, place, keep, stop).await;
    let words = taken.as_ref().err().map(|error| format!("{error:#}"));
    Status::note(&settings.data, taken.as_ref().ok().map(|(good, _)| good.clone()), words).context("noting what became of it")?;
    let (good, swept) = taken?;
    println!("{} in {}: {} bytes in {:.1} s", good.name, place.shown, good.bytes, good.seconds);
    if swept > 0 {
        println!("{swept} earlier tries that broke off were removed");
    }
    Ok(())
}

async fn always(settings: &Settings, place: &Place, keep: usize, pause: Duration, stop: &CancellationToken) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(pause);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = tick.tick() => if let Err(error) = once(settings, place, keep, stop).await {
                eprintln!("pika: {error:#}");
            },
        }
    }
}
