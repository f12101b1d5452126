//! Accounts, end to end: signing up over HTTP, going live over a socket, and being put out.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{PIKA, Pika, Socket, http, until};

const PASSWORD: &str = "blue suede shoes 7";
const ADDRESS: &str = "ada@example.org";

async fn ask(pika: &Pika, method: Method, path: &str, bearer: Option<&str>, body: Value) -> (StatusCode, Value) {
    let mut request = http().request(method, format!("{}{path}", pika.url)).header("x-pika-client", "pika-desktop").json(&body);
    if let Some(bearer) = bearer {
        request = request.bearer_auth(bearer);
    }
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

/// Goes live as the desktop app does; whether that is let in, and under which name.
async fn go_live(pika: &Pika, session: &str, token: &str) -> (Socket, Value) {
    let mut socket = Socket::open(pika).await;
    let register = json!({"type": "REGISTER_SESSION", "sessionId": session, "djName": "Somebody Else", "token": token});
    let answer = socket.ask(register).await;
    (socket, answer)
}

/// `pika admin …` beside the running process.
async fn admin(pika: &Pika, args: &[&str]) -> String {
    let mut command = tokio::process::Command::new(PIKA);
    command.arg("admin").args(args).current_dir(pika.data.path()).env("PIKA_DATA", pika.data.path());
    let output = command.kill_on_drop(true).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn somebody_signs_up_goes_live_and_is_put_out_and_the_log_tells_no_secret() {
    let pika =
        Pika::dev_with(&[("PIKA_LOG", "debug,hyper=info,h2=info"), ("PIKA_SIGN_IN_LIMITS", "0"), ("PIKA_PASSWORD_PASSES", "2")]).await;
    pika.ready().await;
    let body = json!({"email": ADDRESS, "password": PASSWORD, "displayName": "DJ Ada"});
    let (status, made) = ask(&pika, Method::POST, "/api/auth/register", None, body).await;
    assert_eq!(status, 201, "{made}");
    let first = made["token"].as_str().unwrap().to_owned();
    let letters: Vec<_> = std::fs::read_dir(pika.data.path().join("mail")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(letters.len(), 1);
    let letter = std::fs::read_to_string(&letters[0]).unwrap().replace("=\r\n", "").replace("=3D", "=");
    let code = letter.split("#verify=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    assert_eq!(ask(&pika, Method::POST, "/api/auth/verify", None, json!({"code": code})).await.0, 200);

    let (mut socket, answer) = go_live(&pika, "evening-of-ada", &first).await;
    assert_eq!(answer["type"], "ACK", "{answer}");
    let registered = socket.hear("SESSION_REGISTERED").await;
    assert_eq!((&registered["djName"], &registered["authenticated"]), (&json!("DJ Ada"), &json!(true)), "the registered name wins");

    // The node remembers the token now; from here on it must hear that it is dead.
    let (status, anew) = ask(&pika, Method::POST, "/api/auth/regenerate-token", Some(&first), json!({})).await;
    assert_eq!(status, 200);
    let second = anew["token"].as_str().unwrap().to_owned();
    let asked = std::time::Instant::now();
    until("the old token is refused", || async { (go_live(&pika, "another-evening", &first).await.1["type"] == "NACK").then_some(()) })
        .await;
    assert!(asked.elapsed().as_secs() < 3, "{:?}", asked.elapsed());
    assert_eq!(go_live(&pika, "one-more-evening", &second).await.1["type"], "ACK");

    let (_, pair) = ask(&pika, Method::POST, "/api/auth/token", None, json!({"email": ADDRESS, "password": PASSWORD})).await;
    let access = pair["accessToken"].as_str().unwrap().to_owned();
    assert_eq!(ask(&pika, Method::GET, "/api/admin/users", Some(&access), json!({})).await.0, 403);
    assert!(admin(&pika, &["grant", ADDRESS, "admin"]).await.contains("dj,admin"));
    assert_eq!(ask(&pika, Method::GET, "/api/auth/me", Some(&access), json!({})).await.0, 401, "new rights want a new session");
    let (_, pair) = ask(&pika, Method::POST, "/api/auth/token", None, json!({"email": ADDRESS, "password": PASSWORD})).await;
    let admins = pair["accessToken"].as_str().unwrap().to_owned();
    let (status, users) = ask(&pika, Method::GET, "/api/admin/users", Some(&admins), json!({})).await;
    assert_eq!((status.as_u16(), users["users"][0]["displayName"].clone()), (200, json!("DJ Ada")));

    assert!(admin(&pika, &["suspend", ADDRESS, "--reason", "spam"]).await.contains("suspended"));
    assert_eq!(ask(&pika, Method::GET, "/api/auth/me", Some(&admins), json!({})).await.0, 401);
    until("a suspended DJ is refused", || async { (go_live(&pika, "a-last-evening", &second).await.1["type"] == "NACK").then_some(()) })
        .await;
    assert_eq!(ask(&pika, Method::POST, "/api/auth/login", None, json!({"email": ADDRESS, "password": PASSWORD})).await.0, 403);
    assert!(admin(&pika, &["log"]).await.contains("suspended"));

    assert!(pika.log.len() > 5, "nothing was logged, so nothing was proven");
    let refresh = pair["refreshToken"].as_str().unwrap();
    for secret in [PASSWORD, ADDRESS, &first, &second, &code, &access, &admins, refresh, "argon2id$", "pk_ses_"] {
        assert!(!pika.log.says(secret), "the log tells {secret}");
    }
}

#[tokio::test]
async fn a_line_end_within_a_header_is_no_request() {
    let pika = Pika::dev().await;
    pika.ready().await;
    for value in ["pika-web\rX-Evil: 1", "pika-web\r X-Evil: 1", "pika-web\0", "pika-web\r\n X-Evil: 1"] {
        let mut stream = TcpStream::connect(pika.url.trim_start_matches("http://")).await.unwrap();
        let head = format!("POST /api/auth/logout HTTP/1.1\r\nHost: pika\r\nContent-Length: 0\r\nX-Pika-Client: {value}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{value:?}: {answer}");
    }
}

/// What a socket that was signed out is closed with.
const SIGNED_OUT: Option<u16> = Some(4401);

async fn closed_within_a_second(mut socket: Socket) {
    let asked = std::time::Instant::now();
    assert_eq!(socket.closing().await, SIGNED_OUT);
    assert!(asked.elapsed().as_millis() < 1_500, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_socket_belongs_to_whoever_opened_it_and_ends_with_what_opened_it() {
    let pika = Pika::dev_with(&[("PIKA_SIGN_IN_LIMITS", "0"), ("PIKA_PASSWORD_PASSES", "2")]).await;
    pika.ready().await;
    let body = json!({"email": ADDRESS, "password": PASSWORD, "displayName": "DJ Ada"});
    let (_, made) = ask(&pika, Method::POST, "/api/auth/register", None, body).await;
    let (_, pair) = ask(&pika, Method::POST, "/api/auth/token", None, json!({"email": ADDRESS, "password": PASSWORD})).await;
    let access = pair["accessToken"].as_str().unwrap();

    let (status, ticket) = ask(&pika, Method::POST, "/api/auth/ticket", Some(access), json!({})).await;
    assert_eq!(status, 200, "{ticket}");
    let url = format!("{}?ticket={}", pika.ws_url(), ticket["ticket"].as_str().unwrap());
    let mut by_ticket = Socket::connect(&url, None, None).await.unwrap();
    by_ticket.drain().await;
    let again = Socket::connect(&url, None, None).await.err().expect("a ticket opens one socket");
    assert!(again.to_string().contains("401"), "{again}");

    let login = http().post(format!("{}/api/auth/login", pika.url)).header("x-pika-client", "pika-web");
    let login = login.json(&json!({"email": ADDRESS, "password": PASSWORD})).send().await.unwrap();
    let cookies = login.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned());
    let cookie = cookies.collect::<Vec<_>>().join("; ");
    assert!(cookie.contains("pika_session="), "{cookie}");
    // A browser goes live with its session; a page of another origin cannot send the header, and goes live as nobody.
    for (client, name) in [(Some("pika-web"), "DJ Ada"), (None, "Somebody Else")] {
        let begin = http().post(format!("{}/api/sessions", pika.url)).header("cookie", &cookie).json(&json!({"djName": "Somebody Else"}));
        let begin = client.into_iter().fold(begin, |begin, client| begin.header("x-pika-client", client));
        let begun: Value = begin.send().await.unwrap().json().await.unwrap();
        assert_eq!(begun["djName"], json!(name), "{begun}");
    }
    let mut by_session = Socket::open_as(&pika, Some(&cookie)).await;
    by_session.drain().await;

    let token = made["token"].as_str().unwrap();
    let (mut by_token, answer) = go_live(&pika, "evening-of-ada", token).await;
    assert_eq!(answer["type"], "ACK", "{answer}");
    by_token.drain().await;
    let mut guest = Socket::open(&pika).await;

    let out = http().post(format!("{}/api/auth/logout", pika.url)).header("x-pika-client", "pika-web").header("cookie", &cookie);
    assert!(out.send().await.unwrap().status().is_success());
    closed_within_a_second(by_session).await;
    by_ticket.drain().await;

    assert!(ask(&pika, Method::POST, "/api/auth/regenerate-token", Some(token), json!({})).await.0.is_success());
    closed_within_a_second(by_token).await;

    assert!(admin(&pika, &["suspend", ADDRESS, "--reason", "spam"]).await.contains("suspended"));
    closed_within_a_second(by_ticket).await;
    guest.drain().await;
}

/// The hash that bcrypt made of [`PASSWORD`] for an older Pika.
const OLD_HASH: &str = "$2b$04$abcdefghijklmnopqrstuunoUP9Uf0LFV27UAD7f9AWhKXpKgNGfy";

#[tokio::test]
async fn accounts_of_an_older_pika_are_moved_here() {
    let pika = Pika::dev_with(&[("PIKA_SIGN_IN_LIMITS", "0"), ("PIKA_PASSWORD_PASSES", "2")]).await;
    pika.ready().await;
    let file = pika.data.path().join("old.jsonl");
    let rows = [
        json!({"id": 7, "email": ADDRESS, "display_name": "DJ Ada", "password_hash": OLD_HASH, "created_at": "2024-05-01T20:00:00Z"})
            .to_string(),
        String::new(),
        json!({"email": "eve@example.org", "displayName": "DJ Eve"}).to_string(),
        json!({"email": "no address", "displayName": "DJ Odd", "passwordHash": OLD_HASH}).to_string(),
        "no JSON".to_owned(),
    ];
    std::fs::write(&file, rows.join("\n")).unwrap();
    let import = async || {
        let mut command = tokio::process::Command::new(PIKA);
        command.args(["admin", "import"]).arg(&file).current_dir(pika.data.path()).env("PIKA_DATA", pika.data.path());
        let output = command.kill_on_drop(true).output().await.unwrap();
        assert!(!output.status.success(), "two lines cannot be moved");
        String::from_utf8(output.stdout).unwrap()
    };
    let said = import().await;
    assert!(said.contains("line 4: ") && said.contains("line 5: ") && said.contains("2 moved, 0 here already, 2 refused"), "{said}");
    assert!(!said.contains(OLD_HASH), "{said}");
    assert!(import().await.contains("0 moved, 2 here already, 2 refused"), "the same file once more changes nothing");
    let (status, entered) = ask(&pika, Method::POST, "/api/auth/login", None, json!({"email": ADDRESS, "password": PASSWORD})).await;
    assert_eq!((status.as_u16(), entered["user"]["displayName"].clone()), (200, json!("DJ Ada")), "{entered}");
}
