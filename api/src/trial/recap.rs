use axum::http::header;
use schemas::lobby::LobbyStatus;
use serde_json::json;

use super::*;

async fn an_evening(owner: Owner) -> (World, RunRow) {
    let world = World::new();
    let run = RunRow { owner, ..over(run("friday-night", 100), 90) };
    let mut first = play(&run, 101, "Etta James", "At Last");
    first.track.analysis = Analysis { bpm: Some(98.5), key: Some("F".to_owned()), energy: Some(40.0), ..Analysis::default() };
    first.likes = 2;
    first.tempo = TempoCount { faster: 1, slower: 3, perfect: 5 };
    let second = play(&run, 102, "Nina Simone", "Sinnerman, live \"at\" the gate");
    let polls = vec![
        poll(&run, 1, PollStatus::Closed { close: 120, at: EVENING.plus(120_000) }, &[1, 4], Some(101)),
        poll(&run, 2, PollStatus::Cancelled { close: 130, at: EVENING.plus(130_000) }, &[9, 9], None),
        poll(&run, 3, PollStatus::Open, &[0, 0], None),
    ];
    world
        .save(|changes| {
            changes.wishes = vec![wish(&first, PersonId([1; 16]), Preference::Slower)];
            changes.plays = vec![first, second];
            changes.polls = polls;
            changes.runs = vec![run.clone()];
        })
        .await;
    (world, run)
}

fn somebody() -> Owner {
    Owner::Person { person: PersonId([200; 16]), address: None }
}

async fn with_token(world: &World, token: &str) -> Value {
    world
        .ask(request(Method::GET, "/api/sessions/friday-night/recap").header(header::AUTHORIZATION, format!("Bearer {token}")))
        .await
        .json()
}

#[tokio::test]
async fn anyone_may_read_what_was_played_but_not_how_it_was_voted() {
    let (world, _) = an_evening(somebody()).await;
    let expected = json!({
        "sessionId": "friday-night", "djName": "DJ Kryspin", "djSlug": "dj-kryspin", "startedAt": "2026-01-24T20:00:00.000Z", "endedAt": "2026-01-24T21:30:00.000Z",
        "trackCount": 2, "totalLikes": 2, "peakListeners": 7, "tracks": [
            {"position": 1, "artist": "Etta James", "title": "At Last", "bpm": 98.5, "key": "F", "energy": 40.0, "danceability": null, "brightness": null,
             "acousticness": null, "groove": null, "playedAt": "2026-01-24T20:01:41.000Z", "likes": 2, "tempo": {"slower": 3, "perfect": 5, "faster": 1}},
            {"position": 2, "artist": "Nina Simone", "title": "Sinnerman, live \"at\" the gate", "bpm": null, "key": null, "energy": null,
             "danceability": null, "brightness": null, "acousticness": null, "groove": null, "playedAt": "2026-01-24T20:01:42.000Z", "likes": 0, "tempo": null},
        ],
    });
    for path in ["/api/sessions/friday-night/recap", "/api/session/friday-night/recap"] {
        assert_eq!(world.get(path).await.json(), expected, "{path}");
    }
}

#[tokio::test]
async fn the_owner_token_opens_the_polls_of_its_own_run() {
    let (world, run) = an_evening(somebody()).await;
    let recap = with_token(&world, &world.key.owner_token(&run.session, run.begin)).await;
    let expected = json!([
        {"id": 1, "question": "Slower?", "options": ["Yes", "No"], "votes": [1, 4], "totalVotes": 5, "winnerIndex": 1, "winner": "No",
         "startedAt": "2026-01-24T20:01:00.000Z", "endedAt": "2026-01-24T20:02:00.000Z", "currentTrack": {"title": "At Last", "artist": "Etta James"}},
        {"id": 3, "question": "Slower?", "options": ["Yes", "No"], "votes": [0, 0], "totalVotes": 0, "winnerIndex": -1, "winner": null,
         "startedAt": "2026-01-24T20:01:00.000Z", "endedAt": null, "currentTrack": null},
    ]);
    assert_eq!((&recap["polls"], &recap["totalPolls"], &recap["totalPollVotes"]), (&expected, &json!(2), &json!(5)));
}

#[tokio::test]
async fn a_dj_sees_the_polls_of_their_own_evenings_only() {
    let world = World::new();
    let ((mine, id), (other, _)) = (world.token("kryspin").await, world.token("somebody-else").await);
    let run = RunRow { owner: Owner::Dj { id }, ..run("friday-night", 100) };
    let asked = poll(&run, 1, PollStatus::Closed { close: 120, at: EVENING }, &[1, 4], None);
    world
        .save(|changes| {
            changes.polls = vec![asked];
            changes.runs = vec![run];
        })
        .await;
    assert_eq!(with_token(&world, &mine).await["totalPollVotes"], json!(5));
    let of_before = world.key.owner_token(&session("friday-night"), 99);
    let huge = "x".repeat(5_000);
    for token in [other.as_str(), "pk_dj_never-given-out", of_before.as_str(), "pk_own_", huge.as_str()] {
        let recap = with_token(&world, token).await;
        assert_eq!((recap.get("polls"), recap.get("totalPolls"), &recap["trackCount"]), (None, None, &json!(0)), "{token}");
    }
}

