//! An evening with everything that accounts do, in processes apart that say all they ever say. No line of theirs tells anything.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::providers::{goes, issuer, number, who};
use crate::support::{Dj, Nats, PIKA, Pika, Role, SECRET, Socket, http, leak, track, until};

const PASSWORD: &str = "blue suede shoes 7";
const NEW_PASSWORD: &str = "blue suede shoes and a hat";
const ADDRESS: &str = "ada@example.org";
/// All that our rooms ever say, and more than an operator asks of the libraries under them.
const ALL: &str = "debug,pika=trace,accounts=trace,api=trace,ingest=trace,fanout=trace,workers=trace,nats=trace,store=trace,schemas=trace";
/// Where people come from, as a front tells it.
const FROM: &str = "203.0.113.77";

#[test]
fn a_line_that_tells_something_is_found() {
    for (line, what) in [
        ("token pk_dj_0d9a4c1e-7a54-4c1c-8a3e-1d6f0f5a9b11 is good", "a secret"),
        ("cookie: pika_session=pk_ses_AbCdEfGhIjKl", "a secret"),
        ("Bearer eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJ", "a signed token"),
        ("hash $argon2id$v=19$m=19456", "a password or a key"),
        ("to ada.lovelace+x@mail.example.org", "an e-mail address"),
        ("from 203.0.113.77:4711", "where somebody came from"),
        ("peer=127.0.0.2", "where somebody came from"),
        ("from 2001:db8::1", "where somebody came from"),
    ] {
        assert_eq!(leak(line), Some(what), "{line}");
    }
    for line in [
        "2026-11-21T15:30:00.123456Z  INFO nats::feed: serving listen=127.0.0.1:3001 nats=nats://127.0.0.1:4222",
        "a token pk_dj_ without its rest; pika 0.4.0; nats-server 2.15.2; took 1.5.2; user (hidden)@broker:4222; @ noon",
        "std::fs::File accounts::face::b",
    ] {
        assert_eq!(leak(line), None, "{line}");
    }
}

struct House {
    api: Pika,
    fanout: Pika,
    ingest: Pika,
    workers: Pika,
    data: Arc<TempDir>,
    nats: Nats,
}

impl House {
    async fn open() -> House {
        let (nats, data) = (Nats::start().await, Arc::new(tempfile::tempdir().unwrap()));
        let settings = [
            ("PIKA_LOG", ALL),
            ("PIKA_PUBLIC_URL", "http://127.0.0.1:3001"),
            ("PIKA_TRUSTED_PROXIES", "[\"127.0.0.0/8\"]"),
            ("PIKA_SIGN_IN_LIMITS", "0"),
            ("PIKA_PASSWORD_PASSES", "2"),
            ("PIKA_GOOGLE__CLIENT_ID", "google"),
            ("PIKA_GOOGLE__CLIENT_SECRET", "the secret of google"),
            ("PIKA_GOOGLE__ISSUER", issuer()),
        ];
        let role = |role| Pika::role(role, &nats, &data, &settings);
        let workers = role(Role::Workers).await;
        let (api, fanout, ingest) = tokio::join!(role(Role::Api), role(Role::Fanout), role(Role::Ingest));
        for part in [&workers, &api, &fanout, &ingest] {
            part.ready().await;
        }
        House { api, fanout, ingest, workers, data, nats }
    }

