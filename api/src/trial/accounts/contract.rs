//! The routes that clients of 0.3.0 call, as they know them.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Extensions;

use super::*;
use crate::config::Config;
use crate::limits::Rates;

fn members(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

pub async fn a_dj_signs_up_in_and_gets_a_new_token(place: Place) {
    let world = place.world(Config::default()).await;
    let desktop = As::nobody().client(Some("pika-desktop"));
    let body = json!({"email": "Ada@example.org", "password": PASSWORD, "displayName": "DJ Ada"});
    let made = world.post(&desktop, "/api/auth/register", body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made_json = made.json();
    assert_eq!(members(&made_json), ["success", "token", "user"].into());
    assert!(members(&made_json["user"]).is_superset(&["displayName", "email", "id", "slug"].into()));
    let user = &made_json["user"];
    assert_eq!(
        (user["email"].clone(), user["displayName"].clone(), user["slug"].clone()),
        (json!("ada@example.org"), json!("DJ Ada"), json!("dj-ada"))
    );
    let token = made_json["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("pk_dj_") && token.len() == 42, "{token}");
    assert!(made.headers.get(header::SET_COOKIE).is_none(), "a desktop app has no use for a cookie");

    let (status, code) = world.post(&desktop, "/api/auth/register", body).await.failure();
    assert_eq!((status, code.as_str()), (409, "conflict"));

    let entered = world.post(&desktop, "/api/auth/login", json!({"email": "ada@example.org", "password": PASSWORD})).await;
    assert_eq!((entered.status.as_u16(), members(&entered.json())), (200, ["success", "token", "user"].into()));
    let wrong = world.post(&desktop, "/api/auth/login", json!({"email": "ada@example.org", "password": "not it"})).await;
    let unknown = world.post(&desktop, "/api/auth/login", json!({"email": "eve@example.org", "password": "not it"})).await;
    assert_eq!((wrong.failure(), wrong.text()), ((401, "wrong_password".to_owned()), unknown.text()));

    let me = world.fetch(&As { bearer: Some(token.clone()), ..As::default() }, "/api/auth/me").await;
    assert_eq!((me.status.as_u16(), me.json()["user"]["email"].clone()), (200, json!("ada@example.org")));
    assert_eq!(world.fetch(&As::default(), "/api/auth/me").await.failure(), (401, "unauthorized".to_owned()));

    let anew = world.send(As::bearer(&token).request(Method::POST, "/api/auth/regenerate-token").body(Body::empty()).unwrap()).await;
    assert_eq!((anew.status.as_u16(), members(&anew.json())), (200, ["success", "token"].into()));
    let new = anew.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(world.fetch(&As::bearer(&token), "/api/auth/me").await.status, 401, "the one presented is dead at once");
    for alive in [&new, entered.json()["token"].as_str().unwrap()] {
        assert_eq!(world.fetch(&As::bearer(alive), "/api/auth/me").await.status, 200);
    }
}

pub async fn what_cannot_be_is_400(place: Place) {
    let world = place.world(Config::default()).await;
    for (email, password, name) in [
        ("no address", PASSWORD, "DJ Ada"),
        ("a@example.org", "short", "DJ Ada"),
        ("a@example.org", &"x".repeat(129), "DJ Ada"),
        ("a@example.org", "password1", "DJ Ada"),
        ("a@example.org", PASSWORD, "x"),
        ("a@example.org\r\nBcc: b@example.org", PASSWORD, "DJ Ada"),
    ] {
        let body = json!({"email": email, "password": password, "displayName": name});
        let answer = world.post(&As::nobody(), "/api/auth/register", body).await;
        assert_eq!(answer.failure(), (400, "invalid_message".to_owned()), "{email} {name}");
        assert!(!answer.text().contains(password), "a password comes back in an error");
    }
}

pub async fn a_page_of_another_origin_cannot_act_here(place: Place) {
    let world = place.world(Config::default()).await;
    let token = world.signed_up("ada").await;
    let ada = world.browser("ada").await;
    for client in [None, Some("pika-evil"), Some(""), Some("PIKA-WEB")] {
        for path in [
            "/api/auth/register",
            "/api/auth/login",
            "/api/auth/regenerate-token",
            "/api/auth/logout",
            "/api/auth/tokens",
            "/api/auth/password",
        ] {
            for who in [&ada, &As::bearer(&token)] {
                let answer = world.post(&who.clone().client(client), path, json!({})).await;
                assert_eq!(answer.failure(), (403, "forbidden".to_owned()), "{path} {client:?}");
            }
        }
    }
    assert_eq!(world.fetch(&ada, "/api/auth/me").await.status, 200, "nothing was done");
    let before =
        request(Method::POST, "/api/auth/login").header("x-requested-with", "Pika").header(header::CONTENT_TYPE, "application/json");
    let body = json!({"email": "ada@example.org", "password": PASSWORD}).to_string();
    assert_eq!(world.send(before.body(Body::from(body)).unwrap()).await.status, 200, "older pages sign in so");
}

fn from(mut request: axum::http::Request<Body>, address: &str) -> axum::http::Request<Body> {
    let extensions: &mut Extensions = request.extensions_mut();
    extensions.insert(address.parse::<std::net::IpAddr>().unwrap());
    request
}

pub async fn guessers_are_slowed_down_and_told_when_to_come_back(place: Place) {
    let world = place.world(Config::default()).await;
    world.signed_up("ada").await;
    let attempt = |address: &'static str, email: &str| {
        let body = json!({"email": email, "password": "not it"}).to_string();
        let built = As::nobody().request(Method::POST, "/api/auth/login").header(header::CONTENT_TYPE, "application/json");
        from(built.body(Body::from(body)).unwrap(), address)
    };
    for left in (0..5).rev() {
        let answer = world.send(attempt("198.51.100.1", &format!("nobody-{left}@example.org"))).await;
        assert_eq!(answer.status, 401);
    }
    let refused = world.send(attempt("198.51.100.1", "ada@example.org")).await;
    assert_eq!(refused.failure(), (429, "rate".to_owned()));
    let wait: u64 = refused.header(header::RETRY_AFTER).parse().unwrap();
    assert!((1..=181).contains(&wait), "{wait}");
    // One account from many addresses.
    for nth in 0..5 {
        let address: &'static str = ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4", "203.0.113.5"][nth];
        assert_eq!(world.send(attempt(address, "ADA@example.org")).await.status, 401);
    }
    assert_eq!(world.send(attempt("203.0.113.6", "ada@example.org")).await.status, 429);
    let body = json!({"email": "nobody@example.org", "password": PASSWORD}).to_string();
    let told = As::nobody().request(Method::POST, "/api/auth/login").header(header::CONTENT_TYPE, "application/json");
    assert_eq!(world.send(from(told.body(Body::from(body)).unwrap(), "192.0.2.9")).await.status, 401);
}

pub async fn every_change_by_somebody_signed_in_is_counted(place: Place) {
    let changes = crate::limits::Rate::per_minutes(1, 60);
    let world = place.world(Config { rates: Rates { changes, ..Rates::default() }, ..Config::default() }).await;
    world.signed_up("ada").await;
    let id = world.accounts.find("ada@example.org").await.unwrap().id;
    world.accounts.grant(id, schemas::Role::Admin, None, Millis::now()).await.unwrap();
    let ada = world.browser("ada").await;
    assert_eq!(world.post(&ada, "/api/auth/ticket", json!({})).await.status, 200);
    for (method, path) in [
        (Method::POST, "/api/auth/ticket"),
        (Method::DELETE, "/api/auth/sessions"),
        (Method::DELETE, "/api/auth/sessions/x"),
        (Method::POST, "/api/auth/tokens"),
        (Method::DELETE, "/api/auth/tokens/x"),
        (Method::DELETE, "/api/auth/logins/google"),
        (Method::PATCH, "/api/auth/profile"),
        (Method::PATCH, "/api/auth/preferences"),
        (Method::POST, "/api/admin/users/x/roles"),
        (Method::DELETE, "/api/admin/users/x/roles/dj"),
        (Method::POST, "/api/admin/users/x/suspension"),
        (Method::DELETE, "/api/admin/users/x/suspension"),
    ] {
        let body = json!({"name": "x", "role": "dj", "reason": "x", "preferences": {}});
        assert_eq!(world.say(&ada, method.clone(), path, body).await.failure(), (429, "rate".to_owned()), "{method} {path}");
    }
}

pub async fn a_limit_is_told_before_it_is_spent(place: Place) {
    let world = place.world(Config::default()).await;
    world.signed_up("ada").await;
    let answer = world.post(&As::nobody(), "/api/auth/login", json!({"email": "ada@example.org", "password": PASSWORD})).await;
    let told = |name: &str| answer.headers[name].to_str().unwrap().parse::<u64>().unwrap();
    assert_eq!((told("ratelimit-limit"), told("ratelimit-remaining")), (5, 4));
    assert!(told("ratelimit-reset") <= 900);
    let lifted =
        place.world(Config { rates: Rates { factor: 0.0, ..Rates::default() }, stats_fresh: Duration::ZERO, ..Config::default() }).await;
    for _ in 0..10 {
        let answer = lifted.post(&As::nobody(), "/api/auth/login", json!({"email": "ada@example.org", "password": "not it"})).await;
        assert_eq!(answer.status, 401);
    }
}

pub async fn a_refusal_tells_what_is_left_too(place: Place) {
    let world = place.world(Config::default()).await;
    let token = world.signed_up("ada").await;
    let told = |answer: &Answer| {
        let number = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap().parse::<u64>().unwrap());
        (
            number("ratelimit-limit"),
            number("ratelimit-remaining"),
            number("ratelimit-reset").is_some_and(|reset| (1..=901).contains(&reset)),
        )
    };
    let wrong = json!({"email": "ada@example.org", "password": "not it"});
    for left in (0..5).rev() {
        let answer = world.post(&As::nobody(), "/api/auth/login", wrong.clone()).await;
        assert_eq!((answer.status.as_u16(), told(&answer)), (401, (Some(5), Some(left), true)));
    }
    let answer = world.post(&As::nobody(), "/api/auth/login", wrong).await;
    assert_eq!((answer.status.as_u16(), told(&answer)), (429, (Some(5), Some(0), true)));
    let wait: u64 = answer.header(header::RETRY_AFTER).parse().unwrap();
    assert!((1..=181).contains(&wait), "the next try comes before all of them: {wait}");
    // Nobody said it there: it is told wherever somebody is counted, and nowhere else.
    let refused = world.post(&As::bearer(&token), "/api/auth/verify/send", json!({})).await;
    assert_eq!((refused.status.as_u16(), told(&refused).1), (403, Some(4)));
    let page = world.post(&As::nobody(), "/api/push/subscribe", json!({})).await;
    assert_eq!((page.status.as_u16(), told(&page).0), (400, None), "no address is known here, so nobody is counted");
    assert_eq!(told(&world.fetch(&As::bearer(&token), "/api/auth/me").await), (None, None, false));
}

/// Without the least time that an answer takes: what lies under it must not differ either.
pub async fn signing_in_takes_as_long_for_somebody_unknown(place: Place) {
    let world = place.world(without_limits()).await;
    world.signed_up("ada").await;
    let mut took: [Vec<Duration>; 2] = [Vec::new(), Vec::new()];
    for nth in 0..60 {
        let name = ["ada", "nobody"][nth % 2];
        let body = json!({"email": format!("{name}@example.org"), "password": format!("not it {nth}")});
        let asked = std::time::Instant::now();
        assert_eq!(world.post(&As::nobody(), "/api/auth/login", body).await.status, 401);
        took[nth % 2].push(asked.elapsed());
    }
    let [known, unknown] = took.map(|mut took| {
        took.sort();
        took[took.len() / 2].as_secs_f64()
    });
    let ratio = known / unknown;
    // Leaving out the hash for somebody unknown makes it ten and more.
    assert!((0.5..2.0).contains(&ratio), "known {known:.4} s, unknown {unknown:.4} s, {ratio:.2} times");
}
