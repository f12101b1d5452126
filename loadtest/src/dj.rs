//! The DJ: plays tracks, opens polls, and listens on a socket of their own.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use schemas::server::{PositionOf, ServerMessage, TempoCount};
use schemas::{Epoch, Seq};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::diary::At;
use crate::ledger::{DjDiary, PollRun, Published, Weather};
use crate::meter::held;
use crate::publish::Publisher;
use crate::shared::Shared;

/// The shortest duration that a poll may have.
const TIMER_POLL: Duration = Duration::from_secs(30);
/// A poll that the DJ closes by hand stays open this long, or half of what is left of the evening.
const HAND_POLL: Duration = Duration::from_secs(10);
const POLL_PAUSE: Duration = Duration::from_secs(1);
/// How long an opening or a close may take to be heard: one second is promised, a failover takes three more.
const HEARD_WITHIN: Duration = Duration::from_secs(15);
/// The same where several may fail, one after the other.
const HEARD_AFTER_FAULTS: Duration = Duration::from_secs(60);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

pub struct Dj {
    pub publisher: Publisher,
    pub shared: Arc<Shared>,
    pub diary: Mutex<DjDiary>,
    /// Woken at each poll that begins or ends, and when the socket is registered.
    heard: Notify,
    registered: Mutex<bool>,
    heard_within: Duration,
}

impl Dj {
    pub fn new(publisher: Publisher, shared: Arc<Shared>, weather: Weather) -> Self {
        let heard_within = match weather {
            Weather::Fair => HEARD_WITHIN,
            Weather::Faults => HEARD_AFTER_FAULTS,
        };
        Dj { publisher, shared, diary: Mutex::default(), heard: Notify::new(), registered: Mutex::new(false), heard_within }
    }

    /// Publishes the next track.
    pub async fn play(&self) -> anyhow::Result<()> {
        let (shared, number) = (&self.shared, held(&self.diary).tracks.len() as u32);
        let title = shared.title(number);
        shared.publishing(number);
        held(&self.diary).tracks.push(Published { title: title.clone(), sent: shared.now(), stored: None });
        // A new track resets the wishes, whether TEMPO_RESET was heard or not.
        let track = json!({"title": title, "artist": shared.artist(), "bpm": 90 + number % 40});
        let place = self.publisher.say(shared, json!({"type": "BROADCAST_TRACK", "track": track}), &format!("track-{number}")).await?;
        shared.stored(place);
        if let Some(track) = held(&self.diary).tracks.get_mut(number as usize) {
            track.stored = Some(shared.now());
        }
        Ok(())
    }

    /// A track every `every` until the time is up.
    pub async fn play_on(&self, every: Duration, until: Instant) -> anyhow::Result<()> {
        while Instant::now() + every < until {
            sleep(every).await;
            self.play().await?;
        }
        Ok(())
    }

    /// Corrects what is known of the current track: a fact that everyone must hear, and as large as a track may be.
    async fn correct(&self) -> anyhow::Result<()> {
        let (track, number) = {
            let diary = held(&self.diary);
            let title = diary.tracks.last().map(|t| t.title.clone());
            (json!({"title": title, "artist": self.shared.artist(), "bpm": 60 + diary.facts.len() % 100}), diary.facts.len())
        };
        let message = json!({"type": "METADATA_UPDATED", "track": track});
        let place = self.publisher.say(&self.shared, message, &format!("correction-{number}")).await?;
        self.shared.stored(place);
        held(&self.diary).facts.push(place.context("a correction was stored and has no place")?);
        Ok(())
    }

    /// Talks without a pause: a track every `every`, and so many corrections of it spread over the time between.
    pub async fn talk(&self, every: Duration, corrections: u32, until: Instant) -> anyhow::Result<()> {
        let mut at = Instant::now();
        while at + every <= until {
            self.play().await?;
            for n in 1..=corrections {
                sleep_until((at + every.mul_f64(f64::from(n) / f64::from(corrections + 1))).into()).await;
                self.correct().await?;
            }
            at += every;
            sleep_until(at.into()).await;
        }
        Ok(())
    }

    /// Polls, one after the other: by hand and by timer in turn, as far as the evening lasts.
    pub async fn ask_on(&self, until: Instant) -> anyhow::Result<()> {
        for n in 0u32.. {
            sleep(POLL_PAUSE).await;
            let left = until.saturating_duration_since(Instant::now());
            let by_timer = n % 2 == 1 && left > TIMER_POLL + Duration::from_secs(4);
            if left < Duration::from_secs(6) {
                break;
            }
            self.ask(n, by_timer, HAND_POLL.min(left / 2)).await?;
        }
        Ok(())
    }

    async fn ask(&self, n: u32, by_timer: bool, open_for: Duration) -> anyhow::Result<()> {
        let sent = self.shared.now();
        let mut poll =
            json!({"type": "START_POLL", "question": format!("Poll {n}: what next?"), "options": ["Blues", "Contemporary", "Soul"]});
        if by_timer {
            poll["durationSeconds"] = json!(TIMER_POLL.as_secs());
        }
        self.publisher.say(&self.shared, poll, &format!("poll-{n}")).await?;
        let Some(poll) = self.wait(self.heard_within, |d| d.polls.keys().copied().find(|id| d.polls[id].open_until == At::MAX)).await
        else {
            held(&self.diary).surprises.push(format!("poll {n} was stored and not heard within {:?}", self.heard_within));
            return Ok(());
        };
        let closes = if by_timer { sent + TIMER_POLL } else { self.shared.now() + open_for };
        if by_timer {
            self.close_from(poll, closes);
        } else {
            sleep(open_for).await;
            self.close_from(poll, self.shared.now());
            self.publisher.say(&self.shared, json!({"type": "END_POLL", "pollId": poll}), &format!("end-poll-{n}")).await?;
        }
        let wait = closes.saturating_sub(self.shared.now()) + self.heard_within;
        self.wait(wait, |d| d.polls.get(&poll)?.results.clone()).await;
        Ok(())
    }