    async fn ask(&self, method: Method, path: &str, shown: &str, body: Value) -> (StatusCode, Value, String) {
        let mut request = http().request(method, format!("{}{path}", self.api.url)).header("x-forwarded-for", FROM).json(&body);
        request = match shown.strip_prefix("Cookie ") {
            Some(cookie) => request.header("cookie", cookie).header("x-pika-client", "pika-web"),
            None if shown.is_empty() => request.header("x-pika-client", "pika-web"),
            None => request.bearer_auth(shown).header("x-pika-client", "pika-desktop"),
        };
        let response = request.send().await.unwrap();
        let set = response.headers().get_all("set-cookie").iter().map(|one| one.to_str().unwrap().split(';').next().unwrap().to_owned());
        let cookie = set.collect::<Vec<_>>().join("; ");
        let (status, text) = (response.status(), response.text().await.unwrap());
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)), cookie)
    }

    async fn post(&self, path: &str, shown: &str, body: Value) -> Value {
        let (status, answer, _) = self.ask(Method::POST, path, shown, body).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    /// The code of a letter about this.
    async fn code(&self, about: &str) -> String {
        let mark = format!("#{about}=");
        until("a letter", || async {
            let letters =
                std::fs::read_dir(self.data.path().join("mail")).ok()?.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
            letters
                .map(|text| text.replace("=\r\n", "").replace("=3D", "="))
                .find_map(|text| Some(text.split_once(&mark)?.1.split_whitespace().next()?.to_owned()))
        })
        .await
    }

    async fn tool(&self, args: &[&str]) {
        let mut command = tokio::process::Command::new(PIKA);
        command.arg("admin").args(args).current_dir(self.data.path()).env("PIKA_DATA", self.data.path()).env("PIKA_SECRET", SECRET);
        command.env("PIKA_NATS", format!("[\"{}\"]", self.nats.url)).env("PIKA_LOG", ALL);
        let output = command.kill_on_drop(true).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        // What an operator asked for on stdout may name an account; what lands in a log may not.
        assert!(said.lines().all(|line| leak(line).is_none()), "{said}");
    }
}

