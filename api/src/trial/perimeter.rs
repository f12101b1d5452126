use axum::http::header;
use axum::routing::post;

use super::*;
use crate::perimeter::perimeter;

const FRIEND: &str = "https://pika.stream";

fn with_friend() -> World {
    World::with(Config { origins: vec![FRIEND.to_owned()], ..Config::default() })
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let world = World::new();
    for path in ["/", "/api/sessions/active", "/api/nothing", "/assets/nothing.js", "/docs", "/openapi.json", "/qr/K7WQ2M.svg", "/health"] {
        let answer = world.get(path).await;
        let csp = answer.header(header::CONTENT_SECURITY_POLICY);
        for rule in ["default-src 'self'", "connect-src 'self';", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
            assert!(csp.contains(rule), "{path}: {csp}");
        }
        assert!(!csp.contains("unsafe"), "{csp}");
        assert_eq!(answer.header(header::X_FRAME_OPTIONS), "DENY", "{path}");
        assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff", "{path}");
        assert!(answer.headers.contains_key(header::REFERRER_POLICY) && answer.headers.contains_key("permissions-policy"), "{path}");
        assert!(!answer.headers.contains_key(header::STRICT_TRANSPORT_SECURITY), "plain HTTP was told to be HTTPS");
    }
}

#[tokio::test]
async fn only_named_origins_may_call_with_a_visitors_identity() {
    let world = with_friend();
    let from = |origin: &str| request(Method::GET, "/api/sessions/active").header(header::ORIGIN, origin);
    let friend = world.ask(from(FRIEND)).await;
    assert_eq!(friend.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), FRIEND);
    assert_eq!(friend.header(header::ACCESS_CONTROL_ALLOW_CREDENTIALS), "true");
    assert_eq!(friend.header(header::VARY), "origin");
    for stranger in ["https://evil.example", "https://pika.stream.evil.example", "http://pika.stream", "null"] {
        let answer = world.ask(from(stranger)).await;
        assert!(!answer.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{stranger}");
        assert_eq!(answer.header(header::VARY), "origin");
    }
    let closed = World::new();
    assert!(!closed.ask(from(FRIEND)).await.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[tokio::test]
async fn a_browser_may_ask_first() {
    let world = with_friend();
    let ask = |origin: &str| {
        request(Method::OPTIONS, "/api/sessions/friday-night/sync-fingerprints")
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
    };
    let friend = world.ask(ask(FRIEND)).await;
    assert_eq!((friend.status.as_u16(), friend.header(header::ACCESS_CONTROL_ALLOW_ORIGIN)), (204, FRIEND));
    assert!(friend.header(header::ACCESS_CONTROL_ALLOW_METHODS).contains("POST"));
    assert!(friend.header(header::ACCESS_CONTROL_ALLOW_HEADERS).contains("authorization"));
    let stranger = world.ask(ask("https://evil.example")).await;
    assert!(!stranger.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    assert!(!stranger.headers.contains_key(header::ACCESS_CONTROL_ALLOW_METHODS));
}

#[tokio::test]
async fn another_roles_routes_on_the_same_addresses_can_be_merged_in() {
    let config = Config { origins: vec![FRIEND.to_owned()], ..Config::default() };
    let world = with_friend();
    let others = || {
        Router::new()
            .route("/api/sessions", post(async || (StatusCode::CREATED, "begun")))
            .route("/api/sessions/{id}/messages", post(async || "stored"))
            .route("/ws", axum::routing::get(async || "socket"))
    };
    for merged in [others().merge(world.app.clone()), world.app.clone().merge(others())] {
        let app = perimeter(merged, &config);
        let ask = async |method: Method, path: &str| {
            answer(&app, request(method, path).header(header::ORIGIN, FRIEND).body(Body::empty()).unwrap()).await
        };
        let begun = ask(Method::POST, "/api/sessions").await;
        assert_eq!((begun.status.as_u16(), begun.text().as_str()), (201, "begun"));
        assert_eq!(ask(Method::GET, "/api/sessions").await.text(), "[]");
        assert_eq!(ask(Method::POST, "/api/sessions/friday-night/messages").await.text(), "stored");
        assert_eq!(ask(Method::GET, "/ws").await.text(), "socket");
        let wrong = ask(Method::DELETE, "/api/sessions").await;
        assert_eq!(wrong.failure(), (405, "method_not_allowed".to_owned()));
        assert!(
            wrong.header(header::ALLOW).contains("GET") && wrong.header(header::ALLOW).contains("POST"),
            "{}",
            wrong.header(header::ALLOW)
        );
        assert_eq!(ask(Method::GET, "/api/nothing").await.failure(), (404, "not_found".to_owned()));
        for answered in [begun, ask(Method::GET, "/api/sessions").await] {
            assert_eq!(answered.header(header::X_FRAME_OPTIONS), "DENY");
            assert_eq!(answered.headers.get_all(header::ACCESS_CONTROL_ALLOW_ORIGIN).iter().count(), 1);
            assert_eq!(answered.headers.get_all(header::CONTENT_SECURITY_POLICY).iter().count(), 1);
        }
    }
}
