//! What somebody without an account may do is a setting; and it stays theirs when they sign up.

use serde_json::{Value, json};

use crate::support::{Dj, Pika, Socket, http, track, until};

const NOT_ALLOWED: &str = "Not allowed: sign in first";

/// Signs up in a browser that has this cookie; gives those that it has then.
async fn signs_up(pika: &Pika, cookie: &str) -> String {
    let register = http().post(format!("{}/api/auth/register", pika.url)).header("x-pika-client", "pika-web").header("cookie", cookie);
    let body = json!({"email": "ada@example.org", "password": "blue suede shoes 7", "displayName": "Ada"});
    let answer = register.json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let set = answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned());
    set.collect::<Vec<_>>().join("; ")
}

/// Somebody with an account, who comes with a browser's session.
async fn dancer(pika: &Pika) -> Socket {
    Socket::open_as(pika, Some(&signs_up(pika, "").await)).await
}

/// A poll's number is said to whoever is in its session.
fn poll_of(heard: &[Value]) -> Value {
    heard.iter().find(|message| message["type"] == "POLL_STARTED").expect("no poll is open")["pollId"].clone()
}

/// What becomes of each thing that a dancer may say: nothing, or the words of the NACK.
async fn says(socket: &mut Socket, session: &str, title: &str) -> (Value, Vec<Value>) {
    let poll = poll_of(&socket.subscribe(session).await);
    let like = json!({"payload": {"track": track(title)}});
    let said = [
        json!({"type": "SEND_LIKE", "payload": like["payload"]}),
        json!({"type": "SEND_BULK_LIKE", "payload": {"tracks": [track(title)]}}),
        json!({"type": "SEND_TEMPO_REQUEST", "sessionId": session, "preference": "faster"}),
        json!({"type": "SEND_REACTION", "sessionId": session, "reaction": "thank_you"}),
        json!({"type": "REMOVE_LIKE", "payload": like["payload"]}),
        json!({"type": "VOTE_ON_POLL", "pollId": poll, "optionIndex": 0, "clientId": "somebody"}),
    ];
    let mut answers = Vec::new();
    for message in said {
        answers.push(socket.ask(message).await["error"].clone());
    }
    (poll, answers)
}

async fn evening(guests: &str) -> (Vec<Value>, Vec<Value>, u64) {
    let pika = Pika::dev_with(&[("PIKA_GUESTS", guests), ("PIKA_PASSWORD_PASSES", "2")]).await;
    pika.ready().await;
    let mut dj = Dj::live(&pika).await;
    dj.play("Liked").await;
    dj.open_poll(None).await;
    let mut guest = Socket::open(&pika).await;
    let (_, of_guest) = says(&mut guest, &dj.session, "Liked").await;
    assert_eq!(guest.ask(json!({"type": "GET_SESSIONS"})).await["type"], "ACK", "a guest looks on");
    let mut ada = dancer(&pika).await;
    let (poll, of_ada) = says(&mut ada, &dj.session, "Liked").await;
    dj.publish_ok(json!({"type": "END_POLL", "pollId": poll})).await;
    let votes = ada.hear("POLL_ENDED").await["totalVotes"].as_u64().unwrap();
    (of_guest, of_ada, votes)
}

const YES: Value = Value::Null;

#[tokio::test]
async fn a_guest_likes_and_votes_unless_something_else_is_set() {
    let (guest, ada, votes) = evening("vote").await;
    assert_eq!((guest, ada, votes), (vec![YES; 6], vec![YES; 6], 2));
}

#[tokio::test]
async fn a_guest_may_be_let_like_and_not_vote() {
    let (guest, ada, votes) = evening("like").await;
    assert_eq!(guest, [YES, YES, YES, YES, YES, json!(NOT_ALLOWED)]);
    assert_eq!((ada, votes), (vec![YES; 6], 1), "somebody with an account may all of it");
}

#[tokio::test]
async fn a_guest_may_be_let_do_nothing_but_look_on() {
    let (guest, ada, votes) = evening("view").await;
    assert_eq!(guest, vec![json!(NOT_ALLOWED); 6]);
    assert_eq!((ada, votes), (vec![YES; 6], 1));
}

#[tokio::test]
async fn a_guest_who_likes_votes_and_signs_up_is_one_person() {
    let pika = Pika::dev_with(&[("PIKA_PASSWORD_PASSES", "2")]).await;
    pika.ready().await;
    let mut dj = Dj::live(&pika).await;
    dj.play("Liked").await;
    dj.open_poll(None).await;
    let mut guest = Socket::open(&pika).await;
    let poll = poll_of(&guest.subscribe(&dj.session).await);
    let like = json!({"type": "SEND_LIKE", "payload": {"track": track("Liked")}});
    let vote = |option: u64| json!({"type": "VOTE_ON_POLL", "pollId": poll, "optionIndex": option, "clientId": "somebody"});
    guest.ask_ok(like.clone()).await;
    guest.ask_ok(vote(0)).await;

    let cookies = signs_up(&pika, guest.cookie.as_deref().unwrap()).await;
    let mut ada = Socket::open_as(&pika, Some(&cookies)).await;
    ada.subscribe(&dj.session).await;
    // Whether it is refused or is nothing new: it counts no more.
    ada.ask(like).await;
    ada.ask(vote(1)).await;
    dj.publish_ok(json!({"type": "END_POLL", "pollId": poll})).await;
    assert_eq!(ada.hear("POLL_ENDED").await["totalVotes"], 1, "one person has one vote");

    let fetch = async |path: &str| -> Value {
        let answer = http().get(format!("{}{path}", pika.url)).header("cookie", &cookies).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    };
    let kept = until("the like is kept", || async {
        let mine = fetch("/api/client/client_1234/likes").await;
        (mine["totalLikes"] == 1).then_some(mine)
    });
    assert_eq!(kept.await["likes"][0]["title"], "Liked");
    let export = fetch("/api/auth/export").await;
    assert_eq!((&export["likes"]["total"], &export["likes"]["likes"][0]["title"]), (&json!(1), &json!("Liked")));
    assert_eq!(export["history"].as_array().unwrap().iter().filter(|entry| entry["detail"] == "a guest became an account").count(), 1);
    assert_eq!(fetch(&format!("/api/sessions/{}/recap", dj.session)).await["totalLikes"], 1);
}
