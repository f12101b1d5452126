//! What an operator may set.

use std::time::Duration;

use crate::endpoint::Services;

#[derive(Clone, Debug)]
pub struct Config {
    /// Whom a push service may turn to: `mailto:…` or `https://…`.
    pub contact: String,
    pub services: Services,
    /// Browsers that one person may have subscribed. One more, and the one that was seen longest ago goes.
    pub browsers: usize,
    /// How long a browser that was at a session is told of its announcements. A session lasts a day at most.
    pub follow: Duration,
    /// An announcement that is older is not pushed any more: whoever hears "the social starts in five minutes" half an hour later was
    /// told something wrong.
    pub late: Duration,
    /// Browsers that one announcement goes to at most: those that were at the session last.
    pub followers: usize,
    /// Requests under way, to all push services and to each. All together are more than the usual services may have when each one hangs.
    pub requests: usize,
    pub requests_each: usize,
    /// What one request may take.
    pub deadline: Duration,
    /// How often a browser is tried whose push service fails. One that asks to wait does not fail.
    pub tries: u32,
    /// How long a claim holds without being renewed: after a kill the next worker waits at most that long.
    pub hold: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            contact: "https://localhost".to_owned(),
            services: Services::default(),
            browsers: 8,
            follow: Duration::from_secs(24 * 3_600),
            late: Duration::from_secs(600),
            followers: 20_000,
            requests: 256,
            requests_each: 16,
            deadline: Duration::from_secs(5),
            tries: 5,
            hold: Duration::from_secs(6),
        }
    }
}
