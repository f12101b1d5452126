//! The identity cookie, read and written in one place, so that a page and a socket mean the same person by it.

use crate::ids::PersonId;
use crate::secrets::{COOKIE, ClusterKey, SECURE_COOKIE};

const YEAR_SECONDS: u32 = 365 * 24 * 3600;

/// The person of a `Cookie` header. A cookie we did not sign counts as none, and the name that only HTTPS may set goes
/// before the plain one, which a neighbouring host could have planted.
pub fn person_of(header: Option<&str>, key: &ClusterKey) -> Option<PersonId> {
    let header = header?;
    [SECURE_COOKIE, COOKIE].into_iter().find_map(|name| values(header, name).find_map(|value| key.open_person(value)))
}

/// The `Set-Cookie` value that makes a browser this person for a year.
pub fn set_cookie(person: PersonId, key: &ClusterKey, https: bool) -> String {
    let (name, secure) = if https { (SECURE_COOKIE, "; Secure") } else { (COOKIE, "") };
    format!("{name}={}; Path=/; Max-Age={YEAR_SECONDS}; HttpOnly; SameSite=Lax{secure}", key.seal_person(person))
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
