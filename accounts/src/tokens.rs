//! Making secrets. Each begins with what it is, so that whoever finds one in the wrong place knows; only its hash is kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemas::secrets::token_hash;
use schemas::{AccountId, Millis};
use std::time::Duration;
use store::{Secret, SecretKind};

/// A secret as it is given out, once, and what is kept of it.
pub(crate) struct Fresh {
    pub shown: String,
    pub kept: Secret,
}

/// What a secret of this kind begins with.
const fn prefix(kind: SecretKind) -> &'static str {
    match kind {
        SecretKind::Session => "pk_ses_",
        SecretKind::Refresh => "pk_ref_",
        SecretKind::VerifyEmail | SecretKind::ChangeEmail => "pk_ver_",
        SecretKind::ResetPassword => "pk_res_",
        SecretKind::Ticket => "pk_tic_",
        SecretKind::Device => "pk_dev_",
        SecretKind::DeviceCode => "",
        SecretKind::Login => "pk_log_",
    }
}

/// Longer is no secret of ours, and is not worth hashing.
const LONGEST: usize = 200;

/// What a shown secret is found under, if it can be one of this kind.
pub(crate) fn hash_of(kind: SecretKind, shown: &str) -> Option<String> {
    (shown.len() <= LONGEST && shown.starts_with(prefix(kind))).then(|| token_hash(shown))
}

pub(crate) fn fresh(kind: SecretKind, account: Option<AccountId>, holds: Duration, now: Millis) -> Fresh {
    let bytes: [u8; 32] = rand::random();
    of(kind, format!("{}{}", prefix(kind), URL_SAFE_NO_PAD.encode(bytes)), account, holds, now)
}

/// Letters and digits that are not taken for each other when somebody reads one screen and types into another.
const READABLE: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";

/// Eight letters in two groups: 34 bits, which ten minutes and a limit on tries make enough.
pub(crate) fn readable(account: Option<AccountId>, holds: Duration, now: Millis) -> Fresh {
    let letter = |_| {
        let at = rand::random_range(0..READABLE.len());
        char::from(READABLE[at])
    };
    let (one, other): (String, String) = ((0..4).map(letter).collect(), (0..4).map(letter).collect());
    of(SecretKind::DeviceCode, format!("{one}-{other}"), account, holds, now)
}

/// A code as its reader meant it, however they typed it.
pub(crate) fn meant(typed: &str) -> Option<String> {
    let letters: String = typed.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_uppercase()).take(9).collect();
    let fits = letters.len() == 8 && letters.bytes().all(|b| READABLE.contains(&b));
    fits.then(|| format!("{}-{}", &letters[..4], &letters[4..]))
}

fn of(kind: SecretKind, shown: String, account: Option<AccountId>, holds: Duration, now: Millis) -> Fresh {
    let kept = Secret {
        sha256: token_hash(&shown),
        kind,
        account,
        family: String::new(),
        label: String::new(),
        created_at: now,
        expires_at: now.after(holds),
        last_used: None,
        used_at: None,
        about: String::new(),
    };
    Fresh { shown, kept }
}

/// A DJ's token, in the form that 0.3.0 made: a UUID of version 4 behind its prefix.
pub(crate) fn dj_token() -> String {
    let mut b: [u8; 16] = rand::random();
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    let hex: String = b.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{DJ_TOKEN}{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

pub(crate) const DJ_TOKEN: &str = "pk_dj_";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_says_what_it_is_and_is_kept_as_a_hash() {
        let made = fresh(SecretKind::Session, None, Duration::from_secs(1), Millis(1_000));
        assert!(made.shown.starts_with("pk_ses_") && made.shown.len() == 7 + 43, "{}", made.shown);
        assert_eq!(hash_of(SecretKind::Session, &made.shown), Some(made.kept.sha256.clone()));
        assert_eq!(hash_of(SecretKind::Refresh, &made.shown), None, "one kind never stands for another");
        assert_eq!(hash_of(SecretKind::Session, &format!("pk_ses_{}", "x".repeat(300))), None);
        assert_eq!(made.kept.expires_at, Millis(2_000));
    }

    #[test]
    fn a_code_is_understood_however_it_is_typed() {
        let code = readable(None, Duration::from_secs(1), Millis(0));
        for typed in [code.shown.clone(), code.shown.to_lowercase(), code.shown.replace('-', ""), format!(" {} ", code.shown)] {
            assert_eq!(meant(&typed).as_deref(), Some(code.shown.as_str()));
        }
        for bad in ["", "BCDF", "BCDF-GHJKL", "AEIO-UYAE", "BCDF-GHJé"] {
            assert_eq!(meant(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_djs_token_has_the_form_that_its_clients_know() {
        let token = dj_token();
        let parts: Vec<&str> = token.strip_prefix("pk_dj_").unwrap().split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{token}");
    }
}
