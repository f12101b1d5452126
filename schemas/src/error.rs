//! The one table of failures that the world sees: a stable code, the words, the HTTP status, and whether trying again helps.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    InvalidMessage,
    UnknownMessage,
    TooLarge,
    BadSessionId,
    Unauthorized,
    WrongPassword,
    Forbidden,
    NotOwner,
    SessionTaken,
    AnonymousRefused,
    SessionNotFound,
    SessionOver,
    NotSubscribed,
    TrackNotFound,
    AlreadyLiked,
    PollNotFound,
    PollActive,
    InvalidOption,
    TrackRate,
    LikeRate,
    Rate,
    TooManyConnections,
    NotFound,
    MethodNotAllowed,
    Conflict,
    Unavailable,
    Internal,
}

impl Code {
    pub const ALL: [Code; 27] = [
        Code::InvalidMessage,
        Code::UnknownMessage,
        Code::TooLarge,
        Code::BadSessionId,
        Code::Unauthorized,
        Code::WrongPassword,
        Code::Forbidden,
        Code::NotOwner,
        Code::SessionTaken,
        Code::AnonymousRefused,
        Code::SessionNotFound,
        Code::SessionOver,
        Code::NotSubscribed,
        Code::TrackNotFound,
        Code::AlreadyLiked,
        Code::PollNotFound,
        Code::PollActive,
        Code::InvalidOption,
        Code::TrackRate,
        Code::LikeRate,
        Code::Rate,
        Code::TooManyConnections,
        Code::NotFound,
        Code::MethodNotAllowed,
        Code::Conflict,
        Code::Unavailable,
        Code::Internal,
    ];

    /// `(code, words, HTTP status, trying again may help)`.
    const fn row(self) -> (&'static str, &'static str, u16, bool) {
        match self {
            Code::InvalidMessage => ("invalid_message", "Invalid message", 400, false),
            Code::UnknownMessage => ("unknown_message", "Unknown message type", 400, false),
            Code::TooLarge => ("too_large", "Message too large", 413, false),
            Code::BadSessionId => ("bad_session_id", "Invalid session id", 400, false),
            Code::Unauthorized => ("unauthorized", "Invalid or missing token", 401, false),
            Code::WrongPassword => ("wrong_password", "Invalid email or password", 401, false),
            Code::Forbidden => ("forbidden", "Not allowed", 403, false),
            Code::NotOwner => ("not_owner", "Not authorized for this session", 403, false),
            Code::SessionTaken => ("session_taken", "Session belongs to another DJ", 403, false),
            Code::AnonymousRefused => ("anonymous_refused", "A DJ token is required to go live", 401, false),
            Code::SessionNotFound => ("session_not_found", "Session not found", 404, false),
            Code::SessionOver => ("session_over", "Session has ended", 404, false),
            Code::NotSubscribed => ("not_subscribed", "Not subscribed to a session", 400, false),
            Code::TrackNotFound => ("track_not_found", "Track not found", 404, false),
            Code::AlreadyLiked => ("already_liked", "Already liked this track", 409, false),
            Code::PollNotFound => ("poll_not_found", "Poll not found or already ended", 404, false),
            Code::PollActive => ("poll_active", "A poll is already active", 409, false),
            Code::InvalidOption => ("invalid_option", "Invalid option index", 400, false),
            Code::TrackRate => ("track_rate", "Rate limit exceeded (wait 5s)", 429, true),
            Code::LikeRate => ("like_rate", "Rate limit exceeded (max 10/min)", 429, true),
            Code::Rate => ("rate", "Rate limit exceeded", 429, true),
            Code::TooManyConnections => ("too_many_connections", "Too many connections from this address", 429, true),
            Code::NotFound => ("not_found", "Not found", 404, false),
            Code::MethodNotAllowed => ("method_not_allowed", "Method not allowed", 405, false),
            Code::Conflict => ("conflict", "Conflict", 409, false),
            Code::Unavailable => ("unavailable", "Temporarily unavailable", 503, true),
            Code::Internal => ("internal", "Internal error", 500, true),
        }
    }

    /// The stable string that programs may compare.
    pub const fn code(self) -> &'static str {
        self.row().0
    }

    /// The words that a NACK or an error body carries; 0.3.0 clients show them.
    pub const fn words(self) -> &'static str {
        self.row().1
    }

    pub const fn status(self) -> u16 {
        self.row().2
    }

    /// Whether the same message, sent again under the same `messageId`, may succeed.
    pub const fn retry(self) -> bool {
        self.row().3
    }
}

/// Why a message was refused: the code, and words of its own where they help the sender to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .detail.as_deref().unwrap_or(.code.words()))]
pub struct Refusal {
    pub code: Code,
    pub detail: Option<String>,
}

impl Refusal {
    pub fn with(code: Code, detail: impl Into<String>) -> Self {
        Refusal { code, detail: Some(detail.into()) }
    }

    pub fn body(&self) -> ErrorBody {
        ErrorBody { error: self.to_string(), code: self.code.code() }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Refusal { code, detail: None }
    }
}

/// The body of every HTTP error.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorBody {
    pub error: String,
    pub code: &'static str,
}

/// Why a socket is closed. 1008 and 4400 to 4499: do not come back as you are; 1012 and 4500 to 4599: come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    TooLarge,
    BadMessages,
    TooManyConnections,
    GoingAway,
    Slow,
    Replaced,
    SignedOut,
    Unavailable,
}

impl Close {
    pub const fn code(self) -> u16 {
        match self {
            Close::TooLarge => 1009,
            Close::BadMessages => 1008,
            Close::TooManyConnections => 4429,
            Close::GoingAway => 1012,
            Close::Slow => 4508,
            Close::Replaced => 4409,
            Close::SignedOut => 4401,
            Close::Unavailable => 4503,
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Close::TooLarge => "message too large",
            Close::BadMessages => "too many invalid messages",
            Close::TooManyConnections => "too many connections from this address",
            Close::GoingAway => "server is restarting",
            Close::Slow => "reading too slowly",
            Close::Replaced => "another connection took this session over",
            Close::SignedOut => "signed out",
            Close::Unavailable => "temporarily unavailable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = Code::ALL.iter().map(|c| c.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
    }
}
