//! Passwords: which are good enough, and their hashes. Hashing is slow on purpose, so it has threads of its own that are nice to
//! everything else, and a queue that says no before it grows long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use parking_lot::Mutex;
use store::PasswordHash;
use tokio::sync::{mpsc, oneshot};
use zxcvbn::Score;

use crate::config::Hashing;
use crate::error::AccountError;
use crate::metrics;

/// Characters of a password. More would only be work for us.
pub const LENGTH: std::ops::RangeInclusive<usize> = 8..=128;
/// Below this a hash is made anew when its owner signs in, whatever this machine would take.
const FLOOR_MEMORY_KIB: u32 = 19 * 1024;
const FLOOR_PASSES: u32 = 2;
const MOST_PASSES: u32 = 6;
/// What checking a hash of elsewhere may cost at most: bcrypt's work, and argon2's memory times its passes in KiB, as Bun makes it
/// (64 MiB, twice). Both take less than the quarter of a second that every sign-in takes, so that nobody is told apart by theirs.
const BCRYPT_COST: u32 = 12;
const ARGON_WORK: u64 = 2 * 64 * 1024;
/// How much hashing gives way to other threads: the scheduler then gives it about a tenth of a busy core.
const NICE: i32 = 10;

type Work = Box<dyn FnOnce(&Argon2<'static>) + Send>;

pub(crate) struct Passwords {
    work: mpsc::Sender<Work>,
    waiting: Arc<AtomicUsize>,
    /// What an unknown person's password is compared with, so that it takes as long.
    nobodys: PasswordHash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    pub right: bool,
    /// The hash is weaker than today's.
    pub weak: bool,
}

impl Passwords {
    pub fn start(config: &Hashing) -> Self {
        let memory = config.memory_kib.max(FLOOR_MEMORY_KIB);
        let passes = config.passes.unwrap_or_else(|| tuned(memory, config.target)).max(FLOOR_PASSES);
        let argon = argon(memory, passes);
        let nobodys = PasswordHash(make(&argon, "nobody has this password"));
        let (work, arriving) = mpsc::channel::<Work>(config.queue.max(1));
        let arriving = Arc::new(Mutex::new(arriving));
        for _ in 0..config.threads.max(1) {
            let (arriving, argon) = (arriving.clone(), argon.clone());
            let hash = move || {
                // On Linux this is of the calling thread alone. Where it is not allowed hashing is merely not nice.
                let _ = rustix::process::setpriority_process(None, NICE);
                loop {
                    let next = arriving.lock().blocking_recv();
                    match next {
                        Some(work) => work(&argon),
                        None => break,
                    }
                }
            };
            if let Err(error) = std::thread::Builder::new().name("passwords".to_owned()).spawn(hash) {
                tracing::error!(%error, "a thread for passwords could not be started");
            }
        }
        Passwords { work, waiting: Arc::default(), nobodys }
    }

    /// A hash for a new password, if it is good enough. `about` is what a guesser would try first: the person's name and address.
    pub async fn hash(&self, password: &str, about: &[&str]) -> Result<PasswordHash, AccountError> {
        if !LENGTH.contains(&password.chars().count()) {
            return Err(AccountError::invalid(format!("password must have {} to {} characters", LENGTH.start(), LENGTH.end())));
        }
        let password = password.to_owned();
        let about: Vec<String> = about.iter().map(|word| (*word).to_owned()).collect();
        self.on_a_thread(move |argon| {
            if common(&password, &about) {
                return Err(AccountError::invalid("password is too easy to guess; take a longer one, or several words"));
            }
            Ok(PasswordHash(make(argon, &password)))
        })
        .await?
    }

    /// A new hash for a password that is in use, whatever is thought of it today.
    pub async fn rehash(&self, password: &str) -> Result<PasswordHash, AccountError> {
        let password = password.to_owned();
        self.on_a_thread(move |argon| PasswordHash(make(argon, &password))).await
    }

    /// Compares. Without a hash it takes as long and is wrong.
    pub async fn check(&self, password: &str, hash: Option<&PasswordHash>) -> Result<Checked, AccountError> {
        // Longer can be nobody's, and need not be worked on; its length says nothing about an account.
        if password.chars().count() > *LENGTH.end() {
            return Ok(Checked { right: false, weak: false });
        }
        let known = hash.is_some();
        let (password, hash) = (password.to_owned(), hash.unwrap_or(&self.nobodys).clone());
        let checked = self.on_a_thread(move |_| check(&password, &hash)).await?;
        Ok(Checked { right: checked.right && known, ..checked })
    }

    async fn on_a_thread<T: Send + 'static>(&self, work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static) -> Result<T, AccountError> {
        let asked = Instant::now();
        let (answer, answered) = oneshot::channel();
        let waiting = self.waiting.clone();
        metrics::passwords_waiting(waiting.fetch_add(1, Ordering::Relaxed) + 1);
        let work: Work = Box::new(move |argon| {
            metrics::passwords_waiting(waiting.fetch_sub(1, Ordering::Relaxed) - 1);
            // Whoever has gone away is not worked for.
            if !answer.is_closed() {
                let _ = answer.send(work(argon));
            }
        });
        if self.work.try_send(work).is_err() {
            metrics::passwords_waiting(self.waiting.fetch_sub(1, Ordering::Relaxed) - 1);
            return Err(AccountError::Busy);
        }
        let answer = answered.await.map_err(|_| AccountError::Busy);
        metrics::password_took(asked.elapsed());
        answer
    }
}

