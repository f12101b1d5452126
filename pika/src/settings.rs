//! Settings: a TOML file, overridden by `PIKA_…` variables, overridden by flags. Unknown keys are errors.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use ipnet::IpNet;
use schemas::Guests;
use serde::{Deserialize, Serialize};

use crate::logins::Login;
use crate::serve::Patience;

mod check;

/// Flags of every subcommand that is or touches a server; each overrides the file and the environment.
#[derive(clap::Args, Serialize, Default)]
pub struct Overrides {
    /// Settings file (TOML). Default: pika.toml in the working directory, if there is one.
    #[arg(long, value_name = "FILE", global = true)]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Address to serve on.
    #[arg(long, value_name = "HOST:PORT", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    /// Data directory.
    #[arg(long, value_name = "DIR", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    /// nats-server addresses, comma-separated.
    #[arg(long, value_name = "URL,…", value_delimiter = ',', global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    nats: Option<Vec<String>>,
    /// Where rows are kept: sqlite:PATH or cql:HOST[:PORT],…[/KEYSPACE].
    #[arg(long, value_name = "STORE", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Loopback counts as a venue's network, and DJs may go live without a token.
    Development,
    Production,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub profile: Profile,
    /// Where this process serves. It binds loopback unless told otherwise.
    pub listen: SocketAddr,
    /// The data directory: rows, the broker's log, the cluster's key.
    pub data: PathBuf,
    /// nats-server addresses. `pika dev` starts its own and ignores this.
    pub nats: Vec<String>,
    /// The nats-server program for `pika dev`. Default: on PATH, else where `make tools` puts it.
    pub nats_server: Option<PathBuf>,
    /// The port of `pika dev`'s own nats-server. 0: a free one, the same again after a restart.
    pub nats_port: u16,
    /// The brokers' monitoring address (http://host:8222), asked at start whether they sync. `pika dev` owns its broker's settings.
    pub nats_monitor_url: Option<String>,
    /// Copies of each stream: 1 on one machine, 3 in a cluster.
    pub replicas: usize,
    /// Streams that the log is spread over: 1, or 4 where one cannot sync fast enough. Settled when they are made.
    pub log_streams: u8,
    /// Days that the log keeps what people said, the same for all roles; days that an evening's rows are kept after its end, 0: for ever;
    /// days that an entry of the audit log is.
    pub stream_days: u64,
    pub evening_days: u64,
    pub audit_days: u64,
    /// How often it is looked for what was kept long enough.
    pub sweep_seconds: u64,
    /// How long a publish waits for the broker before it is answered "Temporarily unavailable".
    pub ack_milliseconds: u64,
    /// Where rows are kept: `sqlite:PATH` or `cql:HOST[:PORT],…[/KEYSPACE]`. Default: pika.sqlite in the data directory.
    pub store: Option<String>,
    /// Who we are to the CQL servers, and the password or the file that holds it.
    pub store_user: Option<String>,
    pub store_password: Option<String>,
    pub store_password_file: Option<PathBuf>,
    /// The CQL data centre that is asked. Default: all of them alike.
    pub store_datacenter: Option<String>,
    /// Copies of each row in each data centre, for a keyspace that `pika migrate` makes. Default: three, or as many as there are servers.
    pub store_replication: Option<usize>,
    /// The cluster's key: at least 32 characters, the same for all roles. `pika dev` makes one in the data directory.
    pub secret: Option<String>,
    /// The same from a file, so that it stands in no environment.
    pub secret_file: Option<PathBuf>,
    /// What backups are encrypted with, at least 32 characters, or the file that holds it. None: they are not encrypted.
    pub backup_key: Option<String>,
    pub backup_key_file: Option<PathBuf>,
    /// The mail server: `smtps://USER:PASSWORD@HOST`, or `smtp://HOST:PORT?tls=required`. None: in development letters go into `mail/` in
    /// the data directory and onto the page /dev/mail; in production nobody gets any.
    pub smtp_url: Option<String>,
    /// Whom letters come from: `Pika <no-reply@pika.dance>`.
    pub mail_from: String,
    /// Keys that browsers subscribe to Web Push with, newest first, or the file that holds them, one a line. `pika dev` makes one in the
    /// data directory; without one there are no notifications.
    pub push_keys: Option<String>,
    pub push_keys_file: Option<PathBuf>,
    /// Whom push services may turn to: `mailto:…` or `https://…`. Default: the public address.
    pub push_contact: Option<String>,
    /// Push services that are pushed to: hosts, `*.` and a domain, or origins. Default: those of the browsers that there are.
    pub push_services: Option<Vec<String>>,
    /// Providers that people may sign in with: `client_id`, `client_secret` or `client_secret_file`, and what each has beside.
    pub google: Option<Login>,
    pub apple: Option<Login>,
    pub github: Option<Login>,
    pub oidc: Option<Login>,
    /// Passes of argon2id over its 19 MiB. Default: as many as fit into 50 ms here, at least two.
    pub password_passes: Option<u32>,
    /// Threads that hash passwords, and how many passwords may wait for one.
    pub password_threads: usize,
    pub password_queue: usize,
    /// Seconds that an access token holds, at most a day.
    pub access_seconds: u64,
    /// Days that a browser stays signed in, and after which an unused DJ token is removed; 0: never removed.
    pub session_days: u64,
    pub token_unused_days: u64,
    /// Multiplies the limits of signing up, in and the like; 0 lifts them.
    pub sign_in_limits: f64,
    /// Where people open the pages. Default: http:// and the listen address.
    pub public_url: Option<String>,
    /// Whether people come over HTTPS.
    pub https: bool,
    /// Whether a DJ without a token may go live. Default: in development.
    pub anonymous_djs: Option<bool>,
    /// What dancers without an account may do: `view`, `like` (also thank and wish for another tempo) or `vote`.
    pub guests: Guests,
    /// Networks whose address stands for a whole floor. Default: loopback in development, none in production.
    pub venues: Option<Vec<IpNet>>,
    /// Whether sockets whose client offers permessage-deflate get messages of a kilobyte and more compressed.
    pub deflate: bool,
    /// Other origins whose pages may call and open sockets.
    pub origins: Vec<String>,
    /// Peers whose X-Forwarded-For is believed: the front.
    pub trusted_proxies: Vec<IpNet>,
    /// Open sockets, and new ones a minute, from one address outside the venues.
    pub max_connections_per_ip: u32,
    pub max_connects_per_minute: u32,
    /// The largest frame, at most the contract's 10 KiB; bulk likes keep their own limit.
    pub max_message_size_bytes: usize,
    /// Multiplies every message budget; 0 lifts them.
    pub budgets: f64,
    /// Seconds that a DJ may be away before the session ends.
    pub grace_seconds: u64,
    /// Seconds of silence after which a session is abandoned, and the age at which it ends anyway.
    pub idle_seconds: u64,
    pub age_seconds: u64,
    /// Seconds that a dancer who left stays counted.
    pub stay_seconds: u64,
    /// Seconds of silence after which a node counts as dead; nodes report three times as often.
    pub node_silence_seconds: u64,
    /// Seconds that a request's head may take, and a kept connection until the next one; and that body and answer may take then.
    pub head_seconds: u64,
    pub request_seconds: u64,
    /// Seconds without reading after which a socket is closed.
    pub stuck_seconds: u64,
    /// Seconds that a process which was asked to stop is unready and still takes what is new. Default: 5 in production, else 0.
    pub notice_seconds: Option<f64>,
    /// Seconds over which its sockets are then asked to move. Default: 30 in production, else 2.
    pub drain_seconds: Option<f64>,
    /// What is logged: error, warn, info, debug, or a filter like `info,nats=debug`.
    pub log: String,
    /// Log lines as JSON. Default: in production.
    pub log_json: Option<bool>,
    /// A folder for log files, one a day; so many days are kept. Default: standard error alone.
    pub log_dir: Option<PathBuf>,
    pub log_days: usize,
    /// An OpenTelemetry collector for traces (`http://HOST:4318/v1/traces`), and which share of what begins is recorded.
    pub traces_url: Option<String>,
    pub traces_ratio: f64,
}

