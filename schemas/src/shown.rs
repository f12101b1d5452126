//! What the opening of a socket shows: a ticket, a bearer, or a browser's session. Whose it is only the api can tell, so what comes out is
//! the question to ask it.

use crate::cookie::session_of;
use crate::note::AskToken;
use crate::secrets::token_hash;

/// Longer is nothing of ours, and is not worth a question.
const LONGEST: usize = 2_000;

/// The question about what was shown, or none when nothing was: then the identity cookie says who a guest is. A ticket goes before a
/// bearer and that before a session, because whoever adds one means it.
pub fn question(ticket: Option<&str>, authorization: Option<&str>, cookie: Option<&str>, https: bool) -> Option<AskToken> {
    if let Some(ticket) = ticket {
        return Some(AskToken::by_hash(token_hash(&ticket[..ticket.floor_char_boundary(LONGEST)])));
    }
    if let Some(bearer) = authorization.and_then(bearer) {
        let bearer = &bearer[..bearer.floor_char_boundary(LONGEST)];
        // An access token has its parts joined by dots; nothing else of ours has one.
        return Some(match bearer.contains('.') {
            true => AskToken { access: Some(bearer.to_owned()), ..AskToken::by_hash(String::new()) },
            false => AskToken::by_hash(token_hash(bearer)),
        });
    }
    session_of(cookie, https).filter(|session| !session.is_empty() && session.len() <= LONGEST).map(token_hash).map(AskToken::by_hash)
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_on_purpose_goes_first() {
        let cookie = Some("a=b; pika_session=pk_ses_x");
        let by = |secret: &str| Some(AskToken::by_hash(token_hash(secret)));
        assert_eq!(question(Some("pk_tic_x"), Some("Bearer pk_dj_x"), cookie, false), by("pk_tic_x"));
        assert_eq!(question(None, Some("Bearer pk_dj_x"), cookie, false), by("pk_dj_x"));
        assert_eq!(question(None, None, cookie, false), by("pk_ses_x"));
        assert_eq!(question(None, None, cookie, true), None, "under HTTPS that name can be planted");
        assert_eq!(question(None, Some("Bearer a.b.c"), None, false).and_then(|ask| ask.access), Some("a.b.c".to_owned()));
        for nothing in [None, Some(""), Some("Bearer"), Some("Bearer  "), Some("Basic x")] {
            assert_eq!(question(None, nothing, Some("pika_id=x"), false), None);
        }
        assert_eq!(question(None, None, Some("pika_session="), false), None, "a browser that was signed out");
    }
}
