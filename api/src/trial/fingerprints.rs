use axum::http::header;
use serde_json::json;

use super::*;

const PATH: &str = "/api/sessions/friday-night/sync-fingerprints";

async fn an_evening() -> (World, String) {
    let world = World::new();
    let run = run("friday-night", 100);
    let token = world.key.owner_token(&run.session, run.begin);
    world
        .save(|changes| {
            changes.plays = vec![play(&run, 101, "Etta James", "At Last"), play(&run, 102, "Nina Simone", "Sinnerman")];
            changes.runs = vec![run];
        })
        .await;
    (world, token)
}

fn post(token: &str) -> axum::http::request::Builder {
    request(Method::POST, PATH).header(header::AUTHORIZATION, format!("Bearer {token}")).header(header::CONTENT_TYPE, "application/json")
}

#[tokio::test]
async fn an_analysis_made_afterwards_reaches_the_recap() {
    let (world, token) = an_evening().await;
    let body = json!({"tracks": [
        {"artist": " etta james", "title": "AT LAST", "bpm": 98.5, "key": "F", "energy": 0.4},
        {"artist": "Never", "title": "Played", "bpm": 120},
        {"artist": "Nina Simone", "title": "Sinnerman", "bpm": 9000},
    ]});
    let answer = world.send(post(&token).body(body.to_string().into()).unwrap()).await;
    let said = answer.json();
    assert_eq!(
        (answer.status.as_u16(), &said["synced"], &said["total"], &said["sessionId"]),
        (200, &json!(1), &json!(3), &json!("friday-night"))
    );
    assert_eq!((&said["refused"][0]["index"], said["refused"].as_array().unwrap().len()), (&json!(2), 1), "{said}");
    let tracks = world.get("/api/sessions/friday-night/recap").await.json()["tracks"].clone();
    assert_eq!((&tracks[0]["bpm"], &tracks[0]["key"], &tracks[0]["energy"]), (&json!(98.5), &json!("F"), &json!(40.0)));
    assert_eq!(tracks[1]["bpm"], json!(null));
}

#[tokio::test]
async fn messagepack_is_read_as_well() {
    let (world, token) = an_evening().await;
    let body = schemas::codec::Codec::MsgPack.encode(&json!({"tracks": [{"artist": "Etta James", "title": "At Last", "bpm": 98.5}]}));
    let post = request(Method::POST, PATH)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/msgpack");
    assert_eq!(world.send(post.body(body.into()).unwrap()).await.json(), json!({"synced": 1, "total": 1, "sessionId": "friday-night"}));
}

#[tokio::test]
async fn only_the_owner_may_write_into_an_evening() {
    let (world, token) = an_evening().await;
    let (stranger, _) = world.token("somebody-else").await;
    let body = || axum::body::Body::from(json!({"tracks": [{"artist": "Etta James", "title": "At Last", "bpm": 50}]}).to_string());
    let bare = request(Method::POST, PATH).header(header::CONTENT_TYPE, "application/json");
    assert_eq!(world.send(bare.body(body()).unwrap()).await.failure(), (401, "unauthorized".to_owned()));
    assert_eq!(world.send(post("pk_dj_never-given-out").body(body()).unwrap()).await.failure(), (401, "unauthorized".to_owned()));
    assert_eq!(world.send(post(&stranger).body(body()).unwrap()).await.failure(), (403, "not_owner".to_owned()));
    let of_before = world.key.owner_token(&session("friday-night"), 99);
    assert_eq!(world.send(post(&of_before).body(body()).unwrap()).await.failure(), (401, "unauthorized".to_owned()));
    assert_eq!(world.get("/api/sessions/friday-night/recap").await.json()["tracks"][0]["bpm"], json!(null));
    let elsewhere = request(Method::POST, "/api/sessions/nobody-knows-me/sync-fingerprints");
    let elsewhere = elsewhere.header(header::AUTHORIZATION, format!("Bearer {token}")).header(header::CONTENT_TYPE, "application/json");
    assert_eq!(world.send(elsewhere.body(body()).unwrap()).await.failure(), (404, "session_not_found".to_owned()));
}

#[tokio::test]
async fn a_whole_evening_fits_and_a_flood_does_not() {
    let (world, token) = an_evening().await;
    let of = |bytes: usize| {
        let tracks: Vec<_> = (0..bytes / 100).map(|i| json!({"artist": format!("{i:040}"), "title": "At Last", "bpm": 98.5})).collect();
        json!({"tracks": tracks}).to_string()
    };
    let (fits, flood) = (of(250_000), "x".repeat(256 * 1024 + 1));
    assert!((10 * 1024..256 * 1024).contains(&fits.len()), "{}", fits.len());
    assert_eq!(world.send(post(&token).body(fits.into()).unwrap()).await.status, 200);
    assert_eq!(world.send(post(&token).body(flood.into()).unwrap()).await.failure(), (413, "too_large".to_owned()));
}

#[tokio::test]
async fn a_body_that_is_none_is_refused() {
    let (world, token) = an_evening().await;
    for body in ["", "{", "[]", "{\"tracks\":7}", "{}"] {
        assert_eq!(world.send(post(&token).body(body.into()).unwrap()).await.failure(), (400, "invalid_message".to_owned()), "{body:?}");
    }
    let form =
        request(Method::POST, PATH).header(header::AUTHORIZATION, format!("Bearer {token}")).header(header::CONTENT_TYPE, "text/plain");
    assert_eq!(world.send(form.body("{\"tracks\":[]}".into()).unwrap()).await.failure(), (400, "invalid_message".to_owned()));
}