impl Settings {
    fn defaults(profile: Profile) -> Self {
        Settings {
            profile,
            listen: SocketAddr::from(([127, 0, 0, 1], 3001)),
            data: PathBuf::from("data"),
            nats: vec!["nats://127.0.0.1:4222".to_owned()],
            nats_server: None,
            nats_port: 0,
            nats_monitor_url: None,
            replicas: 1,
            log_streams: 1,
            stream_days: 30,
            evening_days: 0,
            audit_days: 365,
            sweep_seconds: 3_600,
            ack_milliseconds: 2_000,
            store: None,
            store_user: None,
            store_password: None,
            store_password_file: None,
            store_datacenter: None,
            store_replication: None,
            secret: None,
            secret_file: None,
            backup_key: None,
            backup_key_file: None,
            smtp_url: None,
            mail_from: "Pika <no-reply@localhost>".to_owned(),
            push_keys: None,
            push_keys_file: None,
            push_contact: None,
            push_services: None,
            google: None,
            apple: None,
            github: None,
            oidc: None,
            password_passes: None,
            password_threads: 1,
            password_queue: 64,
            access_seconds: 900,
            session_days: 7,
            token_unused_days: 30,
            sign_in_limits: 1.0,
            public_url: None,
            https: false,
            anonymous_djs: None,
            guests: Guests::default(),
            venues: None,
            deflate: true,
            origins: Vec::new(),
            trusted_proxies: Vec::new(),
            max_connections_per_ip: 10,
            max_connects_per_minute: 10,
            max_message_size_bytes: schemas::limits::FRAME_BYTES,
            budgets: 1.0,
            grace_seconds: 300,
            idle_seconds: 4 * 3600,
            age_seconds: 24 * 3600,
            stay_seconds: 300,
            node_silence_seconds: 45,
            head_seconds: 30,
            request_seconds: 30,
            stuck_seconds: 15,
            notice_seconds: None,
            drain_seconds: None,
            log: "info".to_owned(),
            log_json: None,
            log_dir: None,
            log_days: 7,
            traces_url: None,
            traces_ratio: 0.01,
        }
    }

