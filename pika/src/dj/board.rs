//! What the DJ sees of the floor: a fold of what their socket hears. Pure.

use schemas::server::{ServerMessage, TempoCount};
use schemas::{Millis, TrackKey};

use super::history::Entry;

/// Letters of the track's name in the status line.
const NAME: usize = 44;

#[derive(Clone, Debug, PartialEq)]
pub struct Poll {
    pub id: u64,
    pub question: String,
    pub options: Vec<String>,
    pub votes: Vec<u64>,
    pub ends_at: Option<Millis>,
}

#[derive(Debug, Default)]
pub struct Board {
    pub playing: Option<Entry>,
    /// For the track that plays, and for all of tonight's, as far as this socket heard them.
    pub likes: u64,
    pub all_likes: u64,
    pub tempo: TempoCount,
    pub listeners: u64,
    pub thanks: u64,
    pub poll: Option<Poll>,
}

impl Board {
    pub fn play(&mut self, entry: Entry) {
        let same = self.playing.as_ref().is_some_and(|p| key(p) == key(&entry));
        self.playing = Some(entry);
        if !same {
            (self.likes, self.tempo) = (0, TempoCount::default());
        }
    }

    pub fn stop(&mut self) {
        (self.playing, self.likes, self.tempo) = (None, 0, TempoCount::default());
    }

    /// Takes a message in; what it returns is worth a line.
    pub fn hear(&mut self, message: ServerMessage) -> Option<String> {
        use ServerMessage as M;
        match message {
            M::LikeReceived { payload } => {
                self.all_likes += 1;
                self.likes += u64::from(self.playing.as_ref().is_some_and(|p| key(p) == payload.track.key()));
                None
            }
            M::ListenerCount { count, .. } => {
                self.listeners = count;
                None
            }
            M::TempoFeedback { faster, slower, perfect, .. } => {
                self.tempo = TempoCount { faster, slower, perfect };
                None
            }
            M::TempoReset { .. } => {
                self.tempo = TempoCount::default();
                None
            }
            M::ReactionReceived { .. } => {
                self.thanks += 1;
                Some("Somebody says thank you ♥".to_owned())
            }
            M::PollStarted { poll_id, question, options, ends_at, votes, .. } => {
                let line = format!("Poll: {question}  [{}]", options.join(" / "));
                let votes = votes.unwrap_or_else(|| vec![0; options.len()]);
                self.poll = Some(Poll { id: poll_id.get(), question, options, votes, ends_at });
                Some(line)
            }
            M::PollUpdate { poll_id, votes, .. } => {
                if let Some(poll) = self.poll.as_mut().filter(|p| p.id == poll_id.get()) {
                    poll.votes = votes;
                }
                None
            }
            M::PollEnded { poll_id, results, total_votes, winner_index } => {
                let poll = self.poll.take_if(|p| p.id == poll_id.get())?;
                let winner = usize::try_from(winner_index).ok().and_then(|w| poll.options.get(w));
                let tally: Vec<String> = poll.options.iter().zip(&results).map(|(o, n)| format!("{o} {n}")).collect();
                Some(match winner {
                    Some(winner) => format!("Poll over: {winner} wins with {total_votes} votes in all ({})", tally.join(", ")),
                    None => "Poll over without a vote".to_owned(),
                })
            }
            M::SessionExpired { reason, .. } => Some(format!("The session expired: {reason}")),
            M::Nack { error, .. } => Some(format!("Refused: {error}")),
            _ => None,
        }
    }

    /// A poll whose end was missed while the socket was away must not stand for ever.
    pub fn tidy(&mut self, now: Millis) {
        const GRACE_MS: i64 = 10_000;
        self.poll.take_if(|p| p.ends_at.is_some_and(|ends| now.since(ends) > GRACE_MS));
    }

    /// One line: track, likes, poll, tempo, listeners. What matters most comes first, because a narrow terminal cuts the end.
    pub fn line(&self) -> String {
        let mut parts = vec![match &self.playing {
            Some(e) => {
                let name: String = e.to_string().chars().take(NAME).collect();
                e.bpm.map_or(format!("♫ {name}"), |bpm| format!("♫ {name} ({bpm:.0})"))
            }
            None => "♫ –".to_owned(),
        }];
        parts.push(format!("♥ {}", self.likes));
        if let Some(poll) = &self.poll {
            let tally: Vec<String> = poll.options.iter().zip(&poll.votes).map(|(o, n)| format!("{o} {n}")).collect();
            parts.push(format!("poll: {}", tally.join(" / ")));
        }
        let t = self.tempo;
        parts.push(format!(
            "slower {} {} ok {} {} {} faster",
            t.slower,
            bar(t.slower, t.total()),
            t.perfect,
            bar(t.faster, t.total()),
            t.faster
        ));
        parts.push(format!("{} listening", self.listeners));
        parts.join("  │  ")
    }
}

fn key(entry: &Entry) -> TrackKey {
    TrackKey::of(&entry.artist, &entry.title)
}

/// A share in four steps.
fn bar(part: u64, of: u64) -> String {
    const STEPS: u64 = 4;
    let full = if of == 0 { 0 } else { (part * STEPS).div_ceil(of).min(STEPS) };
    (0..STEPS).map(|n| if n < full { '▮' } else { '▯' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn entry(title: &str) -> Entry {
        Entry { artist: "A".into(), title: title.into(), bpm: Some(96.0), played_at: None, seconds: None }
    }

    fn hear(board: &mut Board, message: Value) -> Option<String> {
        board.hear(serde_json::from_value(message).expect("a server message"))
    }

    #[test]
    fn likes_count_for_the_track_that_plays() {
        let mut board = Board::default();
        board.play(entry("One"));
        for title in ["one ", "One", "Earlier"] {
            hear(&mut board, json!({"type": "LIKE_RECEIVED", "payload": {"track": {"title": title, "artist": "A"}}}));
        }
        assert_eq!((board.likes, board.all_likes), (2, 3));
        board.play(Entry { bpm: None, ..entry("One") });
        assert_eq!(board.likes, 2, "a correction keeps the likes");
        board.play(entry("Two"));
        assert_eq!((board.likes, board.all_likes), (0, 3));
    }

    #[test]
    fn a_poll_is_followed_to_its_end() {
        let mut board = Board::default();
        hear(
            &mut board,
            json!({"type": "POLL_STARTED", "pollId": 7, "sessionId": "friday-night", "question": "Next?", "options": ["Blues", "Soul"]}),
        );
        hear(&mut board, json!({"type": "POLL_UPDATE", "pollId": 7, "sessionId": "friday-night", "votes": [1, 4], "totalVotes": 5}));
        assert!(board.line().contains("Blues 1 / Soul 4"));
        let end = hear(&mut board, json!({"type": "POLL_ENDED", "pollId": 7, "results": [1, 4], "totalVotes": 5, "winnerIndex": 1}));
        assert!(end.is_some_and(|l| l.contains("Soul wins")));
        assert!(board.poll.is_none());
    }

    #[test]
    fn bars_show_shares() {
        assert_eq!((bar(0, 0).as_str(), bar(1, 8).as_str(), bar(8, 8).as_str()), ("▯▯▯▯", "▮▯▯▯", "▮▮▮▮"));
    }
}
