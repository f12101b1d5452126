//! The store that the settings name: a file of SQLite, or a cluster that speaks CQL. And `pika migrate`, which makes its tables.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use store::cql::{self, Cql};
use store::sqlite::Sqlite;
use store::{Accounts, Audit, Live, Past, Pushes, Secrets, Subscriptions, Tokens};

use crate::admin::Places;
use crate::secrets;
use crate::settings::Settings;

/// One store, by its families.
#[derive(Clone)]
pub struct Storage {
    pub live: Arc<dyn Live>,
    pub past: Arc<dyn Past>,
    pub tokens: Arc<dyn Tokens>,
    /// All that accounts are kept in.
    pub people: accounts::Stores,
    /// All that Web Push is kept in.
    pub pushes: push::Stores,
}

impl Storage {
    fn of(store: impl Live + Past + Tokens + Accounts + Secrets + Audit + Subscriptions + Pushes + 'static) -> Self {
        let store = Arc::new(store);
        let people = accounts::Stores {
            accounts: store.clone(),
            secrets: store.clone(),
            audit: store.clone(),
            tokens: store.clone(),
            subscriptions: store.clone(),
        };
        let pushes = push::Stores { subscriptions: store.clone(), pushes: store.clone() };
        Storage { live: store.clone(), past: store.clone(), tokens: store, people, pushes }
    }
}

/// What the settings name.
pub enum Place {
    Sqlite(PathBuf),
    Cql(Box<cql::Config>),
}

/// Opens it. A file is made and brought up to date on the way; a cluster's keyspace must have been, by `pika migrate`, because many
/// processes use it and one of them has to be first.
pub async fn open(settings: &Settings) -> anyhow::Result<Storage> {
    match place(settings)? {
        Place::Sqlite(path) => Ok(Storage::of(Sqlite::open(&path).with_context(|| format!("store {}", path.display()))?)),
        Place::Cql(config) => Ok(Storage::of(Cql::open(&config).await.context("store")?)),
    }
}

/// The store as it is: a tool that looks must not leave an empty file where it was pointed at by mistake.
pub async fn existing(settings: &Settings) -> anyhow::Result<Arc<dyn Live>> {
    if let Place::Sqlite(path) = place(settings)?
        && !path.is_file()
    {
        bail!("there is no store at {}; --data or --store says where it is", path.display());
    }
    Ok(open(settings).await?.live)
}

/// `pika migrate`: brings the store's tables to this program's version. Run again it changes nothing.
pub async fn migrate(settings: Settings) -> anyhow::Result<()> {
    match place(&settings)? {
        Place::Sqlite(path) => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).with_context(|| format!("data directory {}", folder.display()))?;
            }
            Sqlite::open(&path).with_context(|| format!("store {}", path.display()))?;
            println!("{} is up to date", path.display());
        }
        Place::Cql(config) => {
            let done = cql::migrate(&config).await.context("store")?;
            for step in done.applied {
                println!("applied: {step}");
            }
            println!("keyspace {} is up to date, at version {}", config.keyspace, done.version);
        }
    }
    Ok(())
}

/// What of it grows on this machine's disks.
pub fn places(settings: &Settings) -> anyhow::Result<Places> {
    let rows = match place(settings)? {
        Place::Sqlite(path) => Some(path),
        Place::Cql(_) => None,
    };
    Ok(Places { data: settings.data.clone(), rows })
}

pub fn place(settings: &Settings) -> anyhow::Result<Place> {
    let Some(store) = settings.store.as_deref() else { return Ok(Place::Sqlite(settings.data.join("pika.sqlite"))) };
    match store.split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() => Ok(Place::Sqlite(Path::new(path).to_owned())),
        Some(("cql", place)) => Ok(Place::Cql(Box::new(cluster(settings, place).with_context(|| format!("store `{store}`"))?))),
        Some(_) | None => bail!("store `{store}` is not understood; `sqlite:PATH` and `cql:HOST[:PORT],…[/KEYSPACE]` are"),
    }
}

fn cluster(settings: &Settings, place: &str) -> anyhow::Result<cql::Config> {
    let config: cql::Config = place.parse().map_err(anyhow::Error::msg)?;
    let login = settings.store_user.clone().map(|user| anyhow::Ok(cql::Login { user, password: password(settings)? })).transpose()?;
    if login.is_none() && (settings.store_password.is_some() || settings.store_password_file.is_some()) {
        bail!("there is a password and no `store_user`");
    }
    Ok(cql::Config { login, datacenter: settings.store_datacenter.clone(), replication: settings.store_replication, ..config })
}

fn password(settings: &Settings) -> anyhow::Result<String> {
    secrets::given("store_password", settings.store_password.as_deref(), settings.store_password_file.as_deref())?
        .context("`store_user` is set, and neither `store_password` nor `store_password_file`")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::result_large_err)]
    use super::*;
    use crate::settings::{Overrides, Profile, load};
    use figment::Jail;

    /// What the settings of this environment lead to: the cluster, or the words of the error.
    fn cluster_of(variables: &[(&str, &str)]) -> Result<cql::Config, String> {
        let mut found = Err(String::new());
        Jail::expect_with(|jail| {
            jail.create_file("password", "from a file\n")?;
            variables.iter().for_each(|(key, value)| jail.set_env(key, value));
            found = match place(&load(&Overrides::default(), Profile::Production).unwrap()) {
                Ok(Place::Cql(config)) => Ok(*config),
                Ok(Place::Sqlite(path)) => Err(format!("a file at {}", path.display())),
                Err(error) => Err(format!("{error:#}")),
            };
            Ok(())
        });
        found
    }

    #[test]
    fn a_cluster_is_named_with_who_we_are_there() {
        let store = ("PIKA_STORE", "cql:a,b:9043/evenings");
        let plain = cluster_of(&[store]).unwrap();
        assert_eq!(
            (plain.nodes, plain.keyspace.as_str(), plain.login.is_none()),
            (vec!["a".to_owned(), "b:9043".to_owned()], "evenings", true)
        );
        let more = [store, ("PIKA_STORE_DATACENTER", "east"), ("PIKA_STORE_REPLICATION", "3")];
        let more = cluster_of(&more).unwrap();
        assert_eq!((more.datacenter.as_deref(), more.replication), (Some("east"), Some(3)));

        let user = ("PIKA_STORE_USER", "pika");
        let word = ("PIKA_STORE_PASSWORD", "from the environment");
        let file = ("PIKA_STORE_PASSWORD_FILE", "password");
        assert_eq!(cluster_of(&[store, user, word]).unwrap().login.unwrap().password, "from the environment");
        assert_eq!(cluster_of(&[store, user, file]).unwrap().login.unwrap().password, "from a file");
        assert!(cluster_of(&[store, user]).unwrap_err().contains("store_password"));
        assert!(cluster_of(&[store, user, word, file]).unwrap_err().contains("both"));
        assert!(cluster_of(&[store, word]).unwrap_err().contains("store_user"));
        let away = cluster_of(&[store, user, ("PIKA_STORE_PASSWORD_FILE", "not-there")]).unwrap_err();
        assert!(away.contains("not-there"), "{away}");
    }

    #[test]
    fn a_place_that_is_not_understood_is_shown() {
        for bad in ["postgres://here", "cql:", "cql:a/Not-A-Keyspace", "sqlite:"] {
            let words = cluster_of(&[("PIKA_STORE", bad)]).unwrap_err();
            assert!(words.contains(bad), "{words}");
        }
        assert!(cluster_of(&[]).unwrap_err().contains("pika.sqlite"));
    }
}
