//! The evening: tracks come, the floor answers, keys are pressed, until it is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;
use schemas::{Millis, TrackKey};
use serde_json::{Value, json};
use std::io::IsTerminal;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::api::{Live, Server};
use super::board::Board;
use super::history::Entry;
use super::keys::{Command, HELP, Keys, Raw};
use super::outbox::Outbox;
use super::screen::{Screen, qr};
use super::socket::{Heard, listen};
use super::source::{Kind, Told, play};
use super::state::{Saved, StateFile};

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

/// The last words are given up when none was stored for this long.
const FLUSH_END: Duration = Duration::from_secs(20);
const FLUSH_LEAVE: Duration = Duration::from_secs(5);
/// A second Ctrl-C within this time is meant.
const MEANT: Duration = Duration::from_secs(5);
/// Counts reach the recap a moment after the end.
const RECAP_WITHIN: Duration = Duration::from_secs(5);

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

    async fn pressed(&mut self, event: Option<std::io::Result<Event>>, events: &mut Option<EventStream>) -> Option<Leave> {
        let key = match event {
            Some(Ok(Event::Key(key))) => key,
            Some(Ok(_)) => return None,
            Some(Err(_)) | None => {
                *events = None;
                return None;
            }
        };
        match self.keys.press(key)? {
            Command::Poll { question, options, seconds } => {
                let mut poll = json!({"type": "START_POLL", "question": question, "options": options});
                if let Some(seconds) = seconds {
                    poll["durationSeconds"] = json!(seconds);
                }
                self.outbox.say(poll).await;
            }
            Command::EndPoll => match self.board.poll.as_ref().map(|p| p.id) {
                Some(id) => self.outbox.say(json!({"type": "END_POLL", "pollId": id})).await,
                None => self.screen.log("No poll is open"),
            },
            Command::Announce(words) => {
                self.outbox.say(json!({"type": "SEND_ANNOUNCEMENT", "message": words})).await;
                self.screen.log(&format!("Announced: {words}"));
            }
            Command::Correct(artist, title) => self.correct(artist, title).await,
            Command::Stop => {
                self.board.stop();
                self.outbox.say(json!({"type": "TRACK_STOPPED"})).await;
                self.screen.log("Stopped");
            }
            Command::End => return Some(Leave::End),
            Command::Interrupt => return self.interrupt(),
            Command::Say(words) => self.screen.log(&words),
        }
        None
    }

    /// Artist and title are what likes are counted by. A new spelling of the same corrects the track in place; another
    /// name can only be a track of its own.
    async fn correct(&mut self, artist: Option<String>, title: String) {
        let Some(playing) = self.board.playing.clone() else { return self.screen.log("Nothing plays") };
        let corrected = Entry { artist: artist.unwrap_or_else(|| playing.artist.clone()), title, ..playing.clone() };
        let same = TrackKey::of(&playing.artist, &playing.title) == TrackKey::of(&corrected.artist, &corrected.title);
        if same {
            self.outbox.say(json!({"type": "METADATA_UPDATED", "track": corrected.track()})).await;
            self.screen.log(&format!("Corrected: {corrected}"));
        } else {
            self.outbox.say(broadcast(&corrected, Millis::now())).await;
            self.screen.log(&format!("Now playing instead: {corrected} (likes begin anew under this name)"));
        }
        self.board.play(corrected);
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

    async fn end(mut self) -> anyhow::Result<()> {
        if !self.ended {
            self.outbox.say(json!({"type": "END_SESSION"})).await;
        }
        let flushed = self.flush().await;
        self.screen.close();
        let standing = self.outbox.standing.borrow().clone();
        if !flushed {
            bail!("{} messages could not be sent; they are kept: the same command with --resume sends them", standing.waiting);
        }
        self.file.forget();
        match &standing.over {
            Some(words) => self.screen.log(&format!("The session was over before its last {} messages came: {words}", standing.waiting)),
            None => self.screen.log("The session is over"),
        }
        self.summary(standing.stored).await;
        Ok(())
    }

    /// Waits for the last words as long as the queue moves. `false`: given up, by the clock or by Ctrl-C.
    async fn flush(&mut self) -> bool {
        let mut outbox = self.outbox.clone();
        let flushed = outbox.flushed();
        tokio::pin!(flushed);
        let mut standing = self.outbox.standing.clone();
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        let (mut stored, mut moved) = (standing.borrow_and_update().stored, Instant::now());
        loop {
            tokio::select! {
                () = &mut flushed => return true,
                Some(_) = self.interrupts.recv() => return false,
                Some(words) = self.refusals.recv() => self.screen.log(&words),
                _ = tick.tick() => {
                    let now = standing.borrow_and_update().clone();
                    if now.stored != stored {
                        (stored, moved) = (now.stored, Instant::now());
                    }
                    if moved.elapsed() > FLUSH_END {
                        return false;
                    }
                    self.trouble();
                    self.screen.status(&format!("{} messages to send (Ctrl-C: leave them for --resume)", now.waiting));
                }
            }
        }
    }

    async fn leave(mut self) -> anyhow::Result<()> {
        let mut outbox = self.outbox.clone();
        tokio::select! {
            _ = timeout(FLUSH_LEAVE, outbox.flushed()) => {}
            _ = self.interrupts.recv() => {}
        }
        let waiting = self.outbox.standing.borrow().waiting;
        if waiting > 0 {
            self.screen.log(&format!("{waiting} messages are still to be sent"));
        }
        self.screen.log("Left; the session stays open for the grace period. The same command with --resume goes on with it");
        Ok(())
    }

    async fn summary(&mut self, stored: usize) {
        let began = Instant::now();
        let mut recap = Value::Null;
        while began.elapsed() < RECAP_WITHIN {
            recap = self.server.recap(&self.live).await.unwrap_or_default();
            if !recap["endedAt"].is_null() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        match (recap["trackCount"].as_u64(), recap["totalLikes"].as_u64()) {
            (Some(tracks), Some(likes)) => {
                let (polls, votes) = (recap["totalPolls"].as_u64().unwrap_or(0), recap["totalPollVotes"].as_u64().unwrap_or(0));
                self.screen.log(&format!("{tracks} tracks, {likes} likes, {polls} polls with {votes} votes"));
            }
            _ => self.screen.log(&format!("{stored} messages stored; the recap is not ready yet")),
        }
        self.screen.log(&format!("Recap: {}", self.server.recap_url(&self.live.session)));
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
