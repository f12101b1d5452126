//! A world for a story: accounts over a store, a mailbox that can be read, and a herald that remembers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use accounts::{Accounts, Caller, Config, Credentials, Hashing, Herald, Mailbox, Registration, SignedIn, Stores};
use async_trait::async_trait;
use schemas::Millis;
use schemas::secrets::ClusterKey;

pub const PASSWORD: &str = "blue suede shoes 7";

#[derive(Default)]
pub struct Heard(Mutex<Vec<String>>);

#[async_trait]
impl Herald for Heard {
    async fn ended(&self, sha256: &str) -> Result<(), String> {
        self.0.lock().unwrap().push(sha256.to_owned());
        Ok(())
    }
}

pub struct World {
    pub accounts: Accounts,
    pub stores: Stores,
    pub mailbox: Mailbox,
    heard: Arc<Heard>,
    /// What gives the store back when the story is over.
    _keep: Box<dyn std::any::Any + Send>,
}

impl World {
    pub fn over(stores: Stores, keep: impl std::any::Any + Send) -> World {
        let (mailbox, heard) = (Mailbox::new(|_, _| Ok(())), Arc::new(Heard::default()));
        let hashing = Hashing { passes: Some(2), ..Hashing::default() };
        let config = Config { sign_in_floor: Duration::ZERO, hashing, ..Config::default() };
        let accounts = Accounts::new(config, stores.clone(), &ClusterKey::new(b"story"), Arc::new(mailbox.clone()), heard.clone());
        World { accounts, stores, mailbox, heard, _keep: Box::new(keep) }
    }

    /// The same accounts with another least time for an answer.
    pub fn with_floor(&self, floor: Duration) -> Accounts {
        self.again(Config { sign_in_floor: floor, ..self.accounts.config().clone() }, &ClusterKey::new(b"story"))
    }

    pub fn again(&self, config: Config, key: &ClusterKey) -> Accounts {
        Accounts::new(config, self.stores.clone(), key, Arc::new(self.mailbox.clone()), self.heard.clone())
    }

    pub async fn register(&self, name: &str) -> SignedIn {
        let wanted = Registration {
            email: format!("{name}@example.org"),
            password: PASSWORD.to_owned(),
            display_name: format!("DJ {name}"),
            guest: None,
            client: "pika-desktop".to_owned(),
        };
        self.accounts.register(wanted, now()).await.unwrap()
    }

    pub fn credentials(&self, name: &str, password: &str) -> Credentials {
        Credentials { email: format!("{name}@example.org"), password: password.to_owned() }
    }

    /// Signed in with a browser: its cookie, and who that is.
    pub async fn browser(&self, name: &str) -> (String, Caller) {
        let account = self.accounts.authenticate(&self.credentials(name, PASSWORD), now()).await.unwrap();
        let (cookie, _) = self.accounts.begin_session(&account, "Firefox", now()).await.unwrap();
        let caller = self.accounts.by_cookie(&cookie, now()).await.unwrap();
        (cookie, caller)
    }

    /// The code in the newest letter to this address about this.
    pub async fn code(&self, to: &str, about: &str) -> String {
        let found = async {
            loop {
                let letters = self.mailbox.letters();
                let letter = letters.iter().find(|letter| letter.to.as_str() == to && letter.about == about);
                if let Some(letter) = letter {
                    let from = letter.text.find('=').unwrap() + 1;
                    return letter.text[from..].split_whitespace().next().unwrap().to_owned();
                }
                // A letter about a forgotten password is sent by a task of its own.
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), found).await.expect("no such letter")
    }

    pub fn letters_to(&self, to: &str) -> Vec<&'static str> {
        self.mailbox.letters().iter().filter(|letter| letter.to.as_str() == to).map(|letter| letter.about).collect()
    }

    /// Whether every node was told that this does not hold any more.
    pub fn told(&self, secret: &str) -> bool {
        self.heard.0.lock().unwrap().contains(&schemas::secrets::token_hash(secret))
    }

    /// What the audit log says of this account, newest first.
    pub async fn audited(&self, account: schemas::AccountId) -> Vec<String> {
        let entries = self.accounts.audit(Some(account), now().plus(3_600_000), 100).await.unwrap();
        entries.into_iter().map(|entry| entry.action).collect()
    }
}

pub fn now() -> Millis {
    Millis::now()
}

impl World {
    pub async fn register_as(&self, email: &str, name: &str) -> SignedIn {
        let wanted = Registration {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            display_name: name.to_owned(),
            guest: None,
            client: String::new(),
        };
        self.accounts.register(wanted, now()).await.unwrap()
    }
}
