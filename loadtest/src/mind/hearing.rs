//! What a dancer hears, noted in its diary.

use std::time::{Duration, Instant};

use schemas::server::{PositionOf, ServerMessage};
use schemas::{Epoch, Seq};

use super::Mind;
use crate::diary::{Ballot, Fate, Note};
use crate::meter::held;
use crate::plan::Plan;
use crate::wire::peek;

/// Kinds that carry no position and that the judge takes from elsewhere; they are counted and not read.
const PASSING: [&str; 8] =
    ["PONG", "LIKE_RECEIVED", "REACTION_RECEIVED", "TEMPO_FEEDBACK", "POLL_UPDATE", "LISTENER_COUNT", "SESSIONS_LIST", "SESSION_STARTED"];

/// Kinds of which only the place is of interest: the ledger knows where each of them lies.
const PLACED: [&str; 2] = ["METADATA_UPDATED", "TEMPO_RESET"];

impl Mind {
    /// Takes a message in.
    pub fn hear(&mut self, bytes: &[u8]) {
        let meter = &self.shared.meter;
        meter.deliveries.add();
        if self.woke_at.is_some()
            && let Some(nap) = held(&self.diary).nap()
        {
            nap.bytes += bytes.len() as u64;
        }
        let codec = self.shared.target.codec;
        let kind = peek(codec, bytes);
        if kind.is_some_and(|kind| PASSING.contains(&kind)) {
            return;
        }
        if kind.is_some_and(|kind| PLACED.contains(&kind)) {
            return self.place(bytes);
        }
        let message: ServerMessage = match codec.decode(bytes) {
            Ok(message) => message,
            Err(e) => {
                return self.surprise(format!("unreadable message: {e}: {}", String::from_utf8_lossy(&bytes[..bytes.len().min(120)])));
            }
        };
        // SUBSCRIBED carries a `seq` of its own, which is where to begin and no position of a message.
        let begins = matches!(message, ServerMessage::Subscribed { .. });
        self.take(message);
        if !begins {
            self.place(bytes);
        }
    }

    /// Notes the place that a message carries.
    fn place(&mut self, bytes: &[u8]) {
        let codec = self.shared.target.codec;
        if let Some(seq) = codec.decode::<PositionOf>(bytes).ok().and_then(|p: PositionOf| p.seq)
            && let Some((_, position)) = &mut self.position
        {
            *position = seq;
            held(&self.diary).notes.push(Note::Position(seq));
            if self.woke_at.is_some_and(|newest| newest <= seq) {
                self.tell_nap(Fate::Refilled);
            }
        }
    }

    fn take(&mut self, message: ServerMessage) {
        use ServerMessage as M;
        let now = Instant::now();
        match message {
            M::NowPlaying { track, .. } => self.on_track(track.title.as_str(), now),
            M::Subscribed { epoch, at, recovered, reason, .. } => self.on_subscribed(epoch, at, recovered, reason),
            M::PollStarted { poll_id, options, .. } => self.on_poll(poll_id.get(), options.len() as u32, now),
            M::PollEnded { poll_id, results, .. } => {
                let at = self.shared.at(now);
                held(&self.diary).ballots.entry(poll_id.get()).or_default().ended.push((at, results));
            }
            M::VoteConfirmed { poll_id, option_index, .. } => self.on_confirmed(poll_id.get(), option_index, now),
            M::VoteRejected { poll_id, reason, .. } => {
                held(&self.diary).ballots.entry(poll_id.get()).or_default().rejected.push(reason);
            }
            M::Ack { message_id, .. } => self.on_answer(&message_id, None, now),
            M::Nack { message_id, error, .. } => self.on_answer(&message_id, Some(error), now),
            M::SessionEnded { session_id } if session_id.as_str() == self.shared.session => held(&self.diary).session_ended += 1,
            // One in three waits to be closed, as clients do that do not know the word.
            M::Goaway { .. } if self.id.is_multiple_of(3) => {}
            M::Goaway { reconnect_in_ms } => self.plans.at(now + Duration::from_millis(reconnect_in_ms), Plan::Move(self.socket)),
            _ => {}
        }
    }

    fn on_track(&mut self, title: &str, now: Instant) {
        let Some(number) = self.shared.number(title) else { return self.surprise(format!("unknown track {title:?}")) };
        held(&self.diary).notes.push(Note::Track { number, state: self.greeting });
        if let (Some(seated), Some(took)) = (self.seated, self.shared.since_published(number))
            && now.duration_since(seated) > took
            && self.timed
        {
            self.shared.meter.now_playing.record(took);
        }
        self.plans.on_track(now, number);
    }

    fn on_subscribed(&mut self, epoch: Epoch, seq: Seq, recovered: bool, reason: Option<String>) {
        let note = if recovered {
            self.shared.meter.recovered.add();
            Note::Back { at: self.shared.now(), seq }
        } else {
            if self.position.is_some() {
                self.shared.meter.not_recovered(reason.as_deref().unwrap_or("no reason"));
            }
            Note::Fresh { asked: self.shared.at(self.asked), seq, reason }
        };
        self.tell_nap(Fate::Fresh);
        self.greeting = !recovered;
        self.position = Some((epoch, seq));
        held(&self.diary).notes.push(note);
    }

    fn on_poll(&mut self, poll: u64, options: u32, now: Instant) {
        self.options.insert(poll, options);
        let known = {
            let mut diary = held(&self.diary);
            let known = diary.ballots.contains_key(&poll);
            let ballot: &mut Ballot = diary.ballots.entry(poll).or_default();
            ballot.started += u32::from(!self.greeting);
            known
        };
        if !known {
            self.plans.on_poll(now, poll, options);
        }
    }

    fn on_confirmed(&mut self, poll: u64, option: u32, now: Instant) {
        held(&self.diary).ballots.entry(poll).or_default().confirmed.push(option);
        let options = self.options.get(&poll).copied().unwrap_or(2);
        self.plans.on_confirmed(now, poll, options);
    }
}
