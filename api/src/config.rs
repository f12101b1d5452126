//! What an operator may set.

use std::time::Duration;

use crate::limits::Rates;

#[derive(Clone, Debug)]
pub struct Config {
    /// Where people reach this Pika, without a slash at the end. Join links and QR codes begin with it.
    pub public_url: String,
    /// Whether browsers come over HTTPS. Then the identity cookie is `Secure` under its `__Host-` name, and browsers are told
    /// never to come without.
    pub https: bool,
    /// Other origins whose pages may call with credentials, each exactly as a browser writes it (`https://pika.stream`).
    pub origins: Vec<String>,
    /// How long an answer may wait for the store before it is a 503.
    pub store_deadline: Duration,
    /// How long `/health` waits for the store: shorter than what load balancers wait for it.
    pub health_deadline: Duration,
    /// How long the figures over all evenings are given out again before they are counted anew. They are open to anyone, and
    /// counting them reads much.
    pub stats_fresh: Duration,
    /// The same for the list of evenings that ended last. A home page shows it to everyone who comes, and a CQL store looks each of its
    /// evenings up by itself.
    pub recent_fresh: Duration,
    /// How often it is looked for what was kept long enough.
    pub sweep: Duration,
    /// How often somebody may try what costs much or what guessers do.
    pub rates: Rates,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            public_url: "http://127.0.0.1:3001".to_owned(),
            https: false,
            origins: Vec::new(),
            store_deadline: Duration::from_secs(3),
            health_deadline: Duration::from_secs(1),
            stats_fresh: Duration::from_secs(10),
            recent_fresh: Duration::from_secs(2),
            sweep: Duration::from_secs(3600),
            rates: Rates::default(),
        }
    }
}

impl Config {
    pub(crate) fn join_url(&self, code: &str) -> String {
        format!("{}/j/{code}", self.public_url.trim_end_matches('/'))
    }
}