#[tokio::test]
async fn an_evening_with_accounts_tells_the_logs_nothing() {
    let house = House::open().await;
    let mut secrets: Vec<String> =
        [PASSWORD, NEW_PASSWORD, ADDRESS, FROM, SECRET, "the secret of google", "argon2id"].map(str::to_owned).into();
    let mut keep = |secret: &Value| {
        let secret = secret.as_str().unwrap_or_else(|| panic!("no secret in {secret}")).to_owned();
        secrets.push(secret.clone());
        secret
    };
    let credentials = json!({"email": ADDRESS, "password": PASSWORD, "displayName": "DJ Ada"});
    let (_, made, cookie) = house.ask(Method::POST, "/api/auth/register", "", credentials.clone()).await;
    let token = keep(&made["token"]);
    let code = house.code("verify").await;
    house.post("/api/auth/verify", "", json!({"code": keep(&json!(code))})).await;
    for wrong in [
        json!({"email": ADDRESS, "password": "not it, not it"}),
        json!({"email": "nobody@example.org", "password": PASSWORD}),
        json!({"email": ADDRESS}),
    ] {
        assert!(house.ask(Method::POST, "/api/auth/login", "", wrong).await.0.is_client_error());
    }
    let session = format!("Cookie {cookie}");
    keep(&json!(cookie.split("pika_session=").nth(1).unwrap().split(';').next().unwrap()));
    let ticket = keep(&house.post("/api/auth/ticket", &session, json!({})).await["ticket"]);
    let pair = house.post("/api/auth/token", "", json!({"email": ADDRESS, "password": PASSWORD, "name": "Desk"})).await;
    let refresh = keep(&pair["refreshToken"]);
    keep(&pair["accessToken"]);
    let next = house.post("/api/auth/refresh", "", json!({"refreshToken": refresh})).await;
    let (access, _) = (keep(&next["accessToken"]), keep(&next["refreshToken"]));
    let device = house.post("/api/auth/device", "", json!({"name": "Booth"})).await;
    let (waiting, typed) = (keep(&device["deviceCode"]), keep(&device["userCode"]));
    house.post("/api/auth/device/confirm", &session, json!({"code": typed})).await;
    keep(&house.post("/api/auth/device/poll", "", json!({"deviceCode": waiting})).await["tokens"]["accessToken"]);
    keep(&house.post("/api/auth/tokens", &session, json!({"name": "Controller"})).await["token"]);

    // Sockets of all kinds, a DJ over both doors, likes and votes.
    let url = format!("{}?ticket={ticket}", house.fanout.ws_url());
    Socket::connect(&url, None, None).await.unwrap().drain().await;
    assert!(Socket::connect(&url, None, None).await.is_err(), "and once more, in vain");
    let mut dj = Dj::live(&house.ingest).await;
    keep(&json!(dj.owner_token.clone()));
    dj.play("Liked").await;
    dj.open_poll(None).await;
    let mut dancer = Socket::open_as(&house.fanout, Some(&cookie)).await;
    let heard = dancer.subscribe(&dj.session).await;
    let poll = heard.iter().find(|message| message["type"] == "POLL_STARTED").expect("no poll is open")["pollId"].clone();
    dancer.ask_ok(json!({"type": "SEND_LIKE", "payload": {"track": track("Liked")}})).await;
    dancer.ask_ok(json!({"type": "VOTE_ON_POLL", "pollId": poll, "optionIndex": 0, "clientId": "x"})).await;
    let mut live = Socket::open(&house.fanout).await;
    live.ask_ok(json!({"type": "REGISTER_SESSION", "sessionId": "evening-of-ada", "djName": "x", "token": token})).await;
    live.say_raw(&format!("{{\"type\": \"REGISTER_SESSION\", \"token\": \"{token}\"")).await;

    // A provider, there and back, and once more with a token that does not hold.
    for fault in ["", "nonce"] {
        let there = http().get(format!("{}/api/auth/google", house.api.url));
        let there = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap()
            .execute(there.build().unwrap())
            .await
            .unwrap();
        let text = |name: &str| there.headers()[name].to_str().unwrap().to_owned();
        let (to, way) = (text("location"), text("set-cookie").split(';').next().unwrap().to_owned());
        keep(&json!(way.split_once('=').unwrap().1));
        let pairs = goes(&to, "google", &who(&number(), fault)).await;
        let mut back = reqwest::Url::parse(&format!("{}/api/auth/google/callback", house.api.url)).unwrap();
        back.query_pairs_mut().extend_pairs(&pairs);
        keep(&json!(pairs.iter().find(|(name, _)| name == "code").unwrap().1));
        let back = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap()
            .get(back)
            .header("cookie", way)
            .header("x-forwarded-for", FROM);
        let status = back.send().await.unwrap().status();
        assert_eq!(status, if fault.is_empty() { 303 } else { 401 });
    }

    // Everything that changes who may come in, by its owner and by an operator.
    house.tool(&["grant", ADDRESS, "admin"]).await;
    house.post("/api/auth/password/forgotten", "", json!({"email": ADDRESS})).await;
    let reset = keep(&json!(house.code("reset").await));
    house.post("/api/auth/password/reset", "", json!({"code": reset, "password": NEW_PASSWORD})).await;
    assert_eq!(house.ask(Method::GET, "/api/auth/me", &access, json!({})).await.0, 401);
    let (_, _, cookie) = house.ask(Method::POST, "/api/auth/login", "", json!({"email": ADDRESS, "password": NEW_PASSWORD})).await;
    let session = format!("Cookie {cookie}");
    house.post("/api/auth/email", &session, json!({"email": "ada@elsewhere.example", "password": NEW_PASSWORD})).await;
    let change = keep(&json!(house.code("change").await));
    house.post("/api/auth/email/confirm", "", json!({"code": change})).await;
    assert!(house.ask(Method::GET, "/api/admin/users", &session, json!({})).await.0.is_success());
    assert!(house.ask(Method::GET, "/api/auth/export", &session, json!({})).await.0.is_success());
    let gone = house.ask(Method::DELETE, "/api/auth/account", &session, json!({"password": NEW_PASSWORD})).await;
    assert_eq!(gone.0, 200, "{}", gone.1);

    for mut part in [house.api, house.fanout, house.ingest, house.workers] {
        part.terminate().await;
        part.log.tells_nothing();
        assert!(part.log.len() > 20, "{} said nothing, so nothing was proven", part.url);
        for secret in &secrets {
            assert!(!part.log.says(secret), "the log of {} tells {secret}", part.url);
        }
    }
}
