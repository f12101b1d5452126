//! Browsers that subscribe to announcements, and what strangers may send instead.

use push::{Config as PushConfig, Keys, Push, Services, Stores};
use serde_json::json;
use store::{Subscription, Subscriptions};

use super::*;
use crate::limits::{Rate, Rates};

/// A browser's key: a point of the curve, from RFC 8291, section 5.
const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

pub(super) fn push(store: Sqlite, people: Arc<dyn Subscriptions>) -> Push {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let services = Services::parse(&["push.example.org".to_owned()]).unwrap();
    let keys = Keys::parse(&::push::new_key().unwrap()).unwrap();
    let config = PushConfig { services, browsers: 3, ..PushConfig::default() };
    Push::new(config, keys, Stores { subscriptions: people, pushes: Arc::new(store) }).unwrap()
}

fn wanted(endpoint: &str) -> Value {
    json!({"endpoint": endpoint, "keys": {"p256dh": P256DH, "auth": AUTH}, "sessionId": "friday-night"})
}

impl World {
    async fn push(&self, method: Method, body: &Value, who: Option<PersonId>) -> Answer {
        let cookie = who.map(|person| self.cookie(person)).unwrap_or_default();
        let request =
            request(method, "/api/push/subscribe").header(header::COOKIE, cookie).header(header::CONTENT_TYPE, "application/json");
        let mut request = request.body(Body::from(body.to_string())).unwrap();
        request.extensions_mut().insert(std::net::IpAddr::from([198, 51, 100, 1]));
        self.send(request).await
    }

    async fn subscribe(&self, body: &Value, who: Option<PersonId>) -> Answer {
        self.push(Method::POST, body, who).await
    }

    async fn followers(&self, name: &str) -> Vec<Subscription> {
        self.store.followers(&session(name), Millis::now(), 99).await.unwrap()
    }
}

fn on_friday(config: Config) -> World {
    let world = World::with(config);
    world.stage.put("friday-night", record("DJ Kryspin", 0, LobbyStatus::Live));
    world
}

