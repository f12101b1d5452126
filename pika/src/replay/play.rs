//! An evening that happens again on another server, said through the publish API as a DJ's program says it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use schemas::server::ServerMessage;
use schemas::{DjName, SessionId};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::score::{Score, Step, What};
use crate::dj::api::Server;
use crate::dj::outbox::Outbox;
use crate::dj::screen::Screen;
use crate::dj::socket::{Heard, listen};
use crate::dj::state::{Saved, StateFile};

/// How long a step may wait for the server to open or close the poll before it.
const POLL_WITHIN: Duration = Duration::from_secs(20);
/// The last words are given up when none was stored for this long.
const FLUSH: Duration = Duration::from_secs(20);

pub struct Stage<'a> {
    pub server: &'a str,
    pub speed: f64,
    pub token: Option<&'a str>,
    pub name: Option<&'a str>,
    pub session: Option<&'a SessionId>,
    pub resume: bool,
    pub leave_open: bool,
    /// The evening's own name, by which an interrupted replay is found again.
    pub source: &'a str,
}

/// What the new server said of polls.
enum Poll {
    /// Nothing: the socket is not up yet, and of a poll that is opened before nobody would tell.
    Unheard,
    None,
    Open(u64),
}

struct Player {
    outbox: Outbox,
    ear: mpsc::Receiver<Heard>,
    poll: Poll,
    screen: Screen,
}

pub async fn play(stage: Stage<'_>, score: Score) -> anyhow::Result<()> {
    let name = stage.name.map(str::to_owned).or(score.dj_name.clone()).unwrap_or_else(|| "DJ".to_owned());
    DjName::parse(&name).map_err(|words| anyhow::anyhow!("the DJ's name {words}; --name gives another"))?;
    let server = Server::new(stage.server)?;
    let file = Arc::new(StateFile::of(&server.base, stage.source, stage.session.map(SessionId::as_str)));
    let mut screen = Screen::new();
    let saved = begin(&stage, &server, &file, &name).await?;
    file.save(&saved)?;
    let (live, taken) = (saved.live.clone(), saved.taken);
    screen.log(&format!("{name} is live: session {}", live.session));
    screen.log(&format!("Join: {}", live.join_url));
    if taken > 0 {
        screen.log(&format!("Going on after {taken} of {} messages", score.steps.len()));
    }
    let (tell, ear) = mpsc::channel(256);
    if score.steps.iter().any(|step| matches!(step.what, What::Poll(_))) {
        tokio::spawn(listen(server.socket_url(), live.clone(), tell));
    }
    let (refuse, mut refusals) = mpsc::channel(64);
    let outbox = Outbox::start(server.clone(), saved, Arc::clone(&file), refuse);
    let mut player = Player { outbox, ear, poll: Poll::Unheard, screen };
    let played = player.play(&score.steps, taken, stage.speed, stage.leave_open).await;
    while let Ok(words) = refusals.try_recv() {
        player.screen.log(&words);
    }
    let ended = played?;
    let standing = player.outbox.standing.borrow().clone();
    match ended {
        Ended::Whole => {
            file.forget();
            player.screen.log(&format!("{} messages stored. Recap: {}", standing.stored, server.recap_url(&live.session)));
            Ok(())
        }
        Ended::Interrupted => bail!("interrupted; the session stays open for the grace period, and --resume goes on with it"),
    }
}

async fn begin(stage: &Stage<'_>, server: &Server, file: &StateFile, name: &str) -> anyhow::Result<Saved> {
    if stage.resume
        && let Some(saved) = file.load()?
    {
        return Ok(saved);
    }
    let run = uuid::Uuid::new_v4().simple().to_string();
    let session = stage.session.map(SessionId::as_str);
    let live = server.go_live(name, session, stage.token, &run).await.context("could not go live")?;
    Ok(Saved { live, run, taken: 0, made: 0, pending: Vec::new() })
}

enum Ended {
    Whole,
    Interrupted,
}

