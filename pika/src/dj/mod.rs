//! `pika dj`: plays the evening that a DJ's software writes down, and shows the floor.
//!
//! It promises that every track of the history reaches the server once and in order, whatever the network does and
//! however often it is killed ([`queue`], [`state`]); that a history's strange lines are named and passed over
//! ([`history`]); and that no token is ever printed. It speaks only the public wire.

pub mod api;
mod board;
mod evening;
mod history;
mod keys;
pub mod outbox;
mod queue;
pub mod screen;
pub mod socket;
mod source;
pub mod state;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use schemas::{DjName, SessionId};

use api::Server;
use evening::{Evening, Ways};
use screen::Screen;
use source::Kind;
use state::{Saved, StateFile};

/// Goes live with the tracks of a history.
#[derive(Clone, clap::Args)]
#[command(after_help = "\
Examples:
  pika dj --name \"DJ Anna\" --history samples/wcs-night.m3u --speed 60
      plays a recorded evening sixty times as fast and ends it
  pika dj --name \"DJ Anna\" --server https://pika.example.org --follow \\
          --history ~/Documents/VirtualDJ/History/2026-01-24.m3u
      follows VirtualDJ as it writes tonight's history
  some-player --titles | pika dj --name \"DJ Anna\" --history -
      publishes lines \"Artist - Title\" as they come

A killed or interrupted evening goes on where it was with --resume.")]
pub struct Args {
    /// The name that dancers see.
    #[arg(long, env = "PIKA_DJ_NAME")]
    name: String,
    /// A VirtualDJ history or an M3U; "-" reads lines "Artist - Title" from standard input.
    #[arg(long, value_name = "FILE")]
    history: String,
    /// Follow the file as it grows, and publish each new track. Begins with the newest one.
    #[arg(long)]
    follow: bool,
    /// With --follow: publish also what the file holds already.
    #[arg(long, requires = "follow")]
    from_start: bool,
    /// Play a finished history this many times as fast as it was recorded.
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    speed: f64,
    /// The Pika server.
    #[arg(long, env = "PIKA_SERVER", default_value = "http://127.0.0.1:3001", value_name = "URL")]
    server: String,
    /// A session id of your own, 8 to 64 letters, digits, - or _; the same one comes back to its evening.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    session: Option<String>,
    /// Your DJ token, where the server wants one.
    #[arg(long, env = "PIKA_DJ_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,
    /// Go on with the evening that was interrupted.
    #[arg(long)]
    resume: bool,
    /// Stop after this many seconds.
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u64>,
    /// End the session also when a pipe closes or --duration is over.
    #[arg(long, conflicts_with = "leave_open")]
    end: bool,
    /// Leave the session open when a finished history is over.
    #[arg(long)]
    leave_open: bool,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    args.check()?;
    let mut screen = Screen::new();
    let kind = args.open(&mut screen)?;
    let server = Server::new(&args.server)?;
    let file = Arc::new(StateFile::of(&server.base, &args.history, args.session.as_deref()));
    let saved = args.begin(&server, &file, &mut screen).await?;
    file.save(&saved)?;
    screen.log(&format!("State for --resume: {}", file.path.display()));
    let ways =
        Ways { ends: args.end || (!args.leave_open && !args.follow && args.history != "-"), until: args.duration.map(Duration::from_secs) };
    Evening::start(server, saved, file, kind, screen).run(ways).await
}

impl Args {
    fn check(&self) -> anyhow::Result<()> {
        if let Err(words) = DjName::parse(&self.name) {
            bail!("--name {words}");
        }
        if let Some(session) = &self.session {
            SessionId::parse(session).map_err(|e| anyhow::anyhow!("--session: {e}"))?;
        }
        if !(0.01..=100_000.0).contains(&self.speed) {
            bail!("--speed must lie between 0.01 and 100000");
        }
        if self.follow && self.history == "-" {
            bail!("--follow follows a file; standard input is followed anyway");
        }
        Ok(())
    }

    /// What will be played. A history that cannot be is an error now, before anyone goes live.
    fn open(&self, screen: &mut Screen) -> anyhow::Result<Kind> {
        if self.history == "-" {
            return Ok(Kind::Pipe);
        }
        if self.follow {
            let path = PathBuf::from(&self.history);
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
            if path.is_dir() || !folder.is_dir() {
                bail!("{} is no file that could be followed", path.display());
            }
            return Ok(Kind::Growing { path, from_start: self.from_start });
        }
        let (entries, unreadable) = source::read(&self.history)?;
        screen.log(&format!("{}: {} tracks", self.history, entries.len()));
        for bad in &unreadable {
            screen.log(&format!("  line {} passed over: {}", bad.line, bad.why));
        }
        Ok(Kind::Finished { entries, speed: self.speed })
    }

    /// Comes back to an evening, or begins one.
    async fn begin(&self, server: &Server, file: &StateFile, screen: &mut Screen) -> anyhow::Result<Saved> {
        let earlier = match file.load() {
            Ok(earlier) => earlier,
            Err(e) if self.resume => return Err(e),
            Err(_) => None,
        };
        match earlier {
            Some(saved) if self.resume || self.session.is_some() => {
                screen.log(&format!(
                    "Back in session {} after {} tracks, {} messages still to send",
                    saved.live.session,
                    saved.taken,
                    saved.pending.len()
                ));
                return Ok(saved);
            }
            Some(_) => screen.log("An earlier evening with this history was not ended; --resume would have gone on with it"),
            None if self.resume => screen.log("There is nothing to resume: a new evening begins"),
            None => {}
        }
        let run = uuid::Uuid::new_v4().simple().to_string();
        let live = server.go_live(&self.name, self.session.as_deref(), self.token.as_deref(), &run).await.context("could not go live")?;
        Ok(Saved { live, run, taken: 0, made: 0, pending: Vec::new() })
    }
}
