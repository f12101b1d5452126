

use schemas::SessionId;

/// Facts of one session, as the broker republishes them.
pub fn feed(session: &SessionId) -> String {
    format!("feed.{session}")
}

/// Derived state of one session, as the broker republishes it.
pub fn feed_states(session: &SessionId) -> String {
    format!("feed.{session}.*")
}

pub fn applause(session: &SessionId) -> String {
    format!("note.{session}.applause")
}
