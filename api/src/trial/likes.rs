use axum::http::header;
use serde_json::json;

use super::*;

async fn asking(world: &World, client: &str, cookie: &str) -> Answer {
    world.ask(request(Method::GET, &format!("/api/client/{client}/likes")).header(header::COOKIE, cookie)).await
}

#[tokio::test]
async fn people_reach_their_own_likes_whatever_id_they_name() {
    let world = World::new();
    let (me, other) = (PersonId([1; 16]), PersonId([2; 16]));
    let run = over(run("friday-night", 100), 90);
    let (first, second) = (play(&run, 101, "Etta James", "At Last"), play(&run, 102, "Nina Simone", "Sinnerman"));
    world
        .save(|changes| {
            changes.likes = vec![like(&first, me, 110), like(&second, me, 111), like(&second, other, 112)];
            changes.plays = vec![first, second];
            changes.runs = vec![run];
        })
        .await;
    let mine = asking(&world, "client_1234", &world.cookie(me)).await;
    let expected = json!({"clientId": "client_1234", "totalLikes": 2, "likes": [
        {"id": 102, "sessionId": "friday-night", "artist": "Nina Simone", "title": "Sinnerman", "likedAt": "2026-01-24T20:01:51.000Z", "djName": "DJ Kryspin", "sessionDate": "2026-01-24T20:00:00.000Z"},
        {"id": 101, "sessionId": "friday-night", "artist": "Etta James", "title": "At Last", "likedAt": "2026-01-24T20:01:50.000Z", "djName": "DJ Kryspin", "sessionDate": "2026-01-24T20:00:00.000Z"},
    ]});
    assert_eq!(mine.json(), expected);
    assert_eq!(mine.header(header::CACHE_CONTROL), "no-store");
    assert_eq!(asking(&world, "client_1234", &world.cookie(other)).await.json()["totalLikes"], json!(1));
    assert_eq!(asking(&world, "client_1234", &world.cookie(PersonId([3; 16]))).await.json()["likes"], json!([]));
}

#[tokio::test]
async fn without_an_identity_of_ours_there_are_no_likes_to_see() {
    let world = World::new();
    let forged = format!("pika_id={}", ClusterKey::new(b"another cluster").seal_person(PersonId([1; 16])));
    for cookie in ["", "theme=dark", "pika_id=x.y", forged.as_str()] {
        assert_eq!(asking(&world, "client_1234", cookie).await.failure(), (401, "unauthorized".to_owned()), "{cookie:?}");
    }
}

#[tokio::test]
async fn a_malformed_client_id_is_refused_before_anything_else() {
    let world = World::new();
    let cookie = world.cookie(PersonId([1; 16]));
    for client in ["short", &"x".repeat(257), "with%00zero"] {
        assert_eq!(asking(&world, client, &cookie).await.failure(), (400, "invalid_message".to_owned()), "{client}");
    }
    for client in ["12345678", &"x".repeat(256)] {
        assert_eq!(asking(&world, client, &cookie).await.status, 200, "{client}");
    }
}

#[tokio::test]
async fn a_visitor_of_a_page_gets_an_identity_that_the_likes_accept() {
    let world = World::new();
    let page = world.get("/").await;
    let cookie = page.header(header::SET_COOKIE).split(';').next().unwrap().to_owned();
    assert_eq!(asking(&world, "client_1234", &cookie).await.json(), json!({"clientId": "client_1234", "totalLikes": 0, "likes": []}));
}
