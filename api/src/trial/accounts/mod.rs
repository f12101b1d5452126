//! Routes about accounts.

mod contract;
mod hostile;
mod matrix;
mod sessions;

use accounts::Registration;
use axum::body::Body;
use axum::http::{HeaderMap, Method, header};
use schemas::Millis;
use serde_json::{Value, json};

use super::{Answer, World, request};

pub const PASSWORD: &str = "blue suede shoes 7";

/// How somebody asks: with what they show.
#[derive(Clone, Default)]
pub struct As {
    pub cookie: Option<String>,
    pub bearer: Option<String>,
    pub client: Option<&'static str>,
}

impl As {
    pub fn nobody() -> As {
        As { client: Some("pika-web"), ..As::default() }
    }

    pub fn bearer(token: &str) -> As {
        As { bearer: Some(token.to_owned()), ..As::nobody() }
    }

    pub fn cookie(cookie: &str) -> As {
        As { cookie: Some(cookie.to_owned()), ..As::nobody() }
    }

    pub fn client(self, client: Option<&'static str>) -> As {
        As { client, ..self }
    }

    pub fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let mut request = request(method, path);
        if let Some(client) = self.client {
            request = request.header("x-pika-client", client);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        if let Some(bearer) = &self.bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        request
    }
}

impl World {
    pub async fn say(&self, who: &As, method: Method, path: &str, body: Value) -> Answer {
        let request = who.request(method, path).header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string()));
        self.send(request.unwrap()).await
    }

    pub async fn post(&self, who: &As, path: &str, body: Value) -> Answer {
        self.say(who, Method::POST, path, body).await
    }

    pub async fn fetch(&self, who: &As, path: &str) -> Answer {
        self.send(who.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    /// Signed up; gives the DJ's token.
    pub async fn signed_up(&self, name: &str) -> String {
        let wanted = Registration {
            email: format!("{name}@example.org"),
            password: PASSWORD.to_owned(),
            display_name: format!("DJ {name}"),
            guest: None,
            client: "pika-desktop".to_owned(),
        };
        self.accounts.register(wanted, Millis::now()).await.unwrap().dj_token
    }

    /// Signed in with a browser.
    pub async fn browser(&self, name: &str) -> As {
        let body = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
        let answer = self.post(&As::nobody(), "/api/auth/login", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        As::cookie(&cookies(&answer.headers))
    }

    pub fn code(&self, about: &str) -> String {
        let letters = self.mailbox.letters();
        let letter = letters.iter().find(|letter| letter.about == about).unwrap_or_else(|| panic!("no letter about {about}"));
        letter.text.split('=').nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
    }
}

/// What a browser would send back.
pub fn cookies(headers: &HeaderMap) -> String {
    let set = headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned());
    set.collect::<Vec<_>>().join("; ")
}
