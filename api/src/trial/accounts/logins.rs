//! Signing in with a provider, as a browser does it.

use schemas::cookie::person_of;

use super::providers::{all, goes, number, who};
use super::*;
use crate::config::Config;

/// A browser's own way: it shows its cookies and reads pages.
fn browser(cookie: &str) -> As {
    As { cookie: Some(cookie.to_owned()), ..As::default() }
}

/// Sets out: where to, and with which cookie beside the others.
async fn sets_out(world: &World, cookie: &str, provider: &str) -> (String, String) {
    let start = world.fetch(&browser(cookie), &format!("/api/auth/{provider}?next=/account")).await;
    assert_eq!(start.status, 303, "{}", start.text());
    let set = start.header(header::SET_COOKIE);
    for rule in ["pika_login=pk_log_", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"] {
        assert!(set.contains(rule), "{set}");
    }
    assert_eq!(start.header(header::CACHE_CONTROL), "no-store");
    (start.header(header::LOCATION).to_owned(), format!("{cookie}; {}", cookies(&start.headers)))
}

fn callback(provider: &str, pairs: &[(String, String)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    format!("/api/auth/{provider}/callback?{}", query.finish())
}

pub async fn a_browser_goes_there_and_comes_back_signed_in(place: Place) {
    let world = place.world_of(without_limits(), all()).await;
    let listed = world.fetch(&As::default(), "/api/auth/providers").await.json();
    assert_eq!(listed[0], json!({"name": "google", "title": "Google"}));
    for provider in ["google", "github", "oidc"] {
        let guest = schemas::PersonId::random();
        let (url, cookie) = sets_out(&world, &world.cookie(guest), provider).await;
        for mark in
            ["response_type=code", "code_challenge_method=S256", "state=", "redirect_uri=http%3A%2F%2F127.0.0.1%3A3001%2Fapi%2Fauth%2F"]
        {
            assert!(url.contains(mark), "{url}");
        }
        assert_eq!(url.contains("nonce="), provider != "github", "{url}");
        assert!(!url.contains("secret"), "{url}");
        let ada = who(&number(), "");
        let back = callback(provider, &goes(&url, provider, &ada).await);
        let elsewhere = world.fetch(&browser(&world.cookie(guest)), &back).await;
        assert_eq!(elsewhere.failure(), (401, "unauthorized".to_owned()), "another browser than the one that set out");
        let came = world.fetch(&browser(&cookie), &back).await;
        assert_eq!((came.status.as_u16(), came.header(header::LOCATION)), (303, "/account"), "{}", came.text());
        let held = cookies(&came.headers);
        assert_eq!(person_of(Some(&held), &world.key), Some(guest), "what they did as a guest stays theirs");
        let me = world.fetch(&As::cookie(&held), "/api/auth/me").await.json();
        assert_eq!((me["user"]["email"].clone(), me["user"]["emailVerified"].clone()), (ada["email"].clone(), json!(true)));
        assert_eq!(world.fetch(&As::cookie(&held), "/api/auth/logins").await.json()[0]["provider"], provider);
        let again = world.fetch(&browser(&cookie), &back).await;
        assert_eq!(again.failure(), (401, "unauthorized".to_owned()), "a way leads back once");
    }
}

pub async fn a_provider_may_answer_with_a_form(place: Place) {
    let world = place.world_of(without_limits(), all()).await;
    let (url, cookie) = sets_out(&world, "theme=dark", "apple").await;
    assert!(url.contains("response_mode=form_post"), "{url}");
    let mut ada = who(&number(), "");
    ada["name"] = json!(null);
    let mut pairs = goes(&url, "apple", &ada).await;
    pairs.push(("user".to_owned(), json!({"name": {"firstName": "Ada", "lastName": "Lovelace"}, "email": "x"}).to_string()));
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(&pairs);
    // A form of another site's page comes without our cookies, and with the header of no client of ours.
    let request = request(Method::POST, "/api/auth/apple/callback").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let sent_on = world.send(request.body(Body::from(form.finish())).unwrap()).await;
    assert_eq!(sent_on.status, 303, "{}", sent_on.text());
    assert!(sent_on.headers.get(header::SET_COOKIE).is_none());
    let back = sent_on.header(header::LOCATION).to_owned();
    assert!(back.starts_with("/api/auth/apple/callback?"), "{back}");
    let came = world.fetch(&browser(&cookie), &back).await;
    assert_eq!(came.status, 303, "{}", came.text());
    let me = world.fetch(&As::cookie(&cookies(&came.headers)), "/api/auth/me").await.json();
    assert_eq!(me["user"]["displayName"], "Ada Lovelace");
}

pub async fn somebody_who_is_signed_in_links_a_login(place: Place) {
    let world = place.world_of(without_limits(), all()).await;
    world.signed_up("ada").await;
    let ada = world.browser("ada").await;
    let login = who(&number(), "");
    let other = As { client: None, ..ada.clone() };
    assert_eq!(
        world.post(&other, "/api/auth/google/link", json!({})).await.failure(),
        (403, "forbidden".to_owned()),
        "a page of another origin"
    );
    assert_eq!(world.post(&As::nobody(), "/api/auth/google/link", json!({})).await.status, 401);
    let begun = world.post(&ada, "/api/auth/google/link?next=/account", json!({})).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let back = callback("google", &goes(begun.json()["url"].as_str().unwrap(), "google", &login).await);
    let with = browser(&format!("{}; {}", ada.cookie.clone().unwrap(), cookies(&begun.headers)));
    let came = world.fetch(&with, &back).await;
    assert_eq!((came.status.as_u16(), came.header(header::LOCATION)), (303, "/account"), "{}", came.text());
    assert!(!cookies(&came.headers).contains("pika_session="), "the session stays the one that it was");
    assert_eq!(world.fetch(&ada, "/api/auth/logins").await.json().as_array().unwrap().len(), 1);
    let gone = world.say(&ada, Method::DELETE, "/api/auth/logins/google", json!({})).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert_eq!(world.say(&ada, Method::DELETE, "/api/auth/logins/google", json!({})).await.status, 404);
}

pub async fn what_goes_wrong_is_said_in_words_and_changes_nothing(place: Place) {
    let world = place.world_of(without_limits(), all()).await;
    world.signed_up("ada").await;
    let refused = async |provider: &str, who: Value| {
        let (url, cookie) = sets_out(&world, "theme=dark", provider).await;
        let came = world.fetch(&browser(&cookie), &callback(provider, &goes(&url, provider, &who).await)).await;
        assert!(came.headers.get(header::SET_COOKIE).is_none(), "{provider}: nobody is signed in");
        (came.failure().0, came.json()["error"].as_str().unwrap().to_owned())
    };
    let mut same = who(&number(), "");
    same["email"] = json!("ada@example.org");
    let (status, words) = refused("google", same).await;
    assert!(status == 409 && words.contains("sign in to it, then link Google"), "{status} {words}");
    let (status, words) = refused("google", who(&number(), "down")).await;
    assert!(status == 503 && words.contains("Google does not answer"), "{status} {words}");
    let (status, words) = refused("google", who(&number(), "none")).await;
    assert!(status == 401 && words.contains("Google did not say who you are"), "{status} {words}");
    let (status, words) = refused("github", who(&number(), "cancelled")).await;
    assert!(status == 401 && words.contains("GitHub did not let you in"), "{status} {words}");

    // People read a page, and the words in it are text.
    let page = browser("pika_login=x")
        .request(Method::GET, "/api/auth/google/callback?state=%3Cscript%3E")
        .header(header::ACCEPT, "text/html,*/*");
    let page = world.send(page.body(Body::empty()).unwrap()).await;
    assert_eq!((page.status.as_u16(), page.header(header::CONTENT_TYPE)), (401, "text/html; charset=utf-8"));
    assert!(page.text().contains("was not begun in this browser") && !page.text().contains("<script>"), "{}", page.text());

    for path in ["/api/auth/facebook", "/api/auth/facebook/callback", "/api/auth/..%2fgoogle", "/api/auth/google%00"] {
        assert_eq!(world.fetch(&As::default(), path).await.failure(), (404, "not_found".to_owned()), "{path}");
    }
    let next = world.fetch(&As::default(), "/api/auth/google?next=https://evil.example").await;
    assert!(next.status == 303 && !next.header(header::LOCATION).contains("evil"));
}

pub async fn under_https_only_the_name_that_cannot_be_planted_is_believed(place: Place) {
    let world = place.world_of(Config { https: true, ..Config::default() }, all()).await;
    let start = world.fetch(&As::default(), "/api/auth/google").await;
    let set = start.header(header::SET_COOKIE);
    assert!(set.starts_with("__Host-pika_login=") && set.contains("; Secure"), "{set}");
    let back = callback("google", &goes(start.header(header::LOCATION), "google", &who(&number(), "")).await);
    let cookie = cookies(&start.headers);
    assert_eq!(world.fetch(&browser(&cookie.replace("__Host-", "")), &back).await.status, 401);
    assert_eq!(world.fetch(&browser(&cookie), &back).await.status, 303);
}

pub async fn ways_to_a_provider_are_counted_for_each_address(place: Place) {
    let world = place.world_of(Config::default(), all()).await;
    let attempt = async || {
        let mut request = As::default().request(Method::GET, "/api/auth/google").body(Body::empty()).unwrap();
        request.extensions_mut().insert("198.51.100.1".parse::<std::net::IpAddr>().unwrap());
        world.send(request).await.status.as_u16()
    };
    for _ in 0..20 {
        assert_eq!(attempt().await, 303);
    }
    assert_eq!(attempt().await, 429);
}
