//! What no line of any process may tell: secrets, tokens, passwords, and addresses of people, of either kind.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::process::SECRET;

/// What secrets of ours begin with; who reads the rest of one can use it.
const SECRETS: [&str; 9] = ["pk_dj_", "pk_own_", "pk_ses_", "pk_ref_", "pk_ver_", "pk_res_", "pk_tic_", "pk_dev_", "pk_log_"];
/// Hashes of passwords, and what stories sign in with.
const WORDS: [&str; 5] = ["$argon2", "$2b$", "$2y$", "blue suede shoes", SECRET];

/// What a line tells that it must not, if anything.
pub fn leak(line: &str) -> Option<&'static str> {
    let secret = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let long = |text: &str, least: usize| text.chars().take_while(|c| secret(*c)).count() >= least;
    if SECRETS.iter().any(|prefix| line.match_indices(prefix).any(|(at, _)| long(&line[at + prefix.len()..], 8))) {
        return Some("a secret");
    }
    if line.match_indices("eyJ").any(|(at, _)| long(&line[at..], 20)) {
        return Some("a signed token");
    }
    if WORDS.iter().any(|word| line.contains(word)) {
        return Some("a password or a key");
    }
    if line.match_indices('@').any(|(at, _)| is_mail(&line[..at], &line[at + 1..])) {
        return Some("an e-mail address");
    }
    let part = |c: char| !(c.is_ascii_hexdigit() || matches!(c, '.' | ':'));
    line.split(part).any(is_somewhere).then_some("where somebody came from")
}

fn is_mail(before: &str, after: &str) -> bool {
    let in_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '+' | '-');
    let host: String = after.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '.' | '-')).collect();
    before.ends_with(in_name) && host.trim_matches('.').contains('.')
}

/// An address of a network, but for the ones that processes of a story listen on: 127.0.0.1, and what a store has of loopback for
/// itself. People of a story come from the rest of 127.0.0.0/24. With its port or without.
fn is_somewhere(text: &str) -> bool {
    let text = text.trim_matches([':', '.']);
    let host = text.split_once(':').map_or(text, |(host, _)| host);
    if let Ok(v4) = host.parse::<Ipv4Addr>() {
        return match v4.octets() {
            [127, 0, 0, last] => last != 1,
            [127, ..] | [0, 0, 0, 0] => false,
            _ => true,
        };
    }
    // Paths of modules and times of day have colons too.
    text.split(':').filter(|group| !group.is_empty()).count() >= 3 && text.parse::<Ipv6Addr>().is_ok()
}
