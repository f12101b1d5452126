//! A floor of dancers who vote and like, remember what they were promised, and repeat what they were not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Dj, Pika, Socket, http, track, until};

/// The words of every refusal whose outcome is unknown.
pub const UNAVAILABLE: &str = "Temporarily unavailable";

pub struct Dancer {
    pub socket: Socket,
    cookie: String,
    /// The option this one votes for.
    pub option: usize,
    said: Vec<Value>,
    answered: usize,
    acknowledged: BTreeSet<String>,
}

impl Dancer {
    pub async fn at(pika: &Pika, session: &str, option: usize) -> Dancer {
        let mut socket = Socket::open(pika).await;
        socket.subscribe(session).await;
        let cookie = socket.cookie.clone().unwrap();
        Dancer { socket, cookie, option, said: Vec::new(), answered: 0, acknowledged: BTreeSet::new() }
    }

    /// Says that it votes and likes, and waits for no answer.
    pub async fn vote_and_like(&mut self, session: &str, poll: &Value, title: &str) {
        self.said = vec![
            json!({"type": "VOTE_ON_POLL", "messageId": "my-vote", "pollId": poll, "optionIndex": self.option, "clientId": "a-dancer"}),
            json!({"type": "SEND_LIKE", "messageId": "my-like", "sessionId": session, "payload": {"track": track(title)}}),
        ];
        for message in self.said.clone() {
            self.socket.say(message).await;
        }
    }

    /// Likes a track, and has been told that it is stored.
    pub async fn like(&mut self, session: &str, title: &str) {
        self.socket.ask_ok(json!({"type": "SEND_LIKE", "sessionId": session, "payload": {"track": track(title)}})).await;
    }

    fn note(&mut self, answer: &Value) {
        self.answered += 1;
        let id = answer["messageId"].as_str().unwrap();
        if answer["type"] == "ACK" {
            self.acknowledged.insert(id.to_owned());
        } else {
            assert_eq!(answer["error"], UNAVAILABLE, "{id}");
        }
    }

    /// Waits until each of its messages is answered.
    pub async fn hear_answers(&mut self) {
        while self.answered < self.said.len() {
            let answer = self.socket.wait("an answer", |m| m["type"] == "ACK" || m["type"] == "NACK").await;
            self.note(&answer);
        }
    }

    /// Takes what was still answered before the socket broke.
    pub async fn hear_the_last(&mut self) {
        let heard = self.socket.hear_out().await;
        self.take(heard);
    }

    fn take(&mut self, heard: Vec<Value>) {
        for answer in heard {
            if answer["type"] == "ACK" || answer["type"] == "NACK" {
                self.note(&answer);
            }
        }
    }

    pub fn has_all(&self) -> bool {
        self.acknowledged.len() == self.said.len()
    }

    pub async fn come_back(&mut self, pika: &Pika, session: &str) {
        self.socket = Socket::open_as(pika, Some(&self.cookie)).await;
        self.socket.subscribe(session).await;
    }

    /// Says again, under the same messageId, what was not acknowledged, or everything; until each has been.
    pub async fn repeat(&mut self, everything: bool) {
        for message in self.said.clone() {
            let id = message["messageId"].as_str().unwrap().to_owned();
            if everything || !self.acknowledged.contains(&id) {
                say_until_acknowledged(&mut self.socket, &message).await;
                self.acknowledged.insert(id);
            }
        }
    }
}

/// Says it under one messageId until it is acknowledged; no other answer than "Temporarily unavailable" comes before.
pub async fn say_until_acknowledged(socket: &mut Socket, message: &Value) {
    let socket = tokio::sync::Mutex::new(socket);
    until("an ACK", async || {
        let answer = socket.lock().await.ask(message.clone()).await;
        assert!(answer["type"] == "ACK" || answer["error"] == UNAVAILABLE, "{message} was answered {answer}");
        (answer["type"] == "ACK").then_some(())
    })
    .await;
}

/// The same at the publish API.
pub async fn publish_until_acknowledged(dj: &Dj, message: &Value) -> u64 {
    assert!(message["messageId"].is_string(), "a repeat needs a messageId");
    until("the publish API's ok", async || {
        let (status, body) = dj.post(message).await;
        assert!(status == 200 || status == 503, "{status} {body}");
        (status == 200).then(|| {
            assert_eq!(body["results"][0]["status"], "ok", "{body}");
            body["results"][0]["seq"].as_u64().unwrap()
        })
    })
    .await
}

/// What the owner sees of the evening.
pub async fn recap(pika: &Pika, dj: &Dj) -> Value {
    let url = format!("{}/api/sessions/{}/recap", pika.url, dj.session);
    http().get(url).bearer_auth(&dj.owner_token).send().await.unwrap().json().await.unwrap()
}

/// Waits for a recap with these likes and this result of its only poll.
pub async fn recap_agrees(pika: &Pika, dj: &Dj, likes: u64, votes: &[u64]) -> Value {
    let recap = until("a recap that is closed and agrees", async || {
        let recap = recap(pika, dj).await;
        let poll = &recap["polls"][0];
        let agrees = recap["totalLikes"] == likes && poll["votes"] == json!(votes) && poll["endedAt"].is_string();
        if !agrees {
            eprintln!("not yet: {} likes, {poll}", recap["totalLikes"]);
        }
        agrees.then_some(recap)
    })
    .await;
    assert_eq!((&recap["totalPolls"], &recap["totalPollVotes"]), (&json!(1), &json!(votes.iter().sum::<u64>())));
    recap
}
