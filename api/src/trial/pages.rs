use axum::http::header;
use schemas::cookie::person_of;

use super::*;

#[tokio::test]
async fn every_page_of_the_app_begins_with_the_same_file() {
    let world = World::new();
    for path in [
        "/",
        "/j/K7WQ2M",
        "/s/friday-night",
        "/s/friday-night/recap",
        "/account",
        "/account/sessions",
        "/admin",
        "/admin/audit",
        "/dj/dj-kryspin",
        "/stats",
        "/dj",
        "/p/friday-night",
        "/likes",
    ] {
        let page = world.get(path).await;
        assert_eq!((page.status.as_u16(), page.header(header::CONTENT_TYPE)), (200, "text/html; charset=utf-8"), "{path}");
        assert_eq!(page.body, web::index().bytes.as_ref(), "{path}");
        assert_eq!(page.header(header::CACHE_CONTROL), "private, no-cache", "{path}");
    }
}

#[tokio::test]
async fn a_visitor_becomes_a_person_once() {
    let world = World::new();
    for path in ["/", "/j/K7WQ2M", "/s/friday-night"] {
        let (one, two) = (world.get(path).await, world.get(path).await);
        let person = |page: &Answer| person_of(page.header(header::SET_COOKIE).split(';').next(), &world.key);
        assert!(person(&one).is_some(), "{path}");
        assert_ne!(person(&one), person(&two), "two visitors were made one");
        let back = world.ask(request(Method::GET, path).header(header::COOKIE, world.cookie(PersonId([1; 16])))).await;
        assert!(!back.headers.contains_key(header::SET_COOKIE), "{path} gave a person another identity");
    }
    let forged = world.ask(request(Method::GET, "/").header(header::COOKIE, "pika_id=forged.thing")).await;
    assert!(forged.headers.contains_key(header::SET_COOKIE));
}

#[tokio::test]
async fn under_https_an_identity_never_travels_in_the_clear() {
    let world = World::with(Config { https: true, ..Config::default() });
    let page = world.get("/").await;
    let cookie = page.header(header::SET_COOKIE);
    assert!(cookie.starts_with("__Host-pika_id=") && cookie.contains("; Secure"), "{cookie}");
    assert!(page.header(header::STRICT_TRANSPORT_SECURITY).starts_with("max-age="));
}

#[tokio::test]
async fn a_browser_that_has_the_page_is_not_sent_it_again() {
    let world = World::new();
    let page = world.get("/").await;
    let again = request(Method::GET, "/")
        .header(header::IF_NONE_MATCH, page.header(header::ETAG))
        .header(header::COOKIE, world.cookie(PersonId([1; 16])));
    let again = world.ask(again).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
}

#[tokio::test]
async fn built_files_are_kept_for_ever_and_have_their_own_types() {
    let world = World::new();
    for name in web::names().filter(|name| name.starts_with("assets/")) {
        let file = world.get(&format!("/{name}")).await;
        assert_eq!((file.status.as_u16(), file.header(header::CACHE_CONTROL)), (200, "public, max-age=31536000, immutable"), "{name}");
        let kind = file.header(header::CONTENT_TYPE);
        match name.rsplit('.').next() {
            Some("js") => assert_eq!(kind, "text/javascript; charset=utf-8"),
            Some("css") => assert_eq!(kind, "text/css; charset=utf-8"),
            Some("svg") => assert_eq!(kind, "image/svg+xml"),
            _ => assert!(!kind.is_empty(), "{name}"),
        }
        let again = world.ask(request(Method::GET, &format!("/{name}")).header(header::IF_NONE_MATCH, file.header(header::ETAG))).await;
        assert_eq!(again.status, 304, "{name}");
        assert!(!file.headers.contains_key(header::SET_COOKIE), "a file that everyone may keep carried an identity");
    }
    for path in ["/assets/nothing.js", "/assets/..%2F..%2FCargo.toml", "/assets/../index.html"] {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_built_file_comes_in_the_smallest_form_that_the_caller_takes() {
    let world = World::new();
    let packed = web::names().filter_map(|name| name.strip_suffix(".gz").map(str::to_owned));
    for name in packed {
        let ask = |takes: &'static str| world.ask(request(Method::GET, &format!("/{name}")).header(header::ACCEPT_ENCODING, takes));
        let (plain, gzip, best) = (world.get(&format!("/{name}")).await, ask("gzip, deflate").await, ask("gzip, deflate, br").await);
        for (answer, coding) in [(&plain, None), (&gzip, Some("gzip")), (&best, Some("br"))] {
            assert_eq!(answer.headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap()), coding, "{name}");
            assert_eq!(answer.header(header::CONTENT_TYPE), plain.header(header::CONTENT_TYPE), "{name}");
            assert_eq!(answer.header(header::VARY), "accept-encoding", "{name}");
        }
        assert!(best.body.len() < gzip.body.len() && gzip.body.len() < plain.body.len(), "{name}");
        assert_ne!(gzip.header(header::ETAG), plain.header(header::ETAG), "{name}");
        assert_eq!(ask("gzipped, brown").await.body.len(), plain.body.len(), "{name}");
    }
}

#[tokio::test]
async fn whoever_mistypes_an_address_gets_a_page_and_whichever_program_an_error() {
    let world = World::new();
    let person = world.ask(request(Method::GET, "/lost").header(header::ACCEPT, "text/html,*/*")).await;
    assert_eq!((person.status.as_u16(), person.header(header::CONTENT_TYPE)), (404, "text/html; charset=utf-8"));
    assert_eq!(world.get("/lost").await.failure(), (404, "not_found".to_owned()));
    assert_eq!(world.ask(request(Method::POST, "/lost").header(header::ACCEPT, "text/html")).await.failure().0, 404);
}

#[tokio::test]
async fn a_phone_that_scans_the_wall_comes_to_the_join_page() {
    let world = World::with(Config { public_url: "https://pika.example/".to_owned(), ..Config::default() });
    let image = world.get("/qr/k7wq2m.svg").await;
    assert_eq!((image.status.as_u16(), image.header(header::CONTENT_TYPE)), (200, "image/svg+xml"));
    let expected = qrcode::QrCode::with_error_correction_level("https://pika.example/j/K7WQ2M", qrcode::EcLevel::Q).unwrap();
    let expected = expected.render::<qrcode::render::svg::Color>().min_dimensions(240, 240).build();
    assert_eq!(image.text(), expected);
    for wrong in ["/qr/K7WQ2M.png", "/qr/K7WQ2M", "/qr/short.svg", "/qr/%3Cscript%3E.svg"] {
        assert_eq!(world.get(wrong).await.failure(), (404, "not_found".to_owned()), "{wrong}");
    }
}

#[tokio::test]
async fn only_a_djs_page_shows_pictures_of_other_hosts() {
    let world = World::new();
    let policy = async |path: &str| world.get(path).await.header(header::CONTENT_SECURITY_POLICY).to_owned();
    let (of_a_dj, of_others) = (policy("/dj/dj-kryspin").await, policy("/").await);
    assert!(of_a_dj.contains("img-src 'self' data: https:;"), "{of_a_dj}");
    assert_eq!(of_a_dj.replace(" https:;", ";"), of_others);
    assert_eq!(policy("/account").await, of_others);
}
