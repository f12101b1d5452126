//! Browsers and apps that are signed in.

use schemas::PersonId;
use schemas::cookie::person_of;

use super::*;
use crate::config::Config;

pub async fn a_browser_is_signed_in_by_a_cookie_that_changes_each_time(place: Place) {
    let world = place.world(Config::default()).await;
    let guest = PersonId::random();
    let visitor = As::cookie(&world.cookie(guest));
    let body = json!({"email": "ada@example.org", "password": PASSWORD, "displayName": "DJ Ada"});
    let made = world.post(&visitor, "/api/auth/register", body).await;
    let set: Vec<&str> = made.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(set.len(), 2);
    for rule in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"] {
        assert!(set[0].contains(rule), "{}", set[0]);
    }
    let first = cookies(&made.headers);
    assert_eq!(person_of(Some(&first), &world.key), Some(guest), "what they did as a guest stays theirs");
    assert_eq!(world.fetch(&As::cookie(&first), "/api/auth/me").await.json()["user"]["displayName"], "DJ Ada");

    let again = json!({"email": "ada@example.org", "password": PASSWORD});
    let entered = world.post(&As::cookie(&first), "/api/auth/login", again).await;
    let second = cookies(&entered.headers);
    assert_ne!(first, second);
    assert_eq!(world.fetch(&As::cookie(&first), "/api/auth/me").await.status, 401, "a session is never carried over a sign-in");
    assert_eq!(person_of(Some(&second), &world.key), Some(guest));

    let out = world.post(&As::cookie(&second), "/api/auth/logout", json!({})).await;
    assert_eq!(out.status, 200);
    let after = cookies(&out.headers);
    assert_ne!(person_of(Some(&after), &world.key), Some(guest), "the browser is another guest now");
    assert_eq!(world.fetch(&As::cookie(&second), "/api/auth/me").await.status, 401);
}

pub async fn under_https_only_the_name_that_cannot_be_planted_is_believed(place: Place) {
    let world = place.world(Config { https: true, ..Config::default() }).await;
    world.signed_up("ada").await;
    let answer = world.post(&As::nobody(), "/api/auth/login", json!({"email": "ada@example.org", "password": PASSWORD})).await;
    let set = answer.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
    assert!(set[0].starts_with("__Host-pika_session=") && set[0].contains("; Secure"), "{}", set[0]);
    let cookie = cookies(&answer.headers);
    assert_eq!(world.fetch(&As::cookie(&cookie), "/api/auth/me").await.status, 200);
    assert_eq!(world.fetch(&As::cookie(&cookie.replace("__Host-", "")), "/api/auth/me").await.status, 401);
}

pub async fn an_app_signs_in_and_its_access_ends_with_its_session(place: Place) {
    let world = place.world(Config::default()).await;
    world.signed_up("ada").await;
    let body = json!({"email": "ada@example.org", "password": PASSWORD, "name": "Desk"});
    let pair = world.post(&As::nobody(), "/api/auth/token", body).await.json();
    assert_eq!((pair["tokenType"].clone(), pair["expiresIn"].clone()), (json!("Bearer"), json!(900)));
    let app = As::bearer(pair["accessToken"].as_str().unwrap());
    let listed = world.fetch(&app, "/api/auth/sessions").await.json();
    assert_eq!(
        (listed[0]["label"].clone(), listed[0]["kind"].clone(), listed[0]["current"].clone()),
        (json!("Desk"), json!("app"), json!(true))
    );
    let next = world.post(&As::nobody(), "/api/auth/refresh", json!({"refreshToken": pair["refreshToken"]})).await.json();
    assert_eq!(world.fetch(&As::bearer(next["accessToken"].as_str().unwrap()), "/api/auth/me").await.status, 200);
    let ticket = world.post(&app, "/api/auth/ticket", json!({})).await.json();
    assert!(ticket["ticket"].as_str().unwrap().starts_with("pk_tic_") && ticket["expiresIn"] == 30);
    let keys = world.fetch(&As::default(), "/.well-known/jwks.json").await.json();
    assert_eq!((keys["keys"][0]["alg"].clone(), keys["keys"].as_array().unwrap().len()), (json!("EdDSA"), 2));

    let again = world.post(&As::nobody(), "/api/auth/refresh", json!({"refreshToken": pair["refreshToken"]})).await;
    assert_eq!(again.failure(), (401, "unauthorized".to_owned()));
    assert_eq!(world.fetch(&app, "/api/auth/me").await.status, 401, "a stolen refresh token ended the family");
}

