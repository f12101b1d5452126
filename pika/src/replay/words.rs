//! An evening's lines for people: what happened, in the order of the log.

use std::collections::HashMap;

use schemas::claim::{Claim, Speaker};
use schemas::client::{Preference, Reaction};
use schemas::fact::{Fact, PollOpened};
use schemas::view::View;
use schemas::{Millis, PersonId, PollId, SessionId, Track, TrackKey};

use super::line::Line;

/// Letters of a person's id that are shown: enough to follow one through an evening.
const LETTERS: usize = 8;

/// Knows the names of what was met so far.
pub struct Words {
    session: SessionId,
    view: View,
    tracks: HashMap<TrackKey, String>,
    polls: HashMap<PollId, PollOpened>,
}

impl Words {
    pub fn new(session: SessionId) -> Self {
        Words { view: View::new(session.clone()), session, tracks: HashMap::new(), polls: HashMap::new() }
    }

    /// The line as people read it. Every line of the evening has to be given, also those that are not shown.
    pub fn of(&mut self, line: &Line) -> String {
        let void = line.placed(&self.session).is_some_and(|fact| self.view.apply(&fact).is_none());
        let text = match line {
            Line::Evening { session, begin, .. } => format!("session {session}, run {begin}"),
            Line::Fact { sequence, time, fact, .. } => {
                let void = if void { "  (void: the log's order makes it so)" } else { "" };
                format!("{}  {sequence:>8}      {:<18} {}{void}", clock(*time), fact.kind(), self.fact(fact))
            }
            Line::Claim { sequence, index, time, by, claim, .. } => {
                let (kind, words) = self.claim(claim);
                format!("{}  {sequence:>8}.{index:<4} {kind:<18} {}{words}", clock(*time), speaker(*by))
            }
            Line::Unreadable { sequence, why } => format!("{:23}  {sequence:>8}      unreadable: {why}", ""),
        };
        crate::dj::screen::printable(&text)
    }

    fn fact(&mut self, fact: &Fact) -> String {
        match fact {
            Fact::Begun(begun) => format!("{} is live, join code {}", begun.dj_name, begun.join_code),
            Fact::Away { .. } => "the DJ's socket is gone".to_owned(),
            Fact::Back { owner: None } => "the DJ is back".to_owned(),
            Fact::Back { owner: Some(_) } => "the DJ is back under another identity".to_owned(),
            Fact::Ended { reason, .. } => format!("the evening is over ({})", reason.expiry().unwrap_or("the DJ ended it")),
            Fact::Track { track, .. } => self.track(track),
            Fact::Metadata { track } => format!("corrected to {}", self.track(track)),
            Fact::Stopped => "nothing plays".to_owned(),
            Fact::PollOpened(opened) => {
                self.polls.insert(opened.poll, opened.clone());
                let until = opened.ends_at.map_or("until it is ended".to_owned(), |at| format!("until {}", clock(at)));
                let change = if opened.allow_change { ", votes may change" } else { "" };
                let hidden = if opened.hide_results { ", results hidden" } else { "" };
                format!("poll {} {} [{}], {until}{change}{hidden}", opened.poll, self.poll(opened.poll), opened.options.join(" / "))
            }
            Fact::PollClosed { poll, close, votes } => {
                let options = self.polls.get(poll).map(|opened| opened.options.as_slice()).unwrap_or_default();
                let tally: Vec<String> = options.iter().zip(votes).map(|(option, n)| format!("{option} {n}")).collect();
                format!("poll {poll} {}: {}; votes ended at {close}", self.poll(*poll), tally.join(", "))
            }
            Fact::PollCancelled { poll, close } => format!("poll {poll} {}; votes ended at {close}", self.poll(*poll)),
            Fact::Announced { message, ends_at, .. } => {
                format!("“{message}”{}", ends_at.map_or(String::new(), |at| format!(" until {}", clock(at))))
            }
            Fact::AnnouncementEnded => "the announcement is taken back".to_owned(),
        }
    }

    fn track(&mut self, track: &Track) -> String {
        let name = format!("{} – {}", track.artist, track.title);
        self.tracks.insert(track.key(), name.clone());
        track.analysis.bpm.map_or(name.clone(), |bpm| format!("{name} ({bpm:.0} bpm)"))
    }

    fn poll(&self, poll: PollId) -> String {
        self.polls.get(&poll).map_or("(never opened)".to_owned(), |opened| format!("“{}”", opened.question))
    }

    fn liked(&self, key: TrackKey) -> String {
        self.tracks.get(&key).cloned().unwrap_or_else(|| format!("a track that was not played ({key})"))
    }

    fn claim(&self, claim: &Claim) -> (&'static str, String) {
        match claim {
            Claim::Like { track } => ("like", self.liked(*track)),
            Claim::Unlike { track } => ("unlike", self.liked(*track)),
            Claim::Tempo { preference } => ("tempo", wish(*preference).to_owned()),
            Claim::Vote { poll, option } => {
                let known = self.polls.get(poll).and_then(|opened| opened.options.get(*option as usize));
                ("vote", format!("{} in poll {poll}", known.cloned().unwrap_or_else(|| format!("option {option}"))))
            }
            Claim::React { reaction: Reaction::ThankYou } => ("reaction", "thank you".to_owned()),
            Claim::ClosePoll { poll } => ("close", format!("asks to close poll {poll}")),
            Claim::CancelPoll { poll } => ("cancel", format!("asks to cancel poll {poll}")),
            Claim::Peak { listeners } => ("peak", format!("{listeners} listeners")),
        }
    }
}

fn wish(preference: Preference) -> &'static str {
    match preference {
        Preference::Faster => "faster",
        Preference::Slower => "slower",
        Preference::Perfect => "perfect",
        Preference::Clear => "takes the wish back",
    }
}

fn speaker(by: Speaker) -> String {
    match by {
        Speaker::Person { id, known } => format!("{}{}: ", short(id), if known { "" } else { " (unverified)" }),
        Speaker::Owner => "the DJ: ".to_owned(),
        Speaker::System => String::new(),
    }
}

fn short(person: PersonId) -> String {
    person.to_string().chars().take(LETTERS).collect()
}

/// Date and time where the reader is.
fn clock(at: Millis) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(time) => time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        Err(_) => at.to_string(),
    }
}