#[tokio::test]
async fn a_browser_subscribes_and_leaves() {
    let (world, me) = (on_friday(Config::default()), PersonId([1; 16]));
    let key = world.get("/api/push/key").await.json()["publicKey"].as_str().unwrap().to_owned();
    let kept = world.subscribe(&wanted("https://push.example.org/mine"), Some(me)).await;
    assert_eq!((kept.status, kept.json()), (StatusCode::CREATED, json!({"success": true, "quiet": false})));
    let followers = world.followers("friday-night").await;
    assert_eq!(
        followers.iter().map(|one| (one.endpoint.as_str(), one.person, one.key == key)).collect::<Vec<_>>(),
        [("https://push.example.org/mine", me, true)]
    );
    let gone = world.push(Method::DELETE, &json!({"endpoint": "https://push.example.org/mine"}), Some(me)).await;
    assert_eq!(gone.json(), json!({"success": true}));
    assert_eq!(world.followers("friday-night").await, []);
    let again = world.push(Method::DELETE, &json!({"endpoint": "https://push.example.org/mine"}), Some(me)).await;
    assert_eq!(again.failure(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn a_program_of_before_subscribes_to_what_is_on() {
    let world = on_friday(Config::default());
    world.stage.put("monday-night", record("DJ Kryspin", 0, LobbyStatus::Ended));
    let subscription =
        json!({"endpoint": "https://push.example.org/old", "keys": {"p256dh": P256DH, "auth": AUTH}, "expirationTime": null});
    let bare = world.subscribe(&subscription, None).await;
    assert_eq!(bare.status, StatusCode::CREATED, "{}", bare.text());
    assert_eq!(world.followers("friday-night").await.len(), 1);
    assert_eq!(world.followers("monday-night").await.len(), 0);
    let wrapped = world.subscribe(&json!({"subscription": subscription, "clientId": "client_1234"}), None).await;
    assert_eq!(wrapped.status, StatusCode::CREATED, "whoever shows the same secret is the same browser");
    let left = json!({"endpoint": "https://push.example.org/old", "keys": {"auth": AUTH}});
    assert_eq!(world.push(Method::DELETE, &left, None).await.status, 200);
}

#[tokio::test]
async fn another_persons_browser_is_theirs() {
    let world = on_friday(Config::default());
    let (ada, eve) = (PersonId([1; 16]), PersonId([2; 16]));
    world.subscribe(&wanted("https://push.example.org/hers"), Some(ada)).await;
    let mut guessed = wanted("https://push.example.org/hers");
    guessed["keys"]["auth"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(world.subscribe(&guessed, Some(eve)).await.failure(), (409, "conflict".to_owned()));
    for body in [
        json!({"endpoint": "https://push.example.org/hers"}),
        json!({"endpoint": "https://push.example.org/hers", "keys": {"auth": "AAAAAAAAAAAAAAAAAAAAAA"}}),
    ] {
        assert_eq!(world.push(Method::DELETE, &body, Some(eve)).await.failure(), (404, "not_found".to_owned()));
        assert_eq!(world.push(Method::DELETE, &body, None).await.failure(), (404, "not_found".to_owned()));
    }
    assert_eq!(world.followers("friday-night").await[0].person, ada);
}

#[tokio::test]
async fn what_is_no_subscription_is_refused() {
    let (world, me) = (on_friday(Config { rates: Rates { factor: 0.0, ..Rates::default() }, ..Config::default() }), PersonId([1; 16]));
    for endpoint in [
        "",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "http://push.example.org/",
        "https://push.example.org.evil.example/",
        "https://push.example.org:22/",
        "https://x@push.example.org/",
        "file:///etc/passwd",
        "javascript:alert(1)",
    ] {
        assert_eq!(world.subscribe(&wanted(endpoint), Some(me)).await.failure(), (400, "invalid_message".to_owned()), "{endpoint}");
    }
    let with = |path: &str, value: Value| {
        let mut body = wanted("https://push.example.org/x");
        *body.pointer_mut(path).unwrap() = value;
        body
    };
    let not_a_point = format!("B{}", "A".repeat(86));
    for body in [
        with("/keys/p256dh", json!("")),
        with("/keys/p256dh", json!(not_a_point)),
        with("/keys/p256dh", json!(P256DH.repeat(100))),
        with("/keys/auth", json!("AAAA")),
        with("/keys/auth", json!(7)),
        with("/keys", json!({})),
        with("/keys", Value::Null),
        json!([]),
        json!({}),
    ] {
        assert_eq!(world.subscribe(&body, Some(me)).await.failure(), (400, "invalid_message".to_owned()), "{body}");
    }
    let mut foreign = wanted("https://push.example.org/x");
    foreign["applicationServerKey"] = json!(P256DH);
    assert_eq!(world.subscribe(&foreign, Some(me)).await.failure().0, 400, "a key that is not ours");
    assert_eq!(world.subscribe(&with("/sessionId", json!("nothing-on")), Some(me)).await.failure().0, 404);
    assert_eq!(world.subscribe(&with("/sessionId", json!("a/b")), Some(me)).await.failure().0, 404);
    let large = with("/endpoint", json!(format!("https://push.example.org/{}", "x".repeat(20_000))));
    assert_eq!(world.subscribe(&large, Some(me)).await.failure().0, 413);
    assert_eq!(world.followers("friday-night").await, []);
    let plain = request(Method::POST, "/api/push/subscribe").header(header::CONTENT_TYPE, "text/plain");
    let plain = world.send(plain.body(Body::from(wanted("https://push.example.org/x").to_string())).unwrap()).await;
    assert_eq!(plain.failure().0, 400, "a page of another origin can send this without asking first");
}

#[tokio::test]
async fn guests_are_counted_by_address_too_because_they_cost_nothing_to_make() {
    let rates = Rates { push_address: Rate::per_minutes(3, 1), ..Rates::default() };
    let world = on_friday(Config { rates, ..Config::default() });
    for n in 0..3 {
        let kept = world.subscribe(&wanted(&format!("https://push.example.org/{n}")), Some(PersonId([n; 16]))).await;
        assert_eq!(kept.status, StatusCode::CREATED);
    }
    let one_more = world.subscribe(&wanted("https://push.example.org/3"), Some(PersonId([3; 16]))).await;
    assert_eq!(one_more.failure(), (429, "rate".to_owned()));
}

#[tokio::test]
async fn a_person_has_a_few_browsers_and_few_tries() {
    let rates = Rates { push: Rate::per_minutes(5, 1), ..Rates::default() };
    let (world, me) = (on_friday(Config { rates, ..Config::default() }), PersonId([1; 16]));
    for n in 0..5 {
        let kept = world.subscribe(&wanted(&format!("https://push.example.org/{n}")), Some(me)).await;
        assert_eq!(kept.status, StatusCode::CREATED);
        // The one that was seen longest ago goes, and two of one millisecond were seen together.
        while Millis::now() <= world.store.subscriptions_of(me).await.unwrap().last().unwrap().seen_at {
            tokio::task::yield_now().await;
        }
    }
    let left: Vec<_> = world.store.subscriptions_of(me).await.unwrap().into_iter().map(|one| one.endpoint).collect();
    assert_eq!(left, ["https://push.example.org/2", "https://push.example.org/3", "https://push.example.org/4"]);
    assert_eq!(world.subscribe(&wanted("https://push.example.org/6"), Some(me)).await.failure(), (429, "rate".to_owned()));
    assert_eq!(world.subscribe(&wanted("https://push.example.org/7"), Some(PersonId([2; 16]))).await.status, StatusCode::CREATED);
}