#[tokio::test]
async fn an_evening_that_nobody_knows_has_no_recap() {
    let world = World::new();
    for path in [
        "/api/sessions/nobody-knows-me/recap",
        "/api/session/nobody-knows-me/recap",
        "/api/sessions/short/recap",
        "/api/sessions/has.a.dot/recap",
    ] {
        assert_eq!(world.get(path).await.failure(), (404, "session_not_found".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn an_evening_has_a_recap_from_its_first_moment() {
    let world = World::new();
    world.stage.put("friday-night", record("DJ One", 0, LobbyStatus::Live));
    let recap = world.get("/api/sessions/friday-night/recap").await.json();
    let expected = json!({"sessionId": "friday-night", "djName": "DJ One", "djSlug": "dj-one", "startedAt": "2026-01-24T20:00:00.000Z", "endedAt": null,
        "trackCount": 0, "totalLikes": 0, "peakListeners": 0, "tracks": []});
    assert_eq!(recap, expected);
}

#[tokio::test]
async fn a_recap_opens_in_a_spreadsheet() {
    let (world, _) = an_evening(somebody()).await;
    let by_name = world.get("/api/sessions/friday-night/recap?format=csv").await;
    let by_header = world.ask(request(Method::GET, "/api/sessions/friday-night/recap").header(header::ACCEPT, "text/csv")).await;
    let expected = "position,played_at,artist,title,bpm,key,energy,danceability,brightness,acousticness,groove,likes,slower,perfect,faster\r\n\
        1,2026-01-24T20:01:41.000Z,Etta James,At Last,98.5,F,40,,,,,2,3,5,1\r\n\
        2,2026-01-24T20:01:42.000Z,Nina Simone,\"Sinnerman, live \"\"at\"\" the gate\",,,,,,,,0,0,0,0\r\n";
    for answer in [by_name, by_header] {
        assert_eq!((answer.header(header::CONTENT_TYPE), answer.text().as_str()), ("text/csv; charset=utf-8", expected));
        assert_eq!(answer.header(header::CONTENT_DISPOSITION), "attachment; filename=\"pika-friday-night.csv\"");
    }
    assert_eq!(world.get("/api/sessions/friday-night/recap?format=xls").await.failure(), (400, "invalid_message".to_owned()));
}

#[tokio::test]
async fn a_program_may_read_the_same_in_messagepack() {
    let (world, _) = an_evening(somebody()).await;
    let packed = world.ask(request(Method::GET, "/api/sessions/friday-night/recap").header(header::ACCEPT, "application/msgpack")).await;
    assert_eq!(packed.header(header::CONTENT_TYPE), "application/msgpack");
    let unpacked: Value = schemas::codec::Codec::MsgPack.decode(&packed.body).unwrap();
    assert_eq!(unpacked, world.get("/api/sessions/friday-night/recap").await.json());
}

#[tokio::test]
async fn an_evening_can_be_taken_along_and_its_polls_by_its_owner_alone() {
    let (world, run) = an_evening(somebody()).await;
    let file = world.get("/api/sessions/friday-night/recap?format=json").await;
    assert_eq!(file.header(header::CONTENT_DISPOSITION), "attachment; filename=\"pika-friday-night.json\"");
    assert_eq!(file.json(), world.get("/api/sessions/friday-night/recap").await.json());
    let polls = "/api/sessions/friday-night/recap?format=polls-csv";
    assert_eq!(world.get(polls).await.failure(), (403, "not_owner".to_owned()));
    let token = world.key.owner_token(&run.session, run.begin);
    let given = world.ask(request(Method::GET, polls).header(header::AUTHORIZATION, format!("Bearer {token}"))).await;
    let expected = "asked_at,question,option,votes,won\r\n\
        2026-01-24T20:01:00.000Z,Slower?,Yes,1,false\r\n2026-01-24T20:01:00.000Z,Slower?,No,4,true\r\n\
        2026-01-24T20:01:00.000Z,Slower?,Yes,0,false\r\n2026-01-24T20:01:00.000Z,Slower?,No,0,false\r\n";
    assert_eq!((given.header(header::CONTENT_TYPE), given.text().as_str()), ("text/csv; charset=utf-8", expected));
    assert_eq!(given.header(header::CONTENT_DISPOSITION), "attachment; filename=\"pika-friday-night-polls.csv\"");
}
