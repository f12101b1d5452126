//! The doors that DJs' programs and sockets come through, met with what is hostile. Whatever comes is answered with a 4xx in our shape,
//! and the evening that it was aimed at stays as it was.

use reqwest::{Method, StatusCode};
use schemas::limits::FRAME_BYTES;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Dj, Pika, Socket, http, until};

const PASSWORD: &str = "blue suede shoes 7";
const EVENING: &str = "evening-of-ada";
const BESIDE: &str = "evening-of-eve";
const BEGIN: &str = "/api/sessions";
const MESSAGES: &str = "/api/sessions/evening-of-ada/messages";
const PUSH: &str = "/api/push/send";

struct House {
    pika: Pika,
    http: reqwest::Client,
    ada: Person,
    eve: Person,
    /// Ada's evening, and Eve's beside it.
    dj: Dj,
    others: Dj,
    /// Who dances in each of them.
    dancers: [Socket; 2],
}

/// Signed up, with all that somebody gets who does.
struct Person {
    token: String,
    /// Of their browser.
    cookie: String,
    access: String,
    refresh: String,
}

impl House {
    async fn open() -> House {
        let settings = [("PIKA_SIGN_IN_LIMITS", "0"), ("PIKA_PASSWORD_PASSES", "2"), ("PIKA_BUDGETS", "0"), ("PIKA_REQUEST_SECONDS", "3")];
        let pika = Pika::dev_with(&settings).await;
        pika.ready().await;
        let (ada, eve) = (person(&pika, "ada").await, person(&pika, "eve").await);
        let mut dj = begins(&pika, EVENING, &ada.token).await;
        let others = begins(&pika, BESIDE, &eve.token).await;
        dj.play("Played before").await;
        let mut dancers = [Socket::open(&pika).await, Socket::open(&pika).await];
        for (dancer, evening) in dancers.iter_mut().zip([EVENING, BESIDE]) {
            dancer.subscribe(evening).await;
        }
        // A connection that ended over a body that was too long must not be taken for the next request.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        House { pika, http, ada, eve, dj, others, dancers }
    }