    fn close_from(&self, poll: u64, at: At) {
        if let Some(run) = held(&self.diary).polls.get_mut(&poll) {
            run.open_until = at;
        }
    }

    /// Waits until the diary has what `find` looks for.
    async fn wait<T>(&self, within: Duration, find: impl Fn(&DjDiary) -> Option<T>) -> Option<T> {
        timeout(within, async {
            loop {
                let heard = self.heard.notified();
                if let Some(found) = find(&held(&self.diary)) {
                    return found;
                }
                heard.await;
            }
        })
        .await
        .ok()
    }

    /// Waits for the socket to be the DJ's.
    pub async fn ready(&self) -> bool {
        self.wait(HEARD_WITHIN, |_| held(&self.registered).then_some(())).await.is_some()
    }

    /// Keeps the DJ's socket until the evening stops.
    pub async fn listen(&self, dj_name: String) {
        let mut position: Option<(Epoch, Seq)> = None;
        let mut cookie: Option<String> = None;
        for node in 0.. {
            if self.shared.stop.is_cancelled() {
                return;
            }
            let connected = timeout(CONNECT_WITHIN, self.shared.target.connect(node, cookie.as_deref(), None)).await;
            if let Ok(Ok((socket, given))) = connected {
                cookie = given.or(cookie);
                let lost = self.hear_on(socket, &dj_name, &mut position).await;
                if self.shared.stop.is_cancelled() {
                    return;
                }
                self.shared.meter.closed(&format!("DJ: {lost}"));
            }
            held(&self.diary).lost += 1;
            sleep(Duration::from_millis(300)).await;
        }
    }

    async fn hear_on(&self, mut socket: crate::wire::Socket, dj_name: &str, position: &mut Option<(Epoch, Seq)>) -> String {
        let target = &self.shared.target;
        let resume = position.map_or(json!(true), |(epoch, seq)| json!({"epoch": epoch, "seq": seq}));
        let session = &self.publisher.session;
        let hello = [
            json!({"type": "REGISTER_SESSION", "messageId": "register", "sessionId": session, "djName": dj_name, "token": self.publisher.owner_token}),
            json!({"type": "SUBSCRIBE", "messageId": "subscribe", "sessionId": session, "resume": resume}),
        ];
        for message in hello {
            if let Err(e) = socket.send(target.frame(&message)).await {
                return e.to_string();
            }
        }
        let mut ping = tokio::time::interval(Duration::from_secs(10));
        loop {
            tokio::select! {
                () = self.shared.stop.cancelled() => return "stopped".to_owned(),
                _ = ping.tick() => {
                    if let Err(e) = socket.send(target.frame(&json!({"type": "PING"}))).await {
                        return e.to_string();
                    }
                }
                frame = socket.next() => match frame {
                    Some(Ok(Message::Text(text))) => self.hear(text.as_bytes(), position),
                    Some(Ok(Message::Binary(bytes))) => self.hear(&bytes, position),
                    Some(Ok(Message::Close(frame))) => return format!("{frame:?}"),
                    Some(Ok(_)) => {}
                    Some(Err(e)) => return e.to_string(),
                    None => return "end of stream".to_owned(),
                },
            }
        }
    }

    fn hear(&self, bytes: &[u8], position: &mut Option<(Epoch, Seq)>) {
        use ServerMessage as M;
        let codec = self.shared.target.codec;
        let mut diary = held(&self.diary);
        let message = match codec.decode(bytes) {
            Ok(message) => message,
            Err(e) => return diary.surprises.push(format!("unreadable message: {e}: {}", String::from_utf8_lossy(bytes))),
        };
        match message {
            M::LikeReceived { payload } => match self.shared.number(payload.track.title.as_str()) {
                Some(number) => *diary.likes.entry(number).or_default() += 1,
                None => diary.surprises.push(format!("a like for {:?}", payload.track.title)),
            },
            M::ListenerCount { count, .. } => {
                if count < diary.listeners_most {
                    let fell = (diary.listeners_most, count);
                    diary.listeners_fell.get_or_insert(fell);
                }
                diary.listeners_most = diary.listeners_most.max(count);
            }
            M::TempoFeedback { faster, slower, perfect, .. } => diary.tempo = TempoCount { faster, slower, perfect },
            M::TempoReset { .. } => diary.tempo = TempoCount::default(),
            M::PollStarted { poll_id, options, .. } => {
                diary.polls.entry(poll_id.get()).or_insert(PollRun { options: options.len(), open_until: At::MAX, results: None });
            }
            M::PollEnded { poll_id, results, .. } => {
                if let Some(run) = diary.polls.get_mut(&poll_id.get()) {
                    run.results = Some(results);
                }
            }
            M::Subscribed { epoch, at, .. } => *position = Some((epoch, at)),
            M::Ack { message_id, .. } if message_id == "register" => *held(&self.registered) = true,
            M::Nack { message_id, error, .. } => diary.surprises.push(format!("{message_id} was refused: {error}")),
            _ => {}
        }
        if let (Some((_, position)), Some(seq)) =
            (position.as_mut(), codec.decode::<PositionOf>(bytes).ok().and_then(|p: PositionOf| p.seq))
        {
            *position = seq;
        }
        drop(diary);
        self.heard.notify_waiters();
    }
}
