//! `pika doctor`: looks at everything that Pika stands on, says what is wrong and how to mend it. It changes nothing.

mod broker;
mod finding;
mod machine;
mod store;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use crate::people;
use crate::settings::{Overrides, Profile, Settings, load};
use finding::{Finding, Level};

/// What answers later than this does not answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// Looks at settings, machine, broker, store and backups, and says what is wrong and how to mend it.
///
/// Exit code 0: nothing is wrong, though there may be warnings. 1: something is.
#[derive(clap::Args)]
pub struct Args {
    /// Only asks the process that serves with these settings whether it is ready, for probes of containers.
    #[arg(long)]
    ready: bool,
    /// One JSON object: `{"healthy": …, "findings": [{"level", "what", "words", "mend"}]}`.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

pub async fn run(args: Args) -> ExitCode {
    let settings = match load(&args.overrides, Profile::Production) {
        Ok(settings) => settings,
        Err(error) => {
            let finding = Finding::fault("settings", format!("{error:#}"), "see \"Settings\" in docs/operations.md, and `pika config`");
            return tell(&[finding], args.json);
        }
    };
    if args.ready {
        let answer = ready(&settings).await;
        println!("{}", answer.words);
        return if answer.level == Level::Fault { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let mut findings = vec![secrets(&settings), front(&settings)];
    findings.extend(machine::look(&settings));
    let (broker, store, ready) = tokio::join!(broker::look(&settings), store::look(&settings), ready(&settings));
    findings.extend(broker);
    findings.extend(store);
    findings.push(if ready.level == Level::Fault { Finding { level: Level::Warning, ..ready } } else { ready });
    tell(&findings, args.json)
}

fn tell(findings: &[Finding], json: bool) -> ExitCode {
    let healthy = !findings.iter().any(|finding| finding.level == Level::Fault);
    if json {
        println!("{}", serde_json::json!({"healthy": healthy, "findings": findings}));
    } else {
        findings.iter().for_each(|finding| println!("{finding}"));
    }
    if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The key that all roles share.
fn secrets(settings: &Settings) -> Finding {
    if let Err(error) = people::secret(settings) {
        return Finding::fault("secret", format!("{error:#}"), "make one with `pika key`");
    }
    let named = settings.secret.is_some() || settings.secret_file.is_some();
    let file = settings.secret_file.as_ref().filter(|file| !file.is_file());
    match (named, file) {
        (_, Some(file)) => Finding::fault("secret", format!("`secret_file` {} is not there", file.display()), "write it with `pika key`"),
        (true, None) => Finding::fine("secret", "is set"),
        (false, None) if settings.data.join("cluster.key").is_file() => Finding::fine("secret", "lies in the data directory"),
        (false, None) => Finding::warning(
            "secret",
            "is not set; `pika dev` makes one in the data directory, and roles apart do not start",
            "set `secret_file`; `pika key` makes a key",
        ),
    }
}

/// Whether people can come, and whose address is seen.
fn front(settings: &Settings) -> Finding {
    let url = settings.public_url();
    if settings.development() {
        return Finding::fine("front", format!("development: {url}"));
    }
    match (settings.public_url.is_some(), settings.https, settings.trusted_proxies.is_empty()) {
        (false, _, _) => Finding::fault(
            "front",
            "`public_url` is not set: join links lead to this machine alone",
            "set it to where people open the pages",
        ),
        (true, false, _) => Finding::warning(
            "front",
            format!("{url} without `https`: the cookie goes over the wire in the clear"),
            "put TLS before it and set `https = true`",
        ),
        (true, true, true) => Finding::warning(
            "front",
            "`trusted_proxies` is empty: everybody has the front's address, and its limits",
            "name the front's network",
        ),
        (true, true, false) => Finding::fine("front", url),
    }
}

/// What the process that serves here says of itself.
async fn ready(settings: &Settings) -> Finding {
    let at = match settings.listen.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), settings.listen.port()),
        _ => settings.listen,
    };
    let asked = async { reqwest::Client::builder().timeout(PATIENCE).build()?.get(format!("http://{at}/readyz")).send().await };
    match asked.await {
        Ok(answer) => {
            let fine = answer.status().is_success();
            let words = answer.text().await.unwrap_or_default().trim().to_owned();
            let mend = "docs/runbooks/ has a page for each";
            if fine {
                Finding::fine("process", format!("{at} says {words}"))
            } else {
                Finding::fault("process", format!("{at} says {words}"), mend)
            }
        }
        Err(_) => Finding::fault("process", format!("nothing answers at {at}"), "start it, or say with --listen where it serves"),
    }
}
