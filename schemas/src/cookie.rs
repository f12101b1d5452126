//! The identity cookie, read and written in one place, so that a page and a socket mean the same person by it.

use crate::ids::PersonId;
use crate::secrets::{COOKIE, ClusterKey, SECURE_COOKIE};

const YEAR_SECONDS: u64 = 365 * 24 * 3600;

/// A cookie's name on plain HTTP in development, and under HTTPS the one with the `__Host-` prefix, which no neighbouring host can plant.
struct Name {
    plain: &'static str,
    secure: &'static str,
}

const IDENTITY: Name = Name { plain: COOKIE, secure: SECURE_COOKIE };
/// Of a signed-in browser.
const SESSION: Name = Name { plain: "pika_session", secure: "__Host-pika_session" };
/// Of a browser that is on its way to a provider and back.
const LOGIN: Name = Name { plain: "pika_login", secure: "__Host-pika_login" };

impl Name {
    fn read<'h>(&self, header: Option<&'h str>, https: bool) -> Option<&'h str> {
        values(header?, if https { self.secure } else { self.plain }).next()
    }

    /// The `Set-Cookie` value that holds for so many seconds; without a value the one that removes it.
    fn set(&self, value: Option<&str>, seconds: u64, https: bool) -> String {
        let (name, secure) = if https { (self.secure, "; Secure") } else { (self.plain, "") };
        let (value, seconds) = value.map_or(("", 0), |value| (value, seconds));
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }
}

/// The person of a `Cookie` header. A cookie we did not sign counts as none, and the name that only HTTPS may set goes
/// before the plain one, which a neighbouring host could have planted.
pub fn person_of(header: Option<&str>, key: &ClusterKey) -> Option<PersonId> {
    let header = header?;
    [IDENTITY.secure, IDENTITY.plain].into_iter().find_map(|name| values(header, name).find_map(|value| key.open_person(value)))
}

/// The `Set-Cookie` value that makes a browser this person for a year.
pub fn set_cookie(person: PersonId, key: &ClusterKey, https: bool) -> String {
    IDENTITY.set(Some(&key.seal_person(person)), YEAR_SECONDS, https)
}

/// The session that a browser shows. Under HTTPS only the name that a neighbouring host cannot plant is believed: whoever plants a
/// session makes a visitor act in somebody else's account.
pub fn session_of(header: Option<&str>, https: bool) -> Option<&str> {
    SESSION.read(header, https)
}

/// The `Set-Cookie` value that signs a browser in for so many seconds; none to sign it out.
pub fn set_session(session: Option<&str>, seconds: u64, https: bool) -> String {
    SESSION.set(session, seconds, https)
}

/// What the browser was given when it set out. Planted by a neighbouring host it would sign a visitor in as somebody else.
pub fn login_of(header: Option<&str>, https: bool) -> Option<&str> {
    LOGIN.read(header, https)
}

/// The `Set-Cookie` value for somebody who sets out; none once they are back. Lax, since a provider's page sends them back.
pub fn set_login(shown: Option<&str>, seconds: u64, https: bool) -> String {
    LOGIN.set(shown, seconds, https)
}

/// A browser may send one name several times, so every value of it is looked at.
fn values<'h>(header: &'h str, name: &'static str) -> impl Iterator<Item = &'h str> {
    header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(move |(n, _)| *n == name)
        .map(|(_, value)| value.trim_matches('"'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn pair(set_cookie: &str) -> &str {
        set_cookie.split(';').next().unwrap()
    }

    #[test]
    fn a_browser_comes_back_as_the_person_it_was_made() {
        let key = ClusterKey::new(b"one");
        for https in [false, true] {
            let person = PersonId::random();
            let set = set_cookie(person, &key, https);
            assert_eq!(person_of(Some(pair(&set)), &key), Some(person));
            assert_eq!(person_of(Some(&format!("theme=dark; {}; lang=nl", pair(&set))), &key), Some(person));
            assert_eq!(person_of(Some(pair(&set)), &ClusterKey::new(b"two")), None);
        }
    }

    #[test]
    fn a_cookie_for_https_is_bound_to_its_host() {
        let set = set_cookie(PersonId::random(), &ClusterKey::new(b"one"), true);
        assert!(set.starts_with("__Host-pika_id="), "{set}");
        for rule in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Max-Age=31536000"] {
            assert!(set.contains(rule), "{set} lacks {rule}");
        }
        assert!(!set.contains("Domain"));
        assert!(!set_cookie(PersonId::random(), &ClusterKey::new(b"one"), false).contains("Secure"));
    }

    #[test]
    fn a_planted_plain_cookie_does_not_displace_the_secure_one() {
        let key = ClusterKey::new(b"one");
        let (mine, planted) = (PersonId::random(), PersonId::random());
        let header = format!("{}; {}", pair(&set_cookie(planted, &key, false)), pair(&set_cookie(mine, &key, true)));
        assert_eq!(person_of(Some(&header), &key), Some(mine));
    }

    #[test]
    fn a_session_is_believed_under_its_own_name_only() {
        let (plain, secure) = (set_session(Some("pk_ses_x"), 60, false), set_session(Some("pk_ses_x"), 60, true));
        assert_eq!((session_of(Some(pair(&plain)), false), session_of(Some(pair(&plain)), true)), (Some("pk_ses_x"), None));
        assert_eq!((session_of(Some(pair(&secure)), true), session_of(Some(pair(&secure)), false)), (Some("pk_ses_x"), None));
        assert!(secure.starts_with("__Host-pika_session=pk_ses_x; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"), "{secure}");
        assert!(set_session(None, 60, true).contains("Max-Age=0"));
        assert_eq!(session_of(None, true), None);
    }

    #[test]
    fn rubbish_is_nobody_and_does_not_hide_a_good_cookie() {
        let key = ClusterKey::new(b"one");
        for rubbish in ["", ";;;", "pika_id", "pika_id=", "pika_id=x.y", "xpika_id=a.b", "=;=;"] {
            assert_eq!(person_of(Some(rubbish), &key), None, "{rubbish:?}");
        }
        assert_eq!(person_of(None, &key), None);
        let person = PersonId::random();
        let header = format!("pika_id=forged.thing; {}", pair(&set_cookie(person, &key, false)));
        assert_eq!(person_of(Some(&header), &key), Some(person));
    }
}
