//! `pika admin`: accounts from the command line. The first admin is made here; all others can be made by one.

use std::sync::Arc;
use std::time::Duration;

use accounts::{AccountError, Accounts, Herald};
use anyhow::Context;
use nats::Broker;
use schemas::{Millis, Role};
use store::Account;

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
        Command::Log { limit } => {
            for entry in accounts.audit(None, now.plus(60_000), limit).await? {
                let id = |id: Option<schemas::AccountId>| id.map_or("-".to_owned(), |id| id.to_string());
                println!("{}\t{}\t{}\tby {}\t{}", entry.at, entry.action, id(entry.account), id(entry.actor), entry.detail);
            }
            Ok(())
        }
    }
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
