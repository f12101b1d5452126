//! The DJ's keys: one letter for each thing to do, and a line of text where it takes words. Pure but for [`Raw`].

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use schemas::limits::{POLL_OPTIONS, POLL_SECONDS};

use super::history::split_name;

#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Poll {
        question: String,
        options: Vec<String>,
        seconds: Option<u32>,
    },
    EndPoll,
    Announce(String),
    /// Artist, if one was given, and title.
    Correct(Option<String>, String),
    Stop,
    End,
    Interrupt,
    /// Words for the DJ: what to press, or what was wrong.
    Say(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Poll,
    Announce,
    Correct,
}

impl Question {
    fn prompt(self) -> &'static str {
        match self {
            Question::Poll => "Poll: question | option / option | seconds (30–300, or nothing)",
            Question::Announce => "Announcement",
            Question::Correct => "Artist - Title",
        }
    }
}

pub const HELP: &str =
    "keys: p poll · e end poll · a announcement · m correct the title · s stop track · q end the session and quit · Ctrl-C leave";
/// The longest text that any of the questions can take.
const LONGEST: usize = 1_600;

#[derive(Debug, Default)]
pub struct Keys {
    asking: Option<(Question, String)>,
}

impl Keys {
    /// What is being typed, for the status line.
    pub fn prompt(&self) -> Option<String> {
        self.asking.as_ref().map(|(question, typed)| format!("{} (Esc: not now) > {typed}▏", question.prompt()))
    }

    pub fn press(&mut self, key: KeyEvent) -> Option<Command> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && matches!(key.code, KeyCode::Char('c' | 'd')) {
            self.asking = None;
            return Some(Command::Interrupt);
        }
        match self.asking.take() {
            Some((question, typed)) => self.typing(question, typed, key.code, control),
            None => self.chosen(key.code),
        }
    }

    fn chosen(&mut self, key: KeyCode) -> Option<Command> {
        let KeyCode::Char(letter) = key else { return None };
        match letter.to_ascii_lowercase() {
            'p' => self.ask(Question::Poll),
            'a' => self.ask(Question::Announce),
            'm' => self.ask(Question::Correct),
            'e' => Some(Command::EndPoll),
            's' => Some(Command::Stop),
            'q' => Some(Command::End),
            _ => Some(Command::Say(HELP.to_owned())),
        }
    }

    fn ask(&mut self, question: Question) -> Option<Command> {
        self.asking = Some((question, String::new()));
        None
    }

    fn typing(&mut self, question: Question, mut typed: String, key: KeyCode, control: bool) -> Option<Command> {
        match key {
            KeyCode::Esc => return None,
            KeyCode::Enter if typed.trim().is_empty() => return None,
            KeyCode::Enter => return Some(answered(question, &typed)),
            KeyCode::Backspace => drop(typed.pop()),
            KeyCode::Char('u') if control => typed.clear(),
            KeyCode::Char(letter) if !control && typed.len() < LONGEST => typed.push(letter),
            _ => {}
        }
        self.asking = Some((question, typed));
        None
    }
}

fn answered(question: Question, typed: &str) -> Command {
    match question {
        Question::Announce => match typed.trim().chars().count() {
            1..=200 => Command::Announce(typed.trim().to_owned()),
            n => Command::Say(format!("An announcement has at most 200 characters, this has {n}")),
        },
        Question::Correct => {
            let (artist, title) = split_name(typed);
            Command::Correct(artist, title)
        }
        Question::Poll => poll(typed).unwrap_or_else(Command::Say),
    }
}

fn poll(typed: &str) -> Result<Command, String> {
    let mut parts = typed.split('|').map(str::trim);
    let question = parts.next().filter(|q| !q.is_empty()).ok_or("A poll needs a question")?.to_owned();
    let options: Vec<String> = parts.next().unwrap_or("").split('/').map(str::trim).filter(|o| !o.is_empty()).map(str::to_owned).collect();
    if !POLL_OPTIONS.contains(&options.len()) {
        return Err(format!("A poll has {} to {} options: question | one / two", POLL_OPTIONS.start(), POLL_OPTIONS.end()));
    }
    if options.iter().any(|o| o.chars().count() > 100) || question.chars().count() > 500 {
        return Err("A question has at most 500 characters, an option 100".to_owned());
    }
    let seconds = match parts.next().filter(|s| !s.is_empty()) {
        None => None,
        Some(text) => Some(text.parse().ok().filter(|s| POLL_SECONDS.contains(s)).ok_or(format!(
            "A poll lasts {} to {} seconds",
            POLL_SECONDS.start(),
            POLL_SECONDS.end()
        ))?),
    };
    Ok(Command::Poll { question, options, seconds })
}

/// Raw mode while it lives: keys arrive one by one. The terminal gets its own ways back however the program leaves.
pub struct Raw;

impl Raw {
    pub fn enter() -> std::io::Result<Raw> {
        crossterm::terminal::enable_raw_mode()?;
        Ok(Raw)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(keys: &mut Keys, text: &str) -> Option<Command> {
        let mut last = None;
        for letter in text.chars() {
            let code = match letter {
                '\n' => KeyCode::Enter,
                '\u{8}' => KeyCode::Backspace,
                letter => KeyCode::Char(letter),
            };
            last = keys.press(KeyEvent::new(code, KeyModifiers::NONE));
        }
        last
    }

    #[test]
    fn a_poll_is_typed_in_one_line() {
        let mut keys = Keys::default();
        assert_eq!(press(&mut keys, "p"), None);
        assert!(keys.prompt().is_some());
        let poll = press(&mut keys, "Next?? \u{8}| Blues / Soul |60\n");
        assert_eq!(
            poll,
            Some(Command::Poll { question: "Next??".into(), options: vec!["Blues".into(), "Soul".into()], seconds: Some(60) })
        );
        assert_eq!(keys.prompt(), None);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for bad in ["pNext?\n", "pNext?|one\n", "pNext?|a/b|5\n", "p|a/b\n", "x"] {
            assert!(matches!(press(&mut Keys::default(), bad), Some(Command::Say(_))), "{bad:?}");
        }
    }

    #[test]
    fn letters_in_a_question_are_no_commands_and_escape_leaves_it() {
        let mut keys = Keys::default();
        press(&mut keys, "aquit");
        assert_eq!(press(&mut keys, "\n"), Some(Command::Announce("quit".into())));
        press(&mut keys, "m");
        assert_eq!(keys.press(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE)), None);
        assert_eq!(press(&mut keys, "q"), Some(Command::End));
        press(&mut keys, "m");
        assert_eq!(keys.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Command::Interrupt));
        press(&mut keys, "m");
        assert_eq!(press(&mut keys, "Prince - Kiss\n"), Some(Command::Correct(Some("Prince".into()), "Kiss".into())));
    }
}