    pub fn development(&self) -> bool {
        self.profile == Profile::Development
    }

    pub fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }

    pub fn log_json(&self) -> bool {
        self.log_json.unwrap_or(!self.development())
    }

    pub fn patience(&self) -> Patience {
        Patience { head: Duration::from_secs(self.head_seconds), answer: Duration::from_secs(self.request_seconds) }
    }

    pub fn notice(&self) -> Duration {
        Duration::from_secs_f64(self.notice_seconds.unwrap_or(if self.development() { 0.0 } else { 5.0 }))
    }

    /// The settings as a TOML file that would give them, less the secrets.
    pub fn shown(&self) -> anyhow::Result<String> {
        let mut shown = self.clone();
        shown.secret = shown.secret.map(|_| "(hidden)".to_owned());
        shown.smtp_url = shown.smtp_url.as_deref().map(without_password);
        for login in [&mut shown.google, &mut shown.apple, &mut shown.github, &mut shown.oidc] {
            *login = login.take().map(Login::hidden);
        }
        shown.backup_key = shown.backup_key.map(|_| "(hidden)".to_owned());
        shown.push_keys = shown.push_keys.map(|_| "(hidden)".to_owned());
        shown.store_password = shown.store_password.map(|_| "(hidden)".to_owned());
        shown.nats.iter_mut().for_each(|url| *url = without_password(url));
        Ok(toml::to_string(&shown)?)
    }

    pub fn ingest(&self) -> ingest::Config {
        ingest::Config {
            anonymous_djs: self.anonymous_djs.unwrap_or(self.development()),
            guests: self.guests,
            budgets: self.budgets,
            public_url: self.public_url(),
            https: self.https,
            ..ingest::Config::default()
        }
    }

    pub fn fanout(&self) -> fanout::Config {
        fanout::Config {
            connections_per_address: self.max_connections_per_ip,
            connects_per_minute: self.max_connects_per_minute,
            max_message_bytes: self.max_message_size_bytes,
            venues: self.venues(),
            origins: self.origins.clone(),
            deflate: self.deflate,
            https: self.https,
            presence: Duration::from_secs(self.node_silence_seconds) / 3,
            stuck: Duration::from_secs(self.stuck_seconds),
            drain: Duration::from_secs_f64(self.drain_seconds.unwrap_or(if self.development() { 2.0 } else { 30.0 })),
            ..fanout::Config::default()
        }
    }

    pub fn workers(&self) -> workers::Config {
        workers::Config {
            grace: Duration::from_secs(self.grace_seconds),
            idle: Duration::from_secs(self.idle_seconds),
            age: Duration::from_secs(self.age_seconds),
            stay: Duration::from_secs(self.stay_seconds),
            silence: Duration::from_secs(self.node_silence_seconds),
            evenings: (self.evening_days > 0).then(|| days(self.evening_days)),
            sweep: Duration::from_secs(self.sweep_seconds),
            ..workers::Config::default()
        }
    }

    pub fn api(&self) -> api::Config {
        let rates = api::Rates { venues: self.venues(), factor: self.sign_in_limits, ..api::Rates::default() };
        api::Config {
            public_url: self.public_url(),
            https: self.https,
            origins: self.origins.clone(),
            sweep: Duration::from_secs(self.sweep_seconds),
            rates,
            ..api::Config::default()
        }
    }

    pub fn accounts(&self) -> accounts::Config {
        let hashing = accounts::Hashing {
            passes: self.password_passes,
            threads: self.password_threads,
            queue: self.password_queue,
            ..accounts::Hashing::default()
        };
        accounts::Config {
            public_url: self.public_url(),
            session: days(self.session_days),
            access: Duration::from_secs(self.access_seconds),
            token_unused: days(self.token_unused_days),
            audit_kept: days(self.audit_days),
            hashing,
            ..accounts::Config::default()
        }
    }

    /// Networks whose address stands for a whole floor.
    fn venues(&self) -> Vec<IpNet> {
        let loopback = ["127.0.0.0/8", "::1/128"].iter().filter_map(|net| net.parse().ok());
        self.venues.clone().unwrap_or_else(|| if self.development() { loopback.collect() } else { Vec::new() })
    }

    /// The brokers for a tool beside a running Pika: those that were named, else `pika dev`'s own, else the usual address.
    pub fn brokers(&self) -> Vec<String> {
        let own = || nats::server::running(&self.data.join("nats")).map(|url| vec![url]);
        self.named_brokers().or_else(own).unwrap_or_else(|| self.nats.clone())
    }

    /// The brokers, if somebody named them.
    pub fn named_brokers(&self) -> Option<Vec<String>> {
        (self.nats != Settings::defaults(self.profile).nats).then(|| self.nats.clone())
    }

    pub fn broker(&self, servers: Vec<String>) -> nats::Config {
        nats::Config {
            servers,
            replicas: self.replicas,
            shards: self.log_streams,
            keep: days(self.stream_days),
            ack_deadline: Duration::from_millis(self.ack_milliseconds),
        }
    }
}

fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 3600)
}

/// A broker's address may carry a user and a password in front of its host.
pub fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://(hidden)@{host}"),
        (None, Some((_, host))) => format!("(hidden)@{host}"),
        (_, None) => url.to_owned(),
    }
}

pub fn load(overrides: &Overrides, profile: Profile) -> anyhow::Result<Settings> {
    let file = match &overrides.config {
        Some(file) if !file.is_file() => bail!("settings file {} does not exist", file.display()),
        Some(file) => file.clone(),
        None => PathBuf::from("pika.toml"),
    };
    let figment = Figment::from(Serialized::defaults(Settings::defaults(profile)))
        .merge(Toml::file(&file))
        .merge(Env::raw().only(&["MAX_CONNECTIONS_PER_IP", "MAX_MESSAGE_SIZE_BYTES"]))
        .merge(Env::prefixed("PIKA_").map(|key| key.as_str().to_lowercase().replace("__", ".").into()))
        .merge(Serialized::defaults(overrides));
    let settings: Settings = figment.extract().with_context(|| format!("settings (file {}, PIKA_… variables, flags)", file.display()))?;
    check::check(&settings)?;
    Ok(settings)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::result_large_err)]
    use super::*;
    use figment::Jail;

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        Jail::expect_with(|jail| {
            jail.create_file("pika.toml", "listen = \"127.0.0.1:1\"\ngrace_seconds = 7\n")?;
            jail.set_env("PIKA_LISTEN", "127.0.0.1:2");
            let listen = |overrides: &Overrides| load(overrides, Profile::Production).unwrap().listen.port();
            assert_eq!(listen(&Overrides::default()), 2);
            assert_eq!(listen(&Overrides { listen: Some("127.0.0.1:3".parse().unwrap()), ..Overrides::default() }), 3);
            assert_eq!(load(&Overrides::default(), Profile::Production).unwrap().grace_seconds, 7);
            Ok(())
        });
    }

    #[test]
    fn unknown_keys_and_short_secrets_are_errors() {
        Jail::expect_with(|jail| {
            jail.create_file("pika.toml", "listne = \"127.0.0.1:1\"\n")?;
            let error = format!("{:#}", load(&Overrides::default(), Profile::Production).unwrap_err());
            assert!(error.contains("listne"), "{error}");
            jail.create_file("pika.toml", "secret = \"short\"\n")?;
            assert!(load(&Overrides::default(), Profile::Production).is_err());
            Ok(())
        });
    }

    #[test]
    fn secrets_are_hidden_when_shown() {
        let mut settings = Settings::defaults(Profile::Production);
        settings.secret = Some("x".repeat(40));
        settings.store_password = Some("xxxx".to_owned());
        settings.push_keys = Some("public:xxxx".to_owned());
        settings.backup_key = Some("xxxx".to_owned());
        settings.nats = vec!["nats://user:xxxx@broker:4222".to_owned()];
        let shown = settings.shown().unwrap();
        settings.smtp_url = Some("smtps://pika:xxxx@mail".to_owned());
        let shown = shown + &settings.shown().unwrap();
        assert!(!shown.contains("xxxx") && shown.contains("@broker:4222"), "{shown}");
    }

    #[test]
    fn names_of_the_field_are_understood() {
        Jail::expect_with(|jail| {
            jail.set_env("MAX_CONNECTIONS_PER_IP", "25");
            assert_eq!(load(&Overrides::default(), Profile::Production).unwrap().max_connections_per_ip, 25);
            Ok(())
        });
    }
}
