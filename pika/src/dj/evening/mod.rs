//! The evening: tracks come, the floor answers, keys are pressed, until it is over.

mod commands;
mod ending;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use crossterm::event::EventStream;
use futures_util::StreamExt;
use schemas::Millis;
use serde_json::{Value, json};
use std::io::IsTerminal;
use tokio::sync::mpsc;

use crate::dj::api::{Live, Server};
use crate::dj::board::Board;
use crate::dj::history::Entry;
use crate::dj::keys::{HELP, Keys, Raw};
use crate::dj::outbox::Outbox;
use crate::dj::screen::{Screen, qr};
use crate::dj::socket::{Heard, listen};
use crate::dj::source::{Kind, Told, play};
use crate::dj::state::{Saved, StateFile};

/// How an evening ends by itself.
pub struct Ways {
    pub ends: bool,
    pub until: Option<Duration>,
}

/// Why the loop was left.
enum Leave {
    End,
    Open,
    Over(String),
}

/// A second Ctrl-C within this time is meant.
const MEANT: Duration = Duration::from_secs(5);
pub struct Evening {
    server: Server,
    live: Live,
    file: Arc<StateFile>,
    screen: Screen,
    board: Board,
    keys: Keys,
    outbox: Outbox,
    tracks: mpsc::Receiver<Told>,
    ear: mpsc::Receiver<Heard>,
    refusals: mpsc::Receiver<String>,
    interrupts: mpsc::Receiver<bool>,
    /// An earlier run of this evening said its last words already.
    ended: bool,
    up: bool,
    interrupted: Option<Instant>,
    trouble: Option<String>,
}

impl Evening {
    pub fn start(server: Server, saved: Saved, file: Arc<StateFile>, kind: Kind, screen: Screen) -> Self {
        let (tell, tracks) = mpsc::channel(16);
        tokio::spawn(play(kind, saved.taken, tell));
        let (tell, ear) = mpsc::channel(256);
        let live = saved.live.clone();
        tokio::spawn(listen(server.socket_url(), live.clone(), tell));
        let (tell, refusals) = mpsc::channel(64);
        let ended = saved.pending.iter().any(|item| item.message["type"] == "END_SESSION");
        let outbox = Outbox::start(server.clone(), saved, Arc::clone(&file), tell);
        let (board, keys, interrupts) = (Board::default(), Keys::default(), interrupts());
        Evening {
            server,
            live,
            file,
            screen,
            board,
            keys,
            outbox,
            tracks,
            ear,
            refusals,
            interrupts,
            ended,
            up: false,
            interrupted: None,
            trouble: None,
        }
    }

    pub async fn run(mut self, ways: Ways) -> anyhow::Result<()> {
        self.hello();
        let leave = self.listen(ways).await;
        self.screen.raw = false;
        self.screen.close();
        match leave {
            Leave::End => self.end().await,
            Leave::Open => self.leave().await,
            Leave::Over(words) => {
                self.file.forget();
                bail!("the server takes nothing more for session {}: {words}", self.live.session)
            }
        }
    }

    fn hello(&mut self) {
        let live = self.live.clone();
        self.screen.log(&format!("{} is live: session {}", live.dj_name, live.session));
        self.screen.log(&format!("Join: {}", live.join_url));
        self.screen.log(&format!("Code: {}", live.join_code));
        if let Some(code) = qr(&live.join_url) {
            self.screen.log(&code);
        }
    }

