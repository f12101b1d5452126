//! `pika token`: tokens of DJs without an account.

use std::time::Duration;

use anyhow::Context;
use nats::Broker;
use schemas::secrets::token_hash;
use schemas::{DjName, Millis};

use crate::settings::Settings;
use crate::storage;

/// How long a revocation tries to reach the running nodes.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub overrides: crate::settings::Overrides,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// Makes a token for a DJ and prints it once; only its hash is kept.
    Add { name: String },
    /// Lists DJs with their tokens' ages.
    List,
    /// Revokes all tokens of a DJ, also on nodes that are running.
    Revoke { name: String },
}

pub async fn run(settings: Settings, command: Command) -> anyhow::Result<()> {
    std::fs::create_dir_all(&settings.data).with_context(|| format!("data directory {}", settings.data.display()))?;
    let store = storage::open(&settings).await?.tokens;
    match command {
        Command::Add { name } => {
            let name = DjName::parse(&name).map_err(|words| anyhow::anyhow!("the name {words}"))?;
            let token = format!("pk_dj_{}", uuid::Uuid::new_v4());
            let made = store.add_token(name.as_str(), &token_hash(&token), Millis::now()).await?;
            eprintln!("Token for {}. It is shown this once; keep it like a password:", made.name);
            println!("{token}");
        }
        Command::List => {
            for token in store.list_tokens().await? {
                let used = token.last_used.map_or("never used".to_owned(), |at| format!("last used {at}"));
                println!("{}\tmade {}\t{used}\t{}", token.name, token.created_at, token.label);
            }
        }
        Command::Revoke { name } => {
            let hashes = store.revoke_tokens(&name, Millis::now()).await?;
            println!("{} token(s) of {name} revoked", hashes.len());
            tell(&settings, &hashes).await.context(
                "nodes that are running were not told and may honour a token they know for a minute; start the broker and revoke again",
            )?;
        }
    }
    Ok(())
}

async fn tell(settings: &Settings, hashes: &[String]) -> anyhow::Result<()> {
    if hashes.is_empty() {
        return Ok(());
    }
    let broker = Broker::connect(settings.broker(settings.brokers()), PATIENCE).await?;
    for sha256 in hashes {
        broker.revoke(sha256).await?;
    }
    Ok(())
}
