//! What an operator may set.

use std::time::Duration;

use schemas::Role;

use crate::providers::Provider;

#[derive(Clone, Debug)]
pub struct Config {
    /// Where people reach this Pika, without a slash at the end. Links in letters begin with it, and access tokens name it.
    pub public_url: String,
    /// Roles that come with a new account, beside that of a dancer. Clients of 0.3.0 sign up to go live, so it is `dj`.
    pub new_roles: Vec<Role>,
    /// How long a browser stays signed in.
    pub session: Duration,
    /// How long an app does. Its tokens are renewed within.
    pub app_session: Duration,
    /// How long an access token holds, at most a day.
    pub access: Duration,
    /// How long a refresh token may lie unused.
    pub refresh: Duration,
    /// How long a code in a letter holds: one that verifies an address, and one that lets in without the password.
    pub verify: Duration,
    pub reset: Duration,
    /// How long a ticket opens a socket.
    pub ticket: Duration,
    /// How long a device waits to be let in, and how often it may ask.
    pub device: Duration,
    pub device_poll: Duration,
    /// A DJ's token that nobody used for so long is removed. Zero: never.
    pub token_unused: Duration,
    /// How long an entry of the audit log is kept.
    pub audit_kept: Duration,
    /// What an answer to a sign-in takes at least, right or wrong, known or not: above what any hash that we keep takes to check.
    pub sign_in_floor: Duration,
    pub hashing: Hashing,
    /// Who else says who somebody is.
    pub providers: Vec<Provider>,
    /// How long a way to a provider and back may take.
    pub login: Duration,
}

/// What a password's hash costs. The floor is what OWASP asks of argon2id: 19 MiB, two passes, one lane.
#[derive(Clone, Copy, Debug)]
pub struct Hashing {
    pub memory_kib: u32,
    /// None: as many passes as fit into [`Hashing::target`] on this machine, from two to six.
    pub passes: Option<u32>,
    pub target: Duration,
    /// Threads that hash. They are nice to everything else on the machine: dancers come before sign-ins.
    pub threads: usize,
    /// Passwords that wait for a thread. Whoever comes when it is full is told to come again: a second's work is enough to wait for.
    pub queue: usize,
}

impl Default for Hashing {
    fn default() -> Self {
        Hashing { memory_kib: 19 * 1024, passes: None, target: Duration::from_millis(50), threads: 1, queue: 64 }
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Default for Config {
    fn default() -> Self {
        Config {
            public_url: "http://127.0.0.1:3001".to_owned(),
            new_roles: vec![Role::Dj],
            session: 7 * DAY,
            app_session: 90 * DAY,
            access: Duration::from_secs(15 * 60),
            refresh: 30 * DAY,
            verify: DAY,
            reset: Duration::from_secs(3600),
            ticket: Duration::from_secs(30),
            device: Duration::from_secs(10 * 60),
            device_poll: Duration::from_secs(5),
            token_unused: 30 * DAY,
            audit_kept: 365 * DAY,
            sign_in_floor: Duration::from_millis(250),
            hashing: Hashing::default(),
            providers: Vec::new(),
            login: Duration::from_secs(10 * 60),
        }
    }
}