    async fn listen(&mut self, ways: Ways) -> Leave {
        let raw = (std::io::stdin().is_terminal() && self.screen.is_terminal()).then(Raw::enter).and_then(Result::ok);
        self.screen.raw = raw.is_some();
        let mut events = raw.is_some().then(EventStream::new);
        if raw.is_some() {
            self.screen.log(HELP);
        }
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        let mut standing = self.outbox.standing.clone();
        let until = ways.until.map(|d| tokio::time::Instant::now() + d);
        loop {
            let pressed = async {
                match &mut events {
                    Some(events) => events.next().await,
                    None => std::future::pending().await,
                }
            };
            let leave = tokio::select! {
                told = self.tracks.recv() => match told {
                    Some(told) => self.told(told, ways.ends).await,
                    None => Some(if ways.ends { Leave::End } else { Leave::Open }),
                },
                Some(heard) = self.ear.recv() => { self.heard(heard); None }
                event = pressed => self.pressed(event, &mut events).await,
                Some(words) = self.refusals.recv() => { self.screen.log(&words); None }
                Ok(()) = standing.changed() => {
                    let over = standing.borrow_and_update().over.clone();
                    self.trouble();
                    over.map(Leave::Over)
                }
                Some(hard) = self.interrupts.recv() => if hard { Some(Leave::Open) } else { self.interrupt() },
                _ = tick.tick() => { self.board.tidy(Millis::now()); None }
                () = tokio::time::sleep_until(until.unwrap_or_else(tokio::time::Instant::now)), if until.is_some() => Some(if ways.ends { Leave::End } else { Leave::Open }),
            };
            if let Some(leave) = leave {
                return leave;
            }
            self.draw();
        }
    }

    async fn told(&mut self, told: Told, ends: bool) -> Option<Leave> {
        match told {
            Told::Track { entry, at, taken } => {
                self.screen.log(&format!("{}  {entry}", clock(at)));
                self.outbox.play(broadcast(&entry, at), taken).await;
                self.board.play(entry);
                None
            }
            Told::Unreadable(bad) => {
                self.screen.log(&format!("line {} passed over: {}", bad.line, bad.why));
                None
            }
            Told::Trouble(words) => {
                self.screen.log(&words);
                None
            }
            Told::End => Some(if ends { Leave::End } else { Leave::Open }),
        }
    }

    fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::Up => {
                if !std::mem::replace(&mut self.up, true) {
                    self.screen.log("Listening to the floor");
                }
            }
            Heard::Down(words) => {
                if std::mem::replace(&mut self.up, false) {
                    self.screen.log(&format!("Lost the floor ({words}); coming back, tracks go on"));
                }
            }
            Heard::Barred(words) => {
                self.up = false;
                self.screen.log(&format!("The floor is closed to this program: {words}"));
            }
            Heard::Message(message) => {
                if let Some(line) = self.board.hear(message) {
                    self.screen.log(&line);
                }
            }
        }
    }

    fn interrupt(&mut self) -> Option<Leave> {
        if self.interrupted.is_some_and(|at| at.elapsed() < MEANT) {
            return Some(Leave::Open);
        }
        self.interrupted = Some(Instant::now());
        self.screen.log("Ctrl-C once more leaves and keeps the session open; q ends it for everyone");
        None
    }

    /// Says once when sending is in trouble, and once when it is not any more.
    fn trouble(&mut self) {
        let standing = self.outbox.standing.borrow().clone();
        match (&self.trouble, &standing.trouble) {
            (None, Some(words)) => self.screen.log(&format!("Not sent yet ({words}); it is kept and tried again")),
            (Some(_), None) if standing.over.is_none() => self.screen.log("Sending again"),
            _ => {}
        }
        self.trouble = standing.trouble;
    }

    fn draw(&mut self) {
        if let Some(prompt) = self.keys.prompt() {
            return self.screen.status(&prompt);
        }
        let standing = self.outbox.standing.borrow().clone();
        let mut line = format!("{}  {}", if self.up { "●" } else { "○" }, self.board.line());
        if standing.waiting > 0 {
            line.push_str(&format!("  │  {} to send", standing.waiting));
        }
        if let Some(words) = &standing.trouble {
            line.push_str(&format!(" ({words})"));
        }
        self.screen.status(&line);
    }
}

fn broadcast(entry: &Entry, at: Millis) -> Value {
    json!({"type": "BROADCAST_TRACK", "track": entry.track(), "playedAt": at.to_string()})
}

/// Time of day where the DJ is.
fn clock(at: Millis) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(t) => t.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string(),
        Err(_) => "--:--:--".to_owned(),
    }
}

/// Ctrl-C gives `false`; a request to terminate gives `true`.
fn interrupts() -> mpsc::Receiver<bool> {
    let (tell, interrupts) = mpsc::channel(4);
    let soft = tell.clone();
    tokio::spawn(async move { while tokio::signal::ctrl_c().await.is_ok() && soft.send(false).await.is_ok() {} });
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::spawn(async move { while terminate.recv().await.is_some() && tell.send(true).await.is_ok() {} });
    }
    interrupts
}