impl Player {
    async fn play(&mut self, steps: &[Step], taken: usize, speed: f64, leave_open: bool) -> anyhow::Result<Ended> {
        let Some(first) = steps.get(taken).or(steps.last()).map(|step| step.after) else { return Ok(Ended::Whole) };
        // A replay that goes on begins with what is next; one from the start keeps the pause before the first track.
        let first = if taken == 0 { 0 } else { first };
        let began = Instant::now();
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        let mut passed_over = 0;
        let mut ended = false;
        for step in steps.iter().skip(taken) {
            let due = began + Duration::from_secs_f64((step.after - first).max(0) as f64 / 1000.0 / speed);
            tokio::select! {
                () = sleep_until(due.into()) => {}
                _ = &mut interrupted => return Ok(Ended::Interrupted),
            }
            if ended {
                break;
            }
            let message = tokio::select! {
                message = self.message(step, leave_open) => message,
                _ = &mut interrupted => return Ok(Ended::Interrupted),
            };
            ended = matches!(step.what, What::End);
            match message {
                Some(message) => self.outbox.play(message, 1 + std::mem::take(&mut passed_over)).await,
                None => passed_over += 1,
            }
            if let Some(words) = &self.outbox.standing.borrow().over {
                bail!("the server takes nothing more: {words}");
            }
        }
        if !ended && !leave_open {
            self.settled().await;
            self.outbox.say(json!({"type": "END_SESSION"})).await;
        }
        self.flush().await
    }

    /// What is to be said, once the server is ready to hear it.
    async fn message(&mut self, step: &Step, leave_open: bool) -> Option<Value> {
        match &step.what {
            What::Say(message) => Some(message.clone()),
            What::Poll(message) => {
                self.settled().await;
                Some(message.clone())
            }
            What::EndPoll { void } => {
                let open = self.hear_until(|poll| matches!(poll, Poll::Open(_))).await;
                let Poll::Open(id) = self.poll else {
                    self.screen.log("A poll was not opened, so it cannot be ended");
                    return None;
                };
                debug_assert!(open);
                let kind = if *void { "CANCEL_POLL" } else { "END_POLL" };
                Some(json!({"type": kind, "pollId": id}))
            }
            What::End if leave_open => None,
            What::End => {
                self.settled().await;
                Some(json!({"type": "END_SESSION"}))
            }
        }
    }

    /// Waits until polls are heard of and none is open any more: a second one would be refused, and the end would cut off its result.
    async fn settled(&mut self) {
        self.hear_until(|poll| matches!(poll, Poll::None)).await;
    }

    async fn hear_until(&mut self, there: impl Fn(&Poll) -> bool) -> bool {
        let listening = async {
            loop {
                while let Ok(heard) = self.ear.try_recv() {
                    hear(&mut self.poll, heard);
                }
                if there(&self.poll) {
                    return true;
                }
                match self.ear.recv().await {
                    Some(heard) => hear(&mut self.poll, heard),
                    None => return false,
                }
            }
        };
        tokio::time::timeout(POLL_WITHIN, listening).await.unwrap_or(false)
    }

    async fn flush(&mut self) -> anyhow::Result<Ended> {
        let mut outbox = self.outbox.clone();
        let flushed = outbox.flushed();
        tokio::pin!(flushed);
        let (mut stored, mut moved) = (0, Instant::now());
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        loop {
            tokio::select! {
                () = &mut flushed => break,
                _ = tokio::signal::ctrl_c() => return Ok(Ended::Interrupted),
                _ = tick.tick() => {
                    let now = self.outbox.standing.borrow().stored;
                    if now != stored {
                        (stored, moved) = (now, Instant::now());
                    }
                    if moved.elapsed() > FLUSH {
                        let trouble = self.outbox.standing.borrow().trouble.clone().unwrap_or_default();
                        bail!("the last messages could not be sent ({trouble}); --resume sends them");
                    }
                }
            }
        }
        Ok(Ended::Whole)
    }
}

fn hear(poll: &mut Poll, heard: Heard) {
    match heard {
        Heard::Message(ServerMessage::PollStarted { poll_id, .. }) => *poll = Poll::Open(poll_id.get()),
        Heard::Message(ServerMessage::PollEnded { poll_id, .. }) if matches!(poll, Poll::Open(open) if *open == poll_id.get()) => {
            *poll = Poll::None;
        }
        Heard::Up if matches!(poll, Poll::Unheard) => *poll = Poll::None,
        Heard::Message(_) | Heard::Up | Heard::Down(_) | Heard::Barred(_) => {}
    }
}