pub async fn a_device_is_let_in(place: Place) {
    let world = place.world(Config::default()).await;
    world.signed_up("ada").await;
    let ada = world.browser("ada").await;
    let waits = world.post(&As::nobody(), "/api/auth/device", json!({"name": "Booth"})).await.json();
    assert_eq!(waits["verificationUri"], "http://127.0.0.1:3001/account/device");
    let poll = async || world.post(&As::nobody(), "/api/auth/device/poll", json!({"deviceCode": waits["deviceCode"]})).await;
    assert_eq!(poll().await.json(), json!({"status": "pending"}));
    let code = waits["userCode"].as_str().unwrap();
    assert_eq!(world.fetch(&ada, &format!("/api/auth/device/confirm?code={code}")).await.json(), json!({"name": "Booth"}));
    assert_eq!(world.post(&As::nobody(), "/api/auth/device/confirm", json!({"code": code})).await.status, 401);
    assert_eq!(world.post(&ada, "/api/auth/device/confirm", json!({"code": code})).await.status, 200);
    let tokens = poll().await.json();
    let app = As::bearer(tokens["tokens"]["accessToken"].as_str().unwrap());
    assert_eq!(world.fetch(&app, "/api/auth/me").await.json()["user"]["displayName"], "DJ ada");
    assert_eq!(poll().await.status, 404);
}

pub async fn letters_lead_back_in(place: Place) {
    let world = place.world(Config::default()).await;
    world.signed_up("ada").await;
    let page = world.fetch(&As::default(), "/dev/mail").await;
    assert!(page.text().contains("ada@example.org") && page.text().contains("#verify=pk_ver_"), "{}", page.text());
    let verified = world.post(&As::nobody(), "/api/auth/verify", json!({"code": world.code("verify")})).await;
    assert_eq!(verified.status, 200);
    let known = world.post(&As::nobody(), "/api/auth/password/forgotten", json!({"email": "ada@example.org"})).await;
    let unknown = world.post(&As::nobody(), "/api/auth/password/forgotten", json!({"email": "eve@example.org"})).await;
    assert_eq!((known.status, known.text()), (unknown.status, unknown.text()));
    tokio::time::timeout(std::time::Duration::from_secs(10), async {
        while world.mailbox.letters().iter().all(|letter| letter.about != "reset") {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let body = json!({"code": world.code("reset"), "password": "a new password of mine"});
    assert_eq!(world.post(&As::nobody(), "/api/auth/password/reset", body.clone()).await.status, 200);
    assert_eq!(world.post(&As::nobody(), "/api/auth/password/reset", body).await.failure(), (404, "not_found".to_owned()));
}

pub async fn an_export_holds_ones_likes_is_taken_over_by_another_account_and_an_account_goes(place: Place) {
    let world = place.world(Config::default()).await;
    world.signed_up("ada").await;
    let ada = world.browser("ada").await;
    let export = world.fetch(&ada, "/api/auth/export").await;
    assert!(export.header(header::CONTENT_DISPOSITION).contains("pika-my-data.json"));
    assert_eq!((export.json()["account"]["displayName"].clone(), export.json()["likes"]["total"].clone()), (json!("DJ ada"), json!(0)));

    let told =
        json!({"bio": "Blues only", "website": "https://example.org/ada", "socialLinks": {"instagram": "https://instagram.com/ada"}});
    assert_eq!(world.say(&ada, Method::PATCH, "/api/auth/profile", told).await.status, 200);
    assert_eq!(world.say(&ada, Method::PATCH, "/api/auth/preferences", json!({"preferences": {"theme": "light"}})).await.status, 200);
    let document = world.fetch(&ada, "/api/auth/export").await.json();
    world.signed_up("eve").await;
    let eve = world.browser("eve").await;
    let mut wrong = document.clone();
    wrong["preferences"]["theme"] = json!("no such theme");
    assert_eq!(world.post(&eve, "/api/auth/import", wrong).await.failure(), (400, "invalid_message".to_owned()));
    let untouched = world.fetch(&eve, "/api/auth/export").await.json();
    assert_eq!((&untouched["profile"]["bio"], &untouched["preferences"]["theme"]), (&json!(""), &json!("dark")), "all of it or nothing");
    assert_eq!(world.post(&eve, "/api/auth/import", document.clone()).await.status, 200);
    let taken_over = world.fetch(&eve, "/api/auth/export").await.json();
    assert_eq!([&taken_over["profile"], &taken_over["preferences"]], [&document["profile"], &document["preferences"]]);
    assert_eq!(taken_over["account"]["displayName"], "DJ eve", "a name stays its bearer's");

    let remove = async |password: &str| world.say(&ada, Method::DELETE, "/api/auth/account", json!({"password": password})).await;
    assert_eq!(remove("not it").await.failure(), (401, "wrong_password".to_owned()));
    assert_eq!(remove(PASSWORD).await.status, 200);
    assert_eq!(world.fetch(&ada, "/api/auth/me").await.status, 401);
}
