//! `pika admin`: accounts from the command line. The first admin is made here; all others can be made by one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use accounts::{AccountError, Accounts, Herald, Moved};
use anyhow::{Context, bail};
use nats::Broker;
use schemas::{Millis, Role};
use store::{Account, StoreError};

use crate::settings::Settings;
use crate::{node, people, storage};

/// How long telling the running nodes tries.
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
    /// Lists accounts: id, address, name, roles.
    List,
    /// Shows one account, by its id or address.
    Show { account: String },
    /// Grants a role: admin, organizer, dance_school or dj.
    Grant { account: String, role: String },
    /// Takes a role away.
    Take { account: String, role: String },
    /// Suspends an account; whatever it has open closes.
    Suspend {
        account: String,
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Ends a suspension.
    Unsuspend { account: String },
    /// Moves accounts of an older Pika here: a file with one JSON object a line, `{"email", "displayName", "passwordHash"}`.
    Import { file: PathBuf },
    /// Who did what, newest first.
    Log {
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
}

pub async fn run(settings: Settings, command: Command) -> anyhow::Result<()> {
    std::fs::create_dir_all(&settings.data).with_context(|| format!("data directory {}", settings.data.display()))?;
    let stores = storage::open(&settings).await?.people;
    // Nothing here signs or opens anything, so a tool beside a cluster needs no key.
    let key = node::key(&settings, None).unwrap_or_else(|_| schemas::secrets::ClusterKey::new(&rand::random::<[u8; 32]>()));
    let quick = Settings { password_passes: Some(2), ..settings.clone() };
    let (accounts, _) = people::accounts(&quick, stores, &key, Arc::new(Nodes { settings }))?;
    let now = Millis::now();
    match command {
        Command::List => list(&accounts).await,
        Command::Show { account } => show(&find(&accounts, &account).await?),
        Command::Grant { account, role } => {
            let account = find(&accounts, &account).await?;
            show(&accounts.grant(account.id, role_of(&role)?, None, now).await?)
        }
        Command::Take { account, role } => {
            let account = find(&accounts, &account).await?;
            show(&accounts.take(account.id, role_of(&role)?, None, now).await?)
        }
        Command::Suspend { account, reason } => {
            let account = find(&accounts, &account).await?;
            show(&accounts.suspend(account.id, &reason, None, now).await?)
        }
        Command::Unsuspend { account } => {
            let account = find(&accounts, &account).await?;
            show(&accounts.unsuspend(account.id, None, now).await?)
        }
        Command::Import { file } => import(&accounts, &file, now).await,
        Command::Log { limit } => {
            for entry in accounts.audit(None, now.plus(60_000), limit).await? {
                let id = |id: Option<schemas::AccountId>| id.map_or("-".to_owned(), |id| id.to_string());
                println!("{}\t{}\t{}\tby {}\t{}", entry.at, entry.action, id(entry.account), id(entry.actor), entry.detail);
            }
            Ok(())
        }
    }
}

/// A row of the older Pika's table, as its export writes it.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    email: String,
    #[serde(alias = "display_name")]
    display_name: String,
    /// argon2id's or bcrypt's. Without one its owner chooses a password by letter.
    #[serde(alias = "password_hash")]
    password_hash: Option<String>,
    #[serde(default, alias = "email_verified")]
    email_verified: bool,
    #[serde(alias = "created_at")]
    created_at: Option<Millis>,
}

async fn import(accounts: &Accounts, file: &Path, now: Millis) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
    let (mut moved, mut here, mut refused) = (0, 0, 0);
    for (nth, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let row = match serde_json::from_str::<Row>(line) {
            Ok(row) => row,
            Err(error) => {
                println!("line {}: {error}", nth + 1);
                refused += 1;
                continue;
            }
        };
        let Row { email, display_name, password_hash: hash, email_verified: verified, created_at } = row;
        match accounts.move_in(Moved { email, display_name, hash, verified, created_at }, now).await {
            Ok(_) => moved += 1,
            Err(AccountError::Taken | AccountError::Store(StoreError::Taken)) => {
                println!("line {}: the address or the name is here already", nth + 1);
                here += 1;
            }
            Err(AccountError::Invalid(words) | AccountError::InTheWay(words)) => {
                println!("line {}: {words}", nth + 1);
                refused += 1;
            }
            // The store: what was moved so far stays, and the same file may be given once more.
            Err(error) => return Err(error).with_context(|| format!("line {}; {moved} were moved before it", nth + 1)),
        }
    }
    println!("{moved} moved, {here} here already, {refused} refused");
    if refused > 0 { bail!("{refused} lines of {} could not be moved", file.display()) } else { Ok(()) }
}

async fn list(accounts: &Accounts) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = accounts.page(after, 200).await?;
        page.accounts.iter().try_for_each(show)?;
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

async fn find(accounts: &Accounts, named: &str) -> anyhow::Result<Account> {
    accounts.find(named).await.map_err(|error| match error {
        AccountError::NotFound => anyhow::anyhow!("there is no account with the id or address {named}"),
        error => error.into(),
    })
}

fn role_of(name: &str) -> anyhow::Result<Role> {
    let known = Role::GRANTED.map(Role::name).join(", ");
    Role::named(name).with_context(|| format!("there is no role {name}; there are {known}"))
}

fn show(account: &Account) -> anyhow::Result<()> {
    let roles: Vec<&str> = account.roles.iter().map(|grant| grant.role.name()).collect();
    let state = account.suspended_at.map_or(String::new(), |at| format!("\tsuspended {at}"));
    println!("{}\t{}\t{}\t{}{state}", account.id, account.email.as_str(), account.display_name, roles.join(","));
    Ok(())
}

/// The nodes that are running, told over the broker.
struct Nodes {
    settings: Settings,
}

#[async_trait::async_trait]
impl Herald for Nodes {
    async fn ended(&self, sha256: &str) -> Result<(), String> {
        let broker = Broker::connect(self.settings.broker(self.settings.brokers()), PATIENCE).await.map_err(|error| error.to_string())?;
        broker.revoke(sha256).await.map_err(|error| error.to_string())
    }
}
