//! Letters over a real mail server.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use accounts::{AccountError, Accounts, Caller, Config, Hashing, Herald, Post, Registration, Smtp, Stores};
use schemas::Millis;
use schemas::secrets::ClusterKey;
use store::Account;
use store::sqlite::Sqlite;

/// A mail server that ends with this test.
struct Server {
    child: Child,
    said: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    fn start(login: Option<(&str, &str)>) -> Server {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/smtp");
        let mut command = Command::new("node");
        command.arg("server.mjs").current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some((user, password)) = login {
            command.env("SMTP_USER", user).env("SMTP_PASSWORD", password);
        }
        let mut child = command.spawn().expect("node: the mail server of the tests needs it");
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let port =
            line.trim().strip_prefix("ready ").unwrap_or_else(|| panic!("no mail server: `deploy/tools.sh smtp` gets what it needs"));
        Server { child, port: port.parse().unwrap(), said }
    }

    fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// The next letter: who it is for, and its text as it was meant to be read.
    fn letter(&mut self) -> (String, String) {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        let letter: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(letter["from"], "no-reply@pika.example");
        let text = letter["text"].as_str().unwrap().replace("=\r\n", "").replace("=3D", "=");
        (letter["to"][0].as_str().unwrap().to_owned(), text)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Nobody;

#[async_trait::async_trait]
impl Herald for Nobody {
    async fn ended(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
}

const FROM: &str = "Pika <no-reply@pika.example>";

fn accounts(folder: &Path, post: impl Post + 'static) -> Accounts {
    let store = Arc::new(Sqlite::open(&folder.join("pika.db")).unwrap());
    let stores =
        Stores { accounts: store.clone(), secrets: store.clone(), audit: store.clone(), tokens: store.clone(), subscriptions: store };
    let hashing = Hashing { passes: Some(2), ..Hashing::default() };
    let config = Config { sign_in_floor: Duration::ZERO, hashing, ..Config::default() };
    Accounts::new(config, stores, &ClusterKey::new(b"smtp"), Arc::new(post), Arc::new(Nobody))
}

fn registration(email: &str) -> Registration {
    Registration {
        email: email.to_owned(),
        password: "blue suede shoes 7".to_owned(),
        display_name: "DJ Ada".to_owned(),
        guest: None,
        client: String::new(),
    }
}

/// Signed in, as somebody who asks for the letter once more.
async fn caller(accounts: &Accounts, account: &Account) -> Caller {
    let (cookie, _) = accounts.begin_session(account, "Firefox", Millis::now()).await.unwrap();
    accounts.by_cookie(&cookie, Millis::now()).await.unwrap()
}

/// The server is read by blocking, and a letter about a forgotten password is sent by a task of its own: so on two threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_arrives_and_its_code_is_good() {
    let (folder, mut server) = (tempfile::tempdir().unwrap(), Server::start(None));
    let accounts = accounts(folder.path(), Smtp::new(&server.url(), FROM).unwrap());
    let ada = accounts.register(registration("ada@example.org"), Millis::now()).await.unwrap().account;
    let (to, text) = server.letter();
    assert_eq!(to, "ada@example.org");
    for line in ["From: Pika <no-reply@pika.example>", "To: ada@example.org", "Subject: Confirm your address"] {
        assert!(text.contains(line), "{text}");
    }
    let code = text.split("#verify=").nth(1).unwrap().split_whitespace().next().unwrap();
    accounts.verify_email(code, Millis::now()).await.unwrap();

    accounts.ask_reset("ada@example.org", Millis::now()).await.unwrap();
    let (_, text) = server.letter();
    let code = text.split("#reset=").nth(1).unwrap().split_whitespace().next().unwrap();
    accounts.reset_password(code, "a new password of mine", Millis::now()).await.unwrap();
    assert!(accounts.find(&ada.id.to_string()).await.unwrap().verified_at.is_some());
}

#[tokio::test]
async fn a_server_that_wants_a_password_gets_it() {
    let (folder, mut server) = (tempfile::tempdir().unwrap(), Server::start(Some(("pika", "s3cret/word"))));
    let url = format!("smtp://pika:s3cret%2Fword@127.0.0.1:{}", server.port);
    let good = accounts(folder.path(), Smtp::new(&url, FROM).unwrap());
    let ada = good.register(registration("ada@example.org"), Millis::now()).await.unwrap().account;
    assert_eq!(server.letter().0, "ada@example.org");
    let wrong = Smtp::new(&format!("smtp://pika:wrong@127.0.0.1:{}", server.port), FROM).unwrap();
    let bad = accounts(folder.path(), wrong);
    assert_eq!(bad.ask_verification(&caller(&bad, &ada).await, Millis::now()).await, Err(AccountError::Mail));
}

#[tokio::test]
async fn a_server_that_refuses_or_is_away_costs_no_account() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::start(None));
    let accounts = accounts(folder.path(), Smtp::new(&server.url(), FROM).unwrap());
    let ada = accounts.register(registration("refused@example.org"), Millis::now()).await.unwrap().account;
    let ada = caller(&accounts, &ada).await;
    assert_eq!(accounts.ask_verification(&ada, Millis::now()).await, Err(AccountError::Mail));
    drop(server);
    assert_eq!(accounts.ask_verification(&ada, Millis::now()).await, Err(AccountError::Mail));
    assert!(accounts.find("refused@example.org").await.is_ok());
}

#[test]
fn an_address_that_is_not_understood_is_not_repeated() {
    for (url, from) in [("nonsense://pika:s3cret@x", FROM), ("smtp://127.0.0.1:1", "no address")] {
        let error = Smtp::new(url, from).err().expect("an error").to_string();
        assert!(!error.contains("s3cret") && !error.is_empty(), "{error}");
    }
}