fn argon(memory_kib: u32, passes: u32) -> Argon2<'static> {
    let params = Params::new(memory_kib, passes, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn make(argon: &Argon2, password: &str) -> String {
    // It fails for parameters that cannot be, and ours are checked above.
    argon.hash_password(password.as_bytes()).map(|hash| hash.to_string()).unwrap_or_default()
}

/// As many passes as fit into the target here.
fn tuned(memory_kib: u32, target: Duration) -> u32 {
    let argon = argon(memory_kib, FLOOR_PASSES);
    let best = (0..3).map(|_| {
        let began = Instant::now();
        let _ = make(&argon, "how long does this take?");
        began.elapsed()
    });
    let pass = best.min().unwrap_or_default().as_secs_f64() / f64::from(FLOOR_PASSES);
    let fits = (target.as_secs_f64() / pass.max(1e-6)) as u32;
    fits.clamp(FLOOR_PASSES, MOST_PASSES)
}

fn check(password: &str, hash: &PasswordHash) -> Checked {
    if hash.0.starts_with("$2") {
        // What Pika made before. It is made anew with the password in hand.
        return Checked { right: bcrypt::verify(password, &hash.0).unwrap_or(false), weak: true };
    }
    let Ok(phc) = Phc::new(&hash.0) else { return Checked { right: false, weak: false } };
    let right = Argon2::default().verify_password(password.as_bytes(), &phc).is_ok();
    let weak = Params::try_from(&phc).map_or(true, |params| {
        phc.algorithm.as_str() != "argon2id" || params.m_cost() < FLOOR_MEMORY_KIB || params.t_cost() < FLOOR_PASSES
    });
    Checked { right, weak }
}

/// Whether a sign-in can check this hash of elsewhere, and in time.
pub(crate) fn can_be_checked(hash: &str) -> Result<(), AccountError> {
    let bcrypt = ["$2a$", "$2b$", "$2y$"].iter().any(|form| hash.starts_with(form)) && hash.is_ascii();
    let in_time = if bcrypt {
        hash.parse::<bcrypt::HashParts>().ok().map(|parts| parts.get_cost() <= BCRYPT_COST)
    } else {
        let params = Phc::new(hash).ok().filter(|phc| phc.algorithm.as_str() == "argon2id").and_then(|phc| Params::try_from(&phc).ok());
        params.map(|params| u64::from(params.m_cost()) * u64::from(params.t_cost()) <= ARGON_WORK)
    };
    match in_time {
        Some(true) => Ok(()),
        Some(false) => Err(AccountError::invalid(format!(
            "the hash takes too long to check: bcrypt's cost is {BCRYPT_COST} at most, argon2id's memory times its passes {} MiB",
            ARGON_WORK / 1024
        ))),
        None => Err(AccountError::invalid("the hash is neither argon2id's nor bcrypt's")),
    }
}

/// Whether a program that knows lists of passwords, words, names and keyboards finds it within a million guesses.
fn common(password: &str, about: &[String]) -> bool {
    let about: Vec<&str> = about.iter().map(String::as_str).collect();
    zxcvbn::zxcvbn(password, &about).score() < Score::Two
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn passwords() -> Passwords {
        Passwords::start(&Hashing { passes: Some(2), ..Hashing::default() })
    }

    #[tokio::test]
    async fn a_password_is_its_owners() {
        let passwords = passwords();
        let hash = passwords.hash("blue suede shoes 7", &[]).await.unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        let checked = async |password: &str| passwords.check(password, Some(&hash)).await.unwrap();
        assert_eq!(checked("blue suede shoes 7").await, Checked { right: true, weak: false });
        assert!(!checked("blue suede shoes 8").await.right);
        assert!(!checked("").await.right);
        assert!(!checked(&"x".repeat(10_000)).await.right);
        assert_ne!(passwords.hash("blue suede shoes 7", &[]).await.unwrap(), hash, "two hashes of one password differ by their salt");
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let checked = passwords().check("nobody has this password", None).await.unwrap();
        assert!(!checked.right);
    }

    #[tokio::test]
    async fn what_is_easy_to_guess_is_refused() {
        let passwords = passwords();
        for bad in ["password", "12345678", "qwertyuiop", "iloveyou", "Password1", "aaaaaaaaaaaa", "lovelace1815", "short"] {
            let refused = passwords.hash(bad, &["Ada Lovelace", "ada.lovelace1815@example.org", "lovelace1815"]).await;
            assert!(matches!(refused, Err(AccountError::Invalid(_))), "{bad} was taken");
        }
        assert!(passwords.hash(&"x".repeat(129), &[]).await.is_err());
        assert!(passwords.hash("ż„ó🎧ł slow blues", &[]).await.is_ok());
    }

    #[test]
    fn hashes_of_an_older_pika_hold_and_count_as_weak() {
        // Made by Bun's and by PHP's bcrypt, cost 4.
        let old = bcrypt::hash("blue suede shoes", 4).unwrap();
        for hash in [old.clone(), old.replacen("$2b$", "$2y$", 1), old.replacen("$2b$", "$2a$", 1)] {
            let hash = PasswordHash(hash);
            assert_eq!(check("blue suede shoes", &hash), Checked { right: true, weak: true });
            assert!(!check("blue suede shoe", &hash).right);
        }
        for broken in ["", "$2b$", "$argon2id$", "plain"] {
            assert!(!check("plain", &PasswordHash(broken.to_owned())).right, "{broken}");
        }
        let weak = argon(8, 1).hash_password(b"x").unwrap().to_string();
        assert_eq!(check("x", &PasswordHash(weak)), Checked { right: true, weak: true });
    }

    #[test]
    fn a_hash_of_elsewhere_is_one_that_can_be_checked_in_time() {
        let bcrypt = bcrypt::hash("blue suede shoes", 4).unwrap();
        let cost = |cost: &str| bcrypt.replacen("$04$", &format!("${cost}$"), 1);
        let work = |memory: u32, passes: u32| {
            let hash = argon(8, 1).hash_password(b"x").unwrap().to_string();
            hash.replacen("m=8,t=1", &format!("m={memory},t={passes}"), 1)
        };
        for good in [bcrypt.clone(), cost("12"), work(19 * 1024, 6), work(64 * 1024, 2)] {
            assert_eq!(can_be_checked(&good), Ok(()), "{good}");
        }
        for slow in [cost("13"), cost("31"), work(64 * 1024, 3), work(1024 * 1024, 1), work(8, 1_000_000)] {
            let words = can_be_checked(&slow).unwrap_err().to_string();
            assert!(words.contains("takes too long to check"), "{slow}: {words}");
        }
        let of_another_kind = work(8, 1).replacen("argon2id", "argon2i", 1);
        for bad in ["", "plain", "$2b$", "$2b$é", "$1$md5crypt", "$argon2id$", &cost("99x"), &of_another_kind] {
            let words = can_be_checked(bad).unwrap_err().to_string();
            assert!(words.contains("neither"), "{bad}: {words}");
        }
    }

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_told_so() {
        let passwords = Passwords::start(&Hashing { passes: Some(2), queue: 2, ..Hashing::default() });
        let asked = (0..20).map(|_| passwords.check("x", None));
        let answers: Vec<_> = futures_util::future::join_all(asked).await;
        let busy = answers.iter().filter(|answer| **answer == Err(AccountError::Busy)).count();
        assert!((1..20).contains(&busy), "{answers:?}");
        assert_eq!(passwords.waiting.load(Ordering::Relaxed), 0);
    }
}
