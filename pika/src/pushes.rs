//! Web Push as the settings want it: whose keys, to which services; and how a worker's announcements get there.

use anyhow::{Context, bail};
use push::{Announcement, Config, Dispatcher, Keys, Push, Services};
use schemas::{Seq, SessionId};
use store::PushKey;
use workers::{Announcer, Standing};

use crate::secrets;
use crate::settings::Settings;

/// What this process subscribes browsers with, and pushes with.
pub fn push(settings: &Settings, stores: push::Stores) -> anyhow::Result<Push> {
    let names = settings.push_services.clone().unwrap_or_else(push::usual);
    let services = Services::parse(&names).context("`push_services`")?;
    // Services refuse a contact that they could not reach anybody by.
    let contact = settings.push_contact.clone().unwrap_or_else(|| match settings.public_url() {
        url if url.starts_with("https://") => url,
        _ => "mailto:nobody@localhost".to_owned(),
    });
    if !contact.starts_with("mailto:") && !contact.starts_with("https://") {
        bail!("`push_contact` must begin with mailto: or https://");
    }
    let keys = Keys::parse(&keys(settings)?).context("`push_keys`")?;
    Ok(Push::new(Config { contact, services, ..Config::default() }, keys, stores)?)
}

/// The keys: the setting, or the file that it names, or one made once in the data directory (development only). None: no notifications.
fn keys(settings: &Settings) -> anyhow::Result<String> {
    match secrets::given("push_keys", settings.push_keys.as_deref(), settings.push_keys_file.as_deref())? {
        Some(keys) => Ok(keys),
        None if settings.development() => {
            let path = settings.data.join("push.keys");
            let keys = secrets::made_once(&path, || Ok((push::new_key()? + "\n").into_bytes()))?;
            String::from_utf8(keys).with_context(|| format!("reading {}", path.display()))
        }
        None => Ok(String::new()),
    }
}

/// The workers' way to it.
pub struct Criers(pub Dispatcher);

impl Announcer for Criers {
    fn announce(&self, standing: Standing) {
        let Standing { session, seq, dj_name, message, at, ends_at } = standing;
        self.0.push(Announcement { key: PushKey { session, seq }, dj_name, message, at, ends_at });
    }

    fn withdraw(&self, session: &SessionId, before: Seq) {
        self.0.withdraw(session, before);
    }

    fn leave(&self, session: &SessionId) {
        self.0.leave(session);
    }
}
