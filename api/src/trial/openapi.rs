use std::collections::BTreeSet;

use axum::http::header;
use serde_json::json;

use super::*;

fn document() -> Value {
    serde_json::from_str(crate::openapi()).unwrap()
}

fn of_other_roles() -> BTreeSet<(String, String)> {
    let document = serde_json::to_value(crate::elsewhere::document()).unwrap();
    operations(&document).into_iter().map(|(path, method, _)| (path, method)).collect()
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let each = paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(|(method, operation)| (path.clone(), method.to_uppercase(), operation.clone()))
    });
    each.collect()
}

#[tokio::test]
async fn every_documented_route_is_there() {
    let world = World::new();
    let elsewhere = of_other_roles();
    for (path, method, _) in operations(&document()) {
        if elsewhere.contains(&(path.clone(), method.clone())) {
            continue;
        }
        let filled = path
            .replace("{id}", "friday-night")
            .replace("{clientId}", "client_1234")
            .replace("{file}", "x")
            .replace("{page}", "friday-night");
        let filled =
            filled.replace("{code}", "K7WQ2M").replace("{slug}", "dj-kryspin").replace("{role}", "dj").replace("{provider}", "google");
        assert!(!filled.contains('{'), "{path} has a parameter that this test does not know");
        assert_ne!(world.ask(request(method.parse().unwrap(), &filled)).await.status, 405, "{method} {path}");
        // The fallback takes every method, a route only its own: who refuses a method that none of ours has is a route.
        assert_eq!(world.ask(request(Method::TRACE, &filled)).await.status, 405, "{path} is documented and does not exist");
    }
}

#[test]
fn every_route_is_documented() {
    // A handler enters the table with its documentation. What could enter without it would be spelled so.
    let table = include_str!("../routes.rs");
    let entered = table.matches(".routes(routes!(").count();
    let paths: BTreeSet<_> = operations(&document()).into_iter().map(|(path, method, _)| (path, method)).collect();
    assert_eq!(paths.difference(&of_other_roles()).count(), entered);
    assert!(of_other_roles().is_subset(&paths));
    for way_round in [".route(", ".nest(", ".merge(", ".route_service(", ".nest_service(", ".fallback_service("] {
        assert!(!table.contains(way_round), "routes.rs has {way_round}");
    }
    for file in ["sessions", "recap", "pages", "openapi", "lib", "perimeter"] {
        let text = std::fs::read_to_string(format!("{}/src/{file}.rs", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(!text.contains(".route("), "{file}.rs has a route of its own");
    }
}

#[test]
fn every_route_says_what_it_gives_and_how_it_fails() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        assert!(operation["summary"].as_str().is_some_and(|words| words.len() > 10), "{method} {path} has no summary");
        let tag = operation["tags"][0].as_str().unwrap();
        assert!(document["tags"].as_array().unwrap().iter().any(|known| known["name"] == tag), "{path}: {tag}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(response["description"].as_str().is_some_and(|words| !words.is_empty()), "{path} {status}");
            let error = status.starts_with(['4', '5']) && !["/health", "/readyz"].contains(&path.as_str());
            if error {
                assert_eq!(
                    response["content"]["application/json"]["schema"]["$ref"],
                    json!("#/components/schemas/ErrorBody"),
                    "{path} {status}"
                );
            }
        }
        let named = operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "path").count();
        assert_eq!(named, path.matches('{').count(), "{path} has parameters that nobody explains");
    }
}

#[test]
fn every_shape_that_is_named_is_described() {
    let document = document();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

/// The members of a real answer and of its described shape are the same ones.
#[tokio::test]
async fn shapes_are_described_as_they_are() {
    let world = World::new();
    let mut record = record("DJ One", 0, schemas::lobby::LobbyStatus::Live);
    record.track = Some(track("Etta James", "At Last"));
    record.announcement =
        Some(schemas::server::AnnouncementEntry { message: "Hello".to_owned(), timestamp: EVENING, ends_at: Some(Millis(i64::MAX / 2)) });
    world.stage.put("friday-night", record);
    let document = document();
    let members = |name: &str| -> BTreeSet<String> {
        document["components"]["schemas"][name]["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let told = |value: &Value| -> BTreeSet<String> { value.as_object().unwrap().keys().cloned().collect() };
    let listed = world.get("/api/sessions").await.json();
    assert_eq!(told(&listed[0]), members("SessionEntry"));
    assert_eq!(told(&listed[0]["activeAnnouncement"]), members("AnnouncementEntry"));
    let active = world.get("/api/sessions/active").await.json();
    assert_eq!(told(&active), members("Active"));
    assert_eq!(told(&active["sessions"][0]), members("ActiveSession"));
    assert_eq!(told(&world.get("/health").await.json()), members("Health"));
    let status = world.get("/status.json").await.json();
    assert_eq!(told(&status), members("Status"));
    assert_eq!(told(&status["components"][0]), members("Component"));
    assert_eq!(told(&world.get("/api/nothing").await.json()), members("ErrorBody"));
}

#[tokio::test]
async fn the_page_about_the_routes_needs_nothing_from_elsewhere() {
    let world = World::new();
    let page = world.get("/docs").await;
    assert_eq!((page.status.as_u16(), page.header(header::CONTENT_TYPE)), (200, "text/html; charset=utf-8"));
    let html = page.text();
    assert!(
        !html.contains("http://")
            && !html.contains("https://")
            && !html.contains(" style=")
            && !html.contains("<style")
            && !html.contains(" onclick")
    );
    for (part, kind) in [("/docs/docs.js", "text/javascript; charset=utf-8"), ("/docs/docs.css", "text/css; charset=utf-8")] {
        assert!(html.contains(part), "{html}");
        let file = world.get(part).await;
        assert_eq!((file.status.as_u16(), file.header(header::CONTENT_TYPE)), (200, kind));
        assert!(!file.text().contains("://"), "{part} names another server");
    }
    assert!(html.matches("src=").count() == 1 && html.contains("src=\"/docs/docs.js\""));
    assert_eq!(world.get("/docs/secrets").await.failure(), (404, "not_found".to_owned()));
    assert_eq!(world.get("/openapi.json").await.json()["info"]["title"], json!("Pika"));
}
