//! What the DJ's keys do.

use crossterm::event::{Event, EventStream};
use schemas::{Millis, TrackKey};
use serde_json::json;

use super::{Evening, Leave, broadcast};
use crate::dj::history::Entry;
use crate::dj::keys::Command;

impl Evening {
    pub(super) async fn pressed(&mut self, event: Option<std::io::Result<Event>>, events: &mut Option<EventStream>) -> Option<Leave> {
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
}
