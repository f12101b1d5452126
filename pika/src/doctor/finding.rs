//! One thing that was looked at.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Fine,
    Warning,
    Fault,
}

#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub level: Level,
    pub what: &'static str,
    pub words: String,
    /// What to do; nothing where nothing is wrong.
    pub mend: Option<String>,
}

impl Finding {
    pub fn fine(what: &'static str, words: impl Into<String>) -> Self {
        Finding { level: Level::Fine, what, words: words.into(), mend: None }
    }

    pub fn warning(what: &'static str, words: impl Into<String>, mend: impl Into<String>) -> Self {
        Finding { level: Level::Warning, what, words: words.into(), mend: Some(mend.into()) }
    }

    pub fn fault(what: &'static str, words: impl Into<String>, mend: impl Into<String>) -> Self {
        Finding { level: Level::Fault, what, words: words.into(), mend: Some(mend.into()) }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = match self.level {
            Level::Fine => "ok   ",
            Level::Warning => "warn ",
            Level::Fault => "FAULT",
        };
        write!(f, "{mark} {:<10} {}", self.what, self.words)?;
        match &self.mend {
            Some(mend) => write!(f, "\n                 -> {mend}"),
            None => Ok(()),
        }
    }
}
