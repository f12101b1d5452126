//! How values for which databases have no type of their own are spelled: the same words in every backend, so that a row of one can be
//! read with the eyes used to the other.

use schemas::client::Preference;
use schemas::fact::EndReason;
use schemas::{Millis, OpKey, Seq};

use crate::rows::PollStatus;

/// The minute that a moment lies in: last uses are kept no finer, so that a busy token is not a write for each request.
pub fn minute(at: Millis) -> Millis {
    Millis(at.0 - at.0.rem_euclid(60_000))
}

pub fn of_reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Ended => "ended",
        EndReason::Grace => "grace",
        EndReason::Idle => "idle",
        EndReason::Age => "age",
        EndReason::Lost => "lost",
    }
}

pub fn reason(word: &str) -> Result<EndReason, String> {
    match word {
        "ended" => Ok(EndReason::Ended),
        "grace" => Ok(EndReason::Grace),
        "idle" => Ok(EndReason::Idle),
        "age" => Ok(EndReason::Age),
        "lost" => Ok(EndReason::Lost),
        other => Err(format!("no reason to end a run is called {other:?}")),
    }
}

pub fn of_preference(preference: Preference) -> &'static str {
    match preference {
        Preference::Faster => "faster",
        Preference::Slower => "slower",
        Preference::Perfect => "perfect",
        Preference::Clear => "clear",
    }
}

pub fn preference(word: &str) -> Result<Preference, String> {
    match word {
        "faster" => Ok(Preference::Faster),
        "slower" => Ok(Preference::Slower),
        "perfect" => Ok(Preference::Perfect),
        "clear" => Ok(Preference::Clear),
        other => Err(format!("no tempo wish is called {other:?}")),
    }
}

/// A poll's status as the columns hold it.
pub struct Status {
    pub word: &'static str,
    pub void: bool,
    pub close: Option<(Seq, Millis)>,
}

impl From<PollStatus> for Status {
    fn from(status: PollStatus) -> Self {
        match status {
            PollStatus::Open => Status { word: "open", void: false, close: None },
            PollStatus::Closing { close, at, void } => Status { word: "closing", void, close: Some((close, at)) },
            PollStatus::Closed { close, at } => Status { word: "closed", void: false, close: Some((close, at)) },
            PollStatus::Cancelled { close, at } => Status { word: "cancelled", void: true, close: Some((close, at)) },
        }
    }
}

pub fn status(word: &str, void: bool, close: Option<(Seq, Millis)>) -> Result<PollStatus, String> {
    match (word, close) {
        ("open", None) => Ok(PollStatus::Open),
        ("closing", Some((close, at))) => Ok(PollStatus::Closing { close, at, void }),
        ("closed", Some((close, at))) => Ok(PollStatus::Closed { close, at }),
        ("cancelled", Some((close, at))) => Ok(PollStatus::Cancelled { close, at }),
        (other, close) => Err(format!("no poll is {other:?} with close {close:?}")),
    }
}

/// One after the other, 16 bytes each.
pub fn of_ops(ops: &[OpKey]) -> Vec<u8> {
    ops.iter().flat_map(|op| op.0).collect()
}

pub fn ops(bytes: &[u8]) -> Result<Vec<OpKey>, &'static str> {
    match bytes.as_chunks() {
        (ops, []) => Ok(ops.iter().copied().map(OpKey).collect()),
        (_, _) => Err("not a whole number of messageIds"),
    }
}

/// Names compare without case, in any alphabet, and the spaces around them do not count.
pub fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}
