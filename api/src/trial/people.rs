//! DJs, and figures over all evenings.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_djs_page_shows_their_past_and_not_what_still_goes_on() {
    let world = World::new();
    let newer = RunRow { tracks: 12, dj_name: "DJ KRYSPIN".to_owned(), ..over(run("friday-night", 100), 90) };
    let older = RunRow { tracks: 30, ..over(run("thursday-night", 5), 60) };
    let other = RunRow { slug: "dj-other".to_owned(), ..over(run("other-night", 7), 60) };
    world.save(|changes| changes.runs = vec![older, newer, run("still-going", 200), other]).await;
    let expected = json!({"slug": "dj-kryspin", "djName": "DJ KRYSPIN", "totalSessions": 2, "totalTracks": 42, "sessions": [
        {"id": "friday-night", "djName": "DJ KRYSPIN", "startedAt": "2026-01-24T20:00:00.000Z", "endedAt": "2026-01-24T21:30:00.000Z", "trackCount": 12},
        {"id": "thursday-night", "djName": "DJ Kryspin", "startedAt": "2026-01-24T20:00:00.000Z", "endedAt": "2026-01-24T21:00:00.000Z", "trackCount": 30},
    ]});
    assert_eq!(world.get("/api/dj/dj-kryspin").await.json(), expected);
    assert_eq!(world.get("/api/dj/DJ-Kryspin").await.status, 200);
}

#[tokio::test]
async fn a_dj_without_a_past_is_not_found() {
    let world = World::new();
    for slug in ["nobody", "%27%20OR%201%3D1", &"x".repeat(2_000)] {
        assert_eq!(world.get(&format!("/api/dj/{slug}")).await.failure(), (404, "not_found".to_owned()), "{slug}");
    }
}

#[tokio::test]
async fn the_most_liked_tracks_come_first_and_sums_are_over_all() {
    let world = World::new();
    assert_eq!(world.get("/api/stats/global").await.json(), json!({"totalSessions": 0, "totalTracks": 0, "totalLikes": 0}));
    assert_eq!(world.get("/api/stats/top-tracks").await.json(), json!([]));
    let run = RunRow { tracks: 12, likes: 13, ..over(run("friday-night", 100), 90) };
    let plays: Vec<_> = (0..12).map(|i| PlayRow { likes: i, ..play(&run, 101 + i, "Artist", &format!("Title {i}")) }).collect();
    let likes =
        plays.iter().enumerate().flat_map(|(i, play)| (0..i).map(move |person| like(play, PersonId([person as u8; 16]), 200))).collect();
    world
        .save(|changes| {
            changes.runs = vec![run];
            changes.plays = plays;
            changes.likes = likes;
        })
        .await;
    let top = world.get("/api/stats/top-tracks").await.json();
    assert_eq!((top.as_array().unwrap().len(), &top[0]), (10, &json!({"artist": "Artist", "title": "Title 11", "likeCount": 11})));
    assert_eq!(world.get("/api/stats/global").await.json(), json!({"totalSessions": 1, "totalTracks": 12, "totalLikes": 13}));
}

#[tokio::test]
async fn figures_that_cost_much_are_given_out_again_for_a_while() {
    let hour = Duration::from_secs(3600);
    let world = World::with(Config { stats_fresh: hour, recent_fresh: hour, ..Config::default() });
    assert_eq!(world.get("/api/stats/global").await.json()["totalSessions"], json!(0));
    assert_eq!(world.get("/api/sessions/recent").await.json(), json!([]));
    world.save(|changes| changes.runs = vec![over(run("friday-night", 100), 90)]).await;
    assert_eq!(world.get("/api/stats/global").await.json()["totalSessions"], json!(0));
    assert_eq!(world.get("/api/sessions/recent").await.json(), json!([]));
}

#[tokio::test]
async fn a_dj_tells_of_themselves_and_only_then_is_there_a_page_without_a_past() {
    use super::accounts::As;
    let world = World::new();
    world.signed_up("ada").await;
    assert_eq!(world.get("/api/dj/dj-ada").await.status, 404, "that there is an account is nobody's business");
    let ada = world.browser("ada").await;
    let told = json!({"bio": "Blues <b>first</b>", "genres": ["blues"], "website": "https://ada.example.org",
        "socialLinks": {"mixcloud": "https://mixcloud.example.org/ada"}, "avatarUrl": "https://ada.example.org/me.jpg"});
    assert_eq!(world.say(&ada, Method::PATCH, "/api/auth/profile", told.clone()).await.status, 200);
    let page = world.get("/api/dj/dj-ada").await.json();
    for member in ["bio", "genres", "website", "socialLinks", "avatarUrl"] {
        assert_eq!(page[member], told[member], "{member}");
    }
    assert_eq!((&page["djName"], &page["sessions"], &page["totalSessions"]), (&json!("DJ ada"), &json!([]), &json!(0)));
    let past = RunRow { slug: "dj-ada".to_owned(), dj_name: "DJ Ada".to_owned(), ..over(run("friday-night", 100), 90) };
    world.save(|changes| changes.runs = vec![past]).await;
    assert_eq!(world.get("/api/dj/dj-ada").await.json()["bio"], told["bio"]);
    let id = world.accounts.find("ada@example.org").await.unwrap().id;
    world.accounts.suspend(id, "", None, Millis::now()).await.unwrap();
    let page = world.get("/api/dj/dj-ada").await.json();
    assert_eq!((page.get("bio"), &page["totalSessions"]), (None, &json!(1)), "an evening stays, what a suspended one says does not");
    assert_eq!(world.fetch(&As::nobody(), "/api/dj/DJ-ADA").await.status, 200);
}