    async fn post(&self, path: &str, shown: &[(&str, &str)], body: impl Into<Vec<u8>>) -> (u16, Value) {
        let (request, body) = (self.http.post(format!("{}{path}", self.pika.url)), body.into());
        let request = shown.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let long = body.len() > FRAME_BYTES;
        match request.body(body).send().await {
            Ok(response) => (response.status().as_u16(), response.json().await.unwrap()),
            // Too much is refused before it is all said, and a sender that goes on may not hear why.
            Err(_) if long => (413, json!({"error": "the connection ended", "code": "too_large"})),
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// Does this, and sees that nobody heard of it in either evening: whatever is stored there is heard.
    async fn unmoved<T>(&mut self, what: impl AsyncFnOnce(&House) -> T) -> T {
        for dancer in &mut self.dancers {
            dancer.drain().await;
        }
        let done = what(self).await;
        let [of_ada, of_eve] = &mut self.dancers;
        of_ada.attend(self.dj.play("After")).await;
        of_eve.attend(self.others.play("After")).await;
        for dancer in &mut self.dancers {
            let after = |message: &Value| message["type"] == "NOW_PLAYING" && message["track"]["title"] == "After";
            dancer.wait("the track after it", after).await;
            let heard = dancer.heard();
            // A track begins with a new count of wishes.
            let unheard_of = |message: &&Value| !matches!(message["type"].as_str(), Some("LISTENER_COUNT" | "TEMPO_RESET"));
            assert_eq!(heard.iter().find(unheard_of), None);
        }
        done
    }
}

async fn person(pika: &Pika, name: &str) -> Person {
    let post = async |path: &str, client: &str, body: Value| {
        let request = http().post(format!("{}{path}", pika.url)).header("x-pika-client", client).json(&body);
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        let set = response.headers().get_all("set-cookie").iter().map(|one| one.to_str().unwrap().split(';').next().unwrap().to_owned());
        (set.collect::<Vec<_>>().join("; "), response.json::<Value>().await.unwrap())
    };
    let email = format!("{name}@example.org");
    let body = json!({"email": email, "password": PASSWORD, "displayName": format!("DJ {name}")});
    let (cookie, made) = post("/api/auth/register", "pika-web", body).await;
    let (_, pair) = post("/api/auth/token", "pika-desktop", json!({"email": email, "password": PASSWORD})).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Person { token: text(&made["token"]), cookie, access: text(&pair["accessToken"]), refresh: text(&pair["refreshToken"]) }
}

async fn begins(pika: &Pika, session: &str, token: &str) -> Dj {
    let mut dj = Dj::live(pika).await;
    let begin = http().post(format!("{}{BEGIN}", pika.url)).bearer_auth(token).json(&json!({"sessionId": session}));
    let begun: Value = begin.send().await.unwrap().json().await.unwrap();
    dj.session = begun["sessionId"].as_str().unwrap().to_owned();
    dj.owner_token = begun["ownerToken"].as_str().unwrap().to_owned();
    dj
}

/// An error has words for people and a word for programs.
fn is_an_error(body: &Value) -> bool {
    body["error"].as_str().is_some_and(|words| !words.is_empty()) && body["code"].as_str().is_some_and(|code| !code.is_empty())
}

/// What no door can take, whoever says it.
fn bodies() -> Vec<Vec<u8>> {
    let deep = |open: &str, close: &str, depth| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    let mut bodies: Vec<Vec<u8>> = [
        "null", "true", "0", "\"x\"", "{", "[", "{\"sessionId\":", "[null]", "[1, \"x\", [], {}]", "{} {}", "{}x", "NaN", "\u{feff}{}",
        "{\"sessionId\": 1, \"djName\": [], \"message\": {}, \"type\": 7}",
        "{\"sessionId\": {\"$gt\": \"\"}, \"djName\": {\"$gt\": \"\"}, \"message\": {\"$gt\": \"\"}, \"type\": {\"$gt\": \"\"}}",
        "{\"sessionId\": \"evening-of-ada\\r\\nSet-Cookie: evil=1\", \"message\": \"x\", \"type\": \"END_SESSION\"}",
        "{\"sessionId\": \"../../etc/passwd\", \"message\": \"x\", \"type\": \"END_SESSION\"}",
        "{\"sessionId\": \"' OR 1=1 --\", \"message\": \"x\", \"type\": \"END_SESSION\"}",
        "{\"sessionId\": \"\\ud800\", \"message\": \"\\ud800\", \"type\": \"\\ud800\"}",
        "{\"sessionId\": \"x\", \"sessionId\": \"evening-of-ada\", \"djName\": \"x\", \"djName\": \"y\", \"message\": \"x\", \"message\": \"y\", \"type\": \"PING\", \"type\": \"NONE\"}",
        "{\"sessionId\": \"evening-of-ada\", \"sessionId\": \"evening-of-ada\", \"message\": \"x\", \"type\": \"NONE\"}",
        "{\"type\": \"END_SESSION\", \"type\": \"END_SESSION\", \"djName\": \"x\", \"djName\": \"y\", \"message\": \"x\", \"message\": \"y\"}",
        "{\"djName\": [], \"type\": \"BROADCAST_TRACK\", \"track\": {\"artist\": \"x\", \"title\": \"y\", \"title\": \"z\"}}",
        "{\"sessionId\": \"evening-of-eve-and-more\\u0000\", \"message\": \"x\", \"type\": \"END_SESSION\"}",
        "{\"sessionId\": \"evening-of-ada\", \"djName\": \"\", \"message\": \"\", \"type\": \"SEND_ANNOUNCEMENT\"}",
        "{\"sessionId\": \"evening-of-ada\", \"djName\": 1, \"message\": \"x\", \"durationSeconds\": -1, \"type\": \"SEND_ANNOUNCEMENT\"}",
        "{\"sessionId\": \"evening-of-ada\", \"djName\": 1, \"message\": \"x\", \"durationSeconds\": 1e99, \"type\": \"SEND_ANNOUNCEMENT\"}",
        "{\"djName\": [], \"type\": \"BROADCAST_TRACK\", \"track\": {\"artist\": \"\\u0000\", \"title\": \"\\u202e\", \"bpm\": -1}}",
        "{\"djName\": [], \"type\": \"BROADCAST_TRACK\", \"track\": {\"artist\": \"x\", \"title\": \"x\", \"bpm\": 9e999}}",
        "{\"djName\": [], \"type\": \"START_POLL\", \"question\": \"x\", \"options\": [\"only one\"]}",
        "{\"djName\": [], \"type\": \"SEND_LIKE\", \"payload\": {\"track\": {\"artist\": \"x\", \"title\": \"x\"}}}",
        "{\"djName\": [], \"type\": \"REGISTER_SESSION\", \"sessionId\": \"evening-of-eve\"}",
        "{\"djName\": [], \"type\": \"END_SESSION\", \"sessionId\": \"evening-of-eve\"}",
        "{\"djName\": [], \"type\": \"end_session\"}",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    bodies.push(b"{\"sessionId\": \"evening-\xff\xfe\", \"djName\": \"\xc3\x28\", \"message\": \"\xa0\xa1\", \"type\": \"\xff\"}".to_vec());
    bodies.push(b"\xff\xfe\x00".to_vec());
    bodies.push(deep("[", "]", 5_000).into_bytes());
    bodies.push(deep("{\"djName\":", "}", 2_000).into_bytes());
    // The same in MessagePack: lists in lists, a map that says it has four milliards of members, a text that is none.
    bodies.push([vec![0x91; 5_000], vec![0xc0]].concat());
    bodies.push(vec![0xdf, 0xff, 0xff, 0xff, 0xff]);
    bodies.push(vec![0x81, 0xa9, b's', b'e', b's', b's', b'i', b'o', b'n', b'I', b'd', 0xa2, 0xff, 0xfe]);
    bodies.push(json!({"djName": "x".repeat(20_000), "message": "x".repeat(20_000), "type": "SEND_ANNOUNCEMENT"}).to_string().into_bytes());
    bodies.push(format!("[{}]", vec!["{\"type\": \"END_SESSION\"}"; 101].join(",")).into_bytes());
    bodies.push(vec![b' '; 300 * 1024]);
    bodies
}

#[tokio::test]
async fn whatever_a_djs_program_says_is_answered_and_changes_nothing() {
    let mut house = House::open().await;
    house
        .unmoved(async |house| {
            let owners = [house.ada.token.as_str(), &house.dj.owner_token];
            let callers = [owners[0], owners[1], &house.eve.token, &house.others.owner_token, "pk_dj_x", ""];
            for (path, caller) in [BEGIN, MESSAGES, PUSH].into_iter().flat_map(|path| callers.map(|caller| (path, caller))) {
                for body in bodies() {
                    for kind in ["application/json", "application/msgpack", "text/plain"] {
                        let bearer = format!("Bearer {caller}");
                        let shown = [("content-type", kind), ("authorization", bearer.as_str())];
                        let (status, answer) = house.post(path, &shown, body.clone()).await;
                        let said = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
                        // Messages are answered one by one, to whoever may say some there.
                        let each = answer["results"].as_array().filter(|_| path == MESSAGES && owners.contains(&caller));
                        match each {
                            Some(each) => assert!(!each.is_empty() && each.iter().all(is_an_error), "{kind} {said}: {answer}"),
                            None => {
                                assert!((400..500).contains(&status) && is_an_error(&answer), "{path} {kind} {said}: {status} {answer}")
                            }
                        }
                    }
                }
            }
        })
        .await;
}

type Headers = Vec<(&'static str, String)>;

/// Who asks, with what they show, and how the three doors answer.
fn strangers(house: &House) -> Vec<(&'static str, Headers, [u16; 3])> {
    let bearer = |token: &str| vec![("authorization", format!("Bearer {token}"))];
    let browser = |cookie: &str| vec![("cookie", cookie.to_owned()), ("x-pika-client", "pika-web".to_owned())];
    let (ada, eve) = (&house.ada, &house.eve);
    let (claims, signature) = ada.access.split_once('.').and_then(|(_, rest)| rest.split_once('.')).unwrap();
    let mut strangers = vec![
        ("nobody", vec![], [403, 401, 401]),
        ("a forged identity", browser("pika_id=AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA"), [403, 401, 401]),
        ("another DJ's token", bearer(&eve.token), [403, 403, 403]),
        ("another evening's ownerToken", bearer(&house.others.owner_token), [403, 401, 401]),
        ("another DJ's browser", browser(&eve.cookie), [403, 401, 401]),
        ("a page of another origin in her browser", vec![("cookie", ada.cookie.clone())], [403, 401, 401]),
        ("an access token, which is no DJ's", bearer(&ada.access), [401, 401, 401]),
        ("another scheme", vec![("authorization", format!("Token {}", ada.token))], [403, 401, 401]),
    ];
    for forged in [format!("{}x", house.dj.owner_token), "pk_own_".to_owned(), house.dj.owner_token.replace("pk_own_", "pk_own_A")] {
        strangers.push(("a forged ownerToken", bearer(&forged), [403, 401, 401]));
    }
    for forged in [
        format!("{}x", ada.token),
        "pk_dj_".to_owned(),
        "pk_dj_' OR 1=1 --".to_owned(),
        schemas::secrets::token_hash(&ada.token),
        ada.refresh.clone(),
        format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{claims}."),
        format!("eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.{claims}.{signature}"),
        "x".repeat(8_000),
    ] {
        strangers.push(("what does not hold", bearer(&forged), [401, 401, 401]));
    }
    strangers
}

#[tokio::test]
async fn nobody_speaks_in_somebody_elses_evening() {
    let mut house = House::open().await;
    let asked = [
        (BEGIN, json!({"sessionId": EVENING, "djName": "Eve"}).to_string()),
        (MESSAGES, json!({"type": "END_SESSION"}).to_string()),
        (PUSH, json!({"sessionId": EVENING, "message": "Go home"}).to_string()),
    ];
    house
        .unmoved(async |house| {
            for (who, shown, expected) in strangers(house) {
                let shown: Vec<(&str, &str)> = shown.iter().map(|(name, value)| (*name, value.as_str())).collect();
                for ((path, body), expected) in asked.iter().zip(expected) {
                    let (status, answer) = house.post(path, &shown, body.clone()).await;
                    assert_eq!(status, expected, "{who} at {path}: {answer}");
                    assert!(is_an_error(&answer) && !answer.to_string().contains("pk_"), "{who} at {path}: {answer}");
                }
            }
        })
        .await;
    // Whoever may is let in by the same words, but for the end.
    let browser = [("cookie", house.ada.cookie.as_str()), ("x-pika-client", "pika-web")];
    assert_eq!(house.post(BEGIN, &browser, asked[0].1.clone()).await.0, 201, "her own browser");
    for own in [&house.ada.token, &house.dj.owner_token] {
        let own = format!("Bearer {own}");
        for ((path, body), expected) in asked.iter().zip([201, 200, 200]).filter(|((path, _), _)| *path != MESSAGES) {
            assert_eq!(house.post(path, &[("authorization", &own)], body.clone()).await.0, expected, "{path}");
        }
        assert_eq!(house.post(MESSAGES, &[("authorization", &own)], "[]").await, (200, json!({"results": []})));
    }
}

#[tokio::test]
async fn what_is_over_is_over_for_djs_programs_too() {
    let mut house = House::open().await;
    let nothing_more = async |house: &House, path: &str, token: &str| {
        let shown = format!("Bearer {token}");
        until("it is refused", || async { (house.post(path, &[("authorization", &shown)], "[]").await.0 == 401).then_some(()) }).await;
    };
    // An ownerToken is for one run of a session.
    house.others.publish_ok(json!({"type": "END_SESSION"})).await;
    let late = house.others.owner_token.clone();
    begins(&house.pika, "evening-of-eve", &house.eve.token).await;
    nothing_more(&house, "/api/sessions/evening-of-eve/messages", &late).await;
    // The node remembers whose token this is, and has to hear that it was made anew, or that its owner is gone.
    let change = async |method: Method, path: &str, person: &Person, body: Value| {
        let request = http().request(method, format!("{}{path}", house.pika.url)).header("x-pika-client", "pika-web").json(&body);
        let shown =
            if path.ends_with("token") { ("authorization", format!("Bearer {}", person.token)) } else { ("cookie", person.cookie.clone()) };
        assert_eq!(request.header(shown.0, shown.1).send().await.unwrap().status(), 200, "{path}");
    };
    change(Method::POST, "/api/auth/regenerate-token", &house.ada, json!({})).await;
    nothing_more(&house, MESSAGES, &house.ada.token).await;
    change(Method::DELETE, "/api/auth/account", &house.eve, json!({"password": PASSWORD})).await;
    nothing_more(&house, "/api/sessions/evening-of-eve/messages", &house.eve.token).await;
}

/// Bytes as they are, which no library would send, and the end of a body in chunks; the answer whole.
async fn raw(pika: &Pika, head: &str) -> String {
    let mut stream = TcpStream::connect(pika.url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(format!("{head}\r\nHost: pika\r\nConnection: close\r\n\r\n0\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn nothing_that_a_program_says_becomes_a_line_of_a_head_or_another_path() {
    let mut house = House::open().await;
    house
        .unmoved(async |house| {
            let refused = async |head: String| {
                let answer = raw(&house.pika, &head).await;
                assert!(answer.starts_with("HTTP/1.1 4"), "{head:?}: {answer}");
                assert!(!answer.to_lowercase().contains("\nx-evil") && !answer.contains("\nSet-Cookie: evil"), "{head:?}: {answer}");
            };
            let own = "Authorization: Bearer pk_dj_x";
            for path in [BEGIN, MESSAGES, PUSH] {
                for line in [
                    "Authorization: Bearer x\rX-Evil: 1",
                    "Authorization: Bearer x\r\n X-Evil: 1",
                    "Authorization: Bearer \0",
                    "Content-Type: application/json\r X-Evil: 1",
                    "Content-Length: 1\r\nContent-Length: 2",
                    "Content-Length: -1",
                    "Content-Length: 99999999999999999999",
                    "Content-Length: 2\r\nTransfer-Encoding: chunked",
                    "Transfer-Encoding: chunked, chunked",
                ] {
                    refused(format!("POST {path} HTTP/1.1\r\n{own}\r\n{line}")).await;
                }
            }
            let long = "a".repeat(3_000);
            for id in ["..%2f..%2fadmin%2fusers", "%00", "%ff%fe", "x%0d%0aX-Evil:%201", "..", ".", "%2e%2e", "' OR 1=1", "short", &long] {
                refused(format!("POST /api/sessions/{id}/messages HTTP/1.1\r\n{own}\r\nContent-Length: 0")).await;
            }
            // Not there, or not with this method: said in the same shape.
            for (method, path) in
                [("PUT", BEGIN), ("GET", MESSAGES), ("DELETE", MESSAGES), ("GET", PUSH), ("TRACE", PUSH), ("POST", "/api/push/send/")]
            {
                let answer = raw(&house.pika, &format!("{method} {path} HTTP/1.1\r\n{own}")).await;
                assert!(answer.starts_with("HTTP/1.1 405") || answer.starts_with("HTTP/1.1 404"), "{method} {path}: {answer}");
                assert!(answer.contains("\"code\":\""), "{method} {path}: {answer}");
            }
        })
        .await;
}

#[tokio::test]
async fn a_socket_is_opened_by_nothing_that_does_not_hold_and_by_no_page_of_another_origin() {
    let house = House::open().await;
    let upgrade = async |query: &str, shown: &[(&str, &str)]| {
        let request = house.http.get(format!("{}/ws{query}", house.pika.url));
        let request = request.header("connection", "upgrade").header("upgrade", "websocket").header("sec-websocket-version", "13");
        let request = request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let response = shown.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap();
        let status = response.status();
        let body = if status == StatusCode::SWITCHING_PROTOCOLS { Value::Null } else { response.json().await.unwrap() };
        (status.as_u16(), body)
    };
    let authority = house.pika.url.trim_start_matches("http://").to_owned();
    let own = house.pika.url.clone();
    let planted = format!("{own}.evil.example");
    for origin in ["https://evil.example", "null", "", "http://", "file://", &planted, &format!("http://evil.example/{authority}")] {
        for shown in [("cookie", house.ada.cookie.as_str()), ("x-nothing", "x")] {
            let (status, body) = upgrade("", &[("origin", origin), shown]).await;
            assert_eq!((status, body["code"].as_str()), (403, Some("not_owner")), "{origin:?}: {body}");
        }
    }
    let (claims, signature) = house.ada.access.split_once('.').and_then(|(_, rest)| rest.split_once('.')).unwrap();
    let (header, _) = house.ada.access.split_once('.').unwrap();
    let backwards: String = signature.chars().rev().collect();
    for forged in [
        format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{claims}."),
        format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{claims}.{signature}"),
        format!("eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.{claims}.{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}.{backwards}"),
        "..".to_owned(),
        house.ada.refresh.clone(),
        format!("{}x", house.ada.token),
        "pk_ses_x".to_owned(),
        "x".repeat(8_000),
    ] {
        let (status, body) = upgrade("", &[("authorization", &format!("Bearer {forged}"))]).await;
        assert_eq!((status, body["code"].as_str()), (401, Some("unauthorized")), "{forged}");
    }
    for ticket in ["", "x", "pk_tic_x", "%00", "%ff", "' OR 1=1 --", &"x".repeat(4_000)] {
        let (status, body) = upgrade(&format!("?ticket={}", ticket.replace(' ', "%20")), &[]).await;
        assert!(matches!(status, 400 | 401) && is_an_error(&body), "{ticket}: {status} {body}");
    }
    for shown in [vec![], vec![("origin", own.as_str())], vec![("authorization", "Basic x")]] {
        assert_eq!(upgrade("", &shown).await.0, 101, "{shown:?}");
    }
    assert_eq!(upgrade("", &[("authorization", &format!("Bearer {}", house.ada.access))]).await.0, 101);
}
