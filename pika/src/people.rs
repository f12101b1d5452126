//! Accounts as the settings want them: where letters go, and what they are kept in.

use std::io::Write;
use std::sync::Arc;

use accounts::{Accounts, Herald, Mailbox, Post, Smtp, Stores};
use anyhow::{Context, bail};
use schemas::secrets::ClusterKey;

use crate::settings::Settings;
use crate::{logins, secrets};

/// The accounts, and the box that letters go into if it is on this machine.
pub fn accounts(
    settings: &Settings,
    stores: Stores,
    key: &ClusterKey,
    herald: Arc<dyn Herald>,
) -> anyhow::Result<(Accounts, Option<Mailbox>)> {
    let (post, mailbox): (Arc<dyn Post>, _) = match &settings.smtp_url {
        Some(url) => (Arc::new(Smtp::new(url, &settings.mail_from).context("`smtp_url` and `mail_from`")?), None),
        None if settings.development() => {
            let mailbox = mailbox(settings);
            (Arc::new(mailbox.clone()), Some(mailbox))
        }
        None => (Arc::new(NoPost), None),
    };
    let config = accounts::Config { providers: logins::providers(settings)?, ..settings.accounts() };
    Ok((Accounts::new(config, stores, key, post, herald), mailbox))
}

/// Letters hold what lets people in, so only this user reads them.
fn mailbox(settings: &Settings) -> Mailbox {
    let folder = settings.data.join("mail");
    Mailbox::new(move |name, bytes| {
        std::fs::create_dir_all(&folder)?;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(folder.join(name))?.write_all(bytes)
    })
}

/// Production without a mail server: people sign up and in, and nobody can be written to.
struct NoPost;

#[async_trait::async_trait]
impl Post for NoPost {
    async fn send(&self, _: &accounts::Letter) -> Result<(), accounts::PostError> {
        Err(accounts::PostError("no mail server: `smtp_url` is not set".to_owned()))
    }
}

/// A key for `secret`: 32 random bytes in hex.
pub fn new_key() -> String {
    rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The secret that is set, here or in a file. In production it must be one; while developing any is good enough.
pub fn secret(settings: &Settings) -> anyhow::Result<Option<String>> {
    let secret = secrets::given("secret", settings.secret.as_deref(), settings.secret_file.as_deref())?;
    if let Some(secret) = secret.as_deref().filter(|_| !settings.development()) {
        refuse_example(secret)?;
    }
    Ok(secret)
}

/// Secrets that stand in some document are nobody's secret.
fn refuse_example(secret: &str) -> anyhow::Result<()> {
    let lower = secret.to_lowercase();
    let few = secret.chars().collect::<std::collections::BTreeSet<_>>().len() < 8;
    if few || ["change", "secret", "example", "password", "default"].iter().any(|word| lower.contains(word)) {
        bail!("`secret` is no secret; `pika key` makes one");
    }
    Ok(())
}
