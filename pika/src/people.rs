//! Accounts as the settings want them: where letters go, and what they are kept in.

use std::io::Write;
use std::sync::Arc;

use accounts::{Accounts, Herald, Mailbox, Post, Smtp, Stores};
use anyhow::{Context, bail};
use schemas::secrets::ClusterKey;

use crate::settings::Settings;

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
    Ok((Accounts::new(settings.accounts(), stores, key, post, herald), mailbox))
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

/// Secrets that stand in some document are nobody's secret.
pub fn refuse_examples(settings: &Settings) -> anyhow::Result<()> {
    let Some(secret) = settings.secret.as_deref().filter(|_| !settings.development()) else { return Ok(()) };
    let lower = secret.to_lowercase();
    let few = secret.chars().collect::<std::collections::BTreeSet<_>>().len() < 8;
    if few || ["change", "secret", "example", "password", "default"].iter().any(|word| lower.contains(word)) {
        bail!("`secret` is no secret; `pika key` makes one");
    }
    Ok(())
}
