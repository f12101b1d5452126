use std::time::Instant;

use axum::http::header;
use schemas::lobby::LobbyStatus;
use serde_json::json;

use super::fakes::Absent;
use super::*;

/// Every route that asks the store.
const STORED: [&str; 6] = [
    "/api/sessions/recent",
    "/api/sessions/friday-night/history",
    "/api/sessions/friday-night/recap",
    "/api/stats/top-tracks",
    "/api/stats/global",
    "/api/dj/dj-kryspin",
];

#[tokio::test]
async fn while_the_store_is_away_routes_say_so_and_what_is_on_goes_on() {
    let world = World::over(Config::default(), Some(Arc::new(Absent::Gone)));
    world.stage.put("session-one", record("DJ One", 0, LobbyStatus::Live));
    for path in STORED {
        let answer = world.get(path).await;
        assert_eq!(answer.failure(), (503, "unavailable".to_owned()), "{path}");
        assert_eq!(answer.json()["error"], json!("Temporarily unavailable"));
        assert_eq!(answer.header(header::RETRY_AFTER), "2");
    }
    let likes = request(Method::GET, "/api/client/client_1234/likes").header(header::COOKIE, world.cookie(PersonId([1; 16])));
    assert_eq!(world.ask(likes).await.failure(), (503, "unavailable".to_owned()));
    for path in ["/api/sessions", "/api/sessions/active", "/api/join/K7WQ2M", "/", "/s/session-one"] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_store_that_says_nothing_holds_nobody_longer_than_the_deadline() {
    let deadline = Duration::from_millis(150);
    let config = Config { store_deadline: deadline, health_deadline: deadline, ..Config::default() };
    let world = World::over(config, Some(Arc::new(Absent::Hung)));
    let began = Instant::now();
    // Together, so that those who wait for somebody else's look at the figures are held no longer either.
    let paths = STORED.iter().chain(&STORED).copied();
    for (path, answer) in paths.clone().zip(futures_util::future::join_all(paths.map(|path| world.get(path))).await) {
        assert_eq!(answer.failure(), (503, "unavailable".to_owned()), "{path}");
    }
    assert_eq!(world.get("/health").await.json()["database"], json!("disconnected"));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_fault_of_ours_is_an_error_without_its_details() {
    for absent in [Absent::Damaged, Absent::Panics] {
        let world = World::over(Config::default(), Some(Arc::new(absent)));
        let answer = world.get("/api/stats/global").await;
        assert_eq!(answer.failure(), (500, "internal".to_owned()));
        assert_eq!(answer.json()["error"], json!("Internal error"));
        assert_eq!(answer.header(header::X_FRAME_OPTIONS), "DENY");
    }
}

#[tokio::test]
async fn an_address_under_api_that_does_not_exist_is_an_error_a_program_can_read() {
    let world = World::new();
    for path in ["/api", "/api/", "/api/nothing", "/api/sessions/", "/api/sessions/friday-night/nothing", "/health/more"] {
        assert_eq!(
            world.ask(request(Method::GET, path).header(header::ACCEPT, "application/json")).await.failure(),
            (404, "not_found".to_owned()),
            "{path}"
        );
    }
    assert_eq!(world.ask(request(Method::GET, "/api/nothing").header(header::ACCEPT, "text/html")).await.failure().0, 404);
}

#[tokio::test]
async fn an_address_that_is_no_text_is_refused_in_our_words() {
    let world = World::new();
    for path in ["/api/join/%FF", "/api/dj/%FF", "/api/client/%FF%FF%FF%FF%FF%FF%FF%FF/likes", "/qr/%FF.svg"] {
        assert_eq!(world.get(path).await.failure(), (400, "invalid_message".to_owned()), "{path}");
    }
    assert_eq!(world.get("/api/sessions/%FF%FF%FF%FF%FF%FF%FF%FF/history").await.failure(), (404, "session_not_found".to_owned()));
}

#[tokio::test]
async fn errors_come_in_the_form_that_was_asked_for() {
    let world = World::new();
    let packed = world.ask(request(Method::GET, "/api/sessions/nobody-knows-me/recap").header(header::ACCEPT, "application/msgpack")).await;
    assert_eq!((packed.status.as_u16(), packed.header(header::CONTENT_TYPE)), (404, "application/msgpack"));
    let unpacked: Value = schemas::codec::Codec::MsgPack.decode(&packed.body).unwrap();
    assert_eq!(unpacked, json!({"error": "Session not found", "code": "session_not_found"}));
}

#[tokio::test]
async fn a_wrong_method_is_an_error_that_names_the_right_ones() {
    let world = World::new();
    for (method, path, allow) in [
        (Method::DELETE, "/api/sessions/active", "GET,HEAD"),
        (Method::POST, "/health", "GET,HEAD"),
        (Method::GET, "/api/sessions/friday-night/sync-fingerprints", "POST"),
        (Method::PUT, "/", "GET,HEAD"),
    ] {
        let answer = world.ask(request(method, path)).await;
        assert_eq!(answer.failure(), (405, "method_not_allowed".to_owned()), "{path}");
        assert_eq!(answer.header(header::ALLOW), allow, "{path}");
    }
}

#[tokio::test]
async fn health_names_what_is_away() {
    let world = World::new();
    world.stage.put("session-one", record("DJ One", 0, LobbyStatus::Live));
    let answer = world.get("/health").await;
    let said = answer.json();
    assert_eq!(answer.status, 200);
    assert_eq!(
        (&said["status"], &said["activeSessions"], &said["database"], &said["version"]),
        (&json!("ok"), &json!(1), &json!("connected"), &json!(env!("CARGO_PKG_VERSION")))
    );
    assert!(Millis::parse(said["timestamp"].as_str().unwrap()).is_some());
    world.stage.lose_broker();
    let answer = world.get("/health").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["status"], &answer.json()["broker"]),
        (503, &json!("degraded"), &json!("disconnected"))
    );
    let storeless = World::over(Config::default(), Some(Arc::new(Absent::Gone)));
    let answer = storeless.get("/health").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["database"], &answer.json()["broker"]),
        (503, &json!("disconnected"), &json!("connected"))
    );
}

#[tokio::test]
async fn the_public_feed_says_what_works_in_every_state_and_may_be_shown_anywhere() {
    let world = World::new();
    let states =
        |said: &serde_json::Value| [&said["status"], &said["components"][0]["status"], &said["components"][1]["status"]].map(Clone::clone);
    let answer = world.get("/status.json").await;
    assert_eq!(
        (answer.status.as_u16(), states(&answer.json())),
        (200, ["operational", "operational", "operational"].map(|word| json!(word)))
    );
    assert_eq!((answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), answer.header(header::CACHE_CONTROL)), ("*", "public, max-age=10"));
    world.stage.lose_broker();
    let answer = world.get("/status.json").await;
    assert_eq!((answer.status.as_u16(), states(&answer.json())), (200, ["outage", "outage", "operational"].map(|word| json!(word))));
    let storeless = World::over(Config::default(), Some(Arc::new(Absent::Gone)));
    let answer = storeless.get("/status.json").await;
    assert_eq!((answer.status.as_u16(), states(&answer.json())), (200, ["degraded", "operational", "outage"].map(|word| json!(word))));
}
